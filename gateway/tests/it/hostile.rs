//! Bad company. Whatever a client sends costs it an error or its own connection; everybody else is
//! served by the same process as before.
//!
//! - [`event`]: the chat's events with payloads that they were not made for
//! - [`flood`]: clients that send more than they may
//! - [`flow`]: peers that only write, or only half close
//! - [`frame`]: bytes that are no WebSocket
//! - [`packet`]: WebSocket messages that are no Engine.IO or Socket.IO
//! - [`opening`]: handshakes that are slow, broken or never finished

mod event;
mod flood;
mod flow;
mod frame;
mod opening;
mod packet;

use serde_json::json;

use crate::chat::Chat;
use crate::peer::Peer;
use crate::rest::{self, Person};
use crate::server::Server;

/// A server, a healthy client that must never notice anything, and somebody to misbehave.
struct Scene {
    server: Server,
    healthy: Chat,
    hostile: Person,
}

impl Scene {
    fn set() -> Self {
        Self::set_at(Server::start())
    }

    fn set_at(server: Server) -> Self {
        let person = rest::register(server.address(), "Healthy");
        let hostile = rest::register(server.address(), "Hostile");
        let healthy = Chat::connect(server.address(), &person.token);
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

    /// That the healthy client is served as ever, by the very process that was started.
    fn assert_unharmed(&mut self, after: &str) {
        let answer = self.healthy.ask("ping", &[]);
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

const DOOR: &str = "/socket.io/?EIO=4&transport=websocket";
