//! One frame's header, read and written, and whole outgoing frames.
//!
//! Source: RFC 6455 §5.2.

use std::ops::Deref;

use bytes::{BufMut, Bytes};

use super::mask;
use super::violation::Violation;

/// Longest header in bytes: two, a 64-bit length, a masking key.
pub const HEADER_BYTES_MAX: usize = 14;

/// Longest header of a frame without a mask, in bytes.
pub const UNMASKED_HEADER_BYTES_MAX: usize = 10;

/// Longest payload of a ping, pong or close frame, in bytes. Source: RFC 6455 §5.5.
pub const CONTROL_PAYLOAD_BYTES_MAX: usize = 125;

const FIN: u8 = 0b1000_0000;
const RESERVED_BITS: u8 = 0b0111_0000;
const OPCODE_BITS: u8 = 0b0000_1111;
const MASKED: u8 = 0b1000_0000;
const LENGTH_BITS: u8 = 0b0111_1111;

/// The 7-bit length that announces a 16-bit one.
const LENGTH_16: u8 = 126;
/// The 7-bit length that announces a 64-bit one.
const LENGTH_64: u8 = 127;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// The next fragment of the message under way.
    Continuation = 0x0,
    /// A text message or its first fragment.
    Text = 0x1,
    /// A binary message or its first fragment.
    Binary = 0x2,
    /// The last frame of this direction.
    Close = 0x8,
    /// A question that a pong answers.
    Ping = 0x9,
    /// An answer to a ping, or an unasked sign of life.
    Pong = 0xA,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }

    /// Whether frames of this kind may stand between the fragments of a message.
    pub const fn is_control(self) -> bool {
        match self {
            Self::Close | Self::Ping | Self::Pong => true,
            Self::Continuation | Self::Text | Self::Binary => false,
        }
    }
}

/// Which end of the connection we are; it decides who masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Incoming frames must be masked, outgoing ones are not.
    Server,
    /// Incoming frames must not be masked, outgoing ones are.
    Client,
}

/// A frame's header as it came from the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Whether the frame is its message's last.
    pub fin: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key, on frames from a client.
    pub key: Option<mask::Key>,
    /// The declared length of the payload. A claim: nothing may be allocated for it.
    pub payload_len: u64,
}

/// Reads the header at the front of `bytes` and says how many bytes it takes; `None` as long as
/// `bytes` ends inside it. Breaches are reported from the first byte that shows them.
///
/// # Errors
/// Whatever RFC 6455 §5.1, §5.2 and §5.5 forbid to this peer in a single header.
///
/// # Cost
/// No allocation, no copy.
pub fn parse(bytes: &[u8], role: Role) -> Result<Option<(Header, usize)>, Violation> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let (fin, opcode) = first_byte(first)?;
    let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
    match (role, second & MASKED != 0) {
        (Role::Server, false) => return Err(Violation::Unmasked),
        (Role::Client, true) => return Err(Violation::Masked),
        (Role::Server, true) | (Role::Client, false) => {}
    }
    let length = second & LENGTH_BITS;
    if opcode.is_control() && usize::from(length) > CONTROL_PAYLOAD_BYTES_MAX {
        return Err(Violation::ControlTooLong);
    }
    let Some((payload_len, rest)) = extended_length(length, rest)? else { return Ok(None) };
    let (key, rest) = match role {
        Role::Server => match rest.split_first_chunk::<4>() {
            Some((&key, rest)) => (Some(key), rest),
            None => return Ok(None),
        },
        Role::Client => (None, rest),
    };
    let header_len = bytes.len().saturating_sub(rest.len());
    Ok(Some((Header { fin, opcode, key, payload_len }, header_len)))
}

fn first_byte(byte: u8) -> Result<(bool, Opcode), Violation> {
    if byte & RESERVED_BITS != 0 {
        return Err(Violation::ReservedBit);
    }
    let opcode = Opcode::from_bits(byte & OPCODE_BITS).ok_or(Violation::ReservedOpcode)?;
    let fin = byte & FIN != 0;
    if opcode.is_control() && !fin {
        return Err(Violation::ControlFragmented);
    }
    Ok((fin, opcode))
}

/// The payload length, given its 7-bit form and what follows; and what follows that.
fn extended_length(length: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    match length {
        LENGTH_16 => {
            let Some((&bytes, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            let len = u16::from_be_bytes(bytes);
            if len < u16::from(LENGTH_16) {
                return Err(Violation::LengthNotMinimal);
            }
            Ok(Some((u64::from(len), rest)))
        }
        LENGTH_64 => {
            let Some((&bytes, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            let len = u64::from_be_bytes(bytes);
            if len > u64::MAX >> 1 {
                return Err(Violation::LengthHighBit);
            }
            if u16::try_from(len).is_ok() {
                return Err(Violation::LengthNotMinimal);
            }
            Ok(Some((len, rest)))
        }
        short => Ok(Some((u64::from(short), rest))),
    }
}

/// The header of an outgoing frame without a mask; dereferences to its 2, 4 or 10 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeaderBytes {
    bytes: [u8; UNMASKED_HEADER_BYTES_MAX],
    len: u8,
}

impl Deref for HeaderBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The header of a server's frame with `payload_len` bytes of payload.
///
/// A control frame must have `fin` and at most [`CONTROL_PAYLOAD_BYTES_MAX`] bytes; that is the
/// caller's to keep.
pub fn header(opcode: Opcode, fin: bool, payload_len: usize) -> HeaderBytes {
    let first = if fin { FIN | opcode as u8 } else { opcode as u8 };
    let mut bytes = [0; UNMASKED_HEADER_BYTES_MAX];
    let [first_byte, second_byte, extended @ ..] = &mut bytes;
    *first_byte = first;
    let len = if let Ok(len @ 0..LENGTH_16) = u8::try_from(payload_len) {
        *second_byte = len;
        2
    } else if let Ok(len) = u16::try_from(payload_len) {
        *second_byte = LENGTH_16;
        let [high, low, ..] = extended;
        [*high, *low] = len.to_be_bytes();
        4
    } else {
        *second_byte = LENGTH_64;
        *extended = (payload_len as u64).to_be_bytes();
        10
    };
    HeaderBytes { bytes, len }
}

/// Appends a whole server frame: text, binary, ping or pong. Closes are written by
/// [`close::encode_into`](super::close::encode_into).
///
/// A control payload longer than [`CONTROL_PAYLOAD_BYTES_MAX`] would be an illegal frame; what a
/// peer's ping carried always fits.
///
/// # Cost
/// One copy of the payload; `out` grows if it must.
pub fn encode_into(out: &mut impl BufMut, opcode: Opcode, payload: &[u8]) {
    debug_assert!(!opcode.is_control() || payload.len() <= CONTROL_PAYLOAD_BYTES_MAX);
    out.put_slice(&header(opcode, true, payload.len()));
    out.put_slice(payload);
}

/// A whole server frame that any number of recipients share.
///
/// # Cost
/// One allocation of the exact size, one copy of the payload.
pub fn encode(opcode: Opcode, payload: &[u8]) -> Bytes {
    let header = header(opcode, true, payload.len());
    let mut out = Vec::with_capacity(header.len().saturating_add(payload.len()));
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
    Bytes::from(out)
}

/// Appends a whole client frame, masked with `key`. `fin` is false on a fragment that others
/// follow. The key must be unpredictable to whoever chose the payload. Source: RFC 6455 §10.3.
pub fn encode_masked_into(
    out: &mut Vec<u8>,
    opcode: Opcode,
    fin: bool,
    payload: &[u8],
    key: mask::Key,
) {
    let mut head = header(opcode, fin, payload.len());
    head.bytes[1] |= MASKED;
    out.extend_from_slice(&head);
    out.extend_from_slice(&key);
    let payload_start = out.len();
    out.extend_from_slice(payload);
    let _ = mask::apply(out.get_mut(payload_start..).unwrap_or_default(), key);
}
