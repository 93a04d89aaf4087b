//! The smallest form of each value.

/// Appends a whole number from 0.
pub(super) fn unsigned(out: &mut Vec<u8>, number: u64) {
    match (u8::try_from(number), u16::try_from(number), u32::try_from(number)) {
        (Ok(byte @ ..=0x7f), _, _) => out.push(byte),
        (Ok(byte), _, _) => out.extend_from_slice(&[0xcc, byte]),
        (_, Ok(short), _) => with_head(out, 0xcd, &short.to_be_bytes()),
        (_, _, Ok(word)) => with_head(out, 0xce, &word.to_be_bytes()),
        (Err(_), Err(_), Err(_)) => with_head(out, 0xcf, &number.to_be_bytes()),
    }
}

/// Appends a whole number.
pub(super) fn signed(out: &mut Vec<u8>, number: i64) {
    if let Ok(number) = u64::try_from(number) {
        return unsigned(out, number);
    }
    match (i8::try_from(number), i16::try_from(number), i32::try_from(number)) {
        (Ok(byte @ -0x20..), _, _) => out.push(byte.cast_unsigned()),
        (Ok(byte), _, _) => out.extend_from_slice(&[0xd0, byte.cast_unsigned()]),
        (_, Ok(short), _) => with_head(out, 0xd1, &short.to_be_bytes()),
        (_, _, Ok(word)) => with_head(out, 0xd2, &word.to_be_bytes()),
        (Err(_), Err(_), Err(_)) => with_head(out, 0xd3, &number.to_be_bytes()),
    }
}

/// Appends a number: as an integer if it is one that JavaScript counts exactly, else with 64 bits.
pub(super) fn float(out: &mut Vec<u8>, number: f64) {
    match whole(number) {
        Some(number) => signed(out, number),
        None => with_head(out, 0xcb, &number.to_be_bytes()),
    }
}

pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(len @ ..=0x1f), _) => out.push(0xa0 | len),
        (Ok(len), _) => out.extend_from_slice(&[0xd9, len]),
        (_, Ok(len)) => with_head(out, 0xda, &len.to_be_bytes()),
        (Err(_), Err(_)) => with_head(out, 0xdb, &len32(text.len())),
    }
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    match (u8::try_from(bytes.len()), u16::try_from(bytes.len())) {
        (Ok(len), _) => out.extend_from_slice(&[0xc4, len]),
        (_, Ok(len)) => with_head(out, 0xc5, &len.to_be_bytes()),
        (Err(_), Err(_)) => with_head(out, 0xc6, &len32(bytes.len())),
    }
    out.extend_from_slice(bytes);
}

/// Appends the head of an array of so many values.
pub(super) fn array(out: &mut Vec<u8>, len: usize) {
    container(out, len, [0x90, 0xdc, 0xdd]);
}

/// Appends the head of a map of so many entries.
pub(super) fn map(out: &mut Vec<u8>, len: usize) {
    container(out, len, [0x80, 0xde, 0xdf]);
}

pub(super) fn nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

pub(super) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

fn container(out: &mut Vec<u8>, len: usize, [fixed, short, long]: [u8; 3]) {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=0x0f), _) => out.push(fixed | len),
        (_, Ok(len)) => with_head(out, short, &len.to_be_bytes()),
        (_, Err(_)) => with_head(out, long, &len32(len)),
    }
}

fn with_head(out: &mut Vec<u8>, head: u8, bytes: &[u8]) {
    out.push(head);
    out.extend_from_slice(bytes);
}

/// Nothing that we hold is 4 GiB long.
fn len32(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

#[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
fn whole(number: f64) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
}
