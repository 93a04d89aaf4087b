//! Bad company. Whatever a client sends costs it an error or its own connection; everybody else is
//! served by the same process as before.
//!
//! - [`address`]: one address with all the connections it can get
//! - [`attachment`]: binary events that are forged or never complete
//! - [`crowd`]: a thousand slow clients at once
//! - [`depth`]: JSON as deep as nobody nests it
//! - [`event`]: the chat's events with payloads that they were not made for
//! - [`flood`]: clients that send more than they may
//! - [`flow`]: peers that only write, or only half close
//! - [`fragment`]: messages in pieces, and what comes between them
//! - [`frame`]: bytes that are no WebSocket
//! - [`packet`]: WebSocket messages that are no Engine.IO or Socket.IO
//! - [`room`]: joining without end
//! - [`opening`]: handshakes that are slow, broken or never finished
//! - [`smuggling`]: requests with two readings
//! - [`slow`]: peers that are slow on purpose

mod address;
mod attachment;
mod crowd;
mod depth;
mod event;
mod flood;
mod flow;
mod fragment;
mod frame;
mod opening;
mod packet;
mod room;
mod slow;
mod smuggling;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::peer::{self, Heard, Peer};
use crate::rest::{self, Person};
use crate::server::Server;

/// A server, a healthy client that must never notice anything, and somebody to misbehave.
struct Scene {
    server: Server,
    healthy: Healthy,
    hostile: Person,
}

/// A client who is served all the while: it answers its heartbeats however long a test is busy with
/// others.
struct Healthy {
    question: SyncSender<()>,
    answers: Receiver<Option<Value>>,
}

impl Healthy {
    fn of(mut chat: Chat) -> Self {
        let (question, questions) = sync_channel(1);
        let (answer, answers) = sync_channel(1);
        std::thread::spawn(move || {
            loop {
                let asked = questions.recv_timeout(UNASKED_MAX);
                if asked == Err(RecvTimeoutError::Disconnected) {
                    break;
                }
                let id = chat.emit("ping", &[]);
                let answered = chat.hear_ack(id);
                if answered.is_none() || asked.is_ok() {
                    // Nobody asks any more when the test is over.
                    let _ = answer.send(answered);
                }
            }
        });
        Self { question, answers }
    }

    /// Asks for a ping, and returns its answer.
    fn ping(&mut self) -> Value {
        // An end of it shows in the answers.
        let _ = self.question.send(());
        let answer = self.answers.recv().expect("whoever was closed has said so");
        answer.expect("the connection lives until the ack")
    }
}

impl Scene {
    fn set() -> Self {
        Self::set_with(&[])
    }

    /// With these settings.
    fn set_with(settings: &[(&str, &str)]) -> Self {
        Self::set_at(Server::start_with(settings))
    }

    fn set_at(server: Server) -> Self {
        let person = rest::register(server.address(), "Healthy");
        let hostile = rest::register(server.address(), "Hostile");
        let healthy = Healthy::of(Chat::connect(server.address(), &person.token));
        Self { server, healthy, hostile }
    }

    /// A connection of the hostile person, signed in.
    fn hostile_chat(&self) -> Chat {
        Chat::connect(self.server.address(), &self.hostile.token)
    }

    /// A fresh WebSocket at the door, before Socket.IO.
    fn hostile_peer(&self) -> Peer {
        let mut peer = Peer::open(self.server.address(), DOOR);
        assert!(peer.hear_text().starts_with("0{"));
        peer
    }

    /// That clients who are hostile in this way cost no more each than they may while they are there.
    fn assert_costs_little<T>(&mut self, clients: usize, hostile: impl Fn(&mut Self) -> T) {
        // The first of all has buffers made that stay.
        drop(hostile(self));
        self.assert_open_for_newcomers("one of them");
        let before_kib = self.server.resident_kib();
        let company: Vec<T> = (0..clients).map(|_| hostile(self)).collect();
        self.assert_open_for_newcomers("their coming");
        let grown_kib = self.server.resident_kib().saturating_sub(before_kib);
        let clients = u64::try_from(clients).expect("a few");
        let kib_max = clients * (CLIENT_KIB_MAX + ROUNDING_KIB_MAX) + SLACK_KIB;
        assert!(grown_kib < kib_max, "{grown_kib} KiB for {clients}");
        drop(company);
        self.assert_open_for_newcomers("their end");
    }

    /// That a hostility leaves no memory behind, however often it is repeated.
    fn assert_costs_nothing_for_good(&mut self, hostility: impl Fn(&mut Self)) {
        // The first time, buffers that stay are made, and what is made later is better packed.
        (0..2).for_each(|_| hostility(self));
        let before_kib = self.server.resident_kib();
        (0..REPETITIONS).for_each(|_| hostility(self));
        let grown_kib = self.server.resident_kib().saturating_sub(before_kib);
        assert!(grown_kib < SLACK_KIB, "{grown_kib} KiB more than before");
    }

    /// That the healthy client is served as ever, by the very process that was started.
    fn assert_unharmed(&mut self, after: &str) {
        let answer = self.healthy.ping();
        assert_eq!(answer["success"], json!(true), "after {after}: {answer}");
        self.server.assert_unharmed();
    }

    /// The same, and that newcomers are served too.
    fn assert_open_for_newcomers(&mut self, after: &str) {
        self.assert_unharmed(after);
        let answer = self.hostile_chat().ask("ping", &[]);
        assert_eq!(answer["success"], json!(true), "after {after}: {answer}");
    }
}

/// How long a healthy client is left alone: far less than it may leave a heartbeat unanswered.
const UNASKED_MAX: Duration = Duration::from_secs(5);

/// How often a hostility is repeated to see what is left of it.
const REPETITIONS: usize = 5;

/// What the server's memory may differ by from one moment to another: its threads keep blocks of each
/// size that they have once freed.
const SLACK_KIB: u64 = 8 << 10;

/// What one hostile client may cost while it is there.
const CLIENT_KIB_MAX: u64 = 4 << 10;

/// What the allocator may have around the blocks of one such client: how they come to lie depends on
/// how the threads take turns. Twice the blocks are still more than this.
const ROUNDING_KIB_MAX: u64 = CLIENT_KIB_MAX / 2;

/// Opens a session on polling that nobody polls, and returns its target.
fn http_door(address: SocketAddr) -> String {
    let mut stream = peer::connect(address);
    let request = format!("GET {POLLING} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers in full");
    let (_, rest) = answer.split_once("\"sid\":\"").expect("an open packet names the session");
    format!("{POLLING}&sid={}", rest.get(..20).expect("a sid has 20 characters"))
}

/// What comes next, past the news of who is there and heartbeats, which come when they like.
fn hear_past_news(peer: &mut Peer) -> Heard {
    loop {
        match peer.hear() {
            Heard::Text(text) if text == "2" => peer.say("3"),
            Heard::Text(text) if text.starts_with("42[\"user_status_update\"") => {}
            heard @ (Heard::Text(_) | Heard::Binary(_) | Heard::Closed(_)) => return heard,
        }
    }
}

const DOOR: &str = "/socket.io/?EIO=4&transport=websocket";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
