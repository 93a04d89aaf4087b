//! Msgpack, value by value, without recursion. Declared lengths allocate nothing.

use super::MsgpackError;
use crate::time::Timestamp;

/// The bytes that are not read yet.
#[derive(Debug, Clone)]
pub(super) struct Reader<'m> {
    rest: &'m [u8],
}

/// A value, or the beginning of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'m> {
    Nil,
    /// `notepack.io`'s `undefined`.
    Undefined,
    Boolean(bool),
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    Float(f64),
    Text(&'m str),
    Binary(&'m [u8]),
    /// `None` where JavaScript has an invalid date.
    Date(Option<Timestamp>),
    /// So many values follow.
    Array(u32),
    /// So many keys, each with its value, follow.
    Map(u32),
}

impl<'m> Reader<'m> {
    pub(super) const fn new(message: &'m [u8]) -> Self {
        Self { rest: message }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value.
    ///
    /// # Cost
    /// Text is checked to be UTF-8; nothing is copied.
    pub(super) fn token(&mut self) -> Result<Token<'m>, MsgpackError> {
        let [first] = self.array()?;
        Ok(match first {
            0x00..=0x7f => Token::Unsigned(first.into()),
            0x80..=0x8f => Token::Map(u32::from(first & 0x0f)),
            0x90..=0x9f => Token::Array(u32::from(first & 0x0f)),
            0xa0..=0xbf => self.text(u32::from(first & 0x1f))?,
            0xc0 => Token::Nil,
            0xc1 => return Err(MsgpackError::Malformed),
            0xc2 => Token::Boolean(false),
            0xc3 => Token::Boolean(true),
            0xc4..=0xc6 => {
                let len = self.len(first.wrapping_sub(0xc4))?;
                Token::Binary(self.bytes(len)?)
            }
            0xc7..=0xc9 => {
                let len = self.len(first.wrapping_sub(0xc7))?;
                let [kind] = self.array()?;
                sized(kind.cast_signed(), self.bytes(len)?)?
            }
            0xca => Token::Float(f32::from_be_bytes(self.array()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => signed(i8::from_be_bytes(self.array()?).into()),
            0xd1 => signed(i16::from_be_bytes(self.array()?).into()),
            0xd2 => signed(i32::from_be_bytes(self.array()?).into()),
            0xd3 => signed(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => {
                let [kind] = self.array()?;
                let len = 1_u32 << first.wrapping_sub(0xd4);
                fixed(kind.cast_signed(), self.bytes(len)?)?
            }
            0xd9..=0xdb => {
                let len = self.len(first.wrapping_sub(0xd9))?;
                self.text(len)?
            }
            0xdc | 0xdd => Token::Array(self.len(first.wrapping_sub(0xdb))?),
            0xde | 0xdf => Token::Map(self.len(first.wrapping_sub(0xdd))?),
            0xe0..=0xff => Token::Signed(first.cast_signed().into()),
        })
    }

    /// Reads over the next value and all that is in it.
    pub(super) fn skip(&mut self) -> Result<(), MsgpackError> {
        let mut left = 1_u64;
        while left > 0 {
            let inside = match self.token()? {
                Token::Array(len) => u64::from(len),
                Token::Map(len) => u64::from(len).saturating_mul(2),
                Token::Nil
                | Token::Undefined
                | Token::Boolean(_)
                | Token::Unsigned(_)
                | Token::Signed(_)
                | Token::Float(_)
                | Token::Text(_)
                | Token::Binary(_)
                | Token::Date(_) => 0,
            };
            left = left.saturating_sub(1).saturating_add(inside);
        }
        Ok(())
    }

    /// A length of 1, 2 or 4 bytes for a `width` of 0, 1 or 2.
    fn len(&mut self, width: u8) -> Result<u32, MsgpackError> {
        Ok(match width {
            0 => u8::from_be_bytes(self.array()?).into(),
            1 => u16::from_be_bytes(self.array()?).into(),
            _ => u32::from_be_bytes(self.array()?),
        })
    }

    fn text(&mut self, len: u32) -> Result<Token<'m>, MsgpackError> {
        let text = std::str::from_utf8(self.bytes(len)?);
        text.map(Token::Text).map_err(|_| MsgpackError::Malformed)
    }

    fn bytes(&mut self, len: u32) -> Result<&'m [u8], MsgpackError> {
        let len = usize::try_from(len).map_err(|_| MsgpackError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(MsgpackError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(MsgpackError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn signed(value: i64) -> Token<'static> {
    u64::try_from(value).map_or(Token::Signed(value), Token::Unsigned)
}

/// An extension whose length is in its head: `notepack.io` writes an `ArrayBuffer` as type 0.
fn sized(kind: i8, data: &[u8]) -> Result<Token<'_>, MsgpackError> {
    match kind {
        0 => Ok(Token::Binary(data)),
        TIMESTAMP => timestamp(data),
        _ => Err(MsgpackError::Extension),
    }
}

/// An extension whose length is in its first byte: of type 0, one byte is `undefined` and eight
/// are the date of an older `notepack.io`.
fn fixed(kind: i8, data: &[u8]) -> Result<Token<'_>, MsgpackError> {
    match (kind, data) {
        (0, [_]) => Ok(Token::Undefined),
        (0, data) => {
            let ms = data.as_array().ok_or(MsgpackError::Extension)?;
            Ok(date(i64::from_be_bytes(*ms).into()))
        }
        (TIMESTAMP, data) => timestamp(data),
        _ => Err(MsgpackError::Extension),
    }
}

/// The type of msgpack's own timestamps.
const TIMESTAMP: i8 = -1;

fn timestamp(data: &[u8]) -> Result<Token<'_>, MsgpackError> {
    let (seconds, nanoseconds) = match (data.as_array(), data.as_array(), data.split_first_chunk())
    {
        (Some(seconds), _, _) => (u32::from_be_bytes(*seconds).into(), 0),
        (_, Some(both), _) => {
            let both = u64::from_be_bytes(*both);
            ((both & SECONDS_MASK).cast_signed(), both >> SECONDS_BITS)
        }
        (_, _, Some((nanoseconds, seconds))) => {
            let seconds = seconds.as_array().ok_or(MsgpackError::Extension)?;
            (i64::from_be_bytes(*seconds), u32::from_be_bytes(*nanoseconds).into())
        }
        (None, None, None) => return Err(MsgpackError::Extension),
    };
    let ms = i128::from(seconds).saturating_mul(1_000);
    Ok(date(ms.saturating_add((nanoseconds / 1_000_000).into())))
}

/// In 64 bits, seconds are the low ones, nanoseconds the rest.
const SECONDS_BITS: u32 = 34;
const SECONDS_MASK: u64 = (1 << SECONDS_BITS) - 1;

/// The date that is so many milliseconds from 1970, if JavaScript has one.
fn date(ms: i128) -> Token<'static> {
    let ms = i64::try_from(ms).ok().filter(|ms| ms.unsigned_abs() <= DATE_MS_MAX);
    Token::Date(ms.map(Timestamp))
}

/// Source: ECMA-262 "Time Values and Time Range".
const DATE_MS_MAX: u64 = 8_640_000_000_000_000;
