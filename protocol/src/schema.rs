//! Validation of untyped JSON, with the texts of the original's validator.
//!
//! A [`Schema`] is data: the decoders of [`crate::rest::request`] and [`crate::event::client`] run
//! on these tables, and the published documents are made from the same ones. Nothing here knows a
//! route or an event.
//!
//! - [`json`]: bytes to an untyped [`json::Value`], bounded before it is parsed
//! - [`form`]: query strings and form bodies to the same value
//! - [`check`]: a value against a schema, all violations in the original's order
//! - [`text`], [`email`], [`date`]: the rules that need more than a line

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod json;

pub mod check;
pub mod form;

pub mod date;
pub mod email;
pub mod text;

mod scan;

use schemars::JsonSchema;
use serde::Serialize;

pub use check::Checked;
pub use json::{Document, JsonError, Parser, Value};

/// The most violations that one answer lists; the rest of the body goes unreported.
pub const VIOLATIONS_MAX: usize = 32;

/// The most characters of an unknown key that an answer repeats; the rest is cut.
pub const KEY_CHARS_MAX: usize = 64;

/// One thing that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// The key, such as `email` or `tags[0]`; `value` for the body itself.
    pub field: String,
    /// The whole sentence, such as `"email" must be a valid email`.
    pub message: String,
}

impl Violation {
    /// The sentence `"field" text`.
    pub fn new(field: impl Into<String>, text: impl std::fmt::Display) -> Self {
        let field = field.into();
        let message = format!("\"{field}\" {text}");
        Self { field, message }
    }

    /// What is said when there is no body at all.
    pub fn missing_body() -> Self {
        Self::new("value", "is required")
    }
}

/// What an object may hold.
#[derive(Debug)]
pub struct Schema {
    /// Its name in the published documents.
    pub name: &'static str,
    /// The known keys, in the order in which they are checked.
    pub fields: &'static [Field],
    /// What happens to other keys.
    pub unknown: Unknown,
}

/// What happens to keys that a schema does not know. None is ever passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Each is a violation: `"key" is not allowed`.
    Refused,
    /// They are dropped in silence.
    Dropped,
}

/// A known key.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// Whether its absence is a violation.
    pub presence: Presence,
    /// What its value must be.
    pub rule: Rule,
    /// One sentence for the published documents.
    pub doc: &'static str,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Its absence is a violation.
    Required,
    /// It may be absent, but not `null`.
    Optional,
    /// It may be absent or `null`, which means something of its own.
    Nullable,
    /// It may be absent, and `null` means the same.
    Lenient,
}

/// What a value must be.
#[derive(Debug)]
pub enum Rule {
    /// A string of `min` to `max` UTF-16 units.
    Text {
        /// Fewest units; 0 also allows the empty string.
        min: usize,
        /// Most units.
        max: usize,
        /// What else is asked of it.
        form: Form,
    },
    /// An e-mail address; see [`email`].
    Email,
    /// 24 hex digits.
    Id,
    /// The name of a conversation's room: `conversation:` and an id.
    Room,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number, or a string of its digits.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A finite number not below 0, or a string of its digits.
    Size,
    /// `true` or `false`.
    Boolean,
    /// An ISO-8601 date, or milliseconds since 1970; see [`date`].
    Date,
    /// An array of up to `max` items.
    Array {
        /// What each item must be.
        item: &'static Self,
        /// Most items.
        max: usize,
    },
    /// One item, or an array of them.
    OneOrMore {
        /// What each item must be.
        item: &'static Self,
        /// Most items.
        max: usize,
    },
    /// An object.
    Object(&'static Schema),
    /// An object whose keys are ids.
    ById {
        /// What each value must be.
        item: &'static Self,
        /// Most keys.
        max: usize,
    },
    /// Anything whose JSON is no longer than this.
    Any {
        /// In bytes.
        bytes_max: usize,
    },
}

/// What else is asked of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Plain,
    /// Not only blanks.
    NotBlank,
    /// Not only blanks, and surrounding blanks do not count.
    Trimmed,
    /// An `http` or `https` address.
    Http,
    /// At most so many bytes of UTF-8: what bcrypt reads of a password.
    Secret {
        /// In bytes.
        bytes_max: usize,
    },
}

impl Schema {
    /// The field with this key.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    /// A key that must be there.
    pub const fn required(name: &'static str, rule: Rule, doc: &'static str) -> Self {
        Self { name, presence: Presence::Required, rule, doc }
    }

    /// A key that may be absent.
    pub const fn optional(name: &'static str, rule: Rule, doc: &'static str) -> Self {
        Self { name, presence: Presence::Optional, rule, doc }
    }

    /// A key that may be absent, and whose `null` means something.
    pub const fn nullable(name: &'static str, rule: Rule, doc: &'static str) -> Self {
        Self { name, presence: Presence::Nullable, rule, doc }
    }

    /// A key that may be absent or, meaning the same, `null`.
    pub const fn lenient(name: &'static str, rule: Rule, doc: &'static str) -> Self {
        Self { name, presence: Presence::Lenient, rule, doc }
    }
}

impl Rule {
    /// A text of `min` to `max` UTF-16 units, with nothing else asked of it.
    pub const fn text(min: usize, max: usize) -> Self {
        Self::Text { min, max, form: Form::Plain }
    }
}
