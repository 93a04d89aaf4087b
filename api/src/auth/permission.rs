//! Who may do what: one table, the only place that says so.
//!
//! The router asks it before a handler runs, for what a role alone decides; the rules ask it with
//! the caller's relation to what is asked for. The published document and the test that walks every
//! route read it too. Source: contract 1.4.

use protocol::rest::resource::Role;

/// How somebody stands to a conversation, or to a message in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Neither a participant nor the creator.
    Stranger,
    /// A participant or the creator.
    Member,
    /// Who sent the message; of a conversation as a whole nobody is.
    Sender,
}

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Done.
    Allowed,
    /// Refused: 403.
    Forbidden,
    /// Answered as if it did not exist: 404.
    Hidden,
}

impl Relation {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 3] = [Self::Stranger, Self::Member, Self::Sender];
}

impl Verdict {
    /// Whether it is done.
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed)
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $action:ident $user:ident $agent:ident $admin:ident;)*) => {
        /// Something that not everybody may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $action),* }

        impl Action {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$action),*];

            /// The table's line: for each role, the verdicts by relation.
            const fn line(self) -> [[Verdict; 3]; 3] {
                match self {
                    $(Self::$action => [
                        verdicts(stringify!($user)),
                        verdicts(stringify!($agent)),
                        verdicts(stringify!($admin)),
                    ]),*
                }
            }
        }
    };
}

// A letter for each relation: stranger, member, sender. A: allowed, F: forbidden, H: hidden.
permissions! {
    //                  user agent admin
    /// Signing out, the own profile.
    UseOwnAccount       AAA  AAA  AAA;
    /// Making accounts that are more than `user`.
    AppointStaff        FFF  FFF  AAA;
    /// The list of people.
    ListPeople          FFF  AAA  AAA;
    /// Other people's roles, and whether they may sign in.
    ManagePeople        FFF  FFF  AAA;

    /// Beginning a conversation.
    CreateConversation  AAA  AAA  AAA;
    /// The list of the own conversations.
    ListConversations   AAA  AAA  AAA;
    /// The lists of all conversations and of the queue.
    ListEverybodys      FFF  AAA  AAA;
    /// Asking what was missed.
    CatchUp             AAA  AAA  AAA;
    /// Seeing a conversation and its history, joining its room.
    SeeConversation     HAA  AAA  AAA;
    /// `open`, `resolved` and `closed`.
    ChangeStatus        HAA  AAA  AAA;
    /// `pending`, priority, labels and agent.
    TriageConversation  HFF  AAA  AAA;
    /// Giving it to an agent by its own door, which looks at the role first.
    AssignConversation  FFF  AAA  AAA;
    /// Closing it.
    CloseConversation   HAA  AAA  AAA;

    /// Sending, typing.
    SendMessage         HAA  AAA  AAA;
    /// Sending what only the server says.
    SendSystemMessage   FFF  FFF  FFF;
    /// Moving the own read cursor.
    MarkRead            HAA  AAA  AAA;
    /// Replacing a message's text.
    EditMessage         HFA  FFA  FFA;
    /// Deleting a message.
    DeleteMessage       HFA  AAA  AAA;
    /// Earlier texts of an edited message.
    SeeEditHistory      HFA  AAA  AAA;
}

/// Whether somebody of this role, who stands so to the matter, may do it.
pub const fn verdict(role: Role, relation: Relation, action: Action) -> Verdict {
    let [user, agent, admin] = action.line();
    let [stranger, member, sender] = match role {
        Role::User => user,
        Role::Agent => agent,
        Role::Admin => admin,
    };
    match relation {
        Relation::Stranger => stranger,
        Relation::Member => member,
        Relation::Sender => sender,
    }
}

/// Whether the role alone refuses it, whatever the relation: then nothing need be looked up.
pub const fn is_never_allowed(role: Role, action: Action) -> bool {
    matches!(verdict(role, Relation::Stranger, action), Verdict::Forbidden)
        && matches!(verdict(role, Relation::Member, action), Verdict::Forbidden)
        && matches!(verdict(role, Relation::Sender, action), Verdict::Forbidden)
}

const fn verdicts(letters: &str) -> [Verdict; 3] {
    let [stranger, member, sender] = letters.as_bytes() else {
        panic!("a line has one letter for each relation")
    };
    [letter(*stranger), letter(*member), letter(*sender)]
}

const fn letter(letter: u8) -> Verdict {
    match letter {
        b'A' => Verdict::Allowed,
        b'F' => Verdict::Forbidden,
        b'H' => Verdict::Hidden,
        _ => panic!("a verdict is A, F or H"),
    }
}

/// Makes a wrong letter a failed build.
const _: () = {
    let mut index = 0;
    while index < Action::ALL.len() {
        let _ = Action::ALL[index].line();
        index += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_relation_never_takes_a_right_away() {
        for &action in Action::ALL {
            for role in [Role::User, Role::Agent, Role::Admin] {
                let rights = Relation::ALL.map(|it| verdict(role, it, action).is_allowed());
                assert!(rights.is_sorted(), "{action:?} {role:?}");
            }
        }
    }

    #[test]
    fn higher_role_never_takes_a_right_away() {
        for &action in Action::ALL {
            for relation in Relation::ALL {
                let roles = [Role::User, Role::Agent, Role::Admin];
                let rights = roles.map(|it| verdict(it, relation, action).is_allowed());
                assert!(rights.is_sorted(), "{action:?} {relation:?}");
            }
        }
    }

    #[test]
    fn nothing_is_hidden_from_staff() {
        for &action in Action::ALL {
            for relation in Relation::ALL {
                for role in [Role::Agent, Role::Admin] {
                    assert_ne!(verdict(role, relation, action), Verdict::Hidden, "{action:?}");
                }
            }
        }
    }
}
