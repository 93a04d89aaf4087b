//! The other encoding: a whole packet as one msgpack map, in one binary message.
//!
//! Owns the way between msgpack and the form that everything else works with, JSON text with
//! attachments beside it: a packet that comes in is written anew as the text that a JSON client
//! would have sent, and one that goes out is made from JSON. So an event is handled, and a
//! broadcast built, in one way only, and transcoded once.
//!
//! - [`mod@read`]: msgpack, value by value
//! - [`decode`](decode()): a packet to JSON text and attachments
//! - [`mod@write`]: the smallest form of each value
//! - [`encode`](encode()): JSON text and attachments to a packet
//!
//! What JSON cannot say: an infinite number or NaN becomes `null`, a date the text that
//! `Date.prototype.toJSON` makes of it. What msgpack says twice: whole numbers take the smallest
//! integer form, all others 64-bit floats.
//!
//! Source: socket.io-msgpack-parser, which is `notepack.io`; the msgpack specification.

mod decode;
mod encode;
mod read;
mod write;

pub use decode::decode;
pub use encode::encode;

/// Why a binary message is no packet. The connection is then closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MsgpackError {
    /// The message ends inside a value.
    #[error("truncated msgpack")]
    Truncated,
    /// Bytes follow the packet.
    #[error("trailing bytes")]
    Trailing,
    /// A byte that begins no value, or text that is not UTF-8.
    #[error("malformed msgpack")]
    Malformed,
    /// An extension other than dates, `undefined` and binary.
    #[error("unknown msgpack extension")]
    Extension,
    /// A packet that is no map, or whose type, namespace or acknowledgement id is none.
    #[error("invalid packet")]
    Packet,
    /// Data that cannot be that of its type.
    #[error("invalid payload")]
    Payload,
    /// Deeper than [`SOCKET_DEPTH_MAX`](crate::schema::json::SOCKET_DEPTH_MAX).
    #[error("msgpack nested too deep")]
    TooDeep,
    /// More than [`VALUES_MAX`](crate::schema::json::VALUES_MAX) values.
    #[error("msgpack of too many values")]
    TooMany,
    /// More than [`TEXT_BYTES_MAX`] bytes as JSON.
    #[error("msgpack too big as JSON")]
    TooBig,
    /// More than [`ATTACHMENTS_MAX`](super::decode::ATTACHMENTS_MAX) attachments, or a map that
    /// would pass for one.
    #[error("illegal attachments")]
    Attachments,
}

/// Most bytes of a packet's data as JSON, checked after each value; a longer one is
/// [`MsgpackError::TooBig`]. Control characters take six times their msgpack size.
pub const TEXT_BYTES_MAX: usize = 4_000_000;

#[cfg(test)]
mod tests;
