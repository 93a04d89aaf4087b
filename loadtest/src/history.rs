//! What clients sent and heard, what the store holds in the end, and whether the two agree.
//!
//! A [`History`] is the record of a run: plain rows, written by whoever drives the clients
//! ([`crate::drill`]) and never changed afterwards. [`check()`] is a pure function of it. Neither
//! knows sockets, servers or clocks: time is the order in which the rows were written.
//!
//! - [`row`]: the rows; [`finding`]: the rules, and what broke them
//! - [`mod@check`]: the rules at work, one file for each kind of evidence

mod check;
pub mod finding;
pub mod row;

pub use check::check;

use row::{Client, Conversation, Event, Heard, NOBODY, Seen, Sent, Stored};

/// The rows of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The moment of the last send or answer, counted from 1.
    now: u32,
    conversations: Vec<Conversation>,
    clients: Vec<Client>,
    sent: Vec<Sent>,
    heard: Vec<Heard>,
    stored: Vec<Stored>,
    peeks: Vec<(u32, u32)>,
}

/// Events that a history holds at most, at 40 bytes each. When it is full no more are taken, and
/// [`History::is_full`] tells the run to end in failure: what is not recorded cannot be checked.
pub const EVENTS_MAX: usize = 24_000_000;

impl History {
    /// Enters a conversation that the users `members` may read, whose newest message is at `base`
    /// before the run. Returns its number.
    pub fn add_conversation(&mut self, members: [u32; 2], base: u32) -> u32 {
        self.conversations.push(Conversation { members, base });
        number_of(self.conversations.len())
    }

    /// Enters a client of `user` that joins `rooms`. Returns its number.
    pub fn add_client(&mut self, user: u32, rooms: &[u32]) -> u32 {
        self.clients.push(Client { user, rooms: rooms.into() });
        number_of(self.clients.len())
    }

    /// Says that the newest message of `conversation` was at `base` before the run.
    pub fn set_base(&mut self, conversation: u32, base: u32) {
        if let Some(row) = self.conversations.get_mut(conversation as usize) {
            row.base = base;
        }
    }

    /// The newest message of `conversation` before the run.
    pub fn base(&self, conversation: u32) -> u32 {
        self.conversations.get(conversation as usize).map_or(0, |row| row.base)
    }

    /// Enters a message that `client` sends for the first time. Returns its number, by which it is
    /// known from then on.
    pub fn sends(&mut self, client: u32, tenure: u32, conversation: u32, print: u64) -> u32 {
        self.now = self.now.saturating_add(1);
        let sent_at = self.now;
        let attempts = 1;
        self.sent.push(Sent {
            conversation,
            client,
            tenure,
            print,
            sent_at,
            acked_at: 0,
            seq: 0,
            attempts,
        });
        number_of(self.sent.len())
    }

    /// Enters that message `number` is sent again.
    pub fn sends_again(&mut self, number: u32) {
        if let Some(sent) = self.sent.get_mut(number as usize) {
            sent.attempts = sent.attempts.saturating_add(1);
        }
    }

    /// Enters that message `number` was answered with success, and that the answer showed `seen`.
    /// Returns whether this is its first such answer.
    pub fn acknowledged(&mut self, number: u32, tenure: u32, seen: Seen) -> bool {
        self.now = self.now.saturating_add(1);
        let now = self.now;
        let Some(sent) = self.sent.get_mut(number as usize) else { return false };
        let is_first = sent.acked_at == 0;
        if is_first {
            sent.acked_at = now;
            sent.seq = seen.seq;
        }
        let (client, conversation) = (sent.client, sent.conversation);
        self.hears(Heard { client, conversation, tenure, event: Event::Acked { number, seen } });
        is_first
    }

    /// Enters something that a client heard. A full history takes no more.
    pub fn hears(&mut self, heard: Heard) {
        if !self.is_full() {
            self.heard.push(heard);
        }
    }

    /// Enters a message that the store holds in the end.
    pub fn holds(&mut self, stored: Stored) {
        self.stored.push(stored);
    }

    /// Enters that the store showed `conversation` to `user`.
    pub fn shows(&mut self, conversation: u32, user: u32) {
        self.peeks.push((conversation, user));
    }

    /// Whether no more events are taken.
    pub fn is_full(&self) -> bool {
        self.heard.len() >= EVENTS_MAX
    }

    /// The message `number`.
    pub fn message(&self, number: u32) -> Option<&Sent> {
        self.sent.get(number as usize)
    }

    /// Messages sent, each counted once.
    pub fn sent_count(&self) -> u32 {
        u32::try_from(self.sent.len()).unwrap_or(u32::MAX)
    }

    /// Whether `user` may hear `conversation` at all.
    fn may_read(&self, user: u32, conversation: u32) -> bool {
        self.conversations.get(conversation as usize).is_some_and(|row| row.members.contains(&user))
    }
}

/// The number of the row that was added last.
fn number_of(len: usize) -> u32 {
    u32::try_from(len.saturating_sub(1)).unwrap_or(NOBODY)
}

#[cfg(test)]
mod tests;
