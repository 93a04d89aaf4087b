//! Socket.IO packets: what the messages of an Engine.IO session say.
//!
//! Owns both encodings, the one that is JSON in text and the one that is msgpack, and both
//! versions of the protocol. Must never know what an event means. Read in this order:
//!
//! - [`decode`]: text to packet
//! - [`outgoing`]: a packet before it is encoded
//! - [`encode`]: packet to text
//! - [`attachment`]: packets whose binary parts follow in messages of their own
//! - [`msgpack`]: the other encoding, one binary message a packet
//! - [`legacy`]: what is different for clients of Socket.IO 1 and 2
//!
//! Source: Socket.IO protocol v5 and v4.

pub mod decode;
pub mod outgoing;

pub mod encode;

pub mod attachment;
pub mod msgpack;

pub mod legacy;

pub use attachment::{Assembly, Whole};
pub use decode::{Packet, PacketError};
pub use outgoing::{Kind, Outgoing};

/// The namespace that every client joins first.
pub const ROOT: &str = "/";

/// Event names that a client must not use: an EVENT with one of them closes its connection.
/// Source: socket.io-parser, reserved events.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// How a connection's packets are written. The first message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Text with JSON in it, attachments in messages of their own.
    Json,
    /// Msgpack, attachments inside.
    Msgpack,
}

impl Encoding {
    /// The encoding of a connection whose first message this is; `None` for one that no client
    /// begins with, and the connection is closed.
    pub const fn of_first(is_binary: bool, message: &[u8]) -> Option<Self> {
        match (is_binary, message) {
            (false, _) => Some(Self::Json),
            // A map: of a few entries, with a 16-bit or a 32-bit count.
            (true, [0x80..=0x8f | 0xde | 0xdf, ..]) => Some(Self::Msgpack),
            (true, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_shows_in_the_first_message() {
        assert_eq!(Encoding::of_first(false, b"0"), Some(Encoding::Json));
        assert_eq!(Encoding::of_first(false, b"\x82"), Some(Encoding::Json));
        for first in [0x80, 0x82, 0x8f, 0xde, 0xdf] {
            assert_eq!(Encoding::of_first(true, &[first]), Some(Encoding::Msgpack));
        }
        for first in [b'0', 0x7f, 0x90, 0xa0, 0xc0, 0xdd, 0xe0] {
            assert_eq!(Encoding::of_first(true, &[first]), None);
        }
        assert_eq!(Encoding::of_first(true, &[]), None);
    }
}
