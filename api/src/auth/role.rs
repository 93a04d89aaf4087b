//! Who is calling, and what their role alone allows. What depends on a conversation or a message
//! as well is decided in `service/`, beside that rule. Source: contract 1.4.

use protocol::event::server::Actor;
use protocol::id::{SessionId, UserId};
use protocol::rest::resource::Role;

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

    /// Passes agents and admins.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] for everybody else.
    pub fn require_staff(&self) -> Result<(), Error> {
        if self.is_staff() { Ok(()) } else { Err(forbidden()) }
    }

    /// Passes admins.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] for everybody else.
    pub fn require_admin(&self) -> Result<(), Error> {
        match self.role {
            Role::Admin => Ok(()),
            Role::User | Role::Agent => Err(forbidden()),
        }
    }
}

const fn forbidden() -> Error {
    Error::new(Kind::Forbidden, "Insufficient permissions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_open_what_the_table_says() {
        for (role, staff, admin) in
            [(Role::User, false, false), (Role::Agent, true, false), (Role::Admin, true, true)]
        {
            let caller = Caller {
                user_id: "507f1f77bcf86cd799439011".parse().unwrap(),
                session_id: "507f1f77bcf86cd799439012".parse().unwrap(),
                name: "Ada".into(),
                email: "ada@example.com".into(),
                avatar: None,
                role,
            };
            assert_eq!(caller.require_staff().is_ok(), staff, "{role:?}");
            assert_eq!(caller.require_admin().is_ok(), admin, "{role:?}");
        }
    }
}
