//! A value against a schema.
//!
//! Known keys are checked in the order of the schema, then unknown ones are named in the order of
//! the text; an array's items before its length. Each place yields its first violation only.
//! Source: contract O1.1 for order and texts.
//!
//! `walk` goes through objects and arrays, `leaf` judges what stands in them, `read` is what
//! both they and the decoders take a value for.

mod leaf;
mod read;
mod walk;

use smallvec::SmallVec;

use self::walk::{Found, Path};
use super::json::Value;
use super::{Rule, Schema, Violation};
use crate::time::Timestamp;

pub use self::read::integer;

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
/// Every violation, in the original's order, at most [`super::VIOLATIONS_MAX`]; never empty.
pub fn check<'t>(schema: &'static Schema, value: Value<'t>) -> Result<Checked<'t>, Vec<Violation>> {
    let mut found = Found::default();
    let values = walk::check_object(schema, value, Path::Root, &mut found);
    found.none_or(Checked { schema, values })
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
    let mut found = Found::default();
    let mut values = Slots::from_elem(None, schema.fields.len());
    if let Some(slot) = values.first_mut() {
        *slot = Some(value);
    }
    walk::check_fields(schema, &values, Path::Root, &mut found);
    found.none_or(Checked { schema, values })
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
        read::number(self.value(name)?)
    }

    /// The point in time under this key.
    pub fn moment(&self, name: &str) -> Option<Timestamp> {
        read::moment(self.value(name)?)
    }

    /// The truth value under this key.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        read::boolean(self.value(name)?)
    }

    /// The object under this key, checked against the schema that the field names.
    pub fn object(&self, name: &str) -> Option<Self> {
        let value = self.value(name)?;
        let Rule::Object(schema) = &self.schema.field(name)?.rule else { return None };
        let values = walk::check_object(schema, value, Path::Root, &mut Found::default());
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

#[cfg(test)]
mod tests;
