//! Every collection and every index, declared once: MongoDB's start-up turns the table into
//! `createIndexes`, the embedded engine into key extractors.
//!
//! Two lists. [`INDEXES`] are ours: rules scan them, both engines keep them. [`ORIGINAL`] are those
//! that the original declares and no rule of ours reads: MongoDB keeps them for the sake of
//! whoever else reads the database, the embedded engine does not pay for them.
//!
//! A scan walks all fields of an index in one direction, so ours are declared ascending and never
//! mixed. What an index cannot narrow (a priority, a second filter) the rules sift from a bounded
//! scan.

/// A collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collection {
    /// Accounts. Of the original.
    Users,
    /// Conversations. Of the original.
    Conversations,
    /// Messages. Of the original.
    Messages,
    /// Sign-ins, by `sid`.
    Sessions,
    /// One document a pair of people with an open conversation: its uniqueness.
    Pairs,
    /// One document a fact about this store: its epoch, the version of its layout.
    Facts,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Users,
        Self::Conversations,
        Self::Messages,
        Self::Sessions,
        Self::Pairs,
        Self::Facts,
    ];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Conversations => "conversations",
            Self::Messages => "messages",
            Self::Sessions => "sessions",
            Self::Pairs => "pairs",
            Self::Facts => "facts",
        }
    }

    /// The indexes of ours that cover it, in the order of the table.
    pub fn indexes(self) -> impl Iterator<Item = &'static Index> {
        INDEXES.iter().copied().filter(move |index| index.collection == self)
    }
}

/// A declared index.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a table's columns, each independent")]
pub struct Index {
    /// Its name in MongoDB.
    pub name: &'static str,
    /// Where.
    pub collection: Collection,
    /// Dotted paths and direction, most significant first. A scan may walk it both ways. An absent
    /// field counts as null. No field but the first of a multikey index may lead to an array.
    pub fields: &'static [(&'static str, Order)],
    /// At most one document a key.
    pub unique: bool,
    /// Only documents in which no field is absent or null (or, in a multikey index, empty).
    /// Source: architecture.md, "Store".
    pub partial: bool,
    /// The first field holds an array, and each distinct item is a key of its own.
    pub multikey: bool,
    /// A scan may leave the first field open and walk the whole index. Of the others every scan
    /// fixes it by `equals`: no document is met twice under two items of its array, and the
    /// embedded engine lays together what belongs to one conversation or person.
    pub whole: bool,
}

/// The declared direction of a field; MongoDB needs it for mixed sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}

use Collection::{Conversations, Messages, Sessions, Users};
use Order::{Ascending, Descending};

/// What most indexes are; each says where it differs.
const PLAIN: Index = Index {
    name: "",
    collection: Collection::Facts,
    fields: &[],
    unique: false,
    partial: false,
    multikey: false,
    whole: false,
};

/// The account of an address; the list of all people.
pub static USERS_BY_EMAIL: Index = Index {
    name: "email_1",
    collection: Users,
    fields: &[("email", Ascending)],
    unique: true,
    whole: true,
    ..PLAIN
};

/// The list of people in a role.
pub static USERS_BY_ROLE: Index = Index {
    name: "role_1_email_1",
    collection: Users,
    fields: &[("role", Ascending), ("email", Ascending)],
    ..PLAIN
};

/// People by how reachable they are.
pub static USERS_BY_STATUS: Index =
    Index { name: "status_1__id_1", collection: Users, fields: &[("status", Ascending)], ..PLAIN };

/// A person's conversations, the lately active last.
pub static CONVERSATIONS_BY_PARTICIPANT: Index = Index {
    name: "participants_1_lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("participants", Ascending), ("lastMessageAt", Ascending)],
    multikey: true,
    ..PLAIN
};

/// A person's conversations that changed since a stamp.
pub static CONVERSATIONS_BY_PARTICIPANT_STAMP: Index = Index {
    name: "participants_1_stamp_1__id_1",
    collection: Conversations,
    fields: &[("participants", Ascending), ("stamp", Ascending)],
    multikey: true,
    ..PLAIN
};

/// What somebody opened without taking part in it and that changed since a stamp. Only an old
/// database has such conversations.
pub static CONVERSATIONS_BY_OUTSIDER_STAMP: Index = Index {
    name: "outsider_1_stamp_1__id_1",
    collection: Conversations,
    fields: &[("outsider", Ascending), ("stamp", Ascending)],
    partial: true,
    ..PLAIN
};

/// A person's conversations in a state: the few open ones among the many closed.
pub static CONVERSATIONS_BY_PARTICIPANT_STATUS: Index = Index {
    name: "participants_1_status_1_lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("participants", Ascending), ("status", Ascending), ("lastMessageAt", Ascending)],
    multikey: true,
    ..PLAIN
};

/// How many of an agent's conversations it takes part in too, which lists show once. A new message
/// moves nothing in it.
pub static CONVERSATIONS_BY_PARTICIPANT_ASSIGNEE: Index = Index {
    name: "participants_1_assignedTo_1_status_1__id_1",
    collection: Conversations,
    fields: &[("participants", Ascending), ("assignedTo", Ascending), ("status", Ascending)],
    multikey: true,
    ..PLAIN
};

/// What somebody opened without taking part in it.
pub static CONVERSATIONS_BY_OUTSIDER: Index = Index {
    name: "outsider_1_lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("outsider", Ascending), ("lastMessageAt", Ascending)],
    partial: true,
    ..PLAIN
};

/// An agent's conversations (`scope=mine`), and with null the queue (`scope=unassigned`).
pub static CONVERSATIONS_BY_ASSIGNEE: Index = Index {
    name: "assignedTo_1_lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("assignedTo", Ascending), ("lastMessageAt", Ascending)],
    ..PLAIN
};

/// An agent's conversations in a state, and with null those of the queue.
pub static CONVERSATIONS_BY_ASSIGNEE_STATUS: Index = Index {
    name: "assignedTo_1_status_1_lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("assignedTo", Ascending), ("status", Ascending), ("lastMessageAt", Ascending)],
    ..PLAIN
};

/// All conversations in a state.
pub static CONVERSATIONS_BY_STATUS: Index = Index {
    name: "status_1_lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("status", Ascending), ("lastMessageAt", Ascending)],
    ..PLAIN
};

/// All conversations with a tag.
pub static CONVERSATIONS_BY_TAG: Index = Index {
    name: "tags_1_lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("tags", Ascending), ("lastMessageAt", Ascending)],
    partial: true,
    multikey: true,
    ..PLAIN
};

/// All conversations (`scope=all`).
pub static CONVERSATIONS_BY_ACTIVITY: Index = Index {
    name: "lastMessageAt_1__id_1",
    collection: Conversations,
    fields: &[("lastMessageAt", Ascending)],
    whole: true,
    ..PLAIN
};

/// All conversations that changed since a stamp.
pub static CONVERSATIONS_BY_STAMP: Index = Index {
    name: "stamp_1__id_1",
    collection: Conversations,
    fields: &[("stamp", Ascending)],
    whole: true,
    ..PLAIN
};

/// History. One message a number is what makes `seq` an order.
pub static MESSAGES_BY_SEQ: Index = Index {
    name: "conversationId_1_seq_1",
    collection: Messages,
    fields: &[("conversationId", Ascending), ("seq", Ascending)],
    unique: true,
    partial: true,
    ..PLAIN
};

/// A retry finds the message that its first attempt stored.
pub static MESSAGES_BY_CLIENT_ID: Index = Index {
    name: "conversationId_1_senderId_1_clientMessageId_1",
    collection: Messages,
    fields: &[
        ("conversationId", Ascending),
        ("senderId", Ascending),
        ("clientMessageId", Ascending),
    ],
    unique: true,
    partial: true,
    ..PLAIN
};

/// A conversation's messages that were edited or deleted since a stamp; it costs a new message
/// nothing.
pub static MESSAGES_BY_CHANGE: Index = Index {
    name: "conversationId_1_changeStamp_1__id_1",
    collection: Messages,
    fields: &[("conversationId", Ascending), ("changeStamp", Ascending)],
    partial: true,
    ..PLAIN
};

/// What one person wrote in a conversation, which is not unread for them.
pub static MESSAGES_BY_SENDER: Index = Index {
    name: "conversationId_1_senderId_1_seq_1__id_1",
    collection: Messages,
    fields: &[("conversationId", Ascending), ("senderId", Ascending), ("seq", Ascending)],
    partial: true,
    ..PLAIN
};

/// A conversation's deleted messages, which its pages leave out.
pub static MESSAGES_BY_DELETION: Index = Index {
    name: "conversationId_1_deletedAt_1__id_1",
    collection: Messages,
    fields: &[("conversationId", Ascending), ("deletedAt", Ascending)],
    partial: true,
    ..PLAIN
};

/// A person's sign-ins.
pub static SESSIONS_BY_USER: Index = Index {
    name: "userId_1__id_1",
    collection: Sessions,
    fields: &[("userId", Ascending)],
    ..PLAIN
};

/// What rules scan and both engines keep.
///
/// A scan's order is total: behind its fields every index goes on by `_id`. The embedded engine's
/// keys always end so; in MongoDB `_id` is one more field wherever the name says `__id_1` (in the
/// others the fields leave no ties).
pub static INDEXES: [&Index; 21] = [
    &USERS_BY_EMAIL,
    &USERS_BY_ROLE,
    &USERS_BY_STATUS,
    &CONVERSATIONS_BY_PARTICIPANT,
    &CONVERSATIONS_BY_PARTICIPANT_STAMP,
    &CONVERSATIONS_BY_OUTSIDER_STAMP,
    &CONVERSATIONS_BY_PARTICIPANT_STATUS,
    &CONVERSATIONS_BY_PARTICIPANT_ASSIGNEE,
    &CONVERSATIONS_BY_OUTSIDER,
    &CONVERSATIONS_BY_ASSIGNEE,
    &CONVERSATIONS_BY_ASSIGNEE_STATUS,
    &CONVERSATIONS_BY_STATUS,
    &CONVERSATIONS_BY_TAG,
    &CONVERSATIONS_BY_ACTIVITY,
    &CONVERSATIONS_BY_STAMP,
    &MESSAGES_BY_SEQ,
    &MESSAGES_BY_CLIENT_ID,
    &MESSAGES_BY_CHANGE,
    &MESSAGES_BY_SENDER,
    &MESSAGES_BY_DELETION,
    &SESSIONS_BY_USER,
];

/// What the original declares beyond [`INDEXES`]; MongoDB only, and no scan may name one.
pub static ORIGINAL: [Index; 9] = [
    original("role_1_status_1", Users, &[("role", Ascending), ("status", Ascending)]),
    original("participants_1", Conversations, &[("participants", Ascending)]),
    original(
        "status_1_priority_1",
        Conversations,
        &[("status", Ascending), ("priority", Ascending)],
    ),
    original(
        "assignedTo_1_status_1",
        Conversations,
        &[("assignedTo", Ascending), ("status", Ascending)],
    ),
    original("createdBy_1", Conversations, &[("createdBy", Ascending)]),
    original("lastMessageAt_-1", Conversations, &[("lastMessageAt", Descending)]),
    original(
        "conversationId_1_createdAt_-1",
        Messages,
        &[("conversationId", Ascending), ("createdAt", Descending)],
    ),
    original("senderId_1", Messages, &[("senderId", Ascending)]),
    original("metadata.readBy.userId_1", Messages, &[("metadata.readBy.userId", Ascending)]),
];

const fn original(
    name: &'static str,
    collection: Collection,
    fields: &'static [(&'static str, Order)],
) -> Index {
    Index { name, collection, fields, ..PLAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_within_a_collection() {
        let all: Vec<_> = INDEXES.into_iter().chain(&ORIGINAL).collect();
        for (position, one) in all.iter().enumerate() {
            for other in &all[..position] {
                assert!(one.collection != other.collection || one.name != other.name, "{one:?}");
            }
        }
    }

    #[test]
    fn names_say_the_fields_and_a_final_id_where_ties_are_possible() {
        for index in INDEXES {
            let mut name = String::new();
            for (path, order) in index.fields {
                assert_eq!(*order, Ascending, "{index:?}");
                name.push_str(path);
                name.push_str("_1_");
            }
            let tied = !index.unique && index.name != "role_1_email_1";
            assert_eq!(
                index.name,
                if tied { name + "_id_1" } else { name[..name.len() - 1].into() }
            );
        }
    }

    #[test]
    fn a_multikey_index_is_neither_unique_nor_walked_whole() {
        assert!(INDEXES.iter().all(|index| !index.multikey || !(index.unique || index.whole)));
    }
}
