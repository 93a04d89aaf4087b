//! A msgpack packet to the text that a JSON client would have sent, and its attachments.

use bytes::Bytes;

use super::read::{Reader, Token};
use super::{MsgpackError, TEXT_BYTES_MAX};
use crate::schema::json::{SOCKET_DEPTH_MAX, VALUES_MAX};
use crate::socket::decode::{ACK_ID_MAX, ATTACHMENTS_MAX};
use crate::socket::{Whole, encode};

/// Reads the packet in one binary message.
///
/// # Errors
/// Whatever the reference parser closes a connection for, and what goes beyond a bound.
///
/// # Cost
/// Two passes over the message; allocates the packet's text and a copy of each attachment.
pub fn decode(message: &[u8]) -> Result<Whole, MsgpackError> {
    let head = Head::read(message)?;
    let mut data = Data::default();
    if let Some(mut reader) = head.data.clone() {
        data.transcode(&mut reader)?;
    }
    if data.claims_attachment && !data.attachments.is_empty() {
        return Err(MsgpackError::Attachments);
    }
    let mut text = Vec::with_capacity(data.json.len().saturating_add(HEAD_BYTES));
    head.write(&mut text, &data)?;
    text.extend_from_slice(&data.json);
    Ok(Whole::new(text, data.attachments))
}

/// Room for what stands before the data: type, attachments, a usual namespace, an id.
const HEAD_BYTES: usize = 48;

/// A packet's members, its data not looked at.
#[derive(Debug)]
struct Head<'m> {
    kind: u64,
    namespace: &'m str,
    id: Option<u64>,
    /// At the data, unless there is none.
    data: Option<Reader<'m>>,
}

impl<'m> Head<'m> {
    fn read(message: &'m [u8]) -> Result<Self, MsgpackError> {
        let mut reader = Reader::new(message);
        let Token::Map(members) = reader.token()? else { return Err(MsgpackError::Packet) };
        let (mut kind, mut namespace, mut id, mut data) = (None, None, None, None);
        // Of a repeated member the last counts, as in JavaScript.
        for _ in 0..members {
            let Token::Text(key) = reader.token()? else { return Err(MsgpackError::Packet) };
            let value = reader.clone();
            reader.skip()?;
            match key {
                "type" => kind = Some(value),
                "nsp" => namespace = Some(value),
                "id" => id = present(value)?,
                "data" => data = present(value)?,
                _ => {}
            }
        }
        if !reader.is_empty() {
            return Err(MsgpackError::Trailing);
        }
        let kind = kind.as_mut().map(Reader::token).transpose()?;
        let namespace = namespace.as_mut().map(Reader::token).transpose()?;
        let id = id.as_mut().map(Reader::token).transpose()?;
        let (Some(Token::Unsigned(kind)), Some(Token::Text(namespace))) = (kind, namespace) else {
            return Err(MsgpackError::Packet);
        };
        let id = match id {
            None => None,
            Some(Token::Unsigned(id)) if id <= ACK_ID_MAX => Some(id),
            Some(_) => return Err(MsgpackError::Packet),
        };
        // A comma would end the name in the text.
        if !namespace.starts_with('/') || namespace.contains(',') {
            return Err(MsgpackError::Packet);
        }
        Ok(Self { kind, namespace, id, data })
    }

    /// Writes what stands before the data, if data of this shape may be that of this type.
    fn write(&self, text: &mut Vec<u8>, data: &Data) -> Result<(), MsgpackError> {
        let (plain, binary) = match (self.kind, data.json.first()) {
            (0, None | Some(b'{')) => (b'0', None),
            (1, None) => (b'1', None),
            (2, Some(b'[')) => (b'2', Some(b'5')),
            (3, Some(b'[')) => (b'3', Some(b'6')),
            (0..=3, _) => return Err(MsgpackError::Payload),
            // Only a server says that a namespace cannot be joined.
            _ => return Err(MsgpackError::Packet),
        };
        match (data.attachments.len(), binary) {
            (0, _) => text.push(plain),
            (_, None) => return Err(MsgpackError::Payload),
            (count, Some(binary)) => {
                text.push(binary);
                text.extend_from_slice(count.to_string().as_bytes());
                text.push(b'-');
            }
        }
        encode::within(text, self.namespace);
        if let Some(id) = self.id {
            text.extend_from_slice(id.to_string().as_bytes());
        }
        Ok(())
    }
}

/// A member, unless it is `undefined` or `null`, which say that there is none.
fn present(value: Reader<'_>) -> Result<Option<Reader<'_>>, MsgpackError> {
    let token = value.clone().token()?;
    Ok((!matches!(token, Token::Nil | Token::Undefined)).then_some(value))
}

/// A packet's data, on its way to JSON.
#[derive(Debug, Default)]
struct Data {
    json: Vec<u8>,
    attachments: Vec<Bytes>,
    values: usize,
    /// Whether a map has the key that marks a placeholder: beside real ones it would be taken for
    /// one.
    claims_attachment: bool,
}

/// A container that is not complete.
#[derive(Debug)]
struct Open {
    left: u32,
    is_map: bool,
    has_member: bool,
}

impl Data {
    /// Writes the next value of `reader`, and all that is in it, as JSON.
    fn transcode(&mut self, reader: &mut Reader<'_>) -> Result<(), MsgpackError> {
        let mut open: Vec<Open> = Vec::new();
        self.value(reader.token()?, &mut open)?;
        while let Some(container) = open.last_mut() {
            let Some(left) = container.left.checked_sub(1) else {
                self.json.push(if container.is_map { b'}' } else { b']' });
                open.pop();
                continue;
            };
            container.left = left;
            let key = if container.is_map { Some(reader.token()?) } else { None };
            let value = reader.token()?;
            // COMPAT: JSON has no `undefined`: members go, items become `null`. Pinned by
            // `undefined_members_are_skipped_and_items_become_null`.
            if key.is_some() && value == Token::Undefined {
                self.count()?;
                continue;
            }
            if std::mem::replace(&mut container.has_member, true) {
                self.json.push(b',');
            }
            if let Some(key) = key {
                self.key(key)?;
            }
            self.value(value, &mut open)?;
        }
        self.check_len()
    }

    fn check_len(&self) -> Result<(), MsgpackError> {
        if self.json.len() > TEXT_BYTES_MAX { Err(MsgpackError::TooBig) } else { Ok(()) }
    }

    fn count(&mut self) -> Result<(), MsgpackError> {
        self.values = self.values.saturating_add(1);
        if self.values > VALUES_MAX {
            return Err(MsgpackError::TooMany);
        }
        self.check_len()
    }

    /// JavaScript writes only texts as keys, and reads whole numbers as texts.
    fn key(&mut self, key: Token<'_>) -> Result<(), MsgpackError> {
        self.count()?;
        match key {
            Token::Text(key) => {
                self.claims_attachment |= key == "_placeholder";
                encode::string(&mut self.json, key);
            }
            Token::Unsigned(key) => encode::string(&mut self.json, &key.to_string()),
            Token::Signed(key) => encode::string(&mut self.json, &key.to_string()),
            Token::Nil
            | Token::Undefined
            | Token::Boolean(_)
            | Token::Float(_)
            | Token::Binary(_)
            | Token::Date(_)
            | Token::Array(_)
            | Token::Map(_) => return Err(MsgpackError::Malformed),
        }
        self.json.push(b':');
        Ok(())
    }

    fn value(&mut self, value: Token<'_>, open: &mut Vec<Open>) -> Result<(), MsgpackError> {
        self.count()?;
        match value {
            Token::Nil | Token::Undefined | Token::Date(None) => self.json.extend(b"null"),
            Token::Boolean(true) => self.json.extend(b"true"),
            Token::Boolean(false) => self.json.extend(b"false"),
            Token::Unsigned(number) => self.json.extend(number.to_string().bytes()),
            Token::Signed(number) => self.json.extend(number.to_string().bytes()),
            Token::Float(number) => self.float(number),
            Token::Text(text) => encode::string(&mut self.json, text),
            Token::Date(Some(date)) => encode::string(&mut self.json, &date.to_string()),
            Token::Binary(bytes) => {
                if self.attachments.len() >= usize::from(ATTACHMENTS_MAX) {
                    return Err(MsgpackError::Attachments);
                }
                encode::placeholder(&mut self.json, self.attachments.len());
                self.attachments.push(Bytes::copy_from_slice(bytes));
            }
            Token::Array(left) => self.open(open, left, false)?,
            Token::Map(left) => self.open(open, left, true)?,
        }
        Ok(())
    }

    fn open(&mut self, open: &mut Vec<Open>, left: u32, is_map: bool) -> Result<(), MsgpackError> {
        if open.len() >= SOCKET_DEPTH_MAX {
            return Err(MsgpackError::TooDeep);
        }
        self.json.push(if is_map { b'{' } else { b'[' });
        open.push(Open { left, is_map, has_member: false });
        Ok(())
    }

    /// As `JSON.stringify` writes it: whole numbers without a point, and no infinities.
    fn float(&mut self, number: f64) {
        if !number.is_finite() {
            self.json.extend(b"null");
            return;
        }
        let start = self.json.len();
        // INVARIANT: a finite number always has a JSON form, and a Vec takes every byte.
        let _ = serde_json::to_writer(&mut self.json, &number);
        if self.json.ends_with(b".0") {
            self.json.truncate(self.json.len().saturating_sub(2));
        }
        if self.json.get(start..) == Some(b"-0") {
            self.json.truncate(start);
            self.json.push(b'0');
        }
    }
}
