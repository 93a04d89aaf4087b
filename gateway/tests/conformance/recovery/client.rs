//! A client that can come back, and what is left of it while it is away.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::peer::Peer;
use crate::process::Process;

/// A joined client.
pub(super) struct Client {
    pub(super) peer: Peer,
    pub(super) sid: String,
    pub(super) pid: String,
    /// What the CONNECT was answered with.
    pub(super) answer: Value,
    /// The shard that its connection is on.
    pub(super) shard: u8,
    /// The last offset among what it missed.
    pub(super) last_offset: Option<String>,
}

/// What is left of a client without its connection.
pub(super) struct Gone {
    pub(super) sid: String,
    pub(super) pid: String,
}

impl Client {
    pub(super) fn join(server: &Process) -> Self {
        let mut peer = opened(server);
        peer.say("40");
        Self::joined(peer).0
    }

    /// Reads what was missed, and the answer to the CONNECT. No namespace is joined twice.
    pub(super) fn joined(mut peer: Peer) -> (Self, Vec<Vec<Value>>) {
        let mut missed = Vec::new();
        let answer: Value = loop {
            let text = hear(&mut peer);
            match text.strip_prefix("40") {
                Some(answer) => break parse(answer),
                None => missed.push(arguments(&text)),
            }
        };
        let text = |key: &str| text(&answer[key]);
        let last_offset = missed.last().and_then(|event| event.last()?.as_str());
        let last_offset = last_offset.map(str::to_owned);
        let (sid, pid) = (text("sid"), text("pid"));
        (Self { peer, sid, pid, answer, shard: 0, last_offset }, missed)
    }

    pub(super) fn ids(&self) -> Gone {
        Gone { sid: self.sid.clone(), pid: self.pid.clone() }
    }

    /// The next packet that is neither a ping nor the echo of the auth object.
    pub(super) fn hear(&mut self) -> String {
        loop {
            let text = hear(&mut self.peer);
            if !text.starts_with(r#"42["auth""#) {
                return text;
            }
        }
    }

    /// Joins a room, and is sure of it.
    pub(super) fn enter(&mut self, room: &str) {
        self.peer.say(format!(r#"427["join_conversation","{room}"]"#));
        assert_eq!(self.hear(), r#"437[{"success":true}]"#);
    }

    /// Sends to a room that it is not in, and is sure that it was sent.
    pub(super) fn send(&mut self, room: &str, number: u64) {
        self.peer.say(sending(room, number));
        self.peer.say(r#"428["message-with-ack"]"#);
        while self.hear() != "438[]" {}
    }

    /// Sends to a room that it is in, and hears it. Returns the offset.
    pub(super) fn say_and_hear(&mut self, room: &str, number: u64) -> String {
        self.peer.say(sending(room, number));
        let event = arguments(&self.hear());
        assert_eq!(event[1]["number"], number, "{event:?}");
        text(&event[2])
    }

    pub(super) fn hears_in(&mut self, room: &str, number: u64) -> bool {
        self.peer.say(sending(room, number));
        self.peer.say(r#"428["message-with-ack"]"#);
        let mut heard = [self.hear(), self.hear()];
        heard.sort();
        heard[1] == "438[]" && arguments(&heard[0])[1]["number"] == number
    }

    /// Its connection ends without a word.
    pub(super) fn drop_connection(self) -> Gone {
        self.ids()
    }
}

impl Gone {
    /// Comes back as who it was. Returns the numbers of the messages that it missed.
    pub(super) fn come_back(&self, server: &Process, offset: Option<&str>) -> (Client, Vec<u64>) {
        let (client, missed) = self.come_back_hearing(server, &json!(offset));
        let missed = missed.expect("it is recovered");
        (client, numbers(&missed))
    }

    /// The same, on this shard.
    pub(super) fn come_back_on(
        &self,
        server: &Process,
        shard: u8,
        offset: &str,
    ) -> (Client, Vec<u64>) {
        let mut peer = loop {
            let mut peer = Peer::open(server.address(), DOOR);
            let open = parse(&peer.hear_text()[1..]);
            let sid = URL_SAFE_NO_PAD.decode(text(&open["sid"])).expect("a sid is base64");
            if sid[2] == shard {
                break peer;
            }
        };
        peer.say(format!("40{}", json!({"pid": self.pid, "offset": offset})));
        let (client, missed) = Client::joined(peer);
        assert_eq!((&client.sid, &client.pid), (&self.sid, &self.pid));
        (Client { shard, ..client }, numbers(&missed))
    }

    /// Comes back; as a stranger, nothing that it missed is said.
    pub(super) fn come_back_hearing(
        &self,
        server: &Process,
        offset: &Value,
    ) -> (Client, Option<Vec<Vec<Value>>>) {
        let mut peer = opened(server);
        let auth = if offset.is_null() {
            json!({"pid": self.pid})
        } else {
            json!({"pid": self.pid, "offset": offset})
        };
        peer.say(format!("40{auth}"));
        let (client, missed) = Client::joined(peer);
        let is_recovered = (&client.sid, &client.pid) == (&self.sid, &self.pid);
        (client, is_recovered.then_some(missed))
    }

    /// Shows `auth`, and is nobody that it was, and not in the room.
    pub(super) fn come_back_as_stranger(&self, server: &Process, auth: &Value, room: &str) {
        let mut peer = opened(server);
        peer.say(format!("40{auth}"));
        let (mut client, missed) = Client::joined(peer);
        assert!(missed.is_empty(), "{auth}");
        assert_ne!(client.sid, self.sid, "{auth}");
        assert_ne!(client.pid, self.pid, "{auth}");
        client.peer.say(sending(room, 0));
        client.peer.say(r#"428["message-with-ack"]"#);
        assert_eq!(client.hear(), "438[]", "{auth}");
    }
}

pub(super) fn sending(room: &str, number: u64) -> String {
    format!(r#"42["send_message",{{"conversationId":"{room}","number":{number}}}]"#)
}

/// What was said, but for the echoes of auth objects.
pub(super) fn told(events: &[Vec<Value>]) -> Vec<&Value> {
    events.iter().filter(|event| event[0] != "auth").map(|event| &event[1]).collect()
}

fn numbers(events: &[Vec<Value>]) -> Vec<u64> {
    let messages = events.iter().filter(|event| event[0] == "new_message");
    messages.map(|event| event[1]["number"].as_u64().expect("a number")).collect()
}

pub(super) fn arguments(packet: &str) -> Vec<Value> {
    let list = packet.strip_prefix("42").unwrap_or_else(|| panic!("no event: {packet}"));
    serde_json::from_str(list).expect("a list of arguments")
}

pub(super) fn opened(server: &Process) -> Peer {
    let mut peer = Peer::open(server.address(), DOOR);
    assert!(peer.hear_text().starts_with("0{"));
    peer
}

/// The next packet that is not a ping; pings are answered.
pub(super) fn hear(peer: &mut Peer) -> String {
    loop {
        let text = peer.hear_text();
        if text != "2" {
            return text;
        }
        peer.say("3");
    }
}

const DOOR: &str = "/socket.io/?EIO=4&transport=websocket";

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
