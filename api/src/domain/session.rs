//! A sign-in, from login to logout, through all its refreshes. Holds ids, never a token;
//! signing out deletes it.
//! Source: contract 1.3.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, RawArray, RawArrayBuf, RawDocument, RawDocumentBuf, doc};
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
    /// The pairs before it, oldest first, whose refresh tokens may still be shown again.
    pub replaced: Vec<Issue>,
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
/// The pairs before it.
pub const REPLACED: &str = "replaced";
/// When the session ends by itself.
pub const EXPIRES_AT: &str = "expiresAt";

impl Session {
    /// Reads a stored session.
    ///
    /// # Errors
    /// [`Malformed`] without an id, a user or a current pair.
    pub fn decode(document: &RawDocument) -> Result<Self, Malformed> {
        let (mut id, mut user_id, mut current) = (None, None, None);
        let mut replaced = Vec::new();
        let (mut expires_at, mut created_at) = (Timestamp(0), Timestamp(0));
        codec::for_each(document, |key, value| match key {
            "_id" => id = codec::object_id(value).map(SessionId),
            "userId" => user_id = codec::object_id(value).map(UserId),
            CURRENT => current = value.as_document().and_then(Issue::decode),
            REPLACED => replaced = value.as_array().map(issues).unwrap_or_default(),
            EXPIRES_AT => expires_at = codec::date(value).unwrap_or_default(),
            "createdAt" => created_at = codec::date(value).unwrap_or_default(),
            _ => {}
        })?;
        Ok(Self {
            id: id.ok_or(Malformed("_id"))?,
            user_id: user_id.ok_or(Malformed("userId"))?,
            current: current.ok_or(Malformed("current"))?,
            replaced,
            expires_at,
            created_at,
        })
    }

    /// Writes it as stored.
    pub fn encode(&self) -> RawDocumentBuf {
        let mut replaced = RawArrayBuf::new();
        for issue in &self.replaced {
            replaced.push(issue.document());
        }
        Writer::new()
            .id("_id", self.id.0)
            .id("userId", self.user_id.0)
            .document(CURRENT, &self.current.document())
            .array(REPLACED, &replaced)
            .date(EXPIRES_AT, self.expires_at)
            .date("createdAt", self.created_at)
            .finish()
    }

    /// The pair that this token was exchanged for, as far as that is remembered.
    pub fn successor(&self, token_id: [u8; 16]) -> Option<Issue> {
        let mut issues = self.replaced.iter().chain([&self.current]);
        issues.find(|issue| issue.token_id == token_id)?;
        issues.next().copied()
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

fn issues(array: &RawArray) -> Vec<Issue> {
    let mut out = Vec::new();
    codec::for_each_item(array, |item| out.extend(item.as_document().and_then(Issue::decode)));
    out
}

/// A `jti` as stored.
pub fn token_id(id: [u8; 16]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: id.to_vec() })
}
