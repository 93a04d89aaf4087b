//! What clients hear. Source: contract O3.5, O3.6 and 1.5.

pub mod row;

use schemars::JsonSchema;
use serde::Serialize;

use super::client::PresenceNote;
use crate::id::{ConversationId, MessageId, UserId};
use crate::rest::reply::Code;
use crate::rest::request::ConversationChanges;
use crate::rest::resource::{Conversation, Message, Pagination, Role};
use crate::time::Timestamp;

/// An event that the server emits, with its payload.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerEvent {
    /// `new_message`
    NewMessage(Box<NewMessage>),
    /// `message_edited`
    MessageEdited(MessageEdited),
    /// `message_deleted`
    MessageDeleted(MessageDeleted),
    /// `message_read`
    MessageRead(MessageRead),
    /// `conversation_created`
    ConversationCreated(Box<ConversationCreated>),
    /// `conversation_updated`
    ConversationUpdated(ConversationUpdated),
    /// `conversation_assigned`
    ConversationAssigned(ConversationAssigned),
    /// `conversation_closed`
    ConversationClosed(ConversationClosed),
    /// `user_typing_start`
    TypingStart(Typing),
    /// `user_typing_stop`
    TypingStop(Typing),
    /// `typing_users_list`
    TypingUsers(TypingUsers),
    /// `user_status_update`
    UserStatus(UserStatus),
    /// `message_sent`
    MessageSent(MessageSent),
    /// `message_error`
    MessageError(EventError),
    /// `conversation_error`
    ConversationError(EventError),
    /// `messages_loaded`
    MessagesLoaded(Box<MessagesLoaded>),
    /// `conversations_loaded`
    ConversationsLoaded(Box<ConversationsLoaded>),
    /// `user_joined_room`
    UserJoinedRoom(RoomMember),
    /// `user_left_room`
    UserLeftRoom(RoomMember),
    /// `pong`
    Pong(Pong),
    /// `presence_update`
    PresenceUpdate(PresenceUpdate),
    /// `session_expired`
    SessionExpired(SessionExpired),
}

impl ServerEvent {
    /// The wire's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NewMessage(_) => "new_message",
            Self::MessageEdited(_) => "message_edited",
            Self::MessageDeleted(_) => "message_deleted",
            Self::MessageRead(_) => "message_read",
            Self::ConversationCreated(_) => "conversation_created",
            Self::ConversationUpdated(_) => "conversation_updated",
            Self::ConversationAssigned(_) => "conversation_assigned",
            Self::ConversationClosed(_) => "conversation_closed",
            Self::TypingStart(_) => "user_typing_start",
            Self::TypingStop(_) => "user_typing_stop",
            Self::TypingUsers(_) => "typing_users_list",
            Self::UserStatus(_) => "user_status_update",
            Self::MessageSent(_) => "message_sent",
            Self::MessageError(_) => "message_error",
            Self::ConversationError(_) => "conversation_error",
            Self::MessagesLoaded(_) => "messages_loaded",
            Self::ConversationsLoaded(_) => "conversations_loaded",
            Self::UserJoinedRoom(_) => "user_joined_room",
            Self::UserLeftRoom(_) => "user_left_room",
            Self::Pong(_) => "pong",
            Self::PresenceUpdate(_) => "presence_update",
            Self::SessionExpired(_) => "session_expired",
        }
    }

    /// Appends the arguments of the EVENT packet: `["name",{…}]`.
    ///
    /// The last argument is always an object, since stock clients with recovery on would take a
    /// string there for an offset.
    ///
    /// # Cost
    /// Writes into `out` without an intermediate value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let name = self.name();
        match self {
            Self::NewMessage(payload) => encode_event(out, name, payload),
            Self::MessageEdited(payload) => encode_event(out, name, payload),
            Self::MessageDeleted(payload) => encode_event(out, name, payload),
            Self::MessageRead(payload) => encode_event(out, name, payload),
            Self::ConversationCreated(payload) => encode_event(out, name, payload),
            Self::ConversationUpdated(payload) => encode_event(out, name, payload),
            Self::ConversationAssigned(payload) => encode_event(out, name, payload),
            Self::ConversationClosed(payload) => encode_event(out, name, payload),
            Self::TypingStart(payload) | Self::TypingStop(payload) => {
                encode_event(out, name, payload);
            }
            Self::TypingUsers(payload) => encode_event(out, name, payload),
            Self::UserStatus(payload) => encode_event(out, name, payload),
            Self::MessageSent(payload) => encode_event(out, name, payload),
            Self::MessageError(payload) | Self::ConversationError(payload) => {
                encode_event(out, name, payload);
            }
            Self::MessagesLoaded(payload) => encode_event(out, name, payload),
            Self::ConversationsLoaded(payload) => encode_event(out, name, payload),
            Self::UserJoinedRoom(payload) | Self::UserLeftRoom(payload) => {
                encode_event(out, name, payload);
            }
            Self::Pong(payload) => encode_event(out, name, payload),
            Self::PresenceUpdate(payload) => encode_event(out, name, payload),
            Self::SessionExpired(payload) => encode_event(out, name, payload),
        }
    }
}

fn encode_event<T: Serialize>(out: &mut Vec<u8>, name: &str, payload: &T) {
    out.extend_from_slice(b"[\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\",");
    super::append_json(out, payload);
    out.push(b']');
}

/// Who did it. E-mail is absent: broadcasts reach people who may not see it. Source: contract 1.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// Who.
    pub user_id: UserId,
    /// Display name.
    pub name: String,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// What they may do.
    pub role: Role,
}

macro_rules! payloads {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        #[expect(missing_docs, reason = "the fields are the wire's own names")]
        pub struct $name { $($(#[$attribute])* pub $field: $type),* }
    )*};
}

payloads! {
    /// A message was sent.
    NewMessage { message: Message, conversation_id: ConversationId }
    /// A message's text was replaced.
    MessageEdited { message_id: MessageId, content: String, edited_at: Timestamp, conversation_id: ConversationId }
    /// A message was deleted.
    MessageDeleted { message_id: MessageId, deleted_by: UserId, timestamp: Timestamp, conversation_id: ConversationId }
    /// Messages up to this one were read.
    MessageRead {
        message_id: MessageId, read_by: UserId, read_at: Timestamp, conversation_id: ConversationId,
        /// What the reader has not read of the conversation, at most 1000; said to the reader's own
        /// devices only.
        #[serde(skip_serializing_if = "Option::is_none")]
        unread_count: Option<u32>,
    }
    /// A conversation was made.
    ConversationCreated { conversation: Conversation, created_by: Actor }
    /// A conversation's state changed; `updates` echoes what was asked for.
    ConversationUpdated { conversation_id: ConversationId, updates: ConversationChanges, updated_by: Actor, timestamp: Timestamp }
    /// A conversation was given to an agent, or taken from one.
    ConversationAssigned { conversation_id: ConversationId, assigned_to: Option<UserId>, assigned_by: Actor, timestamp: Timestamp }
    /// A conversation was closed.
    ConversationClosed { conversation_id: ConversationId, closed_by: Actor, timestamp: Timestamp }
    /// Somebody began or ceased to type.
    Typing { conversation_id: ConversationId, user_id: UserId, user_name: String, timestamp: Timestamp }
    /// Who is typing, the caller included.
    TypingUsers { conversation_id: ConversationId, typing_users: Vec<TypingUser> }
    /// One of them.
    TypingUser { user_id: UserId, user_name: String, timestamp: Timestamp }
    /// Somebody's presence changed.
    UserStatus { user_id: UserId, status: String, timestamp: Timestamp }
    /// The caller's message is stored.
    MessageSent { message_id: MessageId, conversation_id: ConversationId, timestamp: Timestamp }
    /// A page of history.
    MessagesLoaded { conversation_id: ConversationId, messages: Vec<Message>, pagination: Pagination }
    /// A page of conversations.
    ConversationsLoaded { conversations: Vec<Conversation>, pagination: Pagination }
    /// Somebody joined or left a room.
    RoomMember { user_id: UserId, user_name: String, timestamp: Timestamp }
    /// The answer to the application's `ping`.
    Pong { timestamp: Timestamp }
    /// Somebody's own words about their presence.
    PresenceUpdate { user_id: UserId, presence: PresenceNote, timestamp: Timestamp }
    /// The socket's token has expired; the server disconnects it.
    SessionExpired { timestamp: Timestamp }
}

/// Why a request failed; which of the optional fields are present depends on the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventError {
    /// The original's text, such as `Failed to send message`.
    pub error: String,
    /// The stable machine word, such as `NOT_FOUND`. Source: contract 1.2.
    pub code: Code,
    /// For requests about a conversation; as the client wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// For requests about a message; as the client wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The sender's key, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

#[cfg(test)]
mod tests;
