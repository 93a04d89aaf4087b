//! Conversations. Source: contract O1.4, 1.4, 1.7.

use schemars::JsonSchema;
use serde::Serialize;

use super::{CURSOR, LIMIT, LIMIT_DEFAULT, PAGE, Page, Request};
use crate::id::UserId;
use crate::rest::word::{ConversationStatus, Priority, Scope};
use crate::schema::{Checked, Field, Rule, Schema, Unknown, text};

/// `POST /conversations`, `create_conversation`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateConversation {
    /// The other member; without one the conversation waits in the queue.
    pub participant_id: Option<UserId>,
    /// 1–200 UTF-16 units.
    pub subject: Option<String>,
    /// `medium` unless said otherwise.
    pub priority: Priority,
    /// Without surrounding blanks; duplicates stay.
    pub tags: Vec<String>,
}

impl Request for CreateConversation {
    const SCHEMA: &'static Schema =
        &Schema { name: "CreateConversation", fields: CREATE_FIELDS, unknown: Unknown::Refused };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        let priority = checked.text("priority");
        Some(Self {
            participant_id: checked.id("participantId"),
            subject: checked.text("subject").map(|subject| text::clean(subject).into_owned()),
            priority: priority.map_or(Some(Priority::Medium), Priority::from_word)?,
            tags: tags(checked),
        })
    }
}

/// What changes: `PUT /conversations/:id`, `update_conversation`, and the event that echoes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationChanges {
    /// Where it stands from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ConversationStatus>,
    /// The agent in charge; `null` takes it from everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-nullable" = true))]
    pub assigned_to: Option<Option<UserId>>,
    /// How urgent it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// All its labels, without surrounding blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

impl ConversationChanges {
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Request for ConversationChanges {
    const SCHEMA: &'static Schema =
        &Schema { name: "UpdateConversation", fields: CHANGE_FIELDS, unknown: Unknown::Refused };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        let unassigns = checked.is_null("assignedTo");
        Some(Self {
            status: checked.text("status").and_then(ConversationStatus::from_word),
            assigned_to: if unassigns { Some(None) } else { checked.id("assignedTo").map(Some) },
            priority: checked.text("priority").and_then(Priority::from_word),
            tags: checked.value("tags").map(|_| tags(checked)),
        })
    }
}

/// `POST /conversations/:id/assign`
///
/// COMPAT: no agent is not a violation; the original answers it like an unknown one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignConversation {
    /// Who takes over.
    pub agent_id: Option<UserId>,
}

impl Request for AssignConversation {
    const SCHEMA: &'static Schema =
        &Schema { name: "AssignConversation", fields: &[AGENT_ID], unknown: Unknown::Dropped };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self { agent_id: checked.id("agentId") })
    }
}

/// `GET /conversations`, `get_conversations`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListConversations {
    /// Which page.
    pub page: Page,
    /// Any of these; empty for all. Unknown words match nothing.
    pub status: Vec<String>,
    /// Only this.
    pub priority: Option<Priority>,
    /// Only those of this agent.
    pub assigned_to: Option<UserId>,
    /// Only those with this label.
    pub tag: Option<String>,
    /// Which ones at all.
    pub scope: Option<Scope>,
}

impl Request for ListConversations {
    const SCHEMA: &'static Schema =
        &Schema { name: "ListConversations", fields: LIST_FIELDS, unknown: Unknown::Dropped };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self {
            page: Page::read(checked, LIMIT_DEFAULT),
            status: checked.texts("status").map(str::to_owned).collect(),
            priority: checked.text("priority").and_then(Priority::from_word),
            assigned_to: checked.id("assignedTo"),
            tag: checked.text("tag").map(str::to_owned),
            scope: checked.text("scope").and_then(Scope::from_word),
        })
    }
}

fn tags(checked: &Checked<'_>) -> Vec<String> {
    checked.texts("tags").map(|tag| text::trim(&text::clean(tag)).to_owned()).collect()
}

/// The most labels of a conversation; more are refused.
pub const TAGS_MAX: usize = 10;

/// The longest label, in UTF-16 units; a longer one is refused.
pub const TAG_UNITS_MAX: usize = 100;

/// The longest subject, in UTF-16 units; a longer one is refused.
pub const SUBJECT_UNITS_MAX: usize = 200;

/// The most words of a `status` filter; more are refused.
pub const STATUS_FILTERS_MAX: usize = 10;

pub(crate) const CREATE_FIELDS: &[Field] = &[
    Field::optional("participantId", Rule::Id, "The other member; absent: the queue."),
    Field::optional("subject", Rule::text(1, SUBJECT_UNITS_MAX), "What it is about."),
    Field::optional("priority", PRIORITY, "`medium` unless said otherwise."),
    Field::optional("tags", TAGS, "Labels."),
];

pub(crate) const CHANGE_FIELDS: &[Field] = &[
    Field::optional("status", Rule::OneOf(ConversationStatus::WORDS), "Where it stands."),
    Field::nullable("assignedTo", Rule::Id, "The agent in charge; null: nobody."),
    Field::optional("priority", PRIORITY, "How urgent it is."),
    Field::optional("tags", TAGS, "All its labels."),
];

pub(crate) const LIST_FIELDS: &[Field] = &[
    PAGE,
    LIMIT,
    CURSOR,
    Field::optional(
        "status",
        Rule::OneOrMore { item: &Rule::text(1, 50), max: STATUS_FILTERS_MAX },
        "Any of these; may be repeated.",
    ),
    Field::optional("priority", PRIORITY, "Only this."),
    Field::optional("assignedTo", Rule::Id, "Only those of this agent."),
    Field::optional("tag", Rule::text(1, TAG_UNITS_MAX), "Only those with this label."),
    Field::optional("scope", Rule::OneOf(Scope::WORDS), "Which ones at all; for staff."),
];

pub(crate) const AGENT_ID: Field = Field::optional("agentId", Rule::Id, "Who takes over.");

const PRIORITY: Rule = Rule::OneOf(Priority::WORDS);

const TAGS: Rule = Rule::Array {
    item: &Rule::Text { min: 1, max: TAG_UNITS_MAX, form: crate::schema::Form::Plain },
    max: TAGS_MAX,
};
