//! What the target's application says and hears: the two dialects of the same chat.
//!
//! Both know `join_conversation`, `send_message` and `new_message`. They differ in who may come in
//! and in how a sender learns that its message was taken.

use clap::ValueEnum;
use serde::Serialize;

use crate::client::Heard;

/// The application behind the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum App {
    /// The conformance example: no sign-in, any room name
    Conformance,
    /// The chat itself, or the server it replaces: users, tokens, conversations
    Voxora,
}

/// How the target confirms what it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AckBy {
    /// By Socket.IO acks
    Packet,
    /// By events such as `message_sent`, for servers that never call an ack
    Event,
}

/// A dialect: the application and its manner of confirming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Who is spoken to.
    pub app: App,
    /// How it confirms.
    pub ack_by: AckBy,
}

/// What something heard means to a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// A message came; the array that holds it.
    Delivery(&'a [u8]),
    /// The event sent with this id was taken.
    Taken(u64),
    /// The event sent with this id was refused, with this answer.
    Refused(u64, &'a [u8]),
    /// The oldest message without a confirmation was taken.
    OldestTaken,
    /// The oldest message without a confirmation was refused, with this answer.
    OldestRefused(&'a [u8]),
    /// The oldest room without a confirmation was joined.
    RoomJoined,
    /// Of no interest to a load test.
    Other,
}

impl Dialect {
    /// Calls `send` with the packets that join `room`; their confirmation carries `id`, or is
    /// [`Meaning::RoomJoined`].
    pub fn join(self, room: &str, id: u64, mut send: impl FnMut(&[u8])) {
        match self.ack_by {
            AckBy::Packet => send(format!(r#"42{id}["join_conversation","{room}"]"#).as_bytes()),
            // A join without an ack is followed by a question, which is answered after it.
            AckBy::Event => {
                send(format!(r#"42["join_conversation","{room}"]"#).as_bytes());
                let ask = format!(r#"42["get_typing_users",{{"conversationId":"{room}"}}]"#);
                send(ask.as_bytes());
            }
        }
    }

    /// Appends the packet that sends `content` to `room`.
    pub fn send(self, out: &mut Vec<u8>, id: u64, room: &str, content: &[u8]) {
        self.begin(out, id);
        out.extend_from_slice(br#"["send_message",{"conversationId":""#);
        out.extend_from_slice(room.as_bytes());
        out.extend_from_slice(br#"","content":""#);
        out.extend_from_slice(content);
        out.extend_from_slice(br#""}]"#);
    }

    /// Appends the packet whose confirmation is the whole answer: an echo, where the application
    /// has one; else a message to `room`.
    pub fn echo(self, out: &mut Vec<u8>, id: u64, room: &str, content: &[u8]) {
        match (self.app, self.ack_by) {
            (App::Conformance, AckBy::Packet) => {
                self.begin(out, id);
                out.extend_from_slice(br#"["message-with-ack",""#);
                out.extend_from_slice(content);
                out.extend_from_slice(br#""]"#);
            }
            (App::Conformance, AckBy::Event) | (App::Voxora, AckBy::Packet | AckBy::Event) => {
                self.send(out, id, room, content);
            }
        }
    }

    /// What `heard` means.
    ///
    /// # Cost
    /// Compares a name, or searches one short answer.
    pub fn meaning(self, heard: Heard<'_>) -> Meaning<'_> {
        match (heard, self.ack_by) {
            (Heard::Event { name: b"new_message", body }, _) => Meaning::Delivery(body),
            (Heard::Event { name: b"message_sent", .. }, AckBy::Event) => Meaning::OldestTaken,
            (Heard::Event { name: b"message_error", body }, AckBy::Event) => {
                Meaning::OldestRefused(body)
            }
            (Heard::Event { name: b"typing_users_list", .. }, AckBy::Event) => Meaning::RoomJoined,
            (Heard::Ack { id, body }, AckBy::Packet) if is_refusal(body) => {
                Meaning::Refused(id, body)
            }
            (Heard::Ack { id, .. }, AckBy::Packet) => Meaning::Taken(id),
            (Heard::Event { .. }, AckBy::Packet | AckBy::Event)
            | (Heard::Ack { .. }, AckBy::Event) => Meaning::Other,
        }
    }

    /// The start of an event packet, with an ack id where acks come as packets.
    fn begin(self, out: &mut Vec<u8>, id: u64) {
        out.extend_from_slice(b"42");
        match self.ack_by {
            AckBy::Packet => out.extend_from_slice(id.to_string().as_bytes()),
            AckBy::Event => {}
        }
    }
}

fn is_refusal(body: &[u8]) -> bool {
    memchr::memmem::find(body, br#""success":false"#).is_some()
}

#[cfg(test)]
mod tests {
    use super::{AckBy, App, Dialect, Meaning};
    use crate::client::Heard;

    const PACKET: Dialect = Dialect { app: App::Voxora, ack_by: AckBy::Packet };
    const EVENT: Dialect = Dialect { app: App::Voxora, ack_by: AckBy::Event };

    fn joined(dialect: Dialect) -> Vec<String> {
        let mut sent = Vec::new();
        dialect.join("r", 3, |text| sent.push(String::from_utf8(text.to_vec()).unwrap()));
        sent
    }

    fn sent(dialect: Dialect, echo: bool) -> String {
        let mut out = Vec::new();
        let say = if echo { Dialect::echo } else { Dialect::send };
        say(dialect, &mut out, 9, "r", b"hi");
        String::from_utf8(out).unwrap()
    }

    fn event(name: &'static str) -> Heard<'static> {
        Heard::Event { name: name.as_bytes(), body: b"[]" }
    }

    #[test]
    fn a_join_is_confirmed_by_its_ack_or_by_the_answer_to_a_later_question() {
        assert_eq!(joined(PACKET), [r#"423["join_conversation","r"]"#]);
        let asked = r#"42["get_typing_users",{"conversationId":"r"}]"#;
        assert_eq!(joined(EVENT), [r#"42["join_conversation","r"]"#, asked]);
        assert_eq!(EVENT.meaning(event("typing_users_list")), Meaning::RoomJoined);
    }

    #[test]
    fn a_message_carries_an_ack_id_only_where_acks_are_packets() {
        let body = r#"["send_message",{"conversationId":"r","content":"hi"}]"#;
        assert_eq!(sent(PACKET, false), format!("429{body}"));
        assert_eq!(sent(EVENT, false), format!("42{body}"));
        assert_eq!(sent(PACKET, true), format!("429{body}"));
        let conformance = Dialect { app: App::Conformance, ack_by: AckBy::Packet };
        assert_eq!(sent(conformance, true), r#"429["message-with-ack","hi"]"#);
    }

    #[test]
    fn confirmations_of_the_other_manner_are_ignored() {
        let ack = Heard::Ack { id: 9, body: br#"[{"success":true}]"# };
        assert_eq!(PACKET.meaning(ack), Meaning::Taken(9));
        assert_eq!(EVENT.meaning(ack), Meaning::Other);
        assert_eq!(EVENT.meaning(event("message_sent")), Meaning::OldestTaken);
        assert_eq!(PACKET.meaning(event("message_sent")), Meaning::Other);
    }

    #[test]
    fn refusals_are_told_from_acceptance() {
        let body = br#"[{"success":false,"error":{"code":"BUSY","message":"busy"}}]"#;
        assert_eq!(PACKET.meaning(Heard::Ack { id: 9, body }), Meaning::Refused(9, body));
        assert_eq!(EVENT.meaning(event("message_error")), Meaning::OldestRefused(b"[]"));
    }
}
