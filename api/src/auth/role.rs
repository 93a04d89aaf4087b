//! Who is calling, and what their role alone allows. Source: contract 1.4.

use protocol::event::server::Actor;
use protocol::id::{SessionId, UserId};
use protocol::rest::resource::Role;

use super::permission::{self, Action};
use crate::error::{Error, Kind};

/// Somebody who is signed in, as the stored account says; nothing of it comes from a token's text
/// but the ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// The sign-in.
    pub session_id: SessionId,
    /// Display name.
    pub name: String,
    /// Lower-case.
    pub email: String,
    /// Address of a picture.
    pub avatar: Option<String>,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// How broadcasts name this person.
    pub fn actor(&self) -> Actor {
        Actor {
            user_id: self.user_id,
            name: self.name.clone(),
            avatar: self.avatar.clone(),
            role: self.role,
        }
    }

    /// Whether this is an agent or an admin.
    pub const fn is_staff(&self) -> bool {
        self.role.is_staff()
    }

    /// Passes those whose role may do this at all. What depends on a conversation or a message as
    /// well is asked of the [table](super::permission) by the rule itself.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] for everybody else.
    pub fn require(&self, action: Action) -> Result<(), Error> {
        if permission::is_never_allowed(self.role, action) { Err(FORBIDDEN) } else { Ok(()) }
    }
}

/// What is said to somebody whose role does not suffice.
pub(crate) const FORBIDDEN: Error = Error::new(Kind::Forbidden, "Insufficient permissions");
