//! Rooms: the names that events are sent to.

use std::fmt;

use crate::id::{ConversationId, UserId};

/// A set of sockets with a name. Its text form is its name on the bus.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Room {
    /// `conversation:<id>`: those who opened a conversation.
    Conversation(ConversationId),
    /// `user:<id>`: every socket of one person; joined at connect.
    User(UserId),
    /// `staff`: every socket of agents and admins; joined at connect.
    Staff,
    /// Any other name; the chat never makes one.
    Named(Box<str>),
}

impl Room {
    /// The room with this name.
    ///
    /// # Cost
    /// Allocates only for a [`Room::Named`].
    pub fn from_name(name: &str) -> Self {
        let typed = match name.split_once(':') {
            Some(("conversation", id)) => id.parse().ok().map(Self::Conversation),
            Some(("user", id)) => id.parse().ok().map(Self::User),
            Some(_) => None,
            None => (name == "staff").then_some(Self::Staff),
        };
        // An id in capitals is another name: only the canonical text is the typed room.
        typed.filter(|room| room.to_string() == name).unwrap_or_else(|| Self::Named(name.into()))
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => write!(f, "conversation:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Staff => f.write_str("staff"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn every_name_round_trips() {
        let typed =
            ["conversation:507f1f77bcf86cd799439011", "user:507f1f77bcf86cd799439011", "staff"];
        for name in typed {
            let room = Room::from_name(name);
            assert!(!matches!(room, Room::Named(_)), "{name}");
            assert_eq!(room.to_string(), name);
        }
        for name in ["", "user:", "user:507F1F77BCF86CD799439011", "staff:", "a:b:c"] {
            let room = Room::from_name(name);
            assert!(matches!(room, Room::Named(_)), "{name}");
            assert_eq!(room.to_string(), name);
        }
    }
}
