//! A sign-in, from login to logout, through all its refreshes. Holds ids, never a token;
//! signing out deletes it.
//! Source: contract 1.3.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, RawDocument, RawDocumentBuf, doc};
use protocol::id::{SessionId, UserId};
use protocol::time::Timestamp;

use super::codec::{self, Malformed, Writer};
use super::field;

/// A sign-in as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The `sid` claim.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The pair of tokens that is valid now.
    pub current: Issue,
    /// The `jti` that `current` replaced.
    pub previous: Option<[u8; 16]>,
    /// When the refresh token of `current` ends, and the session with it.
    pub expires_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
}

/// What a pair of tokens is made of: the same claims signed again are the same pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// The `jti` claim of both tokens.
    pub token_id: [u8; 16],
    /// The `iat` claim of both, to the millisecond.
    pub at: Timestamp,
}

/// The pair that is valid now.
pub const CURRENT: &str = "current";
/// Dotted path of the `jti` that decides a rotation.
pub const CURRENT_TOKEN_ID: &str = "current.tokenId";
/// The `jti` before it.
pub const PREVIOUS: &str = "previous";
/// When the session ends by itself.
pub const EXPIRES_AT: &str = "expiresAt";

impl Session {
    /// Reads a stored session.
    ///
    /// # Errors
    /// [`Malformed`] without an id, a user or a current pair.
    pub fn decode(document: &RawDocument) -> Result<Self, Malformed> {
        let (mut id, mut user_id, mut current) = (None, None, None);
        let mut previous = None;
        let (mut expires_at, mut created_at) = (Timestamp(0), Timestamp(0));
        codec::for_each(document, |key, value| match key {
            "_id" => id = codec::object_id(value).map(SessionId),
            "userId" => user_id = codec::object_id(value).map(UserId),
            CURRENT => current = value.as_document().and_then(Issue::decode),
            PREVIOUS => previous = codec::bytes16(value),
            EXPIRES_AT => expires_at = codec::date(value).unwrap_or_default(),
            "createdAt" => created_at = codec::date(value).unwrap_or_default(),
            _ => {}
        })?;
        Ok(Self {
            id: id.ok_or(Malformed("_id"))?,
            user_id: user_id.ok_or(Malformed("userId"))?,
            current: current.ok_or(Malformed("current"))?,
            previous,
            expires_at,
            created_at,
        })
    }

    /// Writes it as stored.
    pub fn encode(&self) -> RawDocumentBuf {
        let mut out = Writer::new();
        out.id("_id", self.id.0)
            .id("userId", self.user_id.0)
            .document(CURRENT, &self.current.document());
        match self.previous {
            Some(previous) => out.bytes16(PREVIOUS, previous),
            None => out.null(PREVIOUS),
        };
        out.date(EXPIRES_AT, self.expires_at).date("createdAt", self.created_at).finish()
    }
}

impl Issue {
    fn decode(document: &RawDocument) -> Option<Self> {
        let (mut token_id, mut at) = (None, None);
        codec::for_each(document, |key, value| match key {
            "tokenId" => token_id = codec::bytes16(value),
            "at" => at = codec::date(value),
            _ => {}
        })
        .ok()?;
        Some(Self { token_id: token_id?, at: at? })
    }

    fn document(&self) -> RawDocumentBuf {
        Writer::new().bytes16("tokenId", self.token_id).date("at", self.at).finish()
    }

    /// As stored.
    pub fn bson(&self) -> Bson {
        Bson::Document(doc! { "tokenId": token_id(self.token_id), "at": field::date(self.at) })
    }
}

/// A `jti` as stored.
pub fn token_id(id: [u8; 16]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: id.to_vec() })
}
