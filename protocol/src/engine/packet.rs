//! One Engine.IO packet a WebSocket message: a type digit, then its data.
//!
//! Source: Engine.IO v4 "Packet types".

/// A packet from the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'b> {
    /// `1`: the client leaves.
    Close,
    /// `2`, with its data: `2probe` on an upgrade; an error elsewhere in revision 4.
    Ping(&'b [u8]),
    /// `3`: the answer to a heartbeat.
    Pong,
    /// `4`: a Socket.IO packet in text.
    Message(&'b mut [u8]),
    /// `5`: the upgrade is complete.
    Upgrade,
    /// `0` or `6`: nothing to do on an established session.
    Ignored,
}

/// A text message that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The message was empty.
    #[error("empty packet")]
    Empty,
    /// The first character is no packet type.
    #[error("unknown packet type")]
    UnknownType,
}

/// The heartbeat, as text: the server pings in revision 4.
pub const PING: &[u8] = b"2";

/// The answer to a client's `2probe`.
pub const PROBE_PONG: &[u8] = b"3probe";

/// Reads the packet in one WebSocket text message.
///
/// # Errors
/// When the message is empty or its type unknown; the session is then closed.
pub fn decode_text(message: &mut [u8]) -> Result<Packet<'_>, PacketError> {
    let (kind, data) = message.split_first_mut().ok_or(PacketError::Empty)?;
    match kind {
        b'1' => Ok(Packet::Close),
        b'2' => Ok(Packet::Ping(data)),
        b'3' => Ok(Packet::Pong),
        b'4' => Ok(Packet::Message(data)),
        b'5' => Ok(Packet::Upgrade),
        b'0' | b'6' => Ok(Packet::Ignored),
        _ => Err(PacketError::UnknownType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_digit_is_its_packet() {
        let decode =
            |text: &str| decode_text(&mut text.as_bytes().to_vec()).map(|p| format!("{p:?}"));
        assert_eq!(decode("1").unwrap(), "Close");
        assert_eq!(decode("2probe").unwrap(), format!("{:?}", Packet::Ping(b"probe")));
        assert_eq!(decode("3").unwrap(), "Pong");
        assert_eq!(decode("4x").unwrap(), format!("{:?}", Packet::Message(&mut b"x".to_vec())));
        assert_eq!(decode("5").unwrap(), "Upgrade");
        assert_eq!(decode("0").unwrap(), "Ignored");
        assert_eq!(decode("6").unwrap(), "Ignored");
        assert_eq!(decode(""), Err(PacketError::Empty));
        for unknown in ["7", "abc", "-1", " 4", "\u{1e}"] {
            assert_eq!(decode(unknown), Err(PacketError::UnknownType), "{unknown:?}");
        }
    }
}
