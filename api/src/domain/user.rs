//! An account. Source: contract O4, "users".

use std::fmt;

use bson::{RawDocument, RawDocumentBuf};
use protocol::id::UserId;
use protocol::rest::resource::{self, Role};
use protocol::rest::word::Availability;
use protocol::time::Timestamp;

use super::codec::{self, Malformed, Writer};

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Trimmed.
    pub name: String,
    /// Trimmed and lower-case; unique.
    pub email: String,
    /// What the password is checked against.
    pub password: PasswordHash,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// What it may do. A word that is none of ours counts as the least.
    pub role: Role,
    /// `online`, `away`, `busy`, `offline`, or whatever an old database holds.
    pub status: String,
    /// Last sign-in, sign-out or disconnect.
    pub last_seen: Timestamp,
    /// False once deactivated. Absent counts as true, as in the original; anything else but `true`
    /// as false, so that no door opens by mistake.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Mongoose's version key.
    pub version: i32,
}

/// A bcrypt hash; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl User {
    /// Reads a stored account.
    ///
    /// # Errors
    /// [`Malformed`] without an id.
    pub fn decode(document: &RawDocument) -> Result<Self, Malformed> {
        let mut id = None;
        let mut user = Self {
            id: UserId(protocol::id::ObjectId::from_bytes([0; 12])),
            name: String::new(),
            email: String::new(),
            password: PasswordHash(String::new()),
            avatar: None,
            role: Role::User,
            status: Availability::Offline.as_str().to_owned(),
            last_seen: Timestamp(0),
            is_active: true,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 0,
        };
        codec::for_each(document, |key, value| match key {
            "_id" => id = codec::object_id(value).map(UserId),
            "name" => user.name = codec::text(value).unwrap_or_default(),
            "email" => user.email = codec::text(value).unwrap_or_default(),
            "password" => user.password.0 = codec::text(value).unwrap_or_default(),
            "avatar" => user.avatar = codec::text(value),
            "role" => {
                user.role = value.as_str().and_then(Role::from_word).unwrap_or(Role::User);
            }
            "status" => user.status = codec::text(value).unwrap_or_default(),
            "lastSeen" => user.last_seen = codec::date(value).unwrap_or_default(),
            "isActive" => user.is_active = value.as_bool() == Some(true),
            "createdAt" => user.created_at = codec::date(value).unwrap_or_default(),
            "updatedAt" => user.updated_at = codec::date(value).unwrap_or_default(),
            "__v" => user.version = codec::version(value),
            _ => {}
        })?;
        user.id = id.ok_or(Malformed("_id"))?;
        Ok(user)
    }

    /// Writes it as stored.
    pub fn encode(&self) -> RawDocumentBuf {
        Writer::new()
            .id("_id", self.id.0)
            .text("name", &self.name)
            .text("email", &self.email)
            .text("password", &self.password.0)
            .text("role", self.role.as_str())
            .optional_text("avatar", self.avatar.as_deref())
            .text("status", &self.status)
            .date("lastSeen", self.last_seen)
            .flag("isActive", self.is_active)
            .date("createdAt", self.created_at)
            .date("updatedAt", self.updated_at)
            .version(self.version)
            .finish()
    }

    /// The account as its owner sees it.
    pub fn resource(&self) -> resource::User {
        resource::User {
            id: self.id,
            name: self.name.clone(),
            email: self.email.clone(),
            role: self.role,
            avatar: self.avatar.clone(),
            status: self.status.clone(),
            is_active: self.is_active,
            last_seen: self.last_seen,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        }
    }

    /// The account inside another resource, with the fields that every place shows.
    pub fn summary(&self) -> resource::UserSummary {
        resource::UserSummary {
            id: self.id,
            name: self.name.clone(),
            email: self.email.clone(),
            avatar: self.avatar.clone(),
            role: None,
            status: None,
        }
    }
}
