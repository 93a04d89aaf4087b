//! Through objects and arrays, collecting violations.

use std::fmt;

use smallvec::SmallVec;

use super::{Slots, leaf};
use crate::schema::json::{Shape, Value};
use crate::schema::{
    Field, KEY_CHARS_MAX, Presence, Rule, Schema, Unknown, VIOLATIONS_MAX, Violation,
};

/// The violations so far.
#[derive(Default)]
pub(super) struct Found(Vec<Violation>);

impl Found {
    /// `checked`, unless something was found.
    pub(super) fn none_or<T>(self, checked: T) -> Result<T, Vec<Violation>> {
        if self.0.is_empty() { Ok(checked) } else { Err(self.0) }
    }

    fn push(&mut self, path: Path<'_>, text: impl fmt::Display) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(Violation::new(path.to_string(), text));
        }
    }
}

/// Where a value stands; written only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
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

pub(super) fn check_object<'t>(
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

pub(super) fn check_fields(
    schema: &'static Schema,
    values: &Slots<'_>,
    path: Path<'_>,
    found: &mut Found,
) {
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

/// As deep as tables nest, not as peers do.
fn check_value(rule: &'static Rule, value: Value<'_>, path: Path<'_>, found: &mut Found) {
    match rule {
        Rule::Array { item, max } | Rule::OneOrMore { item, max } if value.is_array() => {
            check_items(item, value, *max, path, found);
        }
        Rule::Array { .. } => found.push(path, "must be an array"),
        Rule::OneOrMore { item, .. } => check_value(item, value, path, found),
        Rule::Object(schema) => {
            check_object(schema, value, path, found);
        }
        Rule::ById { item, max } => check_by_id(item, value, *max, path, found),
        Rule::Text { .. }
        | Rule::Email
        | Rule::Id
        | Rule::Room
        | Rule::OneOf(_)
        | Rule::Integer { .. }
        | Rule::Size
        | Rule::Boolean
        | Rule::Date
        | Rule::Any { .. } => {
            if let Err(text) = leaf::check(rule, value) {
                found.push(path, text);
            }
        }
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
        if leaf::is_id(key) {
            check_value(item, value, path, found);
        } else {
            found.push(path, "is not allowed");
        }
    }
    if len > max {
        found.push(path, format_args!("must contain less than or equal to {max} keys"));
    }
}
