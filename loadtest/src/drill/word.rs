//! What the clients of a drill say and hear: packets out, rows in.
//!
//! Every text is made from its message's number alone, with characters that careless code breaks
//! (quotes, backslashes, line ends, letters of two to four bytes), so that nothing needs to be kept
//! to know it again.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use serde::Deserialize;

use crate::history::row::{NOBODY, Seen};

/// What the messages of a run have in common.
#[derive(Debug)]
pub(super) struct Words {
    run: String,
    text_chars: usize,
}

/// A message as the server shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire<'a> {
    pub(super) seq: u32,
    #[serde(borrow)]
    pub(super) conversation_id: Cow<'a, str>,
    #[serde(borrow)]
    sender_id: Option<Sender<'a>>,
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_message_id: Option<Cow<'a, str>>,
}

/// A sender, expanded or not.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Sender<'a> {
    Id(#[serde(borrow)] Cow<'a, str>),
    Person {
        #[serde(rename = "_id", borrow)]
        id: Cow<'a, str>,
    },
}

/// An acknowledgement.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Answer<'a, T> {
    pub(super) success: bool,
    pub(super) data: Option<T>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

#[derive(Debug, Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

/// What a join is acknowledged with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Joined<'a> {
    pub(super) last_seq: u32,
    #[serde(borrow, default)]
    pub(super) messages: Vec<Wire<'a>>,
}

/// Anything with a message in it: an acknowledgement's data, or `new_message`.
#[derive(Debug, Deserialize)]
pub(super) struct Written<'a> {
    #[serde(borrow)]
    pub(super) message: Wire<'a>,
}

/// A page of a conversation over REST.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) data: PageData<'a>,
}

/// What a page holds.
#[derive(Debug, Deserialize)]
pub(super) struct PageData<'a> {
    #[serde(borrow)]
    pub(super) messages: Vec<Wire<'a>>,
}

impl<T> Answer<'_, T> {
    /// The word of a refusal.
    pub(super) fn code(&self) -> &str {
        self.error.as_ref().map_or("none", |error| error.code.as_ref())
    }
}

/// Reads an acknowledgement's only argument; `None` if it is something else.
pub(super) fn answer<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<Answer<'a, T>> {
    let (answer,) = serde_json::from_slice(body).ok()?;
    Some(answer)
}

/// Reads the message of a `new_message`; `None` if there is none.
pub(super) fn delivery(body: &[u8]) -> Option<Wire<'_>> {
    let (_, written): (Cow<'_, str>, Written<'_>) = serde_json::from_slice(body).ok()?;
    Some(written.message)
}

/// The packet that joins `conversation`; what came behind `last_seq` is asked for.
pub(super) fn join(id: u64, conversation: &str, last_seq: Option<u32>) -> String {
    let last_seq = last_seq.map(|seq| format!(r#","lastSeq":{seq}"#)).unwrap_or_default();
    format!(r#"42{id}["join_conversation",{{"conversationId":"{conversation}"{last_seq}}}]"#)
}

impl Words {
    /// The words of the run `run`, with texts of `text_chars` characters.
    pub(super) fn new(run: &str, text_chars: u32) -> Self {
        Self { run: run.to_owned(), text_chars: text_chars as usize }
    }

    /// The packet that sends message `number` to `conversation`, each time it is sent.
    pub(super) fn send(&self, id: u64, conversation: &str, number: u32) -> String {
        let text = self.text(number);
        // Strings have no way to fail.
        let text = serde_json::to_string(&text).unwrap_or_default();
        let run = &self.run;
        format!(
            r#"42{id}["send_message",{{"conversationId":"{conversation}","content":{text},"clientMessageId":"{run}-{number}"}}]"#
        )
    }

    /// The print of message `number`, sent by the user `sender` to `conversation`.
    pub(super) fn print(&self, number: u32, sender: &str, conversation: &str) -> u64 {
        print(&self.text(number), sender, conversation)
    }

    /// A message as a row shows it.
    pub(super) fn seen(&self, wire: &Wire<'_>) -> Seen {
        let sender = match &wire.sender_id {
            Some(Sender::Id(id) | Sender::Person { id }) => id.as_ref(),
            None => "",
        };
        let text = wire.content.as_deref().unwrap_or_default();
        let number = wire.client_message_id.as_deref().and_then(|id| self.number(id));
        Seen {
            seq: wire.seq,
            number: number.unwrap_or(NOBODY),
            print: print(text, sender, &wire.conversation_id),
        }
    }

    fn number(&self, id: &str) -> Option<u32> {
        id.strip_prefix(self.run.as_str())?.strip_prefix('-')?.parse().ok()
    }

    /// The text of message `number`: its number, so that no two are the same, and then anything.
    fn text(&self, number: u32) -> String {
        let mut text = format!("{number:x}.");
        let mut bits = u64::from(number).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        while text.len() < self.text_chars {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let index = (bits >> 32) as usize % LETTERS.len();
            text.push(LETTERS.get(index).copied().unwrap_or('x'));
        }
        // Blanks at the ends would be trimmed away.
        text.push('.');
        text
    }
}

fn print(text: &str, sender: &str, conversation: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (text, sender, conversation).hash(&mut hasher);
    hasher.finish()
}

/// One in eight or so is worth looking at.
const LETTERS: [char; 64] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's',
    't', 'u', 'v', 'w', 'x', 'y', 'z', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L',
    'M', 'N', 'O', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ', ' ', ' ', ',', '\'', '"',
    '\\', '<', '&', '\n', 'é', '漢', '🙂',
];

#[cfg(test)]
mod tests {
    use super::{Joined, Words, Written, answer, delivery, join};
    use crate::history::row::NOBODY;

    const SENDER: &str = "507f1f77bcf86cd799439011";
    const ROOM: &str = "507f1f77bcf86cd799439012";

    fn shown(words: &Words, number: u32, sender: &str) -> String {
        let content = serde_json::to_string(&words.text(number)).unwrap();
        let id = format!("{}-{number}", words.run);
        format!(
            r#"{{"message":{{"_id":"x","conversationId":"{ROOM}","senderId":{sender},"content":{content},"seq":7,"clientMessageId":"{id}"}}}}"#
        )
    }

    #[test]
    fn a_message_is_known_again_from_a_delivery_and_from_an_answer() {
        let words = Words::new("cafe", 60);
        for number in [0, 1, 77, 4_000_000] {
            let expanded = format!(r#"{{"_id":"{SENDER}","name":"A"}}"#);
            for sender in [format!("\"{SENDER}\""), expanded] {
                let body = format!(r#"["new_message",{}]"#, shown(&words, number, &sender));
                let seen = words.seen(&delivery(body.as_bytes()).unwrap());
                assert_eq!((seen.seq, seen.number), (7, number));
                assert_eq!(seen.print, words.print(number, SENDER, ROOM));
                let body =
                    format!(r#"[{{"success":true,"data":{}}}]"#, shown(&words, number, &sender));
                let answer = answer::<Written<'_>>(body.as_bytes()).unwrap();
                assert_eq!(words.seen(&answer.data.unwrap().message), seen);
            }
        }
    }

    #[test]
    fn a_changed_text_or_sender_has_another_print() {
        let words = Words::new("cafe", 60);
        let body = format!(r#"["new_message",{}]"#, shown(&words, 5, &format!("\"{SENDER}\"")));
        for altered in [body.replace("5.", "5,"), body.replace(SENDER, ROOM)] {
            let seen = words.seen(&delivery(altered.as_bytes()).unwrap());
            assert_ne!(seen.print, words.print(5, SENDER, ROOM), "{altered}");
        }
    }

    #[test]
    fn other_runs_messages_are_nobodys() {
        let words = Words::new("cafe", 60);
        for id in ["cafe", "cafe-", "cafe-x", "babe-3", "cafe3"] {
            assert_eq!(words.number(id), None, "{id}");
        }
        let body = br#"["new_message",{"message":{"seq":1,"conversationId":"c"}}]"#;
        assert_eq!(words.seen(&delivery(body).unwrap()).number, NOBODY);
    }

    #[test]
    fn texts_differ_keep_their_ends_and_hold_what_careless_code_breaks() {
        let words = Words::new("cafe", 100);
        let texts: Vec<String> = (0..200).map(|number| words.text(number)).collect();
        assert!(texts.iter().all(|text| text.trim() == text && text.chars().count() <= 101));
        let all = texts.concat();
        assert!(['"', '\\', '\n', 'é', '漢', '🙂'].iter().all(|letter| all.contains(*letter)));
        let mut unique = texts.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), texts.len());
    }

    #[test]
    fn joins_ask_for_what_was_missed_and_refusals_say_why() {
        assert_eq!(join(3, "r", None), r#"423["join_conversation",{"conversationId":"r"}]"#);
        let again = r#"423["join_conversation",{"conversationId":"r","lastSeq":9}]"#;
        assert_eq!(join(3, "r", Some(9)), again);
        let body = br#"[{"success":true,"data":{"conversationId":"r","lastSeq":4}}]"#;
        let joined = answer::<Joined<'_>>(body).unwrap().data.unwrap();
        assert_eq!((joined.last_seq, joined.messages.len()), (4, 0));
        let body = br#"[{"success":false,"error":{"code":"BUSY","message":"no"}}]"#;
        let refused = answer::<Joined<'_>>(body).unwrap();
        assert!(!refused.success && refused.code() == "BUSY");
        assert!(answer::<Joined<'_>>(b"[]").is_none());
    }
}
