//! Engine.IO by hand, at the door that echoes every data packet. Each test is a sentence of the
//! protocol.
//!
//! - [`handshake`], [`refusal`]: how a session begins, or does not
//! - [`websocket`], [`polling`], [`payload`]: what carries it
//! - [`upgrade`]: from the one to the other
//! - [`heartbeat`]: whether anybody is there
//! - [`page`]: what browsers ask for beside it: origins, compression, cookies
//! - [`limit`]: how much of it there may be
//! - [`legacy`]: Engine.IO 3

mod handshake;
mod heartbeat;
mod legacy;
mod limit;
mod page;
mod payload;
mod polling;
mod refusal;
mod upgrade;
mod websocket;

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use crate::peer::{self, Peer};
use crate::process::Process;
use crate::web::{self, Answer, Web};

/// A session on a WebSocket.
fn opened(server: &Process) -> Peer {
    let mut peer = Peer::open(server.address(), DOOR);
    assert!(peer.hear_text().starts_with("0{"));
    peer
}

/// A session on long polling.
pub(crate) struct Poller {
    address: SocketAddr,
    sid: String,
    /// What stands before the sid in its requests' target.
    door: String,
}

impl Poller {
    pub(crate) fn open(server: &Process) -> Self {
        Self::open_at(server, POLLING)
    }

    pub(crate) fn open_at(server: &Process, door: &str) -> Self {
        let answer = web::ask(server.address(), "GET", door, "", b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        let sid = sid_of(answer.text());
        Self { address: server.address(), sid, door: door.to_owned() }
    }

    fn target(&self) -> String {
        format!("{}&sid={}", self.door, self.sid)
    }

    /// The session's WebSocket door.
    pub(crate) fn websocket(&self) -> String {
        self.target().replace("transport=polling", "transport=websocket")
    }

    pub(crate) fn get(&self) -> Answer {
        web::ask(self.address, "GET", &self.target(), "", b"")
    }

    pub(crate) fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        web::ask(self.address, "POST", &self.target(), "", body.as_ref())
    }

    /// A GET that was sent and waits for its answer. With a single shard, the session has it.
    fn parked(&self) -> Web {
        let mut web = Web::connect(self.address);
        web.send("GET", &self.target(), "", b"");
        // A single shard takes requests in their order.
        assert_eq!(web::ask(self.address, "PUT", &self.target(), "", b"").status, 500);
        web
    }

    fn assert_alive(&self, after: &str) {
        assert_eq!(self.post("4alive").text(), "ok", "{after}");
        let answer = self.get();
        assert_eq!((answer.status, answer.text()), (200, "4alive"), "{after}");
    }

    /// That the session ends, sooner or later.
    fn assert_ends(&self, why: &str) {
        let start = Instant::now();
        loop {
            let answer = web::ask(self.address, "PUT", &self.target(), "", b"");
            if (answer.status, answer.text()) == (400, SESSION_UNKNOWN) {
                return;
            }
            assert!(start.elapsed() < peer::SILENCE_MAX, "the session goes on: {why}");
        }
    }

    fn assert_unknown(&self, after: &str) {
        let answer = self.get();
        assert_eq!((answer.status, answer.text()), (400, SESSION_UNKNOWN), "{after}");
    }
}

/// The sid in an open packet, in either revision's payload.
fn sid_of(payload: &str) -> String {
    let json = payload.split_once("0{").expect("an open packet").1;
    let json = json.split_once('}').expect("an open packet is an object").0;
    let json: Value = serde_json::from_str(&format!("{{{json}}}")).expect("it is JSON");
    json["sid"].as_str().expect("a sid is text").to_owned()
}

const DOOR: &str = "/engine.io/?EIO=4&transport=websocket";
const POLLING: &str = "/engine.io/?EIO=4&transport=polling";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SESSION_UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
