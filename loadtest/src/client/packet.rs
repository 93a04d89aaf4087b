//! Engine.IO 4 and Socket.IO 5 packets in text form, as far as a client of `/` meets them.

use serde::Deserialize;

/// A packet from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The handshake.
    Open(Heartbeat),
    /// The Engine.IO session ends.
    Close,
    /// A heartbeat, to be answered.
    Ping,
    /// Nothing to do: pong, noop, and binary packets, which no scenario asks for.
    Idle,
    /// CONNECT was accepted.
    Connected,
    /// CONNECT was refused, with this JSON.
    Refused(&'a [u8]),
    /// The server disconnected the socket.
    Disconnected,
    /// An event.
    Event {
        /// The bytes between the quotes; escapes are left as they stand.
        name: &'a [u8],
        /// The whole array, name included.
        body: &'a [u8],
    },
    /// The answer to an event that carried this id.
    Ack {
        /// As the client chose it.
        id: u64,
        /// The array of arguments.
        body: &'a [u8],
    },
}

/// How often the server pings, and how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// Milliseconds between pings.
    pub ping_interval: u32,
    /// Milliseconds of grace.
    pub ping_timeout: u32,
}

/// A packet that no Socket.IO server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sends a malformed packet")]
pub struct PacketError;

/// Reads the packet in one text message.
///
/// # Errors
/// An unknown type, a namespace other than `/`, or an event without a name.
///
/// # Cost
/// No allocation, except for the handshake's JSON.
pub fn decode(text: &[u8]) -> Result<Packet<'_>, PacketError> {
    let (&kind, rest) = text.split_first().ok_or(PacketError)?;
    match kind {
        b'0' => serde_json::from_slice(rest).map(Packet::Open).map_err(|_| PacketError),
        b'1' => Ok(Packet::Close),
        b'2' => Ok(Packet::Ping),
        b'3' | b'6' | b'b' => Ok(Packet::Idle),
        b'4' => decode_message(rest),
        _ => Err(PacketError),
    }
}

fn decode_message(text: &[u8]) -> Result<Packet<'_>, PacketError> {
    let (&kind, rest) = text.split_first().ok_or(PacketError)?;
    let rest = rest.strip_prefix(b"/,").unwrap_or(rest);
    if rest.first() == Some(&b'/') {
        return Err(PacketError);
    }
    match kind {
        b'0' => Ok(Packet::Connected),
        b'1' => Ok(Packet::Disconnected),
        b'2' => {
            let (_, body) = split_id(rest)?;
            let name = body.strip_prefix(b"[\"").ok_or(PacketError)?;
            let end = memchr::memchr(b'"', name).ok_or(PacketError)?;
            Ok(Packet::Event { name: name.split_at(end).0, body })
        }
        b'3' => match split_id(rest)? {
            (Some(id), body) => Ok(Packet::Ack { id, body }),
            (None, _) => Err(PacketError),
        },
        b'4' => Ok(Packet::Refused(rest)),
        b'5' | b'6' => Ok(Packet::Idle),
        _ => Err(PacketError),
    }
}

/// The id before the array, if there is one, and the array.
fn split_id(text: &[u8]) -> Result<(Option<u64>, &[u8]), PacketError> {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (id, body) = text.split_at(digits);
    let id = (!id.is_empty()).then(|| decimal(id)).transpose()?;
    Ok((id, body))
}

fn decimal(digits: &[u8]) -> Result<u64, PacketError> {
    digits
        .iter()
        .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit & 15)))
        .ok_or(PacketError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Heartbeat, Packet, PacketError, decode};

    #[test]
    fn every_packet_of_a_session_is_told_apart() {
        let open = br#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        let heartbeat = Heartbeat { ping_interval: 25_000, ping_timeout: 20_000 };
        assert_eq!(decode(open), Ok(Packet::Open(heartbeat)));
        assert_eq!(decode(b"1"), Ok(Packet::Close));
        assert_eq!(decode(b"2"), Ok(Packet::Ping));
        assert_eq!(decode(b"6"), Ok(Packet::Idle));
        assert_eq!(decode(br#"40{"sid":"x"}"#), Ok(Packet::Connected));
        assert_eq!(decode(b"41"), Ok(Packet::Disconnected));
        assert_eq!(decode(br#"44{"message":"no"}"#), Ok(Packet::Refused(br#"{"message":"no"}"#)));
    }

    #[test]
    fn an_event_shows_its_name_and_its_whole_array_with_or_without_an_id() {
        let body = br#"["new_message",{"a":1}]"#.as_slice();
        let event = Packet::Event { name: b"new_message", body };
        assert_eq!(decode(&[b"42", body].concat()), Ok(event));
        assert_eq!(decode(&[b"4217", body].concat()), Ok(event));
        assert_eq!(decode(&[b"42/,", body].concat()), Ok(event));
    }

    #[test]
    fn an_ack_shows_the_id_that_was_asked_for() {
        let ack = Packet::Ack { id: 1_234_567_890_123, body: b"[1]" };
        assert_eq!(decode(b"431234567890123[1]"), Ok(ack));
        assert_eq!(decode(b"43[1]"), Err(PacketError));
        assert_eq!(decode(b"4399999999999999999999[1]"), Err(PacketError));
    }

    #[test]
    fn other_namespaces_and_nameless_events_are_malformed() {
        for text in [b"".as_slice(), b"4", b"7", b"42[1]", b"42/x,[\"a\"]", b"42[\"a", b"0{}"] {
            assert_eq!(decode(text), Err(PacketError), "{:?}", text.escape_ascii().to_string());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(tail in proptest::collection::vec(any::<u8>(), 0..32)) {
            for prefix in [b"".as_slice(), b"4", b"42", b"43", b"42["] {
                let _: Result<Packet<'_>, PacketError> = decode(&[prefix, tail.as_slice()].concat());
            }
        }
    }
}
