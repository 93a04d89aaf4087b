//! Revision 4: packets with U+001E between them, binary as `b` and base64.

use super::{Cut, Piece};
use crate::engine::Revision;
use crate::engine::packet;

/// What stands between two packets. JSON escapes it, so no packet can hold one.
pub const SEPARATOR: u8 = 0x1e;

/// The packet at the front of a body. An empty one is left for the packet decoder to refuse.
pub(super) fn cut(body: &mut [u8]) -> Cut<'_> {
    let end = memchr::memchr(SEPARATOR, body).unwrap_or(body.len());
    // INVARIANT: `end` is at most the length of the body.
    let (packet, rest) = body.split_at_mut_checked(end).unwrap_or_default();
    (Piece::Text(packet), rest.split_first_mut().map(|(_separator, rest)| rest))
}

pub(super) fn push_text(body: &mut Vec<u8>, packet: &[u8]) {
    separate(body);
    body.extend_from_slice(packet);
}

pub(super) fn push_binary(body: &mut Vec<u8>, message: &[u8]) {
    separate(body);
    packet::append_base64(body, Revision::V4, message);
}

fn separate(body: &mut Vec<u8>) {
    if !body.is_empty() {
        body.push(SEPARATOR);
    }
}
