//! How clients get in: by nothing at all, or as registered users with conversations between them.
//!
//! Signing in is slow on purpose (password hashing), and REST is limited per address, so a run
//! registers few users, lets each of them hold many connections, and finds rooms by pairing them.

pub mod account;
pub mod conversation;

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};

use crate::app::App;
use crate::ledger::mark::Mark;
use crate::plan::{Common, target};
use crate::progress::Progress;
use crate::swarm::Server;
use account::Account;

/// What clients need to get in and to meet.
#[derive(Debug)]
pub enum Admission {
    /// Anybody may join any room; rooms are named after the run.
    Open {
        /// The run's name.
        run: String,
    },
    /// Users and their conversations.
    Members {
        /// The CONNECT packet of each user.
        hellos: Vec<Arc<[u8]>>,
        /// Who talks to whom, and the conversation's id.
        conversations: Vec<Conversation>,
    },
}

/// A conversation of two users.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// The two, by index; the first has created it.
    pub members: [usize; 2],
    /// Its id, as the server wrote it.
    pub id: Box<str>,
}

impl Admission {
    /// Gets `rooms` rooms ready, or as many as `users` users can have with each other when rooms
    /// may be shared.
    ///
    /// # Errors
    /// The server refused something, or the users are too few.
    pub fn prepare(
        common: &Common,
        servers: &[Server],
        mark: &Mark,
        wanted: Wanted,
    ) -> Result<Self> {
        match common.app {
            App::Conformance => Ok(Self::Open { run: mark.run().to_owned() }),
            App::Voxora => {
                let sign_in = &common.sign_in;
                let api = match &sign_in.api_url {
                    Some(url) => target::server(url, &common.path, common.i_own_the_target)?,
                    None => servers.first().context("no server to sign in to")?.clone(),
                };
                let accounts = account::obtain(sign_in, &api, mark, wanted.users())?;
                ensure!(accounts.len() >= 2, "two users are needed, and there is one");
                let pairs = wanted.pairs(accounts.len())?;
                let progress = Progress::start("conversations", pairs.len() as u64);
                let conversations = conversation::create(
                    servers,
                    &accounts,
                    pairs,
                    conversation::Means { dialect: common.dialect(), progress },
                )?;
                let hellos = accounts.iter().map(Account::hello).collect();
                Ok(Self::Members { hellos, conversations })
            }
        }
    }

    /// The names of `count` rooms, or of all there are.
    pub fn room_names(&self, count: u32) -> Vec<Box<str>> {
        match self {
            Self::Open { run } => (0..count).map(|n| format!("load-{run}-{n}").into()).collect(),
            Self::Members { conversations, .. } => {
                conversations.iter().take(count as usize).map(|room| room.id.clone()).collect()
            }
        }
    }

    /// The CONNECT packet of the client on `side` of the `room`-th room.
    pub fn hello(&self, room: u32, side: u32) -> Arc<[u8]> {
        match self {
            Self::Open { .. } => Arc::from(b"40".as_slice()),
            Self::Members { hellos, conversations } => {
                let index = room as usize % conversations.len().max(1);
                let member = conversations
                    .get(index)
                    .and_then(|room| room.members.get(side as usize % 2))
                    .and_then(|user| hellos.get(*user));
                member.map(Arc::clone).unwrap_or_default()
            }
        }
    }
}

/// How many rooms a scenario wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Exactly so many, each with a pair of its own.
    Distinct(u32),
    /// Up to so many; several groups of connections may share one.
    UpTo(u32),
}

impl Wanted {
    /// The users to register for it.
    pub fn users(self) -> u32 {
        let rooms = match self {
            Self::Distinct(rooms) => rooms,
            Self::UpTo(rooms) => rooms.min(pairs_of(USERS_SHARED)),
        };
        (2..USERS_MAX).find(|users| pairs_of(*users) >= rooms).unwrap_or(USERS_MAX)
    }

    /// Who is to talk to whom.
    ///
    /// # Errors
    /// The users are too few.
    pub fn pairs(self, users: usize) -> Result<Vec<[usize; 2]>> {
        let (Self::Distinct(rooms) | Self::UpTo(rooms)) = self;
        let all = (0..users).flat_map(|a| (a + 1..users).map(move |b| [a, b]));
        let pairs: Vec<[usize; 2]> = all.take(rooms as usize).collect();
        let enough = match self {
            Self::Distinct(rooms) => pairs.len() >= rooms as usize,
            Self::UpTo(_) => !pairs.is_empty(),
        };
        ensure!(enough, "{users} users make {} pairs, and {rooms} rooms need more", pairs.len());
        Ok(pairs)
    }
}

const fn pairs_of(users: u32) -> u32 {
    users * (users - 1) / 2
}

/// Users that one run may register; servers limit the calls of an address.
pub const USERS_MAX: u32 = 900;
/// Users that are enough where rooms may be shared.
const USERS_SHARED: u32 = 16;

#[cfg(test)]
mod tests {
    use super::{Admission, Conversation, Wanted};

    #[test]
    fn as_few_users_are_registered_as_pairs_need() {
        assert_eq!(Wanted::Distinct(1).users(), 2);
        assert_eq!(Wanted::Distinct(5000).users(), 101);
        assert_eq!(Wanted::UpTo(5000).users(), 16);
        assert_eq!(Wanted::UpTo(3).users(), 3);
    }

    #[test]
    fn every_pair_is_another_one_and_too_few_users_are_refused() {
        let pairs = Wanted::Distinct(6).pairs(4).unwrap();
        assert_eq!(pairs, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert!(Wanted::Distinct(7).pairs(4).is_err());
        assert_eq!(Wanted::UpTo(7).pairs(4).unwrap().len(), 6);
    }

    #[test]
    fn both_sides_of_a_room_get_in_as_its_members() {
        let hellos = [b"40a".as_slice(), b"40b", b"40c"].map(Into::into).to_vec();
        let room = |a, b, id: &str| Conversation { members: [a, b], id: id.into() };
        let conversations = vec![room(0, 1, "x"), room(1, 2, "y")];
        let admission = Admission::Members { hellos, conversations };
        assert_eq!((&*admission.hello(1, 0), &*admission.hello(1, 1)), (&b"40b"[..], &b"40c"[..]));
        assert_eq!(&*admission.hello(2, 0), b"40a", "rooms are used again");
        assert_eq!(admission.room_names(9).len(), 2);
    }
}
