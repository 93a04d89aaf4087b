//! How much long polling a shard takes on.
//!
//! Sessions and parked polls are counted by what they hold: a [`Seat`] that is given back when it is
//! dropped, however its holder ends.

use std::cell::Cell;
use std::rc::Rc;

/// How much long polling one shard takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollingLimits {
    /// Sessions on polling, those that were abandoned and have not timed out included. For one beyond
    /// it the oldest that has joined no namespace ends; where all have, the handshake is answered 503,
    /// with when to come back.
    pub sessions_max: usize,
    /// Polls that wait at once; each holds a connection and hyper's buffers. For one beyond it the
    /// oldest session that has joined no namespace and has a poll waiting ends. Where there is none,
    /// the poll is answered 503 and its own session ends: its client comes back, by WebSocket if it
    /// can.
    pub parked_max: usize,
}

impl PollingLimits {
    /// As they are unless configured: three quarters of the HTTP connections of a shard may be
    /// parked, so that others always find one.
    pub const DEFAULT: Self = Self { sessions_max: 65_536, parked_max: 3_072 };
}

/// What a shard has taken on.
#[derive(Debug)]
pub(crate) struct Quotas {
    /// Sessions.
    pub(crate) sessions: Quota,
    /// Parked polls.
    pub(crate) parked: Quota,
}

/// How many there are of something, and may be.
#[derive(Debug)]
pub(crate) struct Quota {
    taken: Rc<Cell<usize>>,
    max: usize,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Seat(Rc<Cell<usize>>);

impl Quotas {
    /// Nothing taken.
    pub(crate) fn new(limits: PollingLimits) -> Self {
        Self { sessions: Quota::new(limits.sessions_max), parked: Quota::new(limits.parked_max) }
    }
}

impl Quota {
    fn new(max: usize) -> Self {
        Self { taken: Rc::default(), max }
    }

    /// One more; none where there are as many as may be.
    pub(crate) fn take(&self) -> Option<Seat> {
        if self.taken.get() >= self.max {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        Some(Seat(Rc::clone(&self.taken)))
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.taken.get()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_its_holder_ends() {
        let Quotas { sessions, parked } =
            Quotas::new(PollingLimits { sessions_max: 2, parked_max: 0 });
        let (first, second) = (sessions.take().unwrap(), sessions.take().unwrap());
        assert!(sessions.take().is_none());
        drop(first);
        let third = sessions.take().unwrap();
        assert_eq!(sessions.taken(), 2);
        drop((second, third));
        assert_eq!(sessions.taken(), 0);
        assert!(parked.take().is_none());
    }
}
