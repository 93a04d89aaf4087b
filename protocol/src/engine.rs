//! Engine.IO: the session under Socket.IO.
//!
//! Owns packets, the bodies of long polling, the opening exchange, the heartbeat and the rules of
//! moving from one transport to the other. Must never know what a message says. Read in this order:
//!
//! - [`packet`]: one packet, as text or as bytes
//! - [`payload`]: several in one HTTP body
//! - [`handshake`]: the query, the refusals, the first packet
//! - [`heartbeat`]: who pings, and when it is over
//! - [`session`]: what a request or a socket means to a session in its state
//!
//! Source: Engine.IO protocol v4 and v3.

pub mod packet;
pub mod payload;

pub mod handshake;
pub mod heartbeat;
pub mod session;

pub use handshake::{Handshake, HandshakeError, OpenPacket};
pub use heartbeat::{Beat, Heartbeat, Timing};
pub use packet::Packet;
pub use session::Session;

/// The revision of the protocol that a client speaks, from its `EIO` parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revision {
    /// `EIO=4`: Socket.IO clients 3 and 4.
    V4,
    /// Anything else, or nothing: Socket.IO clients 1 and 2.
    V3,
}

/// How a session's packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long polling.
    Polling,
    /// One WebSocket.
    WebSocket,
}
