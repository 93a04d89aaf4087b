//! Who is typing where: in memory, forgotten after [`TYPING_MS`] without renewal.
//!
//! Best effort: nothing here is stored, and the events about it are made by the gateway. Source:
//! contract 1.5.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::event::server::{Typing as TypingEvent, TypingUser};
use protocol::id::{ConversationId, ObjectId, UserId};
use protocol::time::Timestamp;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::service::conversation;

/// An entry lives this long without renewal.
pub const TYPING_MS: i64 = 10_000;
/// Entries in all; past it a beginning is announced and not remembered.
pub const ENTRIES_LEN_MAX: usize = 65_536;
/// Entries of one conversation that a list shows; the rest is left out.
pub const LIST_LEN_MAX: usize = 100;

/// The entries of this process.
#[derive(Debug, Default)]
pub struct Typing {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// The entries; the two sets below are other orders of the same keys.
    places: BTreeMap<(ConversationId, UserId), Entry>,
    people: BTreeSet<(UserId, ConversationId)>,
    deadlines: BTreeSet<(Timestamp, ConversationId, UserId)>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    since: Timestamp,
    deadline: Timestamp,
}

/// The caller types, or goes on typing; returns what the others are to hear.
///
/// # Errors
/// The conversation is missing or not visible.
pub async fn start(
    app: &App,
    caller: &Caller,
    conversation_id: ConversationId,
) -> Result<TypingEvent, Error> {
    conversation::authorize(app, caller, conversation_id).await?;
    let now = app.clock.now();
    app.typing.lock().start(conversation_id, caller, now);
    Ok(event(conversation_id, caller.user_id, caller.name.clone(), now))
}

/// The caller ceases to type; returns what the others are to hear, even if it was not typing.
///
/// # Errors
/// The conversation is missing or not visible.
pub async fn stop(
    app: &App,
    caller: &Caller,
    conversation_id: ConversationId,
) -> Result<TypingEvent, Error> {
    conversation::authorize(app, caller, conversation_id).await?;
    app.typing.lock().remove(conversation_id, caller.user_id);
    Ok(event(conversation_id, caller.user_id, caller.name.clone(), app.clock.now()))
}

/// Who is typing, the caller included; at most [`LIST_LEN_MAX`].
///
/// # Errors
/// The conversation is missing or not visible.
pub async fn list(
    app: &App,
    caller: &Caller,
    conversation_id: ConversationId,
) -> Result<Vec<TypingUser>, Error> {
    conversation::authorize(app, caller, conversation_id).await?;
    Ok(app.typing.lock().list(conversation_id, app.clock.now()))
}

/// Forgets a person whose last socket is gone; returns what is to be heard in which conversation.
pub fn forget(app: &App, user_id: UserId) -> Vec<TypingEvent> {
    let now = app.clock.now();
    app.typing.lock().forget(user_id, now)
}

/// Forgets entries that were not renewed; returns what is to be heard in which conversation.
pub fn expire(app: &App, now: Timestamp) -> Vec<TypingEvent> {
    app.typing.lock().expire(now)
}

impl Typing {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        // A panic between two steps leaves at worst an entry that expires alone.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn start(&mut self, conversation_id: ConversationId, caller: &Caller, now: Timestamp) {
        let known = self.remove(conversation_id, caller.user_id);
        if self.places.len() >= ENTRIES_LEN_MAX {
            return;
        }
        let deadline = Timestamp(now.0.saturating_add(TYPING_MS));
        let entry = Entry {
            name: caller.name.clone(),
            since: known.map_or(now, |entry| entry.since),
            deadline,
        };
        self.places.insert((conversation_id, caller.user_id), entry);
        self.people.insert((caller.user_id, conversation_id));
        self.deadlines.insert((deadline, conversation_id, caller.user_id));
    }

    fn remove(&mut self, conversation_id: ConversationId, user_id: UserId) -> Option<Entry> {
        let entry = self.places.remove(&(conversation_id, user_id))?;
        self.people.remove(&(user_id, conversation_id));
        self.deadlines.remove(&(entry.deadline, conversation_id, user_id));
        Some(entry)
    }

    fn list(&self, conversation_id: ConversationId, now: Timestamp) -> Vec<TypingUser> {
        let range = (conversation_id, FIRST)..=(conversation_id, LAST);
        self.places
            .range(range)
            .filter(|(_, entry)| entry.deadline > now)
            .take(LIST_LEN_MAX)
            .map(|(&(_, user_id), entry)| TypingUser {
                user_id,
                user_name: entry.name.clone(),
                timestamp: entry.since,
            })
            .collect()
    }

    fn forget(&mut self, user_id: UserId, now: Timestamp) -> Vec<TypingEvent> {
        let range = (user_id, ConversationId(FIRST.0))..=(user_id, ConversationId(LAST.0));
        let places: Vec<_> = self.people.range(range).map(|&(_, place)| place).collect();
        let stopped =
            |place| self.remove(place, user_id).map(|it| event(place, user_id, it.name, now));
        places.into_iter().filter_map(stopped).collect()
    }

    fn expire(&mut self, now: Timestamp) -> Vec<TypingEvent> {
        let mut out = Vec::new();
        while let Some(&(deadline, conversation_id, user_id)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            if let Some(entry) = self.remove(conversation_id, user_id) {
                out.push(event(conversation_id, user_id, entry.name, now));
            }
        }
        out
    }
}

fn event(
    conversation_id: ConversationId,
    user_id: UserId,
    user_name: String,
    timestamp: Timestamp,
) -> TypingEvent {
    TypingEvent { conversation_id, user_id, user_name, timestamp }
}

const FIRST: UserId = UserId(ObjectId::from_bytes([0; 12]));
const LAST: UserId = UserId(ObjectId::from_bytes([0xff; 12]));

#[cfg(test)]
mod tests {
    use protocol::id::SessionId;
    use protocol::rest::resource::Role;

    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::from_bytes([n; 12])
    }

    fn caller(n: u8) -> Caller {
        Caller {
            user_id: UserId(id(n)),
            session_id: SessionId(id(n)),
            name: format!("user {n}"),
            email: String::new(),
            avatar: None,
            role: Role::User,
        }
    }

    fn place(n: u8) -> ConversationId {
        ConversationId(id(n))
    }

    #[test]
    fn entry_expires_ten_seconds_after_its_last_renewal_and_is_announced_once() {
        let mut entries = Entries::default();
        entries.start(place(1), &caller(1), Timestamp(0));
        entries.start(place(1), &caller(1), Timestamp(6_000));
        assert!(entries.expire(Timestamp(10_000)).is_empty());
        assert_eq!(entries.list(place(1), Timestamp(15_999)).len(), 1);
        assert!(entries.list(place(1), Timestamp(16_000)).is_empty());
        let stopped = entries.expire(Timestamp(16_000));
        assert_eq!(stopped.len(), 1);
        assert_eq!(stopped[0].user_name, "user 1");
        assert!(entries.expire(Timestamp(99_000)).is_empty());
    }

    #[test]
    fn forgotten_person_stops_everywhere_and_nobody_else_does() {
        let mut entries = Entries::default();
        for n in 1..=3 {
            entries.start(place(n), &caller(1), Timestamp(0));
            entries.start(place(n), &caller(2), Timestamp(0));
        }
        assert_eq!(entries.forget(UserId(id(1)), Timestamp(1)).len(), 3);
        let left = entries.list(place(2), Timestamp(1));
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].user_id, UserId(id(2)));
    }

    #[test]
    fn starting_and_stopping_leaves_nothing_behind() {
        let mut entries = Entries::default();
        for n in 0..1_000 {
            entries.start(place(1), &caller(1), Timestamp(n));
            entries.remove(place(1), UserId(id(1)));
        }
        assert!(entries.deadlines.is_empty() && entries.people.is_empty());
        assert!(entries.places.is_empty());
    }
}
