//! Text to packet. The JSON inside is found, not parsed: that is the application's.
//!
//! Source: Socket.IO v5 "Packet encoding"; reference `socket.io-parser/lib/index.ts`,
//! `decodeString`.

use super::ROOT;

/// A packet from the client. Payloads are raw JSON text whose first byte has been checked.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'b> {
    /// `0`: join a namespace.
    Connect {
        /// Which, with its slash.
        namespace: &'b str,
        /// The auth object; begins with `{`.
        auth: Option<&'b mut [u8]>,
    },
    /// `1`: leave it.
    Disconnect {
        /// Which.
        namespace: &'b str,
    },
    /// `2`: an event.
    Event {
        /// In which namespace.
        namespace: &'b str,
        /// The id that the client waits for.
        ack: Option<u64>,
        /// The argument array; begins with `[`. `None` for a bare `2`, which is ignored.
        arguments: Option<&'b mut [u8]>,
    },
    /// `3`: an answer to an event of ours.
    Ack {
        /// In which namespace.
        namespace: &'b str,
        /// To which.
        id: Option<u64>,
        /// The argument array; begins with `[`.
        arguments: Option<&'b mut [u8]>,
    },
    /// `5`: an event whose attachments follow.
    BinaryEvent {
        /// In which namespace.
        namespace: &'b str,
        /// The id that the client waits for.
        ack: Option<u64>,
        /// How many attachments follow; at least one.
        attachments: u8,
        /// The argument array, with placeholders; begins with `[`.
        arguments: &'b mut [u8],
    },
    /// `6`: an answer whose attachments follow.
    BinaryAck {
        /// In which namespace.
        namespace: &'b str,
        /// To which.
        id: Option<u64>,
        /// How many attachments follow; at least one.
        attachments: u8,
        /// The argument array, with placeholders; begins with `[`.
        arguments: &'b mut [u8],
    },
}

impl Packet<'_> {
    /// The namespace that it is about.
    pub const fn namespace(&self) -> &str {
        match self {
            Self::Connect { namespace, .. }
            | Self::Disconnect { namespace }
            | Self::Event { namespace, .. }
            | Self::Ack { namespace, .. }
            | Self::BinaryEvent { namespace, .. }
            | Self::BinaryAck { namespace, .. } => namespace,
        }
    }
}

/// Why a text is no packet. The connection is then closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The first character is no type that a client may send.
    #[error("unknown packet type")]
    UnknownType,
    /// A type that owes attachments does not say how many, or too many.
    #[error("illegal attachments")]
    Attachments,
    /// The acknowledgement id is beyond 2^53, where JavaScript loses count.
    #[error("illegal acknowledgement id")]
    AckId,
    /// The payload cannot be one of this type.
    #[error("invalid payload")]
    Payload,
}

/// Most attachments of one packet. Source: socket.io-parser 4.2.6.
pub const ATTACHMENTS_MAX: u8 = 10;

/// The greatest id that a JavaScript client counts exactly.
pub(super) const ACK_ID_MAX: u64 = 1 << 53;

/// Reads a packet, Engine.IO's type digit already removed.
///
/// COMPAT: `50-` and `60-`, which owe nothing, are a plain event and a plain answer; the reference
/// delivers them too, and then trips over the next text. Pinned by
/// `a_binary_packet_that_owes_nothing_is_a_plain_one`.
///
/// # Errors
/// Whatever the reference parser closes a connection for, and ids that it would garble.
///
/// # Cost
/// One pass over the head; the payload is only borrowed.
pub fn decode_text(text: &mut [u8]) -> Result<Packet<'_>, PacketError> {
    let (&mut kind, mut rest) = text.split_first_mut().ok_or(PacketError::UnknownType)?;
    let mut attachments = 0;
    if matches!(kind, b'5' | b'6') {
        (attachments, rest) = split_attachments(rest)?;
    }
    let (namespace, rest) = split_namespace(rest);
    let (id, rest) = split_id(rest)?;
    let payload = (!rest.is_empty()).then_some(rest);
    match kind {
        b'0' => Ok(Packet::Connect { namespace, auth: beginning_with(b'{', payload)? }),
        b'1' if payload.is_none() => Ok(Packet::Disconnect { namespace }),
        b'1' => Err(PacketError::Payload),
        b'2' => Ok(Packet::Event { namespace, ack: id, arguments: beginning_with(b'[', payload)? }),
        b'3' => Ok(Packet::Ack { namespace, id, arguments: beginning_with(b'[', payload)? }),
        b'5' => match (attachments, beginning_with(b'[', payload)?) {
            (0, arguments) => Ok(Packet::Event { namespace, ack: id, arguments }),
            (_, None) => Err(PacketError::Payload),
            (_, Some(arguments)) => {
                Ok(Packet::BinaryEvent { namespace, ack: id, attachments, arguments })
            }
        },
        b'6' => match (attachments, beginning_with(b'[', payload)?) {
            (0, arguments) => Ok(Packet::Ack { namespace, id, arguments }),
            (_, None) => Err(PacketError::Payload),
            (_, Some(arguments)) => Ok(Packet::BinaryAck { namespace, id, attachments, arguments }),
        },
        _ => Err(PacketError::UnknownType),
    }
}

fn beginning_with(first: u8, payload: Option<&mut [u8]>) -> Result<Option<&mut [u8]>, PacketError> {
    match payload {
        Some(json) if json.first() != Some(&first) => Err(PacketError::Payload),
        other => Ok(other),
    }
}

fn split_attachments(text: &mut [u8]) -> Result<(u8, &mut [u8]), PacketError> {
    let (count, rest) = split_digits(text);
    let Some((b'-', rest)) = rest.split_first_mut() else {
        return Err(PacketError::Attachments);
    };
    let count = number(count).and_then(|count| u8::try_from(count).ok());
    match count {
        Some(count) if count <= ATTACHMENTS_MAX => Ok((count, rest)),
        Some(_) | None => Err(PacketError::Attachments),
    }
}

/// The namespace, root when none is named. Its comma may be missing when nothing follows.
fn split_namespace(text: &mut [u8]) -> (&str, &mut [u8]) {
    if text.first() != Some(&b'/') {
        return (ROOT, text);
    }
    let end = memchr::memchr(b',', text).unwrap_or(text.len());
    // INVARIANT: `end` is at most the length of `text`.
    let Some((name, rest)) = text.split_at_mut_checked(end) else { return (ROOT, &mut []) };
    let rest = rest.split_first_mut().map_or_else(Default::default, |(_comma, rest)| rest);
    // A name that is not UTF-8 cannot come out of a text message; it would be known to nobody.
    (std::str::from_utf8(name).unwrap_or("/\u{fffd}"), rest)
}

fn split_id(text: &mut [u8]) -> Result<(Option<u64>, &mut [u8]), PacketError> {
    let (digits, rest) = split_digits(text);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    match number(digits) {
        Some(id) if id <= ACK_ID_MAX => Ok((Some(id), rest)),
        Some(_) | None => Err(PacketError::AckId),
    }
}

fn split_digits(text: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_mut_checked(end).unwrap_or_default()
}

/// The value of at most 19 decimal digits.
fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
