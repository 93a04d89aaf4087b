//! The resources as both doors show them.
//!
//! Field order is the wire's order. Source: contract O1.2.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::id::{ConversationId, MessageId, ReadMarkId, UserId};
use crate::time::Timestamp;

/// What an account may do. Source: contract 1.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A customer.
    User,
    /// A member of the support staff.
    Agent,
    /// Staff that also manages accounts.
    Admin,
}

impl Role {
    /// The wire's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }

    /// The role with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::User, Self::Agent, Self::Admin].into_iter().find(|role| role.as_str() == word)
    }

    /// Whether this is an agent or an admin.
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Agent | Self::Admin)
    }
}

/// A reference to another resource: its id, or the resource itself where a route expands it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Reference<Id, T> {
    /// Not expanded.
    Id(Id),
    /// Expanded.
    Full(T),
}

/// An account, as its owner sees it. Never carries the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// 2–50 UTF-16 units.
    pub name: String,
    /// Lower-case.
    pub email: String,
    /// What it may do.
    pub role: Role,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// `online`, `away`, `busy`, `offline`, or whatever an old database holds.
    pub status: String,
    /// False once deactivated.
    pub is_active: bool,
    /// Last sign-in, sign-out or disconnect.
    pub last_seen: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Mongoose's version key.
    #[serde(rename = "__v")]
    pub version: i32,
}

/// An account inside another resource; which fields are present depends on the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserSummary {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Display name.
    pub name: String,
    /// Lower-case.
    pub email: String,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// Present for participants and senders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Present for participants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: ConversationId,
    /// Its members; the creator first.
    pub participants: Vec<Reference<UserId, UserSummary>>,
    /// 1–200 UTF-16 units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `open`, `pending`, `resolved`, `closed`, or whatever an old database holds.
    pub status: String,
    /// `low`, `medium`, `high`, `urgent`, or whatever an old database holds.
    pub priority: String,
    /// The agent in charge.
    pub assigned_to: Option<Reference<UserId, UserSummary>>,
    /// Labels.
    pub tags: Vec<String>,
    /// The newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Reference<MessageId, Box<Message>>>,
    /// When the newest message came, or the conversation was made.
    pub last_message_at: Timestamp,
    /// Who made it.
    pub created_by: Reference<UserId, UserSummary>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Who closed it.
    pub closed_by: Option<UserId>,
    /// Free-form, as stored; absent when empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// `seq` of the newest message; 0 before the first.
    pub last_seq: i64,
    /// For the caller; present in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_count: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Mongoose's version key.
    #[serde(rename = "__v")]
    pub version: i32,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Its place there: 1, 2, 3 … without holes. Source: contract 1.6.2.
    pub seq: i64,
    /// Who wrote it.
    pub sender_id: Reference<UserId, UserSummary>,
    /// The sender's own key for retries. Source: contract 1.6.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// 1–5000 UTF-16 units.
    pub content: String,
    /// `text`, `file`, `image`, `system`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What surrounds the text.
    pub metadata: MessageMetadata,
    /// True once deleted.
    pub is_deleted: bool,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Mongoose's version key.
    #[serde(rename = "__v")]
    pub version: i32,
}

/// What surrounds a message's text. Source: contract O1.2 and 1.8.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageMetadata {
    /// True once edited.
    pub is_edited: bool,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// Earlier texts, newest last; only for the sender and staff. Source: contract 1.7.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edit_history: Vec<Edit>,
    /// What the client said about an attached file and the sender.
    #[serde(flatten)]
    pub client: ClientMetadata,
    /// Who has read it.
    pub read_by: Vec<ReadMark>,
}

impl Eq for MessageMetadata {}

/// The metadata that a client may set; each text ≤ 200 UTF-16 units, `file_url` http(s).
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientMetadata {
    /// Of an attached file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// In bytes.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_javascript")]
    #[schemars(with = "Option<f64>")]
    pub file_size: Option<f64>,
    /// Its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_type: Option<String>,
    /// Where it can be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_url: Option<String>,
    /// A name to show instead of the account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// An address to show instead of the account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_email: Option<String>,
    /// Where the message came from, such as `widget` or `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// An earlier text of an edited message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// The text that was replaced.
    pub content: String,
    /// When it was replaced.
    pub edited_at: Timestamp,
}

/// One reader of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadMark {
    /// Who.
    pub user_id: UserId,
    /// When.
    pub read_at: Timestamp,
    /// The same whenever the mark is shown.
    #[serde(rename = "_id")]
    pub id: ReadMarkId,
}

/// The place of a page in a list; a sibling of `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// From 1.
    pub page: u32,
    /// Items on a page, as used.
    pub limit: u32,
    /// Items that match.
    pub total: u64,
    /// `total / limit`, rounded up.
    pub pages: u64,
    /// Where the next page begins, opaque; absent on the last one. Source: contract 1.7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl Pagination {
    /// Page `page` of `total` items, `limit` (at least 1) of them a page.
    pub fn new(page: u32, limit: u32, total: u64, next_cursor: Option<String>) -> Self {
        let limit = limit.max(1);
        Self { page, limit, total, pages: total.div_ceil(u64::from(limit)), next_cursor }
    }
}

/// Writes a whole number without a fraction, as JavaScript does: `12`, not `12.0`.
#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn as_javascript<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    /// Below this every whole number is exact, here and there.
    const SAFE_MAX: f64 = 9_007_199_254_740_991.0;
    match number {
        Some(whole) if whole.fract() == 0.0 && whole.abs() <= SAFE_MAX =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within the safe range")]
            serializer.serialize_i64(*whole as i64)
        }
        Some(other) => serializer.serialize_f64(*other),
        None => serializer.serialize_none(),
    }
}
