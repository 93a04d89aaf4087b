//! The book of messages: who must still hear each one, what came twice, what never came.
//!
//! Every message carries a [`mark`] in its text, so that a delivery names the message it delivers,
//! whatever the server wraps around it. Owns all counts of a run; knows nothing of sockets.

pub mod mark;
mod tally;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use foldhash::HashMap;
use smallvec::SmallVec;

pub use tally::Tally;

use crate::measure::latency::Latency;

/// Members of a room by slot, as a set of bits; up to 128 without allocating.
pub type Slots = SmallVec<[u64; 2]>;

/// Messages in flight and what became of the others.
#[derive(Debug)]
pub struct Ledger {
    open: HashMap<u64, Message>,
    order: VecDeque<u64>,
    next: u64,
    overdue: u32,
    measured: bool,
    tally: Tally,
    to_delivery: Latency,
    to_ack: Latency,
}

/// A message that is opened.
#[derive(Debug)]
pub struct Opening {
    /// The room, or the connection where there are no rooms.
    pub room: u32,
    /// Who must hear it.
    pub audience: Slots,
    /// When it should have left; latency counts from here.
    pub due: Instant,
}

#[derive(Debug)]
struct Message {
    room: u32,
    waiting: Slots,
    unheard: u32,
    unconfirmed: bool,
    due: Instant,
    measured: bool,
    overdue: bool,
}

/// What a delivery or an ack was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Expected; more is still expected of its message.
    Awaited,
    /// The last that was expected of a message of this room, in time.
    Last(u32),
    /// The last that was expected, of a message that had been given up.
    LastLate,
    /// Not expected (any more).
    Surplus,
}

impl Ledger {
    /// An empty book. The first message gets the number `first`.
    pub fn new(first: u64) -> Self {
        Self {
            open: HashMap::default(),
            order: VecDeque::new(),
            next: first,
            overdue: 0,
            measured: false,
            tally: Tally::default(),
            to_delivery: Latency::new(),
            to_ack: Latency::new(),
        }
    }

    /// Whether the latency of messages opened from now on is recorded.
    pub fn set_measured(&mut self, measured: bool) {
        self.measured = measured;
    }

    /// Enters a message that is about to leave; returns its number.
    pub fn open(&mut self, opening: Opening) -> u64 {
        let Opening { room, audience, due } = opening;
        let unheard = audience.iter().map(|word| word.count_ones()).sum();
        let number = self.next;
        self.next += 1;
        self.tally.sent += 1;
        self.tally.deliveries_expected += u64::from(unheard);
        let measured = self.measured;
        let message = Message {
            room,
            waiting: audience,
            unheard,
            unconfirmed: true,
            due,
            measured,
            overdue: false,
        };
        self.open.insert(number, message);
        self.order.push_back(number);
        number
    }

    /// The member in `slot` heard message `number`.
    ///
    /// # Cost
    /// One look-up; no allocation.
    pub fn deliver(&mut self, number: u64, slot: u32, at: Instant) -> Entry {
        self.tally.deliveries += 1;
        let Some(message) = self.open.get_mut(&number) else {
            let known = number < self.next;
            *(if known { &mut self.tally.duplicates } else { &mut self.tally.strays }) += 1;
            return Entry::Surplus;
        };
        let bit = 1_u64 << (slot % 64);
        match message.waiting.get_mut(slot as usize / 64) {
            Some(word) if *word & bit != 0 => *word &= !bit,
            Some(_) | None => {
                self.tally.duplicates += 1;
                return Entry::Surplus;
            }
        }
        message.unheard -= 1;
        if message.measured {
            self.to_delivery.record(at.saturating_duration_since(message.due));
        }
        self.close_if_complete(number)
    }

    /// The sender's message `number` was confirmed.
    pub fn confirm(&mut self, number: u64, at: Instant) -> Entry {
        self.tally.acks += 1;
        let Some(message) = self.open.get_mut(&number).filter(|message| message.unconfirmed) else {
            self.tally.acks_surplus += 1;
            return Entry::Surplus;
        };
        message.unconfirmed = false;
        if message.measured {
            self.to_ack.record(at.saturating_duration_since(message.due));
        }
        self.close_if_complete(number)
    }

    /// The sender's message `number` was refused: nobody is expected to hear it.
    pub fn refuse(&mut self, number: u64) -> Entry {
        let Some(message) = self.open.remove(&number) else {
            self.tally.acks_surplus += 1;
            return Entry::Surplus;
        };
        self.tally.refused += 1;
        self.tally.deliveries_expected -= u64::from(message.unheard);
        if message.overdue {
            self.overdue -= 1;
            return Entry::LastLate;
        }
        Entry::Last(message.room)
    }

    /// Gives up on the messages older than `patience`, oldest first: they stay in the book, but no
    /// longer count as in flight. Calls `freed` with the room of each.
    pub fn expire(&mut self, now: Instant, patience: Duration, mut freed: impl FnMut(u32)) {
        while let Some(&number) = self.order.front() {
            if let Some(message) = self.open.get_mut(&number) {
                if now.saturating_duration_since(message.due) < patience {
                    return;
                }
                message.overdue = true;
                self.overdue += 1;
                self.tally.overdue += 1;
                freed(message.room);
            }
            self.order.pop_front();
        }
    }

    /// Messages that wait for something and have not been given up.
    pub fn in_flight(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX) - self.overdue
    }

    /// Messages that wait for something.
    pub fn unfinished(&self) -> usize {
        self.open.len()
    }

    /// The counts so far. What is still missing counts as lost, so this is the truth only when the
    /// run has settled.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally;
        tally.lost = self.open.values().map(|message| u64::from(message.unheard)).sum();
        tally.unconfirmed = self.open.values().filter(|message| message.unconfirmed).count() as u64;
        tally
    }

    /// From due to each delivery.
    pub fn to_delivery(&self) -> &Latency {
        &self.to_delivery
    }

    /// From due to confirmation.
    pub fn to_ack(&self) -> &Latency {
        &self.to_ack
    }

    /// Counts a delivery that overtook an earlier one, or left a hole in a numbered conversation.
    pub fn note_disorder(&mut self) {
        self.tally.disorder += 1;
    }

    /// Counts a delivery that carries no mark of this run.
    pub fn note_stray(&mut self) {
        self.tally.deliveries += 1;
        self.tally.strays += 1;
    }

    /// Counts a message that was due and could not be sent.
    pub fn note_unsent(&mut self) {
        self.tally.unsent += 1;
    }

    fn close_if_complete(&mut self, number: u64) -> Entry {
        let complete = |message: &Message| message.unheard == 0 && !message.unconfirmed;
        if !self.open.get(&number).is_some_and(complete) {
            return Entry::Awaited;
        }
        self.tally.completed += 1;
        match self.open.remove(&number) {
            Some(message) if message.overdue => {
                self.overdue -= 1;
                Entry::LastLate
            }
            Some(message) => Entry::Last(message.room),
            None => Entry::Surplus,
        }
    }
}

#[cfg(test)]
mod tests;
