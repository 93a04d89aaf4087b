//! What clients hear. Source: contract O3.5, O3.6 and 1.5.

use serde::Serialize;

use crate::id::{ConversationId, MessageId, UserId};
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
}

/// Who did it. E-mail is absent: broadcasts reach people who may not see it. Source: contract 1.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[expect(missing_docs, reason = "the fields are the wire's own names")]
        pub struct $name { $(pub $field: $type),* }
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
    MessageRead { message_id: MessageId, read_by: UserId, read_at: Timestamp, conversation_id: ConversationId }
    /// A conversation was made.
    ConversationCreated { conversation: Conversation, created_by: Actor }
    /// A conversation's state changed; `updates` echoes what was asked for.
    ConversationUpdated { conversation_id: ConversationId, updates: serde_json::Value, updated_by: Actor, timestamp: Timestamp }
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
}

/// Why a request failed; which of the optional fields are present depends on the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventError {
    /// The original's text, such as `Failed to send message`.
    pub error: String,
    /// The stable machine word, such as `NOT_FOUND`. Source: contract 1.2.
    pub code: &'static str,
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
