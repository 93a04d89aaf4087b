//! Names of stored fields that changes and conditions mention, and the changes themselves.

use bson::Bson;
use protocol::id::{ObjectId, UserId};
use protocol::time::Timestamp;

use crate::store::{self, Op};

/// Of users: whether they may sign in.
pub const IS_ACTIVE: &str = "isActive";
/// Of users: when they were last here.
pub const LAST_SEEN: &str = "lastSeen";
/// Of users and conversations.
pub const STATUS: &str = "status";
/// Of users: what they may do.
pub const ROLE: &str = "role";

/// Of conversations: the agent in charge.
pub const ASSIGNED_TO: &str = "assignedTo";
/// Of conversations: who held it before, and until when.
pub const ASSIGNMENTS: &str = "assignments";
/// Of conversations: when it was closed.
pub const CLOSED_AT: &str = "closedAt";
/// Of conversations: who closed it.
pub const CLOSED_BY: &str = "closedBy";
/// Of conversations: the newest message.
pub const LAST_MESSAGE: &str = "lastMessage";
/// Of conversations: when the newest message came.
pub const LAST_MESSAGE_AT: &str = "lastMessageAt";
/// Of conversations: the `seq` of the newest message.
pub const LAST_SEQ: &str = "lastSeq";
/// Of conversations: the creator, where it does not take part.
pub const OUTSIDER: &str = "outsider";
/// Of conversations.
pub const PRIORITY: &str = "priority";
/// Of conversations: how far each member has read.
pub const READ_CURSORS: &str = "readCursors";
/// Of conversations.
pub const TAGS: &str = "tags";

/// Of messages: the moment of the last edit, or of the deletion; absent before the first.
pub const CHANGE_STAMP: &str = "changeStamp";
/// Of messages.
pub const CONTENT: &str = "content";
/// Of messages.
pub const DELETED_AT: &str = "deletedAt";
/// Of messages.
pub const IS_DELETED: &str = "isDeleted";
/// Of messages: what is said about it.
pub const METADATA: &str = "metadata";
/// Of messages: when it was last edited.
pub const EDITED_AT: &str = "metadata.editedAt";
/// Of messages: earlier texts.
pub const EDIT_HISTORY: &str = "metadata.editHistory";
/// Of messages.
pub const IS_EDITED: &str = "metadata.isEdited";
/// Of messages: the place in its conversation.
pub const SEQ: &str = "seq";

/// Of conversations and messages: the moment of the last change, see [`crate::clock`].
pub const STAMP: &str = "stamp";
/// Of everything.
pub const UPDATED_AT: &str = "updatedAt";

/// Gives a field a value.
pub fn set(path: &str, value: impl Into<Bson>) -> Op {
    Op::Set(path.to_owned(), value.into())
}

/// Keeps the greater of the stored and the given number.
pub fn max(path: &str, value: i64) -> Op {
    Op::Max(path.to_owned(), Bson::Int64(value))
}

/// A date as stored.
pub fn date(at: Timestamp) -> Bson {
    Bson::DateTime(bson::DateTime::from_millis(at.0))
}

/// An id as stored.
pub fn id(id: ObjectId) -> Bson {
    store::bson_id(id)
}

/// A reference that may be absent, as stored.
pub fn optional_id(id: Option<ObjectId>) -> Bson {
    id.map_or(Bson::Null, store::bson_id)
}

/// Dotted path of a part of one member's read cursor.
pub fn read_cursor(user_id: UserId, part: &str) -> String {
    format!("{READ_CURSORS}.{user_id}.{part}")
}
