//! Reading and writing raw BSON, leniently: what the original could have stored is read, a value of
//! another type counts as absent, and only a missing id makes a document unreadable.

use bson::raw::{CString, RawArrayBuf, RawBinaryRef, RawBsonRef};
use bson::spec::BinarySubtype;
use bson::{Bson, RawArray, RawDocument, RawDocumentBuf};
use protocol::id::{ObjectId, UserId};
use protocol::time::Timestamp;

use crate::store::StoreError;

/// A stored document lacks what every document of its kind has, or is no BSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("field {0} is missing or of another type")]
pub struct Malformed(pub &'static str);

impl From<Malformed> for StoreError {
    fn from(source: Malformed) -> Self {
        Self::Corrupt(Box::new(source))
    }
}

impl From<Malformed> for crate::Error {
    fn from(source: Malformed) -> Self {
        StoreError::from(source).into()
    }
}

/// Calls `field` with each field of a document, in stored order.
///
/// # Errors
/// [`Malformed`] if the bytes are not BSON.
pub fn for_each<'a>(
    document: &'a RawDocument,
    mut field: impl FnMut(&'a str, RawBsonRef<'a>),
) -> Result<(), Malformed> {
    for element in document {
        let (key, value) = element.map_err(|_| Malformed("(bytes)"))?;
        field(key.as_str(), value);
    }
    Ok(())
}

/// Calls `item` with each item of an array; stops silently at bytes that are not BSON.
pub fn for_each_item<'a>(array: &'a RawArray, mut item: impl FnMut(RawBsonRef<'a>)) {
    for value in array {
        match value {
            Ok(value) => item(value),
            Err(_) => return,
        }
    }
}

/// The value of a field as it is stored; null where it is absent. What conditions on a field of any
/// type compare with: to them the deprecated undefined is null too.
pub fn stored(document: &RawDocument, name: &str) -> Bson {
    let value = document.get(name).ok().flatten().filter(|value| !is_null(*value));
    value.and_then(|value| Bson::try_from(value).ok()).unwrap_or_default()
}

/// Null, or the deprecated undefined.
pub fn is_null(value: RawBsonRef<'_>) -> bool {
    matches!(value, RawBsonRef::Null | RawBsonRef::Undefined)
}

/// Whether a mark that takes something away is set. Anything but `false` and null sets it: what
/// somebody meant to take away is never shown by mistake.
pub fn is_marked(value: RawBsonRef<'_>) -> bool {
    !is_null(value) && value.as_bool() != Some(false)
}

/// An id.
pub fn object_id(value: RawBsonRef<'_>) -> Option<ObjectId> {
    value.as_object_id().map(|id| ObjectId::from_bytes(id.bytes()))
}

/// A text.
pub fn text(value: RawBsonRef<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A date.
pub fn date(value: RawBsonRef<'_>) -> Option<Timestamp> {
    value.as_datetime().map(|at| Timestamp(at.timestamp_millis()))
}

/// A whole number of any numeric type; fractions are cut off.
pub fn integer(value: RawBsonRef<'_>) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates")]
    let from_float = || value.as_f64().map(|number| number as i64);
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).or_else(from_float)
}

/// A number of any numeric type.
pub fn number(value: RawBsonRef<'_>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "JSON numbers of JavaScript are f64 anyway")]
    let from_integer = || value.as_i64().map(|number| number as f64);
    value.as_f64().or_else(|| value.as_i32().map(f64::from)).or_else(from_integer)
}

/// 16 bytes.
pub fn bytes16(value: RawBsonRef<'_>) -> Option<[u8; 16]> {
    value.as_binary().and_then(|binary| binary.bytes.try_into().ok())
}

/// Mongoose's version key.
pub fn version(value: RawBsonRef<'_>) -> i32 {
    integer(value).and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
}

/// The texts of an array.
pub fn texts(value: RawBsonRef<'_>) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(array) = value.as_array() {
        for_each_item(array, |item| out.extend(text(item)));
    }
    out
}

/// The users named in an array.
pub fn user_ids(value: RawBsonRef<'_>) -> Vec<UserId> {
    let mut out = Vec::new();
    if let Some(array) = value.as_array() {
        for_each_item(array, |item| out.extend(object_id(item).map(UserId)));
    }
    out
}

/// Free-form BSON as JSON, as the original shows it: ids as hex, dates as ISO-8601.
///
/// Deeper than 16 levels becomes `null`; so do BSON's own types.
pub fn json(value: RawBsonRef<'_>) -> serde_json::Value {
    json_at(value, 0)
}

fn json_at(value: RawBsonRef<'_>, depth: usize) -> serde_json::Value {
    use serde_json::Value;
    if depth > JSON_DEPTH_MAX {
        return Value::Null;
    }
    if let Some(text) = value.as_str() {
        text.into()
    } else if let Some(flag) = value.as_bool() {
        flag.into()
    } else if let Some(id) = object_id(value) {
        id.to_string().into()
    } else if let Some(at) = date(value) {
        at.to_string().into()
    } else if let Some(number) = value.as_i32() {
        number.into()
    } else if let Some(number) = value.as_i64() {
        number.into()
    } else if let Some(number) = value.as_f64() {
        number.into()
    } else if let Some(array) = value.as_array() {
        let mut items = Vec::new();
        for_each_item(array, |item| items.push(json_at(item, depth + 1)));
        Value::Array(items)
    } else if let Some(document) = value.as_document() {
        let mut map = serde_json::Map::new();
        // A broken tail leaves what was read before it.
        let _ = for_each(document, |key, item| {
            map.insert(key.to_owned(), json_at(item, depth + 1));
        });
        Value::Object(map)
    } else {
        Value::Null
    }
}

/// A document under construction.
#[derive(Debug, Default)]
pub struct Writer(RawDocumentBuf);

impl Writer {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.0.append(name(key), value);
        self
    }

    /// Adds a text or `null`.
    pub fn optional_text(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.null(key),
        }
    }

    /// Adds an id.
    pub fn id(&mut self, key: &str, value: ObjectId) -> &mut Self {
        self.0.append(name(key), bson::oid::ObjectId::from_bytes(value.bytes()));
        self
    }

    /// Adds an id or `null`.
    pub fn optional_id(&mut self, key: &str, value: Option<ObjectId>) -> &mut Self {
        match value {
            Some(value) => self.id(key, value),
            None => self.null(key),
        }
    }

    /// Adds a date.
    pub fn date(&mut self, key: &str, value: Timestamp) -> &mut Self {
        self.0.append(name(key), bson::DateTime::from_millis(value.0));
        self
    }

    /// Adds a date or `null`.
    pub fn optional_date(&mut self, key: &str, value: Option<Timestamp>) -> &mut Self {
        match value {
            Some(value) => self.date(key, value),
            None => self.null(key),
        }
    }

    /// Adds a flag.
    pub fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.0.append(name(key), value);
        self
    }

    /// Adds a 64-bit number.
    pub fn integer(&mut self, key: &str, value: i64) -> &mut Self {
        self.0.append(name(key), value);
        self
    }

    /// Adds a fraction.
    pub fn number(&mut self, key: &str, value: f64) -> &mut Self {
        self.0.append(name(key), value);
        self
    }

    /// Adds 16 bytes.
    pub fn bytes16(&mut self, key: &str, value: [u8; 16]) -> &mut Self {
        let binary = RawBinaryRef { subtype: BinarySubtype::Generic, bytes: &value };
        self.0.append(name(key), RawBsonRef::Binary(binary));
        self
    }

    /// Adds Mongoose's version key.
    pub fn version(&mut self, value: i32) -> &mut Self {
        self.0.append(name("__v"), value);
        self
    }

    /// Adds `null`.
    pub fn null(&mut self, key: &str) -> &mut Self {
        self.0.append(name(key), RawBsonRef::Null);
        self
    }

    /// Adds a document.
    pub fn document(&mut self, key: &str, value: &RawDocument) -> &mut Self {
        self.0.append(name(key), value);
        self
    }

    /// Adds an array.
    pub fn array(&mut self, key: &str, value: &RawArrayBuf) -> &mut Self {
        self.0.append(name(key), value);
        self
    }

    /// The document.
    pub fn finish(&mut self) -> RawDocumentBuf {
        std::mem::take(&mut self.0)
    }
}

/// An array of texts.
pub fn text_array(items: &[String]) -> RawArrayBuf {
    let mut out = RawArrayBuf::new();
    for item in items {
        out.push(item.as_str());
    }
    out
}

/// An array of users' ids.
pub fn user_array(items: &[UserId]) -> RawArrayBuf {
    let mut out = RawArrayBuf::new();
    for item in items {
        out.push(bson::oid::ObjectId::from_bytes(item.0.bytes()));
    }
    out
}

fn name(key: &str) -> CString {
    CString::try_from(key).expect("field names are our constants and hex ids: no NUL in them")
}

/// Free-form metadata deeper than this is cut to `null`.
const JSON_DEPTH_MAX: usize = 16;
