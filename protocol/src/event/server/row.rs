//! One row per event that clients hear, for the published documents.

use schemars::{JsonSchema, SchemaGenerator};

use super::{
    ConversationAssigned, ConversationClosed, ConversationCreated, ConversationUpdated,
    ConversationsLoaded, EventError, MessageDeleted, MessageEdited, MessageRead, MessageSent,
    MessagesLoaded, NewMessage, Pong, PresenceUpdate, RoomMember, SessionExpired, Typing,
    TypingUsers, UserStatus,
};
use crate::event::Shape;

/// An event that the server emits.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The wire's name.
    pub name: &'static str,
    /// Who hears it.
    pub audience: &'static str,
    /// One sentence about it.
    pub doc: &'static str,
    /// Its payload.
    pub payload: Shape,
}

impl Row {
    const fn of<T: JsonSchema>(
        name: &'static str,
        audience: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, audience, doc, payload: SchemaGenerator::subschema_for::<T> }
    }
}

const ROOM: &str = "the conversation's room";
const CALLER: &str = "the caller";
const CONCERNED: &str = "people who share a conversation, and staff";

/// All of them, in the order of [`super::ServerEvent`]. Source: contract O3.5, O3.6, 1.5.
pub const TABLE: &[Row] = &[
    Row::of::<NewMessage>("new_message", ROOM, "A message was sent."),
    Row::of::<MessageEdited>("message_edited", ROOM, "A message's text was replaced."),
    Row::of::<MessageDeleted>("message_deleted", ROOM, "A message was deleted."),
    Row::of::<MessageRead>(
        "message_read",
        "the conversation's room and the reader's other devices",
        "Messages up to this one were read.",
    ),
    Row::of::<ConversationCreated>(
        "conversation_created",
        "the members and, from the queue, staff",
        "A conversation was made.",
    ),
    Row::of::<ConversationUpdated>("conversation_updated", ROOM, "A conversation's state changed."),
    Row::of::<ConversationAssigned>(
        "conversation_assigned",
        "the conversation's room and its members",
        "A conversation was given to an agent, or taken from one.",
    ),
    Row::of::<ConversationClosed>("conversation_closed", ROOM, "A conversation was closed."),
    Row::of::<Typing>(
        "user_typing_start",
        "the conversation's room, without the sender",
        "Somebody began to type, or goes on typing.",
    ),
    Row::of::<Typing>(
        "user_typing_stop",
        "the conversation's room, without the sender of a `typing_stop`",
        "Somebody ceased to type, went away, or let ten seconds pass without `typing_start`.",
    ),
    Row::of::<TypingUsers>("typing_users_list", CALLER, "Who is typing."),
    Row::of::<UserStatus>("user_status_update", CONCERNED, "Somebody's presence changed."),
    Row::of::<MessageSent>("message_sent", CALLER, "The caller's message is stored."),
    Row::of::<EventError>("message_error", CALLER, "A request about messages failed."),
    Row::of::<EventError>("conversation_error", CALLER, "Another request failed."),
    Row::of::<MessagesLoaded>("messages_loaded", CALLER, "A page of history."),
    Row::of::<ConversationsLoaded>("conversations_loaded", CALLER, "A page of conversations."),
    Row::of::<RoomMember>("user_joined_room", "others in the room", "Somebody joined."),
    Row::of::<RoomMember>("user_left_room", "others in the room", "Somebody left."),
    Row::of::<Pong>("pong", CALLER, "The answer to `ping`."),
    Row::of::<PresenceUpdate>(
        "presence_update",
        CONCERNED,
        "Somebody's own words about their presence.",
    ),
    Row::of::<SessionExpired>(
        "session_expired",
        "the socket",
        "The token has expired; a disconnect follows.",
    ),
];
