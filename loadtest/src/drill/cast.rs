//! Who takes part: users, their conversations, and a client in each seat.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::seat::{Role, Seat};
use crate::admission::account::{self, Account};
use crate::admission::{Conversation, Wanted, conversation};
use crate::app::{AckBy, App, Dialect};
use crate::history::History;
use crate::ledger::mark::Mark;
use crate::plan::{SignIn, target};
use crate::progress::Progress;
use crate::swarm::Server;

/// Everybody and everything of a drill.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) accounts: Vec<Account>,
    pub(super) conversations: Vec<Conversation>,
}

/// How many seats of each kind there are beside the talkers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extras {
    pub(super) slow_readers: u32,
    pub(super) intruders: u32,
}

impl Cast {
    /// Registers users, as few as `count` conversations need, and lets them open these.
    ///
    /// # Errors
    /// The server refused something.
    pub(super) fn gather(
        server: &Server,
        sign_in: &SignIn,
        any_machine: bool,
        mark: &Mark,
        count: u32,
    ) -> Result<Self> {
        let wanted = Wanted::Distinct(count);
        let api = match &sign_in.api_url {
            Some(url) => target::server(url, &server.path, any_machine)?,
            None => server.clone(),
        };
        let users = wanted.users().max(USERS_MIN);
        let accounts = account::obtain(sign_in, &api, mark, users)?;
        let pairs = wanted.pairs(accounts.len())?;
        let progress = Progress::start("conversations", pairs.len() as u64);
        let dialect = Dialect { app: App::Voxora, ack_by: AckBy::Packet };
        let means = conversation::Means { dialect, progress };
        let servers = [server.clone()];
        let conversations = conversation::create(&servers, &accounts, pairs, means)?;
        Ok(Self { accounts, conversations })
    }

    /// The seats, each with its user, and the history in which they are entered.
    pub(super) fn seats(&self, extras: Extras) -> Result<(Vec<Seat>, Vec<u32>, History)> {
        let mut history = History::default();
        let mut seats = Vec::new();
        let mut users = Vec::new();
        let mut sit = |role: Role, user: usize, rooms: Vec<u32>, history: &mut History| {
            let user = u32::try_from(user).context("users are few")?;
            let joins = match role {
                Role::Talker | Role::SlowReader => rooms.as_slice(),
                Role::Intruder => &[],
            };
            history.add_client(user, joins);
            seats.push(Seat::new(role, rooms.into_iter()));
            users.push(user);
            anyhow::Ok(())
        };
        for room in &self.conversations {
            let [a, b] = room.members.map(u32::try_from);
            history.add_conversation([a?, b?], 0);
        }
        for (number, room) in (0_u32..).zip(&self.conversations) {
            for member in room.members {
                sit(Role::Talker, member, vec![number], &mut history)?;
            }
        }
        for nth in 0..extras.slow_readers as usize {
            let user = self.member(nth);
            sit(Role::SlowReader, user, self.rooms(user, true), &mut history)?;
        }
        for nth in 0..extras.intruders as usize {
            let user = nth % self.accounts.len().max(1);
            sit(Role::Intruder, user, self.rooms(user, false), &mut history)?;
        }
        Ok((seats, users, history))
    }

    /// The CONNECT packet of each of `users`.
    pub(super) fn hellos(&self, users: &[u32]) -> Vec<Arc<[u8]>> {
        let hellos: Vec<Arc<[u8]>> = self.accounts.iter().map(Account::hello).collect();
        let hello = |user: &u32| hellos.get(*user as usize).map(Arc::clone).unwrap_or_default();
        users.iter().map(hello).collect()
    }

    fn member(&self, nth: usize) -> usize {
        let index = nth % self.conversations.len().max(1);
        self.conversations.get(index).map_or(0, |room| room.members[nth % 2])
    }

    /// Conversations that `user` is in, or is not in.
    fn rooms(&self, user: usize, is_in: bool) -> Vec<u32> {
        let rooms = (0_u32..).zip(&self.conversations);
        rooms
            .filter(|(_, room)| room.members.contains(&user) == is_in)
            .map(|(number, _)| number)
            .take(ROOMS_MAX)
            .collect()
    }
}

/// An intruder needs two others to intrude upon.
const USERS_MIN: u32 = 3;
/// Conversations that one client hears, or tries to; it leaves the others alone.
const ROOMS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Cast, Extras};
    use crate::admission::Conversation;
    use crate::drill::seat::Role;

    #[test]
    fn slow_readers_hear_what_is_theirs_and_intruders_try_what_is_not() {
        let room = |a, b| Conversation { members: [a, b], id: "x".into() };
        let conversations = vec![room(0, 1), room(0, 2), room(1, 2)];
        let token = |_| crate::admission::account::Account::stub();
        let cast = Cast { accounts: (0..3).map(token).collect(), conversations };
        let extras = Extras { slow_readers: 2, intruders: 3 };
        let (seats, users, _) = cast.seats(extras).unwrap();
        assert_eq!(users, [0, 1, 0, 2, 1, 2, 0, 2, 0, 1, 2]);
        let rooms = |index: usize| -> Vec<u32> {
            seats[index].places.iter().map(|place| place.conversation).collect()
        };
        assert_eq!((seats[6].role, rooms(6)), (Role::SlowReader, vec![0, 1]));
        assert_eq!((seats[8].role, rooms(8)), (Role::Intruder, vec![2]));
        assert_eq!(cast.hellos(&users).len(), 11);
    }
}
