//! Socket.IO packets: what the messages of an Engine.IO session say.
//!
//! Source: Socket.IO protocol v5.

pub mod decode;
pub mod encode;

pub use decode::{Packet, PacketError};

/// The namespace that every client joins first.
pub const ROOT: &str = "/";

/// Event names that a client must not use: an EVENT with one of them closes its connection.
/// Source: socket.io-parser, reserved events.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
