//! RFC 6455 framing without I/O: bytes in, messages out, and the other way round.
//!
//! Owns every byte between the end of the opening handshake and the end of the TCP stream. Must
//! never know what a message means (that is [`engine`](crate::engine)'s) nor where bytes come
//! from. The server role is the one that is fast; the client role exists for load generators and
//! tests. No extension is ever negotiated, so the reserved bits are always zero.
//!
//! A connection that waits for its next frame holds a [`decoder::Decoder`] of 16 bytes and
//! nothing else. Read in this order:
//!
//! - [`frame`]: one frame's header, read and written; whole outgoing frames
//! - [`mask`]: the masking of client payloads
//! - [`message`]: what the decoder hands out
//! - [`decoder`]: frames to messages, the rules of §5 and their limits
//! - `reassembly`: what a connection keeps while a message is incomplete
//! - [`close`]: close codes and the close frame's payload
//! - [`violation`]: what a peer can do wrong and the close code it is told

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod frame;
pub mod mask;

pub mod decoder;
pub mod message;
mod reassembly;

pub mod close;
pub mod violation;

#[cfg(test)]
mod tests;
