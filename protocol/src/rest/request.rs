//! What clients may ask: one table and one typed value per body or query.
//!
//! A type here is the only way from untyped input to the rules, so what it does not have a field
//! for cannot be set. Socket events reuse the fields of these tables.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod account;
pub mod conversation;
pub mod message;
pub mod sync;

use crate::schema::{Checked, Field, Rule, Schema, Value, Violation, check};

pub use account::{ListUsers, Login, RefreshToken, Register, UpdateUser};
pub use conversation::{
    AssignConversation, ConversationChanges, CreateConversation, ListConversations,
};
pub use message::{EditMessage, ListMessages, MarkRead, SendMessage};
pub use sync::Sync;

/// A body or query with a table that says what it may hold.
pub trait Request: Sized {
    /// The table.
    const SCHEMA: &'static Schema;

    /// Reads what the table has allowed; `None` only if table and type disagree.
    fn read(checked: &Checked<'_>) -> Option<Self>;

    /// Checks `value` against the table and reads it.
    ///
    /// # Errors
    /// Every violation, in the original's order; never empty.
    fn decode(value: Value<'_>) -> Result<Self, Vec<Violation>> {
        let checked = check::check(Self::SCHEMA, value)?;
        Self::read(&checked).ok_or_else(|| vec![Violation::new("value", "is not allowed")])
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// 1 to [`PAGE_MAX`].
    pub page: u32,
    /// 1 to [`LIMIT_MAX`] items.
    pub limit: u32,
    /// Where the last page ended, as the server wrote it; replaces `page`.
    pub cursor: Option<String>,
}

impl Page {
    /// COMPAT: a `limit` of 0 means the default, as in the original; one over [`LIMIT_MAX`] is
    /// clamped. Pinned by `pages_are_bounded`.
    fn read(checked: &Checked<'_>, limit_default: u32) -> Self {
        let whole = |name| checked.integer(name).and_then(|number| u32::try_from(number).ok());
        let limit = match checked.integer("limit") {
            None | Some(0) => limit_default,
            Some(_) => whole("limit").unwrap_or(LIMIT_MAX).min(LIMIT_MAX),
        };
        Self {
            page: whole("page").unwrap_or(1),
            limit,
            cursor: checked.text("cursor").map(str::to_owned),
        }
    }
}

/// The last page that has a number; behind it clients use cursors. Source: contract 1.7.
pub const PAGE_MAX: u32 = 100;

/// The most items of a page; a greater `limit` is clamped. Source: contract 1.7.
pub const LIMIT_MAX: u32 = 100;

/// Items of a page of conversations or people when the client names no `limit`.
pub const LIMIT_DEFAULT: u32 = 20;

/// Messages of a page when the client names no `limit`.
pub const MESSAGES_LIMIT_DEFAULT: u32 = 50;

/// The longest cursor that is read, in UTF-16 units; a longer one is refused.
pub const CURSOR_UNITS_MAX: usize = 512;

/// The longest token that is read, in UTF-16 units; a longer one is refused.
pub const TOKEN_UNITS_MAX: usize = 4_096;

pub(crate) const PAGE: Field = Field::optional(
    "page",
    Rule::Integer { min: 1, max: PAGE_MAX as i64 },
    "Which page, from 1; behind page 100 use `cursor`.",
);

pub(crate) const LIMIT: Field = Field::optional(
    "limit",
    Rule::Integer { min: 0, max: i64::MAX },
    "Items on a page; clamped to 100.",
);

pub(crate) const CURSOR: Field = Field::optional(
    "cursor",
    Rule::text(1, CURSOR_UNITS_MAX),
    "Where to go on, as an earlier answer named it.",
);

#[cfg(test)]
mod tests;
