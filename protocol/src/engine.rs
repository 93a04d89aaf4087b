//! Engine.IO: the session under Socket.IO. Packets, the opening exchange, the heartbeat.
//!
//! Source: Engine.IO protocol v4. Revision 3 and polling payloads have their place in
//! [`Revision`] and [`Transport`].

pub mod handshake;
pub mod heartbeat;
pub mod packet;

pub use handshake::{Handshake, HandshakeError, OpenPacket};
pub use heartbeat::{Beat, Heartbeat, Timing};
pub use packet::Packet;

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
