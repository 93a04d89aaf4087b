//! What clients will do later, soonest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    /// Connect again.
    Redial,
    /// Go on sending after the server was busy.
    Resume,
    /// Join this place again.
    Join(u32),
    /// Stop reading.
    Mute,
    /// Go on reading.
    Unmute,
    /// Try to get in where one has no business.
    Intrude,
}

/// The list. A client has a handful of errands at most.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    heap: BinaryHeap<Reverse<(Instant, u32, Errand)>>,
    jitter: u32,
}

impl Wakes {
    /// Adds an errand of client `id`.
    pub(super) fn at(&mut self, at: Instant, id: u32, errand: Errand) {
        self.heap.push(Reverse((at, id, errand)));
    }

    /// Adds an errand that is due in one to two times `wait`, so that not all come at once.
    pub(super) fn about(&mut self, wait: Duration, id: u32, errand: Errand) {
        self.jitter = self.jitter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let share = f64::from(self.jitter >> 8) / f64::from(1_u32 << 24);
        self.at(Instant::now() + wait + wait.mul_f64(share), id, errand);
    }

    /// Takes out the next errand that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<(u32, Errand)> {
        let Reverse((at, id, errand)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some((id, errand))
    }

    /// When the next errand is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Errand, Wakes};

    #[test]
    fn errands_come_when_they_are_due_soonest_first() {
        let mut wakes = Wakes::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        wakes.at(later, 1, Errand::Redial);
        wakes.at(now, 2, Errand::Mute);
        assert_eq!(wakes.due(now), Some((2, Errand::Mute)));
        assert_eq!((wakes.due(now), wakes.next()), (None, Some(later)));
        assert_eq!(wakes.due(later), Some((1, Errand::Redial)));
        wakes.about(Duration::from_secs(5), 3, Errand::Resume);
        let due = wakes.next().unwrap();
        assert!(due >= now + Duration::from_secs(5) && due < now + Duration::from_secs(20));
    }
}
