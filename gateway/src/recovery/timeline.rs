//! The order of all broadcasts that can be missed. One for the process; known to every shard.
//!
//! Exactly one place in the process takes positions, and hands what it has numbered to every shard
//! in that order: the relay, or the first shard where there is no relay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ring::rand::{SecureRandom as _, SystemRandom};

/// Where a broadcast stands among all of its process; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Which process.
    pub(crate) epoch: u32,
    /// Counted from 1, without holes.
    pub(crate) number: u64,
}

/// The order of a process's broadcasts.
#[derive(Debug)]
pub(crate) struct Timeline {
    epoch: u32,
    last: AtomicU64,
    sessions: AtomicU64,
    watchers: AtomicUsize,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Timeline {
    /// An empty one, under an epoch that no other process has.
    pub(crate) fn new() -> Self {
        let mut epoch = [0; 4];
        // Without entropy no session is made either.
        let _ = SystemRandom::new().fill(&mut epoch);
        Self {
            epoch: u32::from_be_bytes(epoch),
            last: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            watchers: AtomicUsize::new(0),
        }
    }

    /// Tells this process from others.
    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The position of the next broadcast.
    pub(crate) fn advance(&self) -> Position {
        let number = self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Position { epoch: self.epoch, number }
    }

    /// Whether anybody could come back for what it missed.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Notes that a session has begun. Returns the note, and where its answers are counted from:
    /// above those of every earlier session.
    pub(crate) fn watch(self: &Arc<Self>) -> (Watch, u64) {
        self.watchers.fetch_add(1, Ordering::Relaxed);
        let session = self.sessions.fetch_add(1, Ordering::Relaxed);
        (Watch(Arc::clone(self)), session << ANSWER_BITS)
    }
}

/// Bits of an answer's number that count within its session; 2^32 answers take a client that asks
/// a thousand times a second 49 days.
const ANSWER_BITS: u32 = 32;

/// A session's note that it may come back, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Timeline>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}
