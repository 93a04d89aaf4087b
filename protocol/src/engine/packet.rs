//! One Engine.IO packet: a type digit, then its data.
//!
//! Owns how a packet looks alone, which is how a WebSocket carries it; several of them in one
//! HTTP body are [`payload`](super::payload)'s.
//!
//! Source: Engine.IO v4 "Packet types"; Engine.IO v3 "Encoding".

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Revision;
use crate::websocket::message::Payload;

/// A packet from the client.
#[derive(Debug)]
pub enum Packet<'b> {
    /// `1`: the client leaves.
    Close,
    /// `2`, with its data: `2probe` on an upgrade; the heartbeat in revision 3; elsewhere an error
    /// (see [`Heartbeat::handle_ping`](super::Heartbeat::handle_ping)).
    Ping(&'b [u8]),
    /// `3`: the answer to a heartbeat.
    Pong,
    /// `4`: a Socket.IO packet in text.
    Message(&'b mut [u8]),
    /// A binary message: an attachment, or a packet of the msgpack parser.
    Binary(Payload<'b>),
    /// `5`: the upgrade is complete.
    Upgrade,
    /// `0` or `6`: nothing to do on an established session.
    Ignored,
}

/// A message that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The message was empty.
    #[error("empty packet")]
    Empty,
    /// The first character is no packet type.
    #[error("unknown packet type")]
    UnknownType,
    /// What should be base64 is not.
    #[error("malformed base64")]
    Base64,
    /// A ping carries more than [`PING_BYTES_MAX`] bytes.
    #[error("oversized ping")]
    PingTooBig,
}

/// The heartbeat, as text: the server pings in revision 4.
pub const PING: &[u8] = b"2";

/// The answer to a client's heartbeat in revision 3; what the ping carried follows.
pub const PONG: &[u8] = b"3";

/// The data of the ping that begins an upgrade.
pub const PROBE: &[u8] = b"probe";

/// The answer to a client's `2probe`.
pub const PROBE_PONG: &[u8] = b"3probe";

/// What a poll is told when the session is over.
pub const CLOSE: &[u8] = b"1";

/// What a poll is told when there is nothing to say.
pub const NOOP: &[u8] = b"6";

/// Most data of a ping, which its pong repeats; a longer one closes the session.
pub const PING_BYTES_MAX: usize = 125;

/// Reads the packet in one WebSocket text message.
///
/// # Errors
/// When the message is empty, its type unknown or its base64 malformed; the session is then
/// closed.
///
/// # Cost
/// Base64 is decoded into a buffer of its own; everything else is borrowed.
pub fn decode_text(revision: Revision, message: &mut [u8]) -> Result<Packet<'_>, PacketError> {
    let (kind, data) = message.split_first_mut().ok_or(PacketError::Empty)?;
    match kind {
        b'1' => Ok(Packet::Close),
        b'2' if data.len() > PING_BYTES_MAX => Err(PacketError::PingTooBig),
        b'2' => Ok(Packet::Ping(data)),
        b'3' => Ok(Packet::Pong),
        b'4' => Ok(Packet::Message(data)),
        b'5' => Ok(Packet::Upgrade),
        b'0' | b'6' => Ok(Packet::Ignored),
        b'b' => decode_base64(revision, data),
        _ => Err(PacketError::UnknownType),
    }
}

/// Reads the packet in one WebSocket binary message: the message itself in revision 4, behind a
/// byte 4 in revision 3.
///
/// # Errors
/// In revision 3, when there is no such byte.
pub fn decode_binary(revision: Revision, message: Payload<'_>) -> Result<Packet<'_>, PacketError> {
    match revision {
        Revision::V4 => Ok(Packet::Binary(message)),
        Revision::V3 => match message.first() {
            None => Err(PacketError::Empty),
            Some(&MESSAGE) => Ok(Packet::Binary(without_first(message))),
            Some(_) => Err(PacketError::UnknownType),
        },
    }
}

/// Appends a binary message as a WebSocket binary message carries it.
pub fn append_binary(out: &mut Vec<u8>, revision: Revision, message: &[u8]) {
    out.extend_from_slice(binary_head(revision));
    out.extend_from_slice(message);
}

/// What stands before a binary message on a WebSocket.
pub const fn binary_head(revision: Revision) -> &'static [u8] {
    match revision {
        Revision::V4 => &[],
        Revision::V3 => &[MESSAGE],
    }
}

/// Appends a binary message as text: `b` (in revision 3 `b4`) and base64.
pub fn append_base64(out: &mut Vec<u8>, revision: Revision, message: &[u8]) {
    out.extend_from_slice(base64_head(revision));
    let start = out.len();
    // What a Vec holds never exceeds isize::MAX, so four thirds of it fit.
    let text_len = message.len().div_ceil(3).saturating_mul(4);
    out.resize(start.saturating_add(text_len), 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let written = BASE64.encode_slice(message, room).unwrap_or_default();
    out.truncate(start.saturating_add(written));
}

/// How long [`append_base64`]'s text is.
pub const fn base64_len(revision: Revision, message_len: usize) -> usize {
    base64_head(revision).len().saturating_add(message_len.div_ceil(3).saturating_mul(4))
}

const fn base64_head(revision: Revision) -> &'static [u8] {
    match revision {
        Revision::V4 => b"b",
        Revision::V3 => b"b4",
    }
}

fn decode_base64(revision: Revision, data: &mut [u8]) -> Result<Packet<'static>, PacketError> {
    let text = match revision {
        Revision::V4 => &*data,
        // Only messages are ever binary.
        Revision::V3 => data.strip_prefix(b"4").ok_or(PacketError::UnknownType)?,
    };
    let message = BASE64.decode(text).map_err(|_| PacketError::Base64)?;
    Ok(Packet::Binary(Payload::Owned(message)))
}

fn without_first(message: Payload<'_>) -> Payload<'_> {
    match message {
        Payload::Borrowed(bytes) => {
            Payload::Borrowed(bytes.split_first_mut().map_or_else(Default::default, |(_, b)| b))
        }
        Payload::Owned(mut bytes) => {
            bytes.drain(..1.min(bytes.len()));
            Payload::Owned(bytes)
        }
    }
}

/// The type byte of a binary message in revision 3.
const MESSAGE: u8 = 4;

/// COMPAT: JavaScript reads base64 with or without its padding; so do we. Pinned by
/// `base64_may_lack_its_padding`.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(revision: Revision, text: &str) -> Result<String, PacketError> {
        let mut bytes = text.as_bytes().to_vec();
        decode_text(revision, &mut bytes).map(|packet| match packet {
            Packet::Ping(data) => format!("ping {}", String::from_utf8_lossy(data)),
            Packet::Message(data) => format!("message {}", String::from_utf8_lossy(data)),
            Packet::Binary(data) => format!("binary {:?}", &*data),
            Packet::Close | Packet::Pong | Packet::Upgrade | Packet::Ignored => {
                format!("{packet:?}")
            }
        })
    }

    #[test]
    fn each_type_digit_is_its_packet() {
        for (text, packet) in [
            ("1", "Close"),
            ("2", "ping "),
            ("2probe", "ping probe"),
            ("3", "Pong"),
            ("3probe", "Pong"),
            ("4x", "message x"),
            ("4", "message "),
            ("5", "Upgrade"),
            ("0", "Ignored"),
            ("6", "Ignored"),
        ] {
            assert_eq!(decode(Revision::V4, text).unwrap(), packet);
            assert_eq!(decode(Revision::V3, text).unwrap(), packet);
        }
        assert_eq!(decode(Revision::V4, ""), Err(PacketError::Empty));
        for unknown in ["7", "abc", "-1", " 4", "\u{1e}", "8", "é"] {
            assert_eq!(decode(Revision::V4, unknown), Err(PacketError::UnknownType), "{unknown:?}");
        }
    }

    #[test]
    fn a_ping_carries_no_more_than_its_pong_may() {
        let longest = format!("2{}", "x".repeat(PING_BYTES_MAX));
        assert!(decode(Revision::V3, &longest).is_ok());
        assert_eq!(decode(Revision::V3, &(longest + "x")), Err(PacketError::PingTooBig));
    }

    #[test]
    fn websocket_text_that_begins_with_b_is_a_binary_message() {
        assert_eq!(decode(Revision::V4, "bAQIDBA==").unwrap(), "binary [1, 2, 3, 4]");
        assert_eq!(decode(Revision::V4, "b").unwrap(), "binary []");
        assert_eq!(decode(Revision::V3, "b4AQIDBA==").unwrap(), "binary [1, 2, 3, 4]");
        assert_eq!(decode(Revision::V3, "bAQID"), Err(PacketError::UnknownType));
        for malformed in ["b!", "bA", "bAQ=A", "b AQID"] {
            assert_eq!(decode(Revision::V4, malformed), Err(PacketError::Base64), "{malformed}");
        }
    }

    #[test]
    fn base64_may_lack_its_padding() {
        assert_eq!(decode(Revision::V4, "bAQIDBA").unwrap(), "binary [1, 2, 3, 4]");
        assert_eq!(decode(Revision::V4, "bAQIDBB").unwrap(), "binary [1, 2, 3, 4]");
    }

    #[test]
    fn websocket_binary_is_bare_in_revision_4_and_behind_a_4_in_revision_3() {
        for owned in [false, true] {
            let decode = |revision, bytes: &[u8]| {
                let mut copy = bytes.to_vec();
                let payload =
                    if owned { Payload::Owned(copy.clone()) } else { Payload::Borrowed(&mut copy) };
                let packet = decode_binary(revision, payload)?;
                let Packet::Binary(message) = packet else { panic!("another packet") };
                Ok(message.to_vec())
            };
            assert_eq!(decode(Revision::V4, &[4, 5]), Ok(vec![4, 5]));
            assert_eq!(decode(Revision::V4, &[]), Ok(vec![]));
            assert_eq!(decode(Revision::V3, &[4, 5]), Ok(vec![5]));
            assert_eq!(decode(Revision::V3, &[4]), Ok(vec![]));
            assert_eq!(decode(Revision::V3, &[]), Err(PacketError::Empty));
            assert_eq!(decode(Revision::V3, &[2, 5]), Err(PacketError::UnknownType));
        }
    }

    #[test]
    fn binary_messages_are_written_as_they_are_read() {
        for revision in [Revision::V4, Revision::V3] {
            for len in 0..8_u8 {
                let message: Vec<u8> = (0..len).collect();
                let mut text = Vec::new();
                append_base64(&mut text, revision, &message);
                assert_eq!(text.len(), base64_len(revision, message.len()));
                let Packet::Binary(read) = decode_text(revision, &mut text).unwrap() else {
                    panic!("another packet")
                };
                assert_eq!(&*read, message);
                let mut bytes = Vec::new();
                append_binary(&mut bytes, revision, &message);
                let read = decode_binary(revision, Payload::Owned(bytes)).unwrap();
                assert!(matches!(read, Packet::Binary(read) if *read == *message));
            }
        }
    }
}
