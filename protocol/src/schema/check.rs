//! A value against a schema.
//!
//! Known keys are checked in the order of the schema, then unknown ones are named in the order of
//! the text; an array's items before its length. Each place yields its first violation only.
//! Source: contract O1.1 for order and texts.

use std::fmt;

use smallvec::SmallVec;

use super::json::{Shape, Value};
use super::{
    Field, Form, KEY_CHARS_MAX, Presence, Rule, Schema, Unknown, VIOLATIONS_MAX, Violation, date,
    email, text,
};

/// An object that its schema allows. Holds the known keys only.
#[derive(Debug)]
pub struct Checked<'t> {
    schema: &'static Schema,
    values: Slots<'t>,
}

/// One place per field of the schema; `None` where the key is absent.
type Slots<'t> = SmallVec<[Option<Value<'t>>; 8]>;

/// Checks `value` against `schema`.
///
/// # Errors
/// Every violation, in the original's order, at most [`VIOLATIONS_MAX`]; never empty.
pub fn check<'t>(schema: &'static Schema, value: Value<'t>) -> Result<Checked<'t>, Vec<Violation>> {
    let mut found = Found(Vec::new());
    let values = check_object(schema, value, Path::Root, &mut found);
    if found.0.is_empty() { Ok(Checked { schema, values }) } else { Err(found.0) }
}

/// Checks `value` as if it stood under the first key of `schema`, and nothing else were there.
///
/// For events whose payload may be a bare value.
///
/// # Errors
/// As [`check`].
pub fn check_bare<'t>(
    schema: &'static Schema,
    value: Value<'t>,
) -> Result<Checked<'t>, Vec<Violation>> {
    let mut found = Found(Vec::new());
    let mut values = Slots::from_elem(None, schema.fields.len());
    if let Some(slot) = values.first_mut() {
        *slot = Some(value);
    }
    check_fields(schema, &values, Path::Root, &mut found);
    if found.0.is_empty() { Ok(Checked { schema, values }) } else { Err(found.0) }
}

impl<'t> Checked<'t> {
    /// The value under this key of the schema, if it is there and not `null`.
    pub fn value(&self, name: &str) -> Option<Value<'t>> {
        self.slot(name).filter(|value| !value.is_null())
    }

    /// Whether `null` was written under this key.
    pub fn is_null(&self, name: &str) -> bool {
        self.slot(name).is_some_and(Value::is_null)
    }

    /// The text under this key.
    pub fn text(&self, name: &str) -> Option<&'t str> {
        self.value(name)?.as_text()
    }

    /// The id under this key.
    pub fn id<Id: std::str::FromStr>(&self, name: &str) -> Option<Id> {
        self.text(name)?.parse().ok()
    }

    /// The whole number under this key.
    pub fn integer(&self, name: &str) -> Option<i64> {
        integer(self.value(name)?)
    }

    /// The number under this key.
    pub fn number(&self, name: &str) -> Option<f64> {
        number(self.value(name)?)
    }

    /// The truth value under this key.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        boolean(self.value(name)?)
    }

    /// The object under this key, checked against the schema that the field names.
    pub fn object(&self, name: &str) -> Option<Self> {
        let value = self.value(name)?;
        let Rule::Object(schema) = &self.schema.field(name)?.rule else { return None };
        let values = check_object(schema, value, Path::Root, &mut Found(Vec::new()));
        Some(Self { schema, values })
    }

    /// The texts of the array, or the single text, under this key.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &'t str> + use<'t> {
        let value = self.value(name);
        let single = value.and_then(Value::as_text);
        single
            .into_iter()
            .chain(value.into_iter().flat_map(Value::items).filter_map(Value::as_text))
    }

    fn slot(&self, name: &str) -> Option<Value<'t>> {
        let index = self.schema.fields.iter().position(|field| field.name == name)?;
        self.values.get(index).copied().flatten()
    }
}

/// The whole number that a value is or, as a text, writes.
pub fn integer(value: Value<'_>) -> Option<i64> {
    match value.shape() {
        Shape::Integer(value) => Some(value),
        Shape::Float(value) => whole(value),
        Shape::Text(text) => text.parse().ok(),
        Shape::Null | Shape::Boolean(_) | Shape::Array(_) | Shape::Object(_) => None,
    }
}

fn number(value: Value<'_>) -> Option<f64> {
    match value.shape() {
        Shape::Integer(value) => Some(to_float(value)),
        Shape::Float(value) => Some(value),
        Shape::Text(text) => text.parse().ok(),
        Shape::Null | Shape::Boolean(_) | Shape::Array(_) | Shape::Object(_) => None,
    }
    .filter(|value| value.is_finite())
}

fn boolean(value: Value<'_>) -> Option<bool> {
    match value.shape() {
        Shape::Boolean(value) => Some(value),
        Shape::Text("true") => Some(true),
        Shape::Text("false") => Some(false),
        Shape::Null
        | Shape::Text(_)
        | Shape::Integer(_)
        | Shape::Float(_)
        | Shape::Array(_)
        | Shape::Object(_) => None,
    }
}

/// The violations so far.
struct Found(Vec<Violation>);

impl Found {
    fn push(&mut self, path: Path<'_>, text: impl fmt::Display) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(Violation::new(path.to_string(), text));
        }
    }
}

/// Where a value stands; written only when something is wrong there.
#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Key(&'p Self, &'p str),
    Item(&'p Self, usize),
}

impl fmt::Display for Path<'_> {
    /// `value`, `tags[0]`, `updates.status`. As deep as schemas nest, not as peers do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("value"),
            Self::Key(Self::Root, key) => write_key(key, f),
            Self::Key(outer, key) => {
                write!(f, "{outer}.")?;
                write_key(key, f)
            }
            Self::Item(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

fn write_key(key: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match key.char_indices().nth(KEY_CHARS_MAX) {
        Some((end, _)) => write!(f, "{}…", key.get(..end).unwrap_or_default()),
        None => f.write_str(key),
    }
}

fn check_object<'t>(
    schema: &'static Schema,
    value: Value<'t>,
    path: Path<'_>,
    found: &mut Found,
) -> Slots<'t> {
    let mut values = Slots::from_elem(None, schema.fields.len());
    let Shape::Object(entries) = value.shape() else {
        found.push(path, "must be of type object");
        return values;
    };
    let mut unknown = SmallVec::<[&str; 4]>::new();
    for (key, value) in entries {
        let index = schema.fields.iter().position(|field| field.name == key);
        match index.and_then(|index| values.get_mut(index)) {
            Some(slot) => *slot = Some(value),
            None if schema.unknown == Unknown::Refused
                && unknown.len() < VIOLATIONS_MAX
                && !unknown.contains(&key) =>
            {
                unknown.push(key);
            }
            None => {}
        }
    }
    check_fields(schema, &values, path, found);
    for key in unknown {
        found.push(Path::Key(&path, key), "is not allowed");
    }
    values
}

fn check_fields(schema: &'static Schema, values: &Slots<'_>, path: Path<'_>, found: &mut Found) {
    for (field, value) in schema.fields.iter().zip(values) {
        check_field(field, *value, Path::Key(&path, field.name), found);
    }
}

fn check_field(field: &'static Field, value: Option<Value<'_>>, path: Path<'_>, found: &mut Found) {
    match (field.presence, value) {
        (Presence::Required, None) => found.push(path, "is required"),
        (Presence::Optional | Presence::Nullable | Presence::Lenient, None) => {}
        (Presence::Nullable | Presence::Lenient, Some(value)) if value.is_null() => {}
        (_, Some(value)) => check_value(&field.rule, value, path, found),
    }
}

fn check_value(rule: &'static Rule, value: Value<'_>, path: Path<'_>, found: &mut Found) {
    match rule {
        Rule::Text { min, max, form } => match check_text(value, *min, *max, *form) {
            Ok(()) => {}
            Err(text) => found.push(path, text),
        },
        Rule::Email => check_string(value, path, found, email::is_email, "must be a valid email"),
        Rule::Id => check_string(value, path, found, is_id, "must be a valid id"),
        Rule::Room => {
            check_string(value, path, found, is_room, "must name the room of a conversation");
        }
        Rule::Date => match value.shape() {
            Shape::Integer(_) => {}
            Shape::Text(text) if date::parse(text).is_some() => {}
            Shape::Null
            | Shape::Boolean(_)
            | Shape::Float(_)
            | Shape::Text(_)
            | Shape::Array(_)
            | Shape::Object(_) => found.push(path, "must be a valid date"),
        },
        Rule::OneOf(words) => {
            if !value.as_text().is_some_and(|text| words.contains(&text)) {
                found.push(path, format_args!("must be one of [{}]", words.join(", ")));
            }
        }
        Rule::Integer { min, max } => check_integer(value, *min, *max, path, found),
        Rule::Size => match number(value) {
            None => found.push(path, "must be a number"),
            Some(number) if number < 0.0 => {
                found.push(path, "must be greater than or equal to 0");
            }
            Some(_) => {}
        },
        Rule::Boolean => {
            if boolean(value).is_none() {
                found.push(path, "must be a boolean");
            }
        }
        Rule::Array { item, max } => match value.shape() {
            Shape::Array(_) => check_items(item, value, *max, path, found),
            Shape::Null
            | Shape::Boolean(_)
            | Shape::Integer(_)
            | Shape::Float(_)
            | Shape::Text(_)
            | Shape::Object(_) => found.push(path, "must be an array"),
        },
        Rule::OneOrMore { item, max } => match value.shape() {
            Shape::Array(_) => check_items(item, value, *max, path, found),
            Shape::Null
            | Shape::Boolean(_)
            | Shape::Integer(_)
            | Shape::Float(_)
            | Shape::Text(_)
            | Shape::Object(_) => check_value(item, value, path, found),
        },
        Rule::Object(schema) => {
            check_object(schema, value, path, found);
        }
        Rule::ById { item, max } => check_by_id(item, value, *max, path, found),
        Rule::Any { bytes_max } => {
            if !is_within(value, *bytes_max) {
                let text = format_args!("must be at most {bytes_max} bytes of JSON");
                found.push(path, text);
            }
        }
    }
}

/// What is wrong with a text, of which only the first is told.
fn check_text(value: Value<'_>, min: usize, max: usize, form: Form) -> Result<(), String> {
    let Some(whole) = value.as_text() else { return Err("must be a string".to_owned()) };
    if whole.is_empty() && min > 0 {
        return Err("is not allowed to be empty".to_owned());
    }
    let counted = match form {
        Form::Trimmed | Form::NotBlank if text::trim(&text::clean(whole)).is_empty() => {
            return Err("is not allowed to be empty".to_owned());
        }
        Form::Trimmed => text::trim(whole),
        Form::Plain | Form::NotBlank | Form::Http | Form::Secret { .. } => whole,
    };
    if min > 1 && text::fits(counted, min.saturating_sub(1)) {
        return Err(format!("length must be at least {min} characters long"));
    }
    if !text::fits(counted, max) {
        return Err(format!("length must be less than or equal to {max} characters long"));
    }
    match form {
        Form::Http if !is_http(whole) => Err(HTTP_TEXT.to_owned()),
        Form::Secret { bytes_max } if whole.len() > bytes_max => {
            Err(format!("must not be longer than {bytes_max} bytes"))
        }
        Form::Plain | Form::NotBlank | Form::Trimmed | Form::Http | Form::Secret { .. } => Ok(()),
    }
}

fn check_string(
    value: Value<'_>,
    path: Path<'_>,
    found: &mut Found,
    holds: fn(&str) -> bool,
    otherwise: &str,
) {
    match value.as_text() {
        None => found.push(path, "must be a string"),
        Some("") => found.push(path, "is not allowed to be empty"),
        Some(text) if !holds(text) => found.push(path, otherwise),
        Some(_) => {}
    }
}

fn check_integer(value: Value<'_>, min: i64, max: i64, path: Path<'_>, found: &mut Found) {
    match (integer(value), number(value)) {
        (Some(number), _) if number < min => {
            found.push(path, format_args!("must be greater than or equal to {min}"));
        }
        (Some(number), _) if number > max => {
            found.push(path, format_args!("must be less than or equal to {max}"));
        }
        (Some(_), _) => {}
        (None, Some(number)) if number.fract() == 0.0 => found.push(path, "must be a safe number"),
        (None, Some(_)) => found.push(path, "must be an integer"),
        (None, None) => found.push(path, "must be a number"),
    }
}

fn check_items(
    item: &'static Rule,
    value: Value<'_>,
    max: usize,
    path: Path<'_>,
    found: &mut Found,
) {
    let mut len = 0_usize;
    for (index, value) in value.items().enumerate() {
        len = len.saturating_add(1);
        check_value(item, value, Path::Item(&path, index), found);
    }
    if len > max {
        found.push(path, format_args!("must contain less than or equal to {max} items"));
    }
}

fn check_by_id(
    item: &'static Rule,
    value: Value<'_>,
    max: usize,
    path: Path<'_>,
    found: &mut Found,
) {
    let Shape::Object(entries) = value.shape() else {
        return found.push(path, "must be of type object");
    };
    let mut len = 0_usize;
    for (key, value) in entries {
        len = len.saturating_add(1);
        let path = Path::Key(&path, key);
        if is_id(key) {
            check_value(item, value, path, found);
        } else {
            found.push(path, "is not allowed");
        }
    }
    if len > max {
        found.push(path, format_args!("must contain less than or equal to {max} keys"));
    }
}

fn is_id(text: &str) -> bool {
    text.parse::<crate::id::ObjectId>().is_ok()
}

fn is_room(name: &str) -> bool {
    name.strip_prefix("conversation:").is_some_and(is_id)
}

/// Whether this is an address of the web: `http://` or `https://`, a host, no blanks.
fn is_http(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && !host.is_empty()
        && !text.contains(|c: char| text::is_blank(c) || c.is_control())
}

/// Whether the value's JSON is no longer than this.
fn is_within(value: Value<'_>, bytes_max: usize) -> bool {
    serde_json::to_writer(Room(bytes_max), &value).is_ok()
}

/// A writer that counts what it may still take, and refuses more.
struct Room(usize);

impl std::io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The integer that a float is exactly, within JavaScript's safe range.
fn whole(value: f64) -> Option<i64> {
    const SAFE_MAX: f64 = 9_007_199_254_740_991.0;
    if value.fract() != 0.0 || value.abs() > SAFE_MAX {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the safe range")]
    Some(value as i64)
}

#[expect(clippy::cast_precision_loss, reason = "JavaScript's numbers lose it too")]
const fn to_float(value: i64) -> f64 {
    value as f64
}

const HTTP_TEXT: &str = "must be a valid uri with a scheme matching the http|https pattern";

#[cfg(test)]
mod tests;
