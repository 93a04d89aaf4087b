//! Who is typing where: in memory, forgotten after [`TYPING_MS`] without renewal.
//!
//! A person types while any of their devices does: one that is gone ends nothing for the others. What
//! a person says holds for all of them, as in the original: `typing_stop` on one device is heard, and
//! another that goes on begins anew.
//!
//! Best effort: nothing here is stored, and the events about it are published by the gateway. Source:
//! contract 1.5, O3.4.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::event::server::{Typing as TypingEvent, TypingUser};
use protocol::id::{ConversationId, ObjectId, SocketId, UserId};
use protocol::time::Timestamp;
use smallvec::SmallVec;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::service::conversation;

/// An entry lives this long without renewal.
pub const TYPING_MS: i64 = 10_000;
/// Who goes on typing is announced again so often, however often it is renewed: for those who came
/// in meanwhile, and for clients that give up on a typist by themselves.
pub const TOLD_AGAIN_MS: i64 = 2_000;
/// Entries in all; past it a beginning is neither remembered nor announced, since nobody would
/// announce its end.
pub const ENTRIES_LEN_MAX: usize = 65_536;
/// Devices that an entry remembers; a further one renews it, and does not keep it when they go.
pub const DEVICES_LEN_MAX: usize = 16;
/// Entries of one conversation that a list shows; the rest is left out.
pub const LIST_LEN_MAX: usize = 100;

/// The entries of this process.
#[derive(Debug, Default)]
pub struct Typing {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    places: BTreeMap<(ConversationId, UserId), Entry>,
    /// The same keys, in the order in which they expire.
    deadlines: BTreeSet<(Timestamp, ConversationId, UserId)>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    since: Timestamp,
    /// When it was announced last.
    told: Timestamp,
    deadline: Timestamp,
    /// Until when each device types, if it does not renew it.
    devices: SmallVec<[(SocketId, Timestamp); 1]>,
}

/// The caller types on this device, or goes on typing; returns what the others are to hear, if
/// anything.
///
/// # Errors
/// The conversation is missing or not visible.
pub async fn start(
    app: &App,
    caller: &Caller,
    conversation_id: ConversationId,
    device: SocketId,
) -> Result<Option<TypingEvent>, Error> {
    conversation::authorize(app, caller, conversation_id).await?;
    let now = app.clock.now();
    let is_told = app.typing.lock().start(conversation_id, caller, device, now);
    Ok(is_told.then(|| event(conversation_id, caller.user_id, caller.name.clone(), now)))
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

/// A device is gone; returns what is to be heard if it was the last on which its person typed there.
pub fn leave(
    app: &App,
    user_id: UserId,
    conversation_id: ConversationId,
    device: SocketId,
) -> Option<TypingEvent> {
    let now = app.clock.now();
    app.typing.lock().leave(conversation_id, user_id, device, now)
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
    /// Whether the others are to hear of it.
    fn start(
        &mut self,
        conversation_id: ConversationId,
        caller: &Caller,
        device: SocketId,
        now: Timestamp,
    ) -> bool {
        let (mut entry, is_new) = match self.remove(conversation_id, caller.user_id) {
            Some(known) => (known, false),
            None if self.places.len() >= ENTRIES_LEN_MAX => return false,
            None => (Entry::new(caller.name.clone(), now), true),
        };
        entry.renew(device, now);
        let is_told = is_new || now.0.saturating_sub(entry.told.0) >= TOLD_AGAIN_MS;
        if is_told {
            entry.told = now;
        }
        self.insert(conversation_id, caller.user_id, entry);
        is_told
    }

    fn leave(
        &mut self,
        conversation_id: ConversationId,
        user_id: UserId,
        device: SocketId,
        now: Timestamp,
    ) -> Option<TypingEvent> {
        let entry = self.places.get(&(conversation_id, user_id))?;
        if !entry.devices.iter().any(|&(it, _)| it == device) {
            return None;
        }
        let mut entry = self.remove(conversation_id, user_id)?;
        entry.devices.retain(|&mut (it, until)| it != device && until > now);
        match entry.devices.iter().map(|&(_, until)| until).max() {
            Some(until) => {
                entry.deadline = until;
                self.insert(conversation_id, user_id, entry);
                None
            }
            None => Some(event(conversation_id, user_id, entry.name, now)),
        }
    }

    fn insert(&mut self, conversation_id: ConversationId, user_id: UserId, entry: Entry) {
        self.deadlines.insert((entry.deadline, conversation_id, user_id));
        self.places.insert((conversation_id, user_id), entry);
    }

    fn remove(&mut self, conversation_id: ConversationId, user_id: UserId) -> Option<Entry> {
        let entry = self.places.remove(&(conversation_id, user_id))?;
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

impl Entry {
    fn new(name: String, now: Timestamp) -> Self {
        Self { name, since: now, told: now, deadline: now, devices: SmallVec::new() }
    }

    fn renew(&mut self, device: SocketId, now: Timestamp) {
        self.deadline = Timestamp(now.0.saturating_add(TYPING_MS));
        self.devices.retain(|&mut (it, until)| it != device && until > now);
        if self.devices.len() < DEVICES_LEN_MAX {
            self.devices.push((device, self.deadline));
        }
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
mod tests;
