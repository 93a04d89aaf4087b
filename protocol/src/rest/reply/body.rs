//! What stands in an answer's `data`, and the two answers without an envelope of their own.

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::UserId;
use crate::rest::resource::{Conversation, Message, User};
use crate::time::Timestamp;

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        #[expect(missing_docs, reason = "the fields are the wire's own names")]
        pub struct $name { $(pub $field: $type),* }
    )*};
}

bodies! {
    /// Register and login.
    SignedIn { user: User, tokens: Tokens }
    /// Refresh.
    Refreshed { tokens: Tokens }
    /// The caller's profile.
    ProfileBody { user: Profile }
    /// An account.
    UserBody { user: User }
    /// A page of accounts.
    UsersBody { users: Vec<User> }
    /// A conversation.
    ConversationBody { conversation: Conversation }
    /// A page of conversations.
    ConversationsBody { conversations: Vec<Conversation> }
    /// A message.
    MessageBody { message: Message }
    /// A page of messages.
    MessagesBody { messages: Vec<Message> }
    /// How many messages the caller has not read.
    UnreadBody { unread_count: u32 }
}

/// What a sign-in is worth.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// For every request.
    pub access_token: String,
    /// For the next pair; works once.
    pub refresh_token: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// The caller's account: the original's `userId, email, role` and the stored fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The same as `_id`.
    pub user_id: UserId,
    /// The stored fields.
    #[serde(flatten)]
    pub user: User,
}

/// `GET /health`. Source: contract O1.6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Health {
    success: bool,
    message: &'static str,
    timestamp: Timestamp,
}

impl Health {
    /// The answer at `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self { success: true, message: "API is healthy", timestamp: now }
    }
}

/// `GET /`. Source: contract O1.6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Root {
    success: bool,
    message: &'static str,
    version: &'static str,
    timestamp: Timestamp,
}

impl Root {
    /// The answer at `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self { success: true, message: "Voxora Chat API", version: "1.0.0", timestamp: now }
    }
}
