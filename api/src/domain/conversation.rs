//! A conversation. Source: contract O4, "conversations", and 1.6, 1.7 for what is ours.

use bson::raw::RawBsonRef;
use bson::{Bson, RawDocument, RawDocumentBuf, doc};
use protocol::id::{ConversationId, MessageId, UserId};
use protocol::rest::word::{ConversationStatus, Priority};
use protocol::time::Timestamp;

use super::NOBODY;
use super::codec::{self, Malformed, Writer};

/// A conversation as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its members; the creator first.
    pub participants: Vec<UserId>,
    /// What it is about.
    pub subject: Option<String>,
    /// `open`, `pending`, `resolved`, `closed`, or whatever an old database holds.
    pub status: String,
    /// `low`, `medium`, `high`, `urgent`, or whatever an old database holds.
    pub priority: String,
    /// The agent in charge.
    pub assigned_to: Option<UserId>,
    /// Labels.
    pub tags: Vec<String>,
    /// The newest message.
    pub last_message: Option<MessageId>,
    /// When the newest message came, or the conversation was made; `None` where a database that
    /// was not back-filled since holds no date.
    pub last_message_at: Option<Timestamp>,
    /// Who made it; [`NOBODY`] if the document names no one.
    pub created_by: UserId,
    /// When it was closed; survives a reopening.
    pub closed_at: Option<Timestamp>,
    /// Who closed it; survives a reopening.
    pub closed_by: Option<UserId>,
    /// Free-form; `None` when empty.
    pub metadata: Option<serde_json::Value>,
    /// `seq` of the newest message; 0 before the first.
    pub last_seq: i64,
    /// When it last changed, see [`crate::clock`]; 0 in an old database.
    pub stamp: i64,
    /// Who held it before; the newest [`ASSIGNMENTS_KEPT`].
    pub assignments: Vec<Assignment>,
    /// How far each member has read.
    pub read_cursors: Vec<ReadCursor>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Mongoose's version key.
    pub version: i32,
}

/// Earlier assignments that are kept; past it the oldest is forgotten.
pub const ASSIGNMENTS_KEPT: usize = 8;

/// An assignment that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// Who held it; `None`: it was in the queue.
    pub from: Option<UserId>,
    /// When that ended.
    pub stamp: i64,
}

/// How far a member has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCursor {
    /// Who.
    pub user_id: UserId,
    /// Up to and including this message.
    pub seq: i64,
    /// When they read it.
    pub at: Timestamp,
}

impl Conversation {
    /// Reads a stored conversation.
    ///
    /// # Errors
    /// [`Malformed`] without an id.
    pub fn decode(document: &RawDocument) -> Result<Self, Malformed> {
        let mut id = None;
        let mut it = Self::new(ConversationId(NOBODY.0), NOBODY, Timestamp(0));
        it.last_message_at = None;
        codec::for_each(document, |key, value| match key {
            "_id" => id = codec::object_id(value).map(ConversationId),
            "participants" => it.participants = codec::user_ids(value),
            "subject" => it.subject = codec::text(value),
            "status" => it.status = codec::text(value).unwrap_or_default(),
            "priority" => it.priority = codec::text(value).unwrap_or_default(),
            "assignedTo" => it.assigned_to = codec::object_id(value).map(UserId),
            "tags" => it.tags = codec::texts(value),
            "lastMessage" => it.last_message = codec::object_id(value).map(MessageId),
            "lastMessageAt" => it.last_message_at = codec::date(value),
            "createdBy" => it.created_by = codec::object_id(value).map_or(it.created_by, UserId),
            "closedAt" => it.closed_at = codec::date(value),
            "closedBy" => it.closed_by = codec::object_id(value).map(UserId),
            "metadata" => {
                it.metadata =
                    value.as_document().filter(|m| !m.is_empty()).map(|_| codec::json(value));
            }
            "lastSeq" => it.last_seq = codec::integer(value).unwrap_or_default(),
            "stamp" => it.stamp = codec::integer(value).unwrap_or_default(),
            "assignments" => it.assignments = assignments(value),
            "readCursors" => it.read_cursors = value.as_document().map_or_else(Vec::new, cursors),
            "createdAt" => it.created_at = codec::date(value).unwrap_or_default(),
            "updatedAt" => it.updated_at = codec::date(value).unwrap_or_default(),
            "__v" => it.version = codec::version(value),
            _ => {}
        })?;
        it.id = id.ok_or(Malformed("_id"))?;
        Ok(it)
    }

    /// A new open conversation with nobody but its maker.
    pub fn new(id: ConversationId, created_by: UserId, now: Timestamp) -> Self {
        Self {
            id,
            participants: Vec::new(),
            subject: None,
            status: ConversationStatus::Open.as_str().to_owned(),
            priority: Priority::Medium.as_str().to_owned(),
            assigned_to: None,
            tags: Vec::new(),
            last_message: None,
            last_message_at: Some(now),
            created_by,
            closed_at: None,
            closed_by: None,
            metadata: None,
            last_seq: 0,
            stamp: 0,
            assignments: Vec::new(),
            read_cursors: Vec::new(),
            created_at: now,
            updated_at: now,
            version: 0,
        }
    }

    /// Writes a new conversation as stored: without `metadata`, message or read cursors, which only
    /// changes set.
    pub fn encode_new(&self) -> RawDocumentBuf {
        let mut out = Writer::new();
        out.id("_id", self.id.0).array("participants", &codec::user_array(&self.participants));
        if let Some(subject) = &self.subject {
            out.text("subject", subject);
        }
        out.text("status", &self.status)
            .text("priority", &self.priority)
            .optional_id("assignedTo", self.assigned_to.map(|user| user.0))
            .array("tags", &codec::text_array(&self.tags))
            .optional_date("lastMessageAt", self.last_message_at)
            .id("createdBy", self.created_by.0)
            .optional_date("closedAt", self.closed_at)
            .optional_id("closedBy", self.closed_by.map(|user| user.0));
        if !self.participants.contains(&self.created_by) {
            out.id("outsider", self.created_by.0);
        }
        out.integer("lastSeq", self.last_seq)
            .integer("stamp", self.stamp)
            .date("createdAt", self.created_at)
            .date("updatedAt", self.updated_at)
            .version(self.version)
            .finish()
    }

    /// Whether it still counts as the open conversation of its pair.
    pub fn is_live(&self) -> bool {
        let live = [ConversationStatus::Open, ConversationStatus::Pending];
        live.iter().any(|status| status.as_str() == self.status)
    }

    /// Whether `holder` held it at some moment after `since` and does not any more; also true where
    /// that is forgotten.
    pub fn was_taken_from(&self, holder: Option<UserId>, since: i64) -> bool {
        let mut ended = self.assignments.iter().filter(|it| it.stamp > since);
        ended.any(|it| it.from == holder)
            || (self.assignments.len() >= ASSIGNMENTS_KEPT
                && self.assignments.iter().all(|it| it.stamp > since))
    }

    /// How far this member has read; 0 before the first mark.
    pub fn read_seq(&self, user_id: UserId) -> i64 {
        self.read_cursors.iter().find(|c| c.user_id == user_id).map_or(0, |cursor| cursor.seq)
    }
}

/// An assignment that ends, as an item of the stored list.
pub fn encode_assignment(from: Option<UserId>, stamp: i64) -> Bson {
    Bson::Document(doc! { "from": super::field::optional_id(from.map(|it| it.0)), "stamp": stamp })
}

fn assignments(value: RawBsonRef<'_>) -> Vec<Assignment> {
    let mut out = Vec::new();
    let Some(array) = value.as_array() else { return out };
    codec::for_each_item(array, |item| {
        let Some(document) = item.as_document() else { return };
        let mut it = Assignment { from: None, stamp: 0 };
        let _ = codec::for_each(document, |key, value| match key {
            "from" => it.from = codec::object_id(value).map(UserId),
            "stamp" => it.stamp = codec::integer(value).unwrap_or_default(),
            _ => {}
        });
        out.push(it);
    });
    out
}

fn cursors(document: &RawDocument) -> Vec<ReadCursor> {
    let mut out = Vec::new();
    // A broken tail leaves what was read before it.
    let _ = codec::for_each(document, |key, value| {
        let (Ok(user_id), Some(parts)) = (key.parse(), value.as_document()) else { return };
        let mut cursor = ReadCursor { user_id, seq: 0, at: Timestamp(0) };
        let _ = codec::for_each(parts, |key, value| match key {
            "seq" => cursor.seq = codec::integer(value).unwrap_or_default(),
            "at" => cursor.at = codec::date(value).unwrap_or_default(),
            _ => {}
        });
        out.push(cursor);
    });
    out
}
