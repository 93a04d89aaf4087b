//! WebSocket frames, client role: masked out, unmasked in, one message a frame.
//!
//! Written apart from the server's codec on purpose: an instrument that shares the code of what it
//! measures also shares its mistakes.

/// The longest payload taken from a server; a longer one ends the connection with an error.
pub const PAYLOAD_BYTES_MAX: usize = 240 * 1024;

/// A whole frame from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A text message.
    Text(&'a [u8]),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping, to be answered with the same payload.
    Ping(&'a [u8]),
    /// A pong; nothing to do.
    Pong,
    /// The close frame and its code, 1005 when it has none.
    Close(u16),
}

/// What a frame is, to send one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// A text message.
    Text = 1,
    /// The close frame.
    Close = 8,
    /// The answer to a ping.
    Pong = 10,
}

/// A frame that this client does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// RFC 6455 §5.1: a server must not mask.
    #[error("the server masks its frames")]
    Masked,
    /// No Socket.IO server splits its messages, so the client does not join them.
    #[error("the server splits a message into fragments")]
    Fragmented,
    /// Longer than [`PAYLOAD_BYTES_MAX`].
    #[error("the server sends a frame over 240 KiB")]
    TooLong,
    /// An opcode or a reserved bit without a meaning.
    #[error("the server sends an unknown frame")]
    Unknown,
}

/// The first frame in `input` and its length in bytes; `None` while it is incomplete.
///
/// # Errors
/// A frame that is not one of [`Frame`], as soon as its header shows it.
pub fn decode(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    let &[first, second, ..] = input else { return Ok(None) };
    if second & 0x80 != 0 {
        return Err(FrameError::Masked);
    }
    if first & 0x70 != 0 {
        return Err(FrameError::Unknown);
    }
    let opcode = first & 0xf;
    if first & 0x80 == 0 || opcode == 0 {
        return Err(FrameError::Fragmented);
    }
    let (start, len) = match (second, input) {
        (126, &[_, _, a, b, ..]) => (4, u64::from(u16::from_be_bytes([a, b]))),
        (127, [_, _, rest @ ..]) => match rest.first_chunk() {
            Some(len) => (10, u64::from_be_bytes(*len)),
            None => return Ok(None),
        },
        (126, _) => return Ok(None),
        (short, _) => (2, u64::from(short)),
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > PAYLOAD_BYTES_MAX {
        return Err(FrameError::TooLong);
    }
    let end = start + len;
    let Some(payload) = input.get(start..end) else { return Ok(None) };
    let frame = match opcode {
        1 => Frame::Text(payload),
        2 => Frame::Binary(payload),
        8 => Frame::Close(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))),
        9 => Frame::Ping(payload),
        10 => Frame::Pong,
        _ => return Err(FrameError::Unknown),
    };
    Ok(Some((frame, end)))
}

/// Appends a masked frame to `out`.
///
/// # Cost
/// One copy of the payload, masked on the way.
pub fn encode(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    out.push(0x80 | opcode as u8);
    if let Ok(len) = u8::try_from(payload.len())
        && len < 126
    {
        out.push(0x80 | len);
    } else if let Ok(len) = u16::try_from(payload.len()) {
        out.push(0xfe);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(0xff);
        out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Frame, FrameError, Opcode, PAYLOAD_BYTES_MAX, decode, encode};

    fn server_frame(payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0x81];
        match payload.len() {
            len @ 0..126 => out.push(len.try_into().unwrap()),
            len @ 126..65_536 => {
                out.push(126);
                out.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            }
            len => {
                out.push(127);
                out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn a_frame_is_taken_only_when_whole_whatever_its_length() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, PAYLOAD_BYTES_MAX] {
            let payload = vec![b'x'; len];
            let wire = server_frame(&payload);
            assert_eq!(decode(&wire), Ok(Some((Frame::Text(&payload), wire.len()))), "{len}");
            for cut in [0, 1, 2, 3, 9, wire.len() - 1] {
                if cut < wire.len() {
                    assert_eq!(decode(&wire[..cut]), Ok(None), "{len} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_declared_length_over_the_bound_is_refused_from_the_header_alone() {
        let header = [0x81, 127, 0, 0, 0, 0, 0xff, 0, 0, 0];
        assert_eq!(decode(&header), Err(FrameError::TooLong));
    }

    #[test]
    fn frames_outside_the_client_role_are_refused() {
        assert_eq!(decode(&[0x81, 0x81, 0, 0, 0, 0, b'x']), Err(FrameError::Masked));
        assert_eq!(decode(&[0x01, 1, b'x']), Err(FrameError::Fragmented));
        assert_eq!(decode(&[0x80, 1, b'x']), Err(FrameError::Fragmented));
        assert_eq!(decode(&[0xc1, 1, b'x']), Err(FrameError::Unknown));
        assert_eq!(decode(&[0x83, 1, b'x']), Err(FrameError::Unknown));
    }

    #[test]
    fn control_frames_are_told_apart() {
        assert_eq!(decode(&[0x89, 2, b'h', b'i']), Ok(Some((Frame::Ping(b"hi"), 4))));
        assert_eq!(decode(&[0x8a, 0]), Ok(Some((Frame::Pong, 2))));
        assert_eq!(decode(&[0x88, 2, 3, 0xe8]), Ok(Some((Frame::Close(1000), 4))));
        assert_eq!(decode(&[0x88, 0]), Ok(Some((Frame::Close(1005), 2))));
    }

    #[test]
    fn rfc_6455_section_5_7_masked_hello() {
        let mut out = Vec::new();
        encode(&mut out, Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(out, masked);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let taken = decode(&bytes);
            if let Ok(Some((_, len))) = taken {
                prop_assert_eq!(decode(&bytes[..len]), taken);
            }
        }
    }
}
