//! What a client missed. Source: contract 1.6, point 4.

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::{ConversationId, MessageId};
use crate::rest::resource::{Conversation, Message};
use crate::time::Timestamp;

/// What was missed, or that it cannot be told any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Repaired<T> {
    /// What was missed.
    Missed(T),
    /// Too much, or too long ago, or of another history.
    Reset(Reset),
}

impl<T> Repaired<T> {
    /// The client starts from the lists.
    pub const RESET: Self = Self::Reset(Reset { reset: true });
}

/// What `join_conversation` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The newest `seq` of the conversation.
    pub last_seq: i64,
    /// Everything behind the client's `lastSeq`, in order of `seq`.
    pub messages: Vec<Entry>,
    /// Earlier messages that were edited, deleted or newly read since the client's cursor, in order
    /// of `seq`. Whoever has read a message has read all before it, so of those newly read the newest
    /// say it all.
    pub changed: Vec<Entry>,
    /// Where to go on next time; opaque.
    pub cursor: String,
    /// Names the history; another one means that the client starts from the lists.
    pub epoch: String,
    /// There is more: ask again with the last `seq` and with `cursor`.
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// What `sync` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// Where to go on next time; opaque.
    pub cursor: String,
    /// Names the history.
    pub epoch: String,
    /// Every conversation in which something changed.
    pub conversations: Vec<Conversation>,
    /// Of the named conversations: the missed messages, and earlier ones that were edited, deleted
    /// or newly read; conversation by conversation, in order of `seq`.
    pub messages: Vec<Entry>,
    /// There is more: ask again with `cursor`, and with the last `seq` of each conversation.
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// A message, or what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Entry {
    /// A message.
    Message(Box<Message>),
    /// What is left of a deleted one.
    Tombstone(Tombstone),
}

impl Entry {
    /// Its place in its conversation.
    pub const fn seq(&self) -> i64 {
        match self {
            Self::Message(message) => message.seq,
            Self::Tombstone(tombstone) => tombstone.seq,
        }
    }
}

/// What is left of a deleted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: MessageId,
    /// Where it stood.
    pub conversation_id: ConversationId,
    /// Its place there.
    pub seq: i64,
    is_deleted: bool,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

impl Tombstone {
    /// What is left of this message.
    pub const fn new(
        id: MessageId,
        conversation_id: ConversationId,
        seq: i64,
        deleted_at: Timestamp,
    ) -> Self {
        Self { id, conversation_id, seq, is_deleted: true, deleted_at }
    }
}

/// The cursor is too old or of another history: the client starts from the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reset {
    /// Always true.
    reset: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}
