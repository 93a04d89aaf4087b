//! One row per event that clients send. The published documents are made from this table.

use super::payload::{self, Payload};
use super::refusal::Echo;
use crate::event::ack::Brings;
use crate::event::server::{
    ConversationsLoaded, EventError, MessagesLoaded, Pong, ServerEvent, TypingUsers,
};
use crate::rest::reply::Code;
use crate::rest::reply::body::{ConversationBody, MessageBody};
use crate::rest::reply::repair::{Joined, Repaired, Synced};

/// The event in which a failure is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorEvent {
    /// `message_error`
    Message,
    /// `conversation_error`
    Conversation,
}

/// Which part of the request an error repeats. Source: contract O3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// Nothing.
    Nothing,
    /// `conversationId`.
    Conversation,
    /// `messageId`.
    Message,
    /// Whichever was given.
    Either,
}

macro_rules! kinds {
    ($($variant:ident $name:literal ($payload:expr) ($brings:expr) $error:ident $repeats:ident $failure:literal $doc:literal;)*) => {
        /// An event that clients send, without its payload.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind { $(#[doc = $doc] $variant),* }

        impl EventKind {
            /// All of them, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The wire's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The event with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// What follows the name.
            pub const fn payload(self) -> Payload {
                match self { $(Self::$variant => $payload),* }
            }

            /// What the acknowledgement brings.
            pub const fn brings(self) -> Brings {
                match self { $(Self::$variant => $brings),* }
            }

            /// In which event a failure is told.
            pub const fn error_event(self) -> ErrorEvent {
                match self { $(Self::$variant => ErrorEvent::$error),* }
            }

            /// Which part of the request a failure repeats.
            pub const fn repeats(self) -> Repeats {
                match self { $(Self::$variant => Repeats::$repeats),* }
            }

            /// What is said when it fails.
            pub const fn failure(self) -> &'static str {
                match self { $(Self::$variant => $failure),* }
            }

            /// One sentence for the published documents.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc),* }
            }
        }
    };
}

kinds! {
    JoinConversation "join_conversation" (Payload::BareOrObject(&payload::JOIN))
        (Brings::data::<Repaired<Joined>>()) Conversation Conversation
        "Failed to join conversation" "Hear a conversation; with `lastSeq`, also what was missed.";
    LeaveConversation "leave_conversation" (Payload::BareOrObject(&payload::CONVERSATION))
        (Brings::Sign) Conversation Conversation
        "Failed to leave conversation" "Hear a conversation no longer.";
    UpdateStatus "update_status" (Payload::BareOrObject(&payload::STATUS))
        (Brings::Nothing) Conversation Nothing
        "Failed to update status" "Say how reachable the caller is.";
    SendMessage "send_message" (Payload::Object(&payload::SEND))
        (Brings::data::<MessageBody>()) Message Conversation
        "Failed to send message" "Send a message.";
    EditMessage "edit_message" (Payload::Object(&payload::EDIT))
        (Brings::data::<MessageBody>()) Message Message
        "Failed to edit message" "Replace the text of a message of the caller.";
    DeleteMessage "delete_message" (Payload::Object(&payload::MESSAGE))
        (Brings::Nothing) Message Message
        "Failed to delete message" "Delete a message.";
    MarkAsRead "mark_as_read" (Payload::Object(&payload::READ))
        (Brings::Nothing) Message Either
        "Failed to mark message as read" "Everything up to here is read.";
    CreateConversation "create_conversation" (Payload::Object(&payload::CREATE))
        (Brings::data::<ConversationBody>()) Conversation Nothing
        "Failed to create conversation" "Open a conversation and join it.";
    UpdateConversation "update_conversation" (Payload::Object(&payload::UPDATE))
        (Brings::data::<ConversationBody>()) Conversation Conversation
        "Failed to update conversation" "Change status, agent, priority or labels.";
    AssignConversation "assign_conversation" (Payload::Object(&payload::ASSIGN))
        (Brings::data::<ConversationBody>()) Conversation Conversation
        "Failed to assign conversation" "Give a conversation to an agent.";
    CloseConversation "close_conversation" (Payload::Object(&payload::CONVERSATION))
        (Brings::data::<ConversationBody>()) Conversation Conversation
        "Failed to close conversation" "Close a conversation.";
    TypingStart "typing_start" (Payload::Object(&payload::CONVERSATION))
        (Brings::Sign) Conversation Conversation
        "Failed to update typing status" "The caller began to type.";
    TypingStop "typing_stop" (Payload::Object(&payload::CONVERSATION))
        (Brings::Sign) Conversation Conversation
        "Failed to update typing status" "The caller ceased to type.";
    GetTypingUsers "get_typing_users" (Payload::Object(&payload::CONVERSATION))
        (Brings::data::<TypingUsers>()) Conversation Conversation
        "Failed to load typing users" "Ask who is typing.";
    GetMessages "get_messages" (Payload::Object(&payload::LIST_MESSAGES))
        (Brings::data::<MessagesLoaded>()) Message Conversation
        "Failed to load messages" "Ask for a page of history.";
    GetConversations "get_conversations" (Payload::OptionalObject(&payload::LIST))
        (Brings::data::<ConversationsLoaded>()) Conversation Nothing
        "Failed to load conversations" "Ask for a page of conversations.";
    UpdatePresence "update_presence" (Payload::Bare(&payload::PRESENCE))
        (Brings::Sign) Conversation Nothing
        "Failed to update presence" "Tell others anything about the caller's presence.";
    JoinRoom "join_room" (Payload::BareOrObject(&payload::ROOM))
        (Brings::Nothing) Conversation Conversation
        "Failed to join room" "`join_conversation` by the name of the room.";
    LeaveRoom "leave_room" (Payload::BareOrObject(&payload::ROOM))
        (Brings::Sign) Conversation Conversation
        "Failed to leave room" "`leave_conversation` by the name of the room.";
    Ping "ping" (Payload::Ignored)
        (Brings::data::<Pong>()) Conversation Nothing
        "Failed to answer ping" "Ask for a `pong`.";
    Sync "sync" (Payload::OptionalObject(&payload::SYNC))
        (Brings::data::<Repaired<Synced>>()) Conversation Nothing
        "Failed to synchronize" "Ask what changed while the client was away.";
    RefreshAuth "refresh_auth" (Payload::BareOrObject(&payload::REFRESH))
        (Brings::Nothing) Conversation Nothing
        "Failed to refresh authentication" "Keep the connection beyond the expiry of its token.";
}

impl EventKind {
    /// The event that tells the sender of a failure.
    pub fn error(self, code: Code, echo: Echo) -> ServerEvent {
        let Echo { conversation_id, message_id, client_message_id } = echo;
        let (conversation_id, message_id) = match self.repeats() {
            Repeats::Nothing => (None, None),
            Repeats::Conversation => (conversation_id, None),
            Repeats::Message => (None, message_id),
            Repeats::Either => (conversation_id, message_id),
        };
        let is_refused = code == Code::Forbidden;
        let (make, error): (fn(EventError) -> ServerEvent, _) = match self.error_event() {
            ErrorEvent::Message => (ServerEvent::MessageError, self.failure()),
            ErrorEvent::Conversation if is_refused => {
                (ServerEvent::ConversationError, INSUFFICIENT_PERMISSIONS)
            }
            ErrorEvent::Conversation => (ServerEvent::ConversationError, self.failure()),
        };
        make(EventError {
            error: error.to_owned(),
            code,
            conversation_id,
            message_id,
            client_message_id,
        })
    }
}

/// What a `conversation_error` says when the caller may not. Source: contract O3.6.
const INSUFFICIENT_PERMISSIONS: &str = "Insufficient permissions";
