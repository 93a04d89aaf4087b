//! Socket.IO packets: what the messages of an Engine.IO session say.
//!
//! Source: Socket.IO protocol v5.

pub mod decode;
pub mod encode;

pub use decode::{Packet, PacketError};

/// The namespace that every client joins first.
pub const ROOT: &str = "/";
