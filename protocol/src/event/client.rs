//! What clients say. Source: contract O3.4, O3.6, 1.5, 1.6.
//!
//! - [`auth`]: what a client says of itself when it joins
//! - [`kind`]: one row per event: its name, its payload's table, what is said when it fails
//! - [`payload`]: the tables, made of the same fields as the REST bodies
//! - [`refusal`]: what becomes of an event that cannot be read

pub mod auth;
mod decode;
pub mod kind;
pub mod payload;
pub mod refusal;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::value::RawValue;

use crate::id::{ConversationId, MessageId, UserId};
use crate::rest::request::{
    ConversationChanges, CreateConversation, ListConversations, ListMessages, SendMessage, Sync,
};
use crate::rest::word::Availability;
use crate::schema::{JsonError, Parser};

pub use auth::ConnectAuth;
pub use kind::{ErrorEvent, EventKind};
pub use payload::Payload;
pub use refusal::{Echo, EventRefusal, Fault, InvalidEvent};

/// An event from a client, its payload checked like its REST twin.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientEvent {
    /// `join_conversation`
    JoinConversation(Join),
    /// `leave_conversation`
    LeaveConversation(ConversationId),
    /// `update_status`
    UpdateStatus(Availability),
    /// `send_message`
    SendMessage(Box<SendMessage>),
    /// `edit_message`
    EditMessage {
        /// Which message.
        message_id: MessageId,
        /// Its new text.
        content: String,
    },
    /// `delete_message`
    DeleteMessage(MessageId),
    /// `mark_as_read`
    MarkAsRead(ReadUpTo),
    /// `create_conversation`
    CreateConversation(Box<CreateConversation>),
    /// `update_conversation`
    UpdateConversation {
        /// Which conversation.
        conversation_id: ConversationId,
        /// What changes.
        changes: Box<ConversationChanges>,
    },
    /// `assign_conversation`
    AssignConversation {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Who takes over; nobody named is answered like somebody unknown.
        agent_id: Option<UserId>,
    },
    /// `close_conversation`
    CloseConversation(ConversationId),
    /// `typing_start`
    TypingStart(ConversationId),
    /// `typing_stop`
    TypingStop(ConversationId),
    /// `get_typing_users`
    GetTypingUsers(ConversationId),
    /// `get_messages`
    GetMessages {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Which page.
        list: ListMessages,
    },
    /// `get_conversations`
    GetConversations(Box<ListConversations>),
    /// `update_presence`
    UpdatePresence(PresenceNote),
    /// `join_room`
    JoinRoom(ConversationId),
    /// `leave_room`
    LeaveRoom(ConversationId),
    /// `ping`
    Ping,
    /// `sync`
    Sync(Box<Sync>),
    /// `refresh_auth`
    RefreshAuth(Token),
    /// Any other name (cut at [`NAME_CHARS_MAX`]); the original ignores these.
    Unknown(String),
}

/// A wish to hear a conversation, and how far the client got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Which conversation.
    pub conversation_id: ConversationId,
    /// The newest `seq` that the client has.
    pub last_seq: Option<i64>,
    /// Where an earlier answer ended.
    pub cursor: Option<String>,
}

/// Up to where the caller has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadUpTo {
    /// Up to this message.
    Message(MessageId),
    /// Up to this place of this conversation.
    Place {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Which place.
        seq: i64,
    },
}

/// Any JSON of at most [`payload::PRESENCE_BYTES_MAX`] bytes, passed on as it is.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(transparent)]
pub struct PresenceNote(Box<RawValue>);

impl PresenceNote {
    /// The JSON text.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl JsonSchema for PresenceNote {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PresenceNote".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "What the client said, as it said it." })
    }
}

impl PartialEq for PresenceNote {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

/// An access token; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl ClientEvent {
    /// Reads the payload of an EVENT packet: the JSON array behind its type and ack id.
    ///
    /// The text is rewritten. No payload at all (`42`) is [`ClientEvent::Unknown`] with an empty
    /// name, since Node tolerates it. Values behind the payload are ignored.
    ///
    /// # Errors
    /// [`EventRefusal::Fault`] closes the connection, [`EventRefusal::Invalid`] is told to the
    /// sender. Source: Socket.IO v5 "Packet encoding", socket.io-parser.
    pub fn decode(payload: &mut [u8]) -> Result<Self, EventRefusal> {
        Self::decode_with(&mut Parser::new(), payload)
    }

    /// The same, with a parser that keeps its buffers.
    ///
    /// # Errors
    /// As [`ClientEvent::decode`].
    ///
    /// # Cost
    /// Allocates the texts of the event only.
    pub fn decode_with(parser: &mut Parser, payload: &mut [u8]) -> Result<Self, EventRefusal> {
        decode::decode(parser, payload)
    }

    /// Its row in the table; `None` for an unknown event.
    pub const fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::JoinConversation(_) => EventKind::JoinConversation,
            Self::LeaveConversation(_) => EventKind::LeaveConversation,
            Self::UpdateStatus(_) => EventKind::UpdateStatus,
            Self::SendMessage(_) => EventKind::SendMessage,
            Self::EditMessage { .. } => EventKind::EditMessage,
            Self::DeleteMessage(_) => EventKind::DeleteMessage,
            Self::MarkAsRead(_) => EventKind::MarkAsRead,
            Self::CreateConversation(_) => EventKind::CreateConversation,
            Self::UpdateConversation { .. } => EventKind::UpdateConversation,
            Self::AssignConversation { .. } => EventKind::AssignConversation,
            Self::CloseConversation(_) => EventKind::CloseConversation,
            Self::TypingStart(_) => EventKind::TypingStart,
            Self::TypingStop(_) => EventKind::TypingStop,
            Self::GetTypingUsers(_) => EventKind::GetTypingUsers,
            Self::GetMessages { .. } => EventKind::GetMessages,
            Self::GetConversations(_) => EventKind::GetConversations,
            Self::UpdatePresence(_) => EventKind::UpdatePresence,
            Self::JoinRoom(_) => EventKind::JoinRoom,
            Self::LeaveRoom(_) => EventKind::LeaveRoom,
            Self::Ping => EventKind::Ping,
            Self::Sync(_) => EventKind::Sync,
            Self::RefreshAuth(_) => EventKind::RefreshAuth,
            Self::Unknown(_) => return None,
        })
    }

    /// What an error about it repeats.
    pub fn echo(&self) -> Echo {
        let of = |conversation_id: ConversationId| Echo {
            conversation_id: Some(conversation_id.to_string()),
            ..Echo::default()
        };
        let about = |message_id: MessageId| Echo {
            message_id: Some(message_id.to_string()),
            ..Echo::default()
        };
        match self {
            Self::JoinConversation(join) => of(join.conversation_id),
            Self::SendMessage(message) => Echo {
                client_message_id: message.client_message_id.clone(),
                ..of(message.conversation_id)
            },
            Self::LeaveConversation(id)
            | Self::UpdateConversation { conversation_id: id, .. }
            | Self::AssignConversation { conversation_id: id, .. }
            | Self::CloseConversation(id)
            | Self::TypingStart(id)
            | Self::TypingStop(id)
            | Self::GetTypingUsers(id)
            | Self::GetMessages { conversation_id: id, .. }
            | Self::JoinRoom(id)
            | Self::LeaveRoom(id)
            | Self::MarkAsRead(ReadUpTo::Place { conversation_id: id, .. }) => of(*id),
            Self::EditMessage { message_id: id, .. }
            | Self::DeleteMessage(id)
            | Self::MarkAsRead(ReadUpTo::Message(id)) => about(*id),
            Self::UpdateStatus(_)
            | Self::CreateConversation(_)
            | Self::GetConversations(_)
            | Self::UpdatePresence(_)
            | Self::Ping
            | Self::Sync(_)
            | Self::RefreshAuth(_)
            | Self::Unknown(_) => Echo::default(),
        }
    }
}

/// The most characters that are kept of an unknown event's name.
pub const NAME_CHARS_MAX: usize = 64;

/// How text that could not be read breaks the protocol.
const fn fault_of(error: JsonError) -> Fault {
    match error {
        JsonError::Malformed => Fault::NotJson,
        JsonError::TooDeep(_) => Fault::TooDeep,
        JsonError::TooMany(_) => Fault::TooMany,
    }
}

#[cfg(test)]
mod tests;
