//! A signed-in socket: Socket.IO over a [`Peer`], for one namespace and text packets.

use std::net::SocketAddr;

use serde_json::Value;

use crate::peer::{Heard, Peer};

/// A connected, signed-in client.
#[derive(Debug)]
pub(crate) struct Chat {
    peer: Peer,
    next_ack: u64,
}

/// What came from the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Packet {
    /// An event with its arguments.
    Event(String, Vec<Value>),
    /// The answer to the emit with this id.
    Ack(u64, Value),
    /// The connection ended.
    Closed,
}

impl Chat {
    /// Connects over WebSocket and signs in.
    ///
    /// # Panics
    /// When the server refuses.
    pub(crate) fn connect(address: SocketAddr, token: &str) -> Self {
        let mut peer = Peer::open(address, "/socket.io/?EIO=4&transport=websocket");
        let open = peer.hear_text();
        assert!(open.starts_with("0{"), "{open}");
        peer.say(format!("40{}", serde_json::json!({ "token": token })));
        let connected = loop {
            match peer.hear_text() {
                // The sign-in takes its time.
                heartbeat if heartbeat == "2" => peer.say("3"),
                connected => break connected,
            }
        };
        assert!(connected.starts_with("40{"), "{connected}");
        Self { peer, next_ack: 0 }
    }

    /// Emits an event with these arguments, asks for an ack and returns its id.
    pub(crate) fn emit(&mut self, event: &str, arguments: &[Value]) -> u64 {
        let id = self.next_ack;
        self.next_ack += 1;
        self.peer.say(format!("42{id}{}", packet_body(event, arguments)));
        id
    }

    /// Emits an event without asking for an ack.
    pub(crate) fn emit_unasked(&mut self, event: &str, arguments: &[Value]) {
        self.peer.say(format!("42{}", packet_body(event, arguments)));
    }

    /// The next packet; heartbeats are answered on the way.
    ///
    /// # Panics
    /// When nothing comes in time, or something that no server sends.
    pub(crate) fn hear(&mut self) -> Packet {
        loop {
            let text = match self.peer.hear() {
                Heard::Text(text) => text,
                Heard::Binary(bytes) => panic!("nothing here is binary: {bytes:?}"),
                Heard::Closed(_) => return Packet::Closed,
            };
            match text.get(..2) {
                None => self.peer.say("3"),
                Some("41") => return Packet::Closed,
                // A wish for another namespace was refused; this one is not concerned.
                Some("44") => {}
                Some(_) => {
                    return parse(&text).unwrap_or_else(|| panic!("not a packet of ours: {text}"));
                }
            }
        }
    }

    /// The answer to the emit with this id, past whatever comes before it; nothing if the connection
    /// ends first.
    pub(crate) fn hear_ack(&mut self, id: u64) -> Option<Value> {
        loop {
            match self.hear() {
                Packet::Ack(answered, answer) if answered == id => return Some(answer),
                Packet::Ack(..) | Packet::Event(..) => {}
                Packet::Closed => return None,
            }
        }
    }

    /// Emits an event and returns its ack.
    ///
    /// # Panics
    /// When the connection ends first.
    pub(crate) fn ask(&mut self, event: &str, arguments: &[Value]) -> Value {
        let id = self.emit(event, arguments);
        self.hear_ack(id).expect("the connection lives until the ack")
    }

    /// What was sent to it before now, by whatever way: it has arrived once the server has answered
    /// something newer. News of who is there comes when it likes, and is left out.
    ///
    /// # Panics
    /// When the connection ends first.
    pub(crate) fn heard(&mut self) -> Vec<(String, Value)> {
        let id = self.emit("ping", &[]);
        let mut events = Vec::new();
        loop {
            match self.hear() {
                Packet::Ack(answered, _) if answered == id => return events,
                Packet::Ack(..) => {}
                Packet::Event(name, mut arguments) => {
                    if !["pong", "user_status_update"].contains(&name.as_str()) {
                        assert_eq!(arguments.len(), 1, "{name} has one argument");
                        events.push((name, arguments.remove(0)));
                    }
                }
                Packet::Closed => panic!("the connection lives until the ack"),
            }
        }
    }

    /// The payload of the next event of this name, past whatever comes before it.
    ///
    /// # Panics
    /// When the connection ends first, or nothing comes in time.
    pub(crate) fn hear_event(&mut self, name: &str) -> Value {
        loop {
            match self.hear() {
                Packet::Event(heard, mut arguments) if heard == name => return arguments.remove(0),
                Packet::Event(..) | Packet::Ack(..) => {}
                Packet::Closed => panic!("the connection lives until {name} comes"),
            }
        }
    }

    /// Reads to the end of the connection, and returns the events on the way.
    pub(crate) fn hear_end(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            match self.hear() {
                Packet::Event(name, _) => events.push(name),
                Packet::Ack(..) => {}
                Packet::Closed => return events,
            }
        }
    }

    /// The connection itself.
    pub(crate) const fn peer(&mut self) -> &mut Peer {
        &mut self.peer
    }
}

fn packet_body(event: &str, arguments: &[Value]) -> Value {
    std::iter::once(Value::from(event)).chain(arguments.iter().cloned()).collect()
}

fn parse(text: &str) -> Option<Packet> {
    let (kind, rest) = text.split_at_checked(2)?;
    let body = rest.find('[')?;
    let (id, body) = rest.split_at_checked(body)?;
    let mut items: Vec<Value> = serde_json::from_str(body).ok()?;
    match kind {
        "42" if !items.is_empty() => {
            let event = items.remove(0).as_str()?.to_owned();
            Some(Packet::Event(event, items))
        }
        "43" if items.len() == 1 => Some(Packet::Ack(id.parse().ok()?, items.remove(0))),
        _ => None,
    }
}
