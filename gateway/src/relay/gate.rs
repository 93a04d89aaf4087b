//! High-water marks: of every conversation that somebody here hears, how far its new messages have
//! been passed on.
//!
//! The bus is a bell: it may ring twice, out of turn, or not at all. A bell with the next `seq` is
//! passed on; a lower one is dropped; a higher one says that something is missing, and what is missing
//! is read from the store, once, together with the message of the bell. So nothing waits in memory
//! but a number. Source: architecture.md, "Bus".
//!
//! Knows no time and does no I/O: the relay carries out what it says.

use std::collections::BTreeMap;
use std::ops::Bound;

use protocol::id::ConversationId;

/// Conversations that are watched; a further one is passed on as it comes. About 12 MB.
pub(super) const ROOMS_WATCHED_MAX: usize = 131_072;

/// Fetches that bring nothing before a gap is given up: what is behind it is passed on, and clients
/// see the hole by `seq`.
pub(super) const FRUITLESS_MAX: u8 = 20;

/// The marks of a process.
#[derive(Debug, Default)]
pub(super) struct Gate {
    marks: BTreeMap<ConversationId, Mark>,
    /// Counts those that entered.
    entered: u64,
}

#[derive(Debug)]
struct Mark {
    /// The last that was passed on; none until something says where it stands.
    last: Option<i64>,
    /// Messages up to here may not have been passed on to those who are in the room.
    base: i64,
    /// The greatest that is known to be stored.
    wanted: i64,
    is_fetching: bool,
    fruitless: u8,
    /// When somebody last entered.
    entered: u64,
}

/// What is done with a bell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bell {
    /// It is passed on.
    Pass,
    /// Everybody has heard it.
    Drop,
    /// Something before it is missing, and is being fetched.
    Wait,
    /// Something before it is missing: fetch what is behind this place.
    Fetch(i64),
}

/// How somebody's snapshot stands to what was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Snapshot {
    /// Everything in it has been passed on; what follows will be.
    Meets,
    /// What follows it was passed on before they entered: they must read again.
    Behind,
    /// It holds what was not passed on yet, and is being fetched.
    Wait,
    /// It holds what was not passed on yet: fetch what is behind this place.
    Fetch(i64),
}

impl Gate {
    /// Somebody enters the room of this conversation.
    pub(super) fn enter(&mut self, id: ConversationId) {
        self.entered += 1;
        let is_full = self.marks.len() >= ROOMS_WATCHED_MAX;
        if let Some(mark) = self.marks.get_mut(&id) {
            mark.entered = self.entered;
        } else if !is_full {
            self.marks.insert(id, Mark::new(self.entered));
        }
    }

    /// A new message is announced.
    pub(super) fn bell(&mut self, id: ConversationId, seq: i64) -> Bell {
        let Some(mark) = self.marks.get_mut(&id) else { return Bell::Pass };
        let Some(last) = mark.last else {
            mark.set(seq, seq.saturating_sub(1));
            return Bell::Pass;
        };
        if seq <= last {
            return Bell::Drop;
        }
        if seq == last.saturating_add(1) {
            mark.last = Some(seq);
            return Bell::Pass;
        }
        if mark.want(seq) { Bell::Fetch(last) } else { Bell::Wait }
    }

    /// Somebody who has entered has read everything up to this place.
    pub(super) fn snapshot(&mut self, id: ConversationId, seq: i64) -> Snapshot {
        let Some(mark) = self.marks.get_mut(&id) else { return Snapshot::Meets };
        let Some(last) = mark.last else {
            mark.set(seq, seq);
            return Snapshot::Meets;
        };
        if seq < mark.base {
            Snapshot::Behind
        } else if seq <= last {
            Snapshot::Meets
        } else if mark.want(seq) {
            Snapshot::Fetch(last)
        } else {
            Snapshot::Wait
        }
    }

    /// A message was fetched. Returns whether it is passed on.
    pub(super) fn fetched(&mut self, id: ConversationId, seq: i64) -> bool {
        let Some(mark) = self.marks.get_mut(&id) else { return false };
        let is_next = mark.last.is_some_and(|last| seq == last.saturating_add(1));
        if is_next {
            mark.last = Some(seq);
            mark.fruitless = 0;
        }
        is_next
    }

    /// A fetch has ended. Where more is missing, the place behind which to fetch again, and whether
    /// that is the same as before.
    pub(super) fn fetch_ended(&mut self, id: ConversationId, brought: bool) -> Option<(i64, bool)> {
        let mark = self.marks.get_mut(&id)?;
        let last = mark.last.unwrap_or_default();
        if mark.wanted > last && !brought {
            mark.fruitless += 1;
            if mark.fruitless > FRUITLESS_MAX {
                mark.set(mark.wanted, mark.wanted);
                mark.fruitless = 0;
            }
        }
        let last = mark.last.unwrap_or_default();
        mark.is_fetching = mark.wanted > last;
        mark.is_fetching.then_some((last, !brought))
    }

    /// Up to which number of those who entered an answer about empty rooms counts.
    pub(super) const fn entered(&self) -> u64 {
        self.entered
    }

    /// The next conversations behind this one, to ask whether anybody is left in their rooms.
    pub(super) fn some_behind(
        &self,
        last: Option<ConversationId>,
        count: usize,
    ) -> Vec<ConversationId> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.marks.range((from, Bound::Unbounded));
        behind.map(|(id, _)| *id).take(count).collect()
    }

    /// Nobody was left in the room, as far as those had entered.
    pub(super) fn evict(&mut self, id: ConversationId, entered: u64) {
        let is_left = |mark: &Mark| mark.entered <= entered && !mark.is_fetching;
        if self.marks.get(&id).is_some_and(is_left) {
            self.marks.remove(&id);
        }
    }
}

impl Mark {
    const fn new(entered: u64) -> Self {
        Self { last: None, base: 0, wanted: 0, is_fetching: false, fruitless: 0, entered }
    }

    const fn set(&mut self, last: i64, base: i64) {
        self.last = Some(last);
        self.base = base;
    }

    /// Notes that this is stored. Returns whether it is to be fetched now.
    fn want(&mut self, seq: i64) -> bool {
        self.wanted = self.wanted.max(seq);
        !std::mem::replace(&mut self.is_fetching, true)
    }
}

#[cfg(test)]
mod tests;
