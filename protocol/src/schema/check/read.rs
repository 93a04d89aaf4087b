//! What a value is taken for.
//!
//! COMPAT: numbers and truth values may also be written as text, as the original's validator
//! allows and query strings must. Pinned by `right_values_pass`.

use crate::schema::date;
use crate::schema::json::{Shape, Value};
use crate::time::Timestamp;

/// The whole number that a value is or, as a text, writes.
pub fn integer(value: Value<'_>) -> Option<i64> {
    match value.shape() {
        Shape::Integer(value) => Some(value),
        Shape::Float(value) => whole(value),
        Shape::Text(text) => text.parse().ok(),
        Shape::Null | Shape::Boolean(_) | Shape::Array(_) | Shape::Object(_) => None,
    }
}

pub(super) fn number(value: Value<'_>) -> Option<f64> {
    match value.shape() {
        Shape::Integer(value) => Some(to_float(value)),
        Shape::Float(value) => Some(value),
        Shape::Text(text) => text.parse().ok(),
        Shape::Null | Shape::Boolean(_) | Shape::Array(_) | Shape::Object(_) => None,
    }
    .filter(|value| value.is_finite())
}

pub(super) fn boolean(value: Value<'_>) -> Option<bool> {
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

/// The point in time that a value writes.
pub(super) fn moment(value: Value<'_>) -> Option<Timestamp> {
    match value.as_text() {
        Some(text) => date::parse(text),
        None => integer(value).and_then(date::from_ms),
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
