//! What happened while the client was away. Source: contract 1.6, point 4.

use super::{CURSOR, Request};
use crate::id::ConversationId;
use crate::rest::word::Scope;
use crate::schema::{Checked, Field, Rule, Schema, Unknown, Value, check};

/// `POST /sync`, `sync`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// Where the last answer ended; absent the first time.
    pub cursor: Option<String>,
    /// Which conversations; for staff.
    pub scope: Option<Scope>,
    /// The newest `seq` that the client has of each.
    pub conversations: Vec<(ConversationId, i64)>,
}

impl Request for Sync {
    const SCHEMA: &'static Schema =
        &Schema { name: "Sync", fields: SYNC_FIELDS, unknown: Unknown::Refused };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        let named = checked.value("conversations").into_iter().flat_map(Value::entries);
        Some(Self {
            cursor: checked.text("cursor").map(str::to_owned),
            scope: checked.text("scope").and_then(Scope::from_word),
            conversations: named
                .filter_map(|(id, seq)| Some((id.parse().ok()?, check::integer(seq)?)))
                .collect(),
        })
    }
}

/// The most conversations that one request may name; more are refused.
pub const SYNC_CONVERSATIONS_MAX: usize = 200;

pub(crate) const SYNC_FIELDS: &[Field] = &[
    Field { presence: crate::schema::Presence::Lenient, ..CURSOR },
    Field::optional("scope", Rule::OneOf(Scope::WORDS), "Which conversations; for staff."),
    Field::optional(
        "conversations",
        Rule::ById { item: &super::message::SEQ, max: SYNC_CONVERSATIONS_MAX },
        "The newest `seq` that the client has of each.",
    ),
];
