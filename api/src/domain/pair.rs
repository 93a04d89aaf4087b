//! The key document of two people: which conversation is the open one between them.
//!
//! Its `_id` is made of both ids, so the store itself lets only one of two simultaneous requests
//! win. Source: architecture.md, "Store".

use bson::{Bson, RawDocument, RawDocumentBuf};
use protocol::id::{ConversationId, UserId};

use super::codec::{self, Malformed, Writer};

/// A pair as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The two ids.
    pub key: PairKey,
    /// Their newest conversation; it may be closed since, or not stored yet.
    pub conversation_id: ConversationId,
}

/// Two people, in either order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairKey(String);

/// Of a pair.
pub const CONVERSATION_ID: &str = "conversationId";

impl PairKey {
    /// The key of these two.
    pub fn new(one: UserId, other: UserId) -> Self {
        Self(format!("{}:{}", one.min(other), one.max(other)))
    }

    /// As stored.
    pub fn bson(&self) -> Bson {
        Bson::String(self.0.clone())
    }
}

impl Pair {
    /// Reads a stored pair.
    ///
    /// # Errors
    /// [`Malformed`] without an id or a conversation.
    pub fn decode(document: &RawDocument) -> Result<Self, Malformed> {
        let (mut key, mut conversation_id) = (None, None);
        codec::for_each(document, |name, value| match name {
            "_id" => key = codec::text(value).map(PairKey),
            CONVERSATION_ID => conversation_id = codec::object_id(value).map(ConversationId),
            _ => {}
        })?;
        Ok(Self {
            key: key.ok_or(Malformed("_id"))?,
            conversation_id: conversation_id.ok_or(Malformed(CONVERSATION_ID))?,
        })
    }

    /// Writes it as stored.
    pub fn encode(&self) -> RawDocumentBuf {
        Writer::new().text("_id", &self.key.0).id(CONVERSATION_ID, self.conversation_id.0).finish()
    }
}
