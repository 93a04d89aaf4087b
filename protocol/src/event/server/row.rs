//! One row per event that clients hear, for the published documents.

/// An event that the server emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The wire's name.
    pub name: &'static str,
    /// Who hears it.
    pub audience: &'static str,
    /// One sentence about it.
    pub doc: &'static str,
}

/// All of them, in the order of [`super::ServerEvent`]. Source: contract O3.5, O3.6, 1.5.
pub const TABLE: &[Row] = &[
    Row { name: "new_message", audience: "the conversation's room", doc: "A message was sent." },
    Row {
        name: "message_edited",
        audience: "the conversation's room",
        doc: "A message's text was replaced.",
    },
    Row {
        name: "message_deleted",
        audience: "the conversation's room",
        doc: "A message was deleted.",
    },
    Row {
        name: "message_read",
        audience: "the conversation's room",
        doc: "Messages up to this one were read.",
    },
    Row {
        name: "conversation_created",
        audience: "the members and, from the queue, staff",
        doc: "A conversation was made.",
    },
    Row {
        name: "conversation_updated",
        audience: "the conversation's room",
        doc: "A conversation's state changed.",
    },
    Row {
        name: "conversation_assigned",
        audience: "the conversation's room and its members",
        doc: "A conversation was given to an agent, or taken from one.",
    },
    Row {
        name: "conversation_closed",
        audience: "the conversation's room",
        doc: "A conversation was closed.",
    },
    Row {
        name: "user_typing_start",
        audience: "the conversation's room, without the sender",
        doc: "Somebody began to type.",
    },
    Row {
        name: "user_typing_stop",
        audience: "the conversation's room, without the sender",
        doc: "Somebody ceased to type.",
    },
    Row { name: "typing_users_list", audience: "the caller", doc: "Who is typing." },
    Row {
        name: "user_status_update",
        audience: "people who share a conversation, and staff",
        doc: "Somebody's presence changed.",
    },
    Row { name: "message_sent", audience: "the caller", doc: "The caller's message is stored." },
    Row { name: "message_error", audience: "the caller", doc: "A request about messages failed." },
    Row { name: "conversation_error", audience: "the caller", doc: "Another request failed." },
    Row { name: "messages_loaded", audience: "the caller", doc: "A page of history." },
    Row { name: "conversations_loaded", audience: "the caller", doc: "A page of conversations." },
    Row { name: "user_joined_room", audience: "others in the room", doc: "Somebody joined." },
    Row { name: "user_left_room", audience: "others in the room", doc: "Somebody left." },
    Row { name: "pong", audience: "the caller", doc: "The answer to `ping`." },
    Row {
        name: "presence_update",
        audience: "people who share a conversation, and staff",
        doc: "Somebody's own words about their presence.",
    },
    Row {
        name: "session_expired",
        audience: "the socket",
        doc: "The token has expired; a disconnect follows.",
    },
];
