//! Claims about the codec as a whole; `rule` holds RFC 6455 to its sections, `oracle` compares
//! with another implementation.
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic, it is how it fails"
)]

mod limit;
mod oracle;
mod rule;

use super::close::CloseCode;
use super::decoder::{Decoder, Limits, Step};
use super::frame::{self, Opcode, Role};
use super::message::Message;
use super::violation::Violation;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A message that outlives the buffer it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Message<'_>> for Seen {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(payload) => {
                Self::Text(String::from_utf8(payload.into_vec()).expect("text is UTF-8"))
            }
            Message::Binary(payload) => Self::Binary(payload.into_vec()),
            Message::Ping(payload) => Self::Ping(payload.into_vec()),
            Message::Pong(payload) => Self::Pong(payload.into_vec()),
            Message::Close(frame) => {
                Self::Close(frame.map(|frame| (frame.code.number(), frame.reason.into_owned())))
            }
        }
    }
}

fn text(text: impl Into<String>) -> Seen {
    Seen::Text(text.into())
}

/// A masked frame, as a client sends it.
fn masked(opcode: Opcode, fin: bool, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode_masked_into(&mut out, opcode, fin, payload.as_ref(), KEY);
    out
}

/// A masked frame with a first byte of one's choice.
fn masked_raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = masked(Opcode::Text, true, payload);
    out[0] = first;
    out
}

/// Feeds `reads` to `decoder`, one buffer each, until they end or break a rule.
fn feed<'r>(
    decoder: &mut Decoder,
    limits: &Limits,
    reads: impl IntoIterator<Item = &'r [u8]>,
) -> (Vec<Seen>, Option<Violation>) {
    let mut seen = Vec::new();
    for read in reads {
        let mut buffer = read.to_vec();
        let mut at = 0;
        loop {
            match decoder.decode(&mut buffer[at..], limits) {
                Ok((consumed, Step::Message(message))) => {
                    seen.push(Seen::from(message));
                    at += consumed;
                }
                Ok((consumed, Step::Incomplete)) => {
                    assert_eq!(at + consumed, buffer.len(), "nothing is left in the buffer");
                    break;
                }
                Err(violation) => return (seen, Some(violation)),
            }
        }
    }
    (seen, None)
}

/// What a server makes of one read.
fn serve(bytes: &[u8]) -> (Vec<Seen>, Option<Violation>) {
    feed(&mut Decoder::new(Role::Server), &Limits::default(), [bytes])
}

/// Asserts that a server refuses `bytes` with `violation`, in one read and byte by byte.
#[track_caller]
fn refused(bytes: &[u8], violation: Violation, code: CloseCode) {
    assert_eq!(serve(bytes).1, Some(violation));
    let bytewise = feed(&mut Decoder::new(Role::Server), &Limits::default(), bytes.chunks(1));
    assert_eq!(bytewise.1, Some(violation));
    assert_eq!(violation.close_code(), code);
}
