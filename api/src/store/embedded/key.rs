//! Keys whose byte order is MongoDB's order of values.
//!
//! Each value is a tag (its kind, in MongoDB's order of kinds) and a body that ends itself: no
//! encoded value begins another. So values set one behind the other compare field by field, and
//! everything that begins with the same fields lies together.
//!
//! Exact for what we store under an index: null, numbers (int32, int64 and double together),
//! strings (by bytes), binary, ids, booleans, dates, timestamps. Documents, arrays and the kinds
//! that nobody stores (regular expressions, code, decimals …) keep their kind's place, but among
//! themselves are ordered by their bytes.

use bson::spec::BinarySubtype;
use bson::{Bson, RawBson, RawBsonRef};

/// Appends the encoding of `value`.
pub(super) fn push(out: &mut Vec<u8>, value: RawBsonRef<'_>) {
    out.push(tag(value));
    match value {
        // The last was deprecated long before this store was made; all of its kind are one.
        RawBsonRef::Null
        | RawBsonRef::Undefined
        | RawBsonRef::MinKey
        | RawBsonRef::MaxKey
        | RawBsonRef::DbPointer(_) => {}
        RawBsonRef::Int32(number) => push_double(out, f64::from(number), 0),
        RawBsonRef::Int64(number) => push_integer(out, number),
        RawBsonRef::Double(number) => push_double(out, number, 0),
        RawBsonRef::Decimal128(number) => out.extend_from_slice(&number.bytes()),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) | RawBsonRef::JavaScriptCode(text) => {
            push_escaped(out, text.as_bytes());
        }
        RawBsonRef::JavaScriptCodeWithScope(code) => {
            push_escaped(out, code.code.as_bytes());
            push_escaped(out, code.scope.as_bytes());
        }
        RawBsonRef::Document(document) => push_escaped(out, document.as_bytes()),
        RawBsonRef::Array(array) => push_escaped(out, array.as_bytes()),
        RawBsonRef::Binary(binary) => {
            out.extend_from_slice(&(binary.bytes.len() as u64).to_be_bytes());
            out.push(subtype(binary.subtype));
            out.extend_from_slice(binary.bytes);
        }
        RawBsonRef::ObjectId(id) => out.extend_from_slice(&id.bytes()),
        RawBsonRef::Boolean(is) => out.push(u8::from(is)),
        RawBsonRef::DateTime(at) => {
            out.extend_from_slice(&ordered(at.timestamp_millis()).to_be_bytes());
        }
        RawBsonRef::Timestamp(at) => {
            out.extend_from_slice(&at.time.to_be_bytes());
            out.extend_from_slice(&at.increment.to_be_bytes());
        }
        RawBsonRef::RegularExpression(regex) => {
            push_escaped(out, regex.pattern.as_str().as_bytes());
            push_escaped(out, regex.options.as_str().as_bytes());
        }
    }
}

/// Appends the encoding of an owned value.
pub(super) fn push_bson(out: &mut Vec<u8>, value: &Bson) {
    match value {
        Bson::Null => push(out, RawBsonRef::Null),
        Bson::String(text) => push(out, RawBsonRef::String(text)),
        Bson::ObjectId(id) => push(out, RawBsonRef::ObjectId(*id)),
        Bson::Int32(number) => push(out, RawBsonRef::Int32(*number)),
        Bson::Int64(number) => push(out, RawBsonRef::Int64(*number)),
        Bson::Double(number) => push(out, RawBsonRef::Double(*number)),
        Bson::Boolean(is) => push(out, RawBsonRef::Boolean(*is)),
        Bson::DateTime(at) => push(out, RawBsonRef::DateTime(*at)),
        Bson::Document(_)
        | Bson::Array(_)
        | Bson::Binary(_)
        | Bson::RegularExpression(_)
        | Bson::JavaScriptCode(_)
        | Bson::JavaScriptCodeWithScope(_)
        | Bson::Timestamp(_)
        | Bson::Symbol(_)
        | Bson::Decimal128(_)
        | Bson::Undefined
        | Bson::MaxKey
        | Bson::MinKey
        | Bson::DbPointer(_) => match RawBson::try_from(value.clone()) {
            Ok(raw) => push(out, raw.as_raw_bson_ref()),
            // A name with a NUL inside cannot be stored, so nothing stored equals it.
            Err(_) => push(out, RawBsonRef::MaxKey),
        },
    }
}

/// The encoding of one owned value.
pub(super) fn of(value: &Bson) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    push_bson(&mut out, value);
    out
}

/// Turns the beginning of keys into the first key behind all that begin so.
///
/// INVARIANT: `prefix` has a byte below 255 (tags and numbers of indexes are).
pub(super) fn behind(mut prefix: Vec<u8>) -> Vec<u8> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            break;
        }
    }
    prefix
}

/// MongoDB's order of kinds. Kinds that compare by value across types share a tag.
/// Source: MongoDB manual, "Comparison/Sort Order".
const fn tag(value: RawBsonRef<'_>) -> u8 {
    match value {
        RawBsonRef::MinKey => 0x08,
        RawBsonRef::Undefined => 0x10,
        RawBsonRef::Null => 0x18,
        RawBsonRef::Int32(_) | RawBsonRef::Int64(_) | RawBsonRef::Double(_) => 0x20,
        RawBsonRef::Decimal128(_) => 0x28,
        RawBsonRef::String(_) | RawBsonRef::Symbol(_) => 0x30,
        RawBsonRef::Document(_) => 0x38,
        RawBsonRef::Array(_) => 0x40,
        RawBsonRef::Binary(_) => 0x48,
        RawBsonRef::ObjectId(_) => 0x50,
        RawBsonRef::Boolean(_) => 0x58,
        RawBsonRef::DateTime(_) => 0x60,
        RawBsonRef::Timestamp(_) => 0x68,
        RawBsonRef::RegularExpression(_) => 0x70,
        RawBsonRef::DbPointer(_) => 0x78,
        RawBsonRef::JavaScriptCode(_) => 0x80,
        RawBsonRef::JavaScriptCodeWithScope(_) => 0x88,
        RawBsonRef::MaxKey => 0xF0,
    }
}

/// The nearest double not above the integer, then how far above it the integer lies.
///
/// Doubles are whole multiples of 1024 or finer below 2^63, so the distance fits 16 bits; a double
/// itself has distance 0. That orders every integer exactly among the doubles.
fn push_integer(out: &mut Vec<u8>, number: i64) {
    #[expect(clippy::cast_precision_loss, reason = "the distance keeps what the double loses")]
    let mut floor = number as f64;
    if whole(floor) > i128::from(number) {
        floor = floor.next_down();
    }
    let distance = u16::try_from(i128::from(number) - whole(floor))
        .expect("neighbouring doubles below 2^63 are at most 1024 apart");
    push_double(out, floor, distance);

    fn whole(double: f64) -> i128 {
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^63, and whole")]
        let number = double as i128;
        number
    }
}

/// The bits of a double, turned so that their order is the numbers'; NaN first, one zero.
fn push_double(out: &mut Vec<u8>, number: f64, distance: u16) {
    let bits = number.to_bits();
    let turned = if number.is_nan() {
        0
    } else if number == 0.0 {
        1 << 63
    } else if number.is_sign_negative() {
        !bits
    } else {
        bits | (1 << 63)
    };
    out.extend_from_slice(&turned.to_be_bytes());
    out.extend_from_slice(&distance.to_be_bytes());
}

/// The bytes with each NUL marked, then an end that is below every byte.
fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xFF);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// A signed number whose bytes order like the numbers.
const fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

fn subtype(subtype: BinarySubtype) -> u8 {
    subtype.into()
}

#[cfg(test)]
mod tests;
