//! The tables of the events' payloads, made of the same fields as the REST bodies.
//!
//! COMPAT: the original had no validator here, and clients add keys of their own (such as
//! `tempId`), so unknown keys are dropped instead of refused. They reach nothing. Pinned by
//! `unknown_keys_are_dropped`.

use crate::rest::request::conversation::{AGENT_ID, CHANGE_FIELDS, CREATE_FIELDS, LIST_FIELDS};
use crate::rest::request::message::{CONTENT, CONVERSATION_ID, MESSAGE_ID, SEND_FIELDS, SEQ};
use crate::rest::request::sync::SYNC_FIELDS;
use crate::rest::request::{CURSOR, LIMIT, PAGE, TOKEN_UNITS_MAX};
use crate::rest::word::Availability;
use crate::schema::{Field, Rule, Schema, Unknown};

/// What follows an event's name.
#[derive(Debug, Clone, Copy)]
pub enum Payload {
    /// Nothing that is read.
    Ignored,
    /// An object.
    Object(&'static Schema),
    /// An object, or nothing.
    OptionalObject(&'static Schema),
    /// A bare value: the table's first field.
    Bare(&'static Schema),
    /// A bare value, the table's first field, or an object.
    BareOrObject(&'static Schema),
}

impl Payload {
    /// The table, unless nothing is read.
    pub const fn schema(self) -> Option<&'static Schema> {
        match self {
            Self::Ignored => None,
            Self::Object(schema)
            | Self::OptionalObject(schema)
            | Self::Bare(schema)
            | Self::BareOrObject(schema) => Some(schema),
        }
    }
}

/// The most bytes of JSON that `update_presence` may carry; more is refused. Source: contract 1.4.
pub const PRESENCE_BYTES_MAX: usize = 1_024;

macro_rules! tables {
    ($($const:ident = $name:literal [$($field:expr),* $(,)?];)*) => {$(
        pub(super) static $const: Schema =
            Schema { name: $name, fields: &[$($field),*], unknown: Unknown::Dropped };
    )*};
}

tables! {
    JOIN = "JoinConversationEvent" [
        CONVERSATION_ID,
        Field::lenient("lastSeq", SEQ, "The newest `seq` that the client has."),
        Field { presence: crate::schema::Presence::Lenient, ..CURSOR },
    ];
    CONVERSATION = "ConversationEvent" [CONVERSATION_ID];
    STATUS = "UpdateStatusEvent" [
        Field::required("status", Rule::OneOf(Availability::WORDS), "How reachable."),
    ];
    EDIT = "EditMessageEvent" [MESSAGE_ID, CONTENT];
    MESSAGE = "MessageEvent" [MESSAGE_ID];
    READ = "MarkAsReadEvent" [
        Field::optional("messageId", Rule::Id, "Read up to this message."),
        Field::optional("conversationId", Rule::Id, "With `seq`, instead of a message."),
        Field::optional("seq", SEQ, "Read up to this place."),
    ];
    UPDATE = "UpdateConversationEvent" [
        CONVERSATION_ID,
        Field::required("updates", Rule::Object(&CHANGES), "What changes."),
    ];
    ASSIGN = "AssignConversationEvent" [CONVERSATION_ID, AGENT_ID];
    LIST_MESSAGES = "GetMessagesEvent" [
        CONVERSATION_ID,
        PAGE,
        LIMIT,
        CURSOR,
        Field::optional("before", Rule::Date, "Only those sent earlier."),
        Field::optional("afterSeq", SEQ, "Only those behind this place."),
        Field::optional("beforeSeq", SEQ, "Only those before this place."),
    ];
    PRESENCE = "UpdatePresenceEvent" [
        Field::optional("presence", Rule::Any { bytes_max: PRESENCE_BYTES_MAX }, "Anything."),
    ];
    ROOM = "RoomEvent" [Field::required("room", Rule::Room, "A conversation's room.")];
    REFRESH = "RefreshAuthEvent" [
        Field::required("token", Rule::text(1, TOKEN_UNITS_MAX), "A newer access token."),
    ];
}

/// `updates` of `update_conversation`.
static CHANGES: Schema =
    Schema { name: "UpdateConversationUpdates", fields: CHANGE_FIELDS, unknown: Unknown::Dropped };

pub(super) static SEND: Schema =
    Schema { name: "SendMessageEvent", fields: SEND_FIELDS, unknown: Unknown::Dropped };

pub(super) static CREATE: Schema =
    Schema { name: "CreateConversationEvent", fields: CREATE_FIELDS, unknown: Unknown::Dropped };

pub(super) static LIST: Schema =
    Schema { name: "GetConversationsEvent", fields: LIST_FIELDS, unknown: Unknown::Dropped };

pub(super) static SYNC: Schema =
    Schema { name: "SyncEvent", fields: SYNC_FIELDS, unknown: Unknown::Dropped };
