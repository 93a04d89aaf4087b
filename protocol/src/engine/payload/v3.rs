//! Revision 3: packets behind their lengths.
//!
//! As text, `<length>:<packet>` with the length in UTF-16 code units, as JavaScript counts. As
//! bytes, a marker (0 text, 1 binary), the length in bytes with one decimal digit a byte, 0xFF,
//! then the packet.

use super::{Cut, PayloadError, Piece};
use crate::engine::Revision;
use crate::engine::packet;

/// Most digits of a length; no body that we take is that long.
const DIGITS_MAX: usize = 9;

/// What ends a length in the binary form.
const LENGTH_END: u8 = 0xff;

/// The packet at the front of a text body; `None` when only empty ones are left, as in `0:`.
pub(super) fn cut_text(body: &mut [u8]) -> Result<Option<Cut<'_>>, PayloadError> {
    if body.is_empty() {
        return Err(PayloadError::Length);
    }
    let mut rest = body;
    // COMPAT: the reference steps over packets of no length. Pinned by
    // `v3_packets_without_length_are_stepped_over`.
    while !rest.is_empty() {
        let colon = rest.iter().take(DIGITS_MAX.saturating_add(1)).position(|byte| *byte == b':');
        let colon = colon.ok_or(PayloadError::Length)?;
        let (digits, tail) = rest.split_at_mut_checked(colon).ok_or(PayloadError::Length)?;
        let units = number(digits.iter().map(|digit| digit.wrapping_sub(b'0')))?;
        let (_colon, tail) = tail.split_first_mut().ok_or(PayloadError::Length)?;
        let end = byte_len(tail, units).ok_or(PayloadError::Length)?;
        let (packet, tail) = tail.split_at_mut_checked(end).ok_or(PayloadError::Length)?;
        if !packet.is_empty() {
            return Ok(Some((Piece::Text(packet), (!tail.is_empty()).then_some(tail))));
        }
        rest = tail;
    }
    Ok(None)
}

/// The packet at the front of a binary body.
pub(super) fn cut_binary(body: &mut [u8]) -> Result<Cut<'_>, PayloadError> {
    let (&mut marker, tail) = body.split_first_mut().ok_or(PayloadError::Length)?;
    let digits = tail.iter().take(DIGITS_MAX.saturating_add(1));
    let end = digits.clone().position(|byte| *byte == LENGTH_END).ok_or(PayloadError::Length)?;
    let len = number(digits.take(end).copied())?;
    let (_digits, tail) = tail.split_at_mut_checked(end).ok_or(PayloadError::Length)?;
    let (_end, tail) = tail.split_first_mut().ok_or(PayloadError::Length)?;
    let (packet, tail) = tail.split_at_mut_checked(len).ok_or(PayloadError::Length)?;
    let rest = (!tail.is_empty()).then_some(tail);
    match marker {
        0 if std::str::from_utf8(packet).is_err() => Err(PayloadError::Utf8),
        0 => Ok((Piece::Text(packet), rest)),
        1 => Ok((Piece::Binary(packet), rest)),
        _ => Err(PayloadError::Length),
    }
}

pub(super) fn push_text(body: &mut Vec<u8>, packet: &[u8]) {
    body.extend_from_slice(utf16_len(packet).to_string().as_bytes());
    body.push(b':');
    body.extend_from_slice(packet);
}

pub(super) fn push_base64(body: &mut Vec<u8>, message: &[u8]) {
    let len = packet::base64_len(Revision::V3, message.len());
    body.extend_from_slice(len.to_string().as_bytes());
    body.push(b':');
    packet::append_base64(body, Revision::V3, message);
}

pub(super) fn push_text_bytes(body: &mut Vec<u8>, packet: &[u8]) {
    push_head(body, 0, packet.len());
    body.extend_from_slice(packet);
}

pub(super) fn push_binary(body: &mut Vec<u8>, message: &[u8]) {
    let head_len = packet::binary_head(Revision::V3).len();
    push_head(body, 1, message.len().saturating_add(head_len));
    packet::append_binary(body, Revision::V3, message);
}

fn push_head(body: &mut Vec<u8>, marker: u8, len: usize) {
    body.push(marker);
    body.extend(len.to_string().bytes().map(|digit| digit & 0x0f));
    body.push(LENGTH_END);
}

/// The number of these decimal digits, of which there must be one at least.
fn number(digits: impl Iterator<Item = u8>) -> Result<usize, PayloadError> {
    let mut value = None;
    for digit in digits {
        if digit > 9 {
            return Err(PayloadError::Length);
        }
        let tens = value.unwrap_or(0_usize).checked_mul(10);
        value =
            Some(tens.and_then(|tens| tens.checked_add(digit.into())).ok_or(PayloadError::Length)?);
    }
    value.ok_or(PayloadError::Length)
}

/// How many UTF-16 code units a character takes, from the first byte of its UTF-8.
const fn units_of(first: u8) -> usize {
    match first {
        0x80..=0xbf => 0,
        0xf0..=0xff => 2,
        _ => 1,
    }
}

/// The length of UTF-8 text in UTF-16 code units.
fn utf16_len(text: &[u8]) -> usize {
    text.iter().map(|byte| units_of(*byte)).sum()
}

/// How many bytes of UTF-8 make up the first `units` UTF-16 code units; `None` if there are fewer,
/// or if the cut would fall inside a character.
fn byte_len(text: &[u8], units: usize) -> Option<usize> {
    let mut left = units;
    for (at, byte) in text.iter().enumerate() {
        let width = units_of(*byte);
        if width > 0 && left == 0 {
            return Some(at);
        }
        left = left.checked_sub(width)?;
    }
    (left == 0).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_utf16_units_and_never_cut_a_character() {
        for text in ["", "a", "é", "€uro", "😀", "a😀é"] {
            let units = text.encode_utf16().count();
            assert_eq!(utf16_len(text.as_bytes()), units);
            assert_eq!(byte_len(text.as_bytes(), units), Some(text.len()));
            let followed = format!("{text}é");
            assert_eq!(byte_len(followed.as_bytes(), units), Some(text.len()));
            assert_eq!(byte_len(text.as_bytes(), units + 1), None);
        }
        assert_eq!(byte_len("😀".as_bytes(), 1), None);
    }
}
