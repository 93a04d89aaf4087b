//! RFC 6455 frames.

use protocol::websocket::decoder::{Decoder, Limits, Step};
use protocol::websocket::frame::Role;
use protocol::websocket::message::Message;
use protocol::websocket::violation::Violation;

/// Small, so that the fuzzer reaches the bounds.
const LIMITS: Limits = Limits { frame_bytes_max: 300, message_bytes_max: 500, fragments_max: 8 };

/// The same bytes make the same messages, however they are cut; nothing is kept beyond the limits.
///
/// The first byte says how long the pieces are and, by its high bit, our role.
pub(crate) fn websocket(data: &[u8]) {
    let Some((&head, bytes)) = data.split_first() else { return };
    let role = if head < 0x80 { Role::Server } else { Role::Client };
    let piece_len = usize::from(head & 0x7f) + 1;
    let whole = messages(role, bytes, bytes.len().max(1));
    let cut = messages(role, bytes, piece_len);
    assert_eq!(whole, cut);
}

type Heard = (Vec<(&'static str, Vec<u8>)>, Option<Violation>);

fn messages(role: Role, bytes: &[u8], piece_len: usize) -> Heard {
    let mut decoder = Decoder::new(role);
    let mut heard = Vec::new();
    for piece in bytes.chunks(piece_len) {
        let mut piece = piece.to_vec();
        let mut rest = piece.as_mut_slice();
        loop {
            let (taken, step) = match decoder.decode(rest, &LIMITS) {
                Ok(decoded) => decoded,
                Err(violation) => return (heard, Some(violation)),
            };
            let Step::Message(message) = step else { break };
            heard.push(match message {
                Message::Text(payload) => {
                    assert!(std::str::from_utf8(&payload).is_ok());
                    ("text", payload.into_vec())
                }
                Message::Binary(payload) => ("binary", payload.into_vec()),
                Message::Ping(payload) => ("ping", payload.into_vec()),
                Message::Pong(payload) => ("pong", payload.into_vec()),
                Message::Close(frame) => {
                    ("close", frame.map_or_else(Vec::new, |frame| frame.reason.as_bytes().to_vec()))
                }
            });
            rest = &mut rest[taken..];
        }
        // A buffer doubles as it grows, and a control frame may come in the middle.
        assert!(decoder.reserved_bytes() <= 2 * LIMITS.message_bytes_max + 256);
    }
    (heard, None)
}
