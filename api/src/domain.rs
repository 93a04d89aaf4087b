//! The nouns of the chat as the store holds them, each with its raw BSON codec.
//!
//! Field names and types are the original's, so that an existing database opens as it is; what is
//! ours beside them (`seq`, `stamp`, `clientMessageId`, `lastSeq`, `readCursors`) may be missing.
//! Nothing here knows a rule: those stand in [`crate::service`]. Source: contract O4.

pub mod codec;
pub mod conversation;
pub mod field;
pub mod message;
pub mod pair;
pub mod session;
pub mod user;

use protocol::id::{ObjectId, UserId};

pub use conversation::Conversation;
pub use message::Message;
pub use pair::Pair;
pub use session::Session;
pub use user::User;

/// Who wrote or made what names nobody: no account has this id.
pub const NOBODY: UserId = UserId(ObjectId::from_bytes([0; 12]));
