//! Time and new ids: the only place below the binaries that reads the wall clock.
//!
//! A [`Stamp`] orders changes. It is the wall clock in microseconds as long as that moves forward,
//! and counts on by one where it does not: no two changes of a process share one, and none is below
//! what the process has seen in the store. Source: "hybrid logical clock", Kulkarni et al. 2014.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::id::ObjectId;
use protocol::time::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

/// A moment of change, in microseconds since 1970; unique within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub i64);

impl Stamp {
    /// The moment, to the millisecond.
    pub const fn timestamp(self) -> Timestamp {
        Timestamp(self.0.div_euclid(1_000))
    }
}

/// Tells the time and makes ids.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    last_stamp: AtomicI64,
    process: [u8; 5],
    counter: AtomicU32,
}

/// Where the time comes from.
#[derive(Debug)]
enum Source {
    Wall,
    /// Microseconds, moved by hand.
    Fixed {
        at_us: AtomicI64,
        /// How far each look moves it on.
        step_us: AtomicI64,
    },
}

/// The system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoEntropy;

impl Clock {
    /// The wall clock.
    ///
    /// # Errors
    /// The system gives no random bytes to tell this process's ids from another's.
    pub fn wall() -> Result<Self, NoEntropy> {
        Self::new(Source::Wall)
    }

    /// A clock that stands at `start` until [`advance`](Self::advance) moves it.
    ///
    /// # Errors
    /// As [`wall`](Self::wall).
    pub fn fixed(start: Timestamp) -> Result<Self, NoEntropy> {
        let at_us = AtomicI64::new(start.0.saturating_mul(1_000));
        Self::new(Source::Fixed { at_us, step_us: AtomicI64::new(0) })
    }

    fn new(source: Source) -> Result<Self, NoEntropy> {
        let (mut process, mut counter) = ([0; 5], [0; 4]);
        let system = SystemRandom::new();
        system
            .fill(&mut process)
            .and_then(|()| system.fill(&mut counter))
            .map_err(|_| NoEntropy)?;
        Ok(Self {
            source,
            last_stamp: AtomicI64::new(0),
            process,
            counter: AtomicU32::new(u32::from_be_bytes(counter)),
        })
    }

    /// Moves a [`fixed`](Self::fixed) clock; nothing moves the wall clock.
    pub fn advance(&self, ms: i64) {
        match &self.source {
            Source::Fixed { at_us, .. } => {
                at_us.fetch_add(ms.saturating_mul(1_000), Ordering::Relaxed);
            }
            Source::Wall => {}
        }
    }

    /// From now on each look at a [`fixed`](Self::fixed) clock moves it on: whatever takes any time
    /// at all takes so long.
    pub fn hurry(&self, ms: i64) {
        match &self.source {
            Source::Fixed { step_us, .. } => {
                step_us.store(ms.saturating_mul(1_000), Ordering::Relaxed);
            }
            Source::Wall => {}
        }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now_us().div_euclid(1_000))
    }

    /// The stamp of a change that is being made now.
    pub fn stamp(&self) -> Stamp {
        let now = self.now_us();
        let next = |last: i64| now.max(last.saturating_add(1));
        let last = self
            .last_stamp
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)))
            .unwrap_or_default();
        Stamp(next(last))
    }

    /// Takes note of a stamp that was read from the store; later ones will be above it.
    pub fn observe(&self, stamp: i64) {
        self.last_stamp.fetch_max(stamp, Ordering::Relaxed);
    }

    /// A new id: seconds, process, counter.
    pub fn object_id(&self) -> ObjectId {
        let seconds = u32::try_from(self.now().0.div_euclid(1_000)).unwrap_or_default();
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        ObjectId::from_parts(seconds, self.process, counter)
    }

    fn now_us(&self) -> i64 {
        match &self.source {
            Source::Wall => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| i64::try_from(since.as_micros()).ok())
                .unwrap_or_default(),
            Source::Fixed { at_us, step_us } => {
                at_us.fetch_add(step_us.load(Ordering::Relaxed), Ordering::Relaxed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_rise_while_the_clock_stands_or_falls_back() {
        let clock = Clock::fixed(Timestamp(1_000)).unwrap();
        let first = clock.stamp();
        assert_eq!(first.timestamp(), Timestamp(1_000));
        let second = clock.stamp();
        assert!(second > first);
        clock.advance(-500);
        assert!(clock.stamp() > second);
    }

    #[test]
    fn stamps_are_above_what_the_store_holds() {
        let clock = Clock::fixed(Timestamp(1)).unwrap();
        clock.observe(5_000_000);
        assert_eq!(clock.stamp(), Stamp(5_000_001));
        clock.observe(7);
        assert_eq!(clock.stamp(), Stamp(5_000_002));
    }

    #[test]
    fn ids_begin_with_the_seconds_and_never_repeat() {
        let clock = Clock::fixed(Timestamp(0x0010_2030_4000)).unwrap();
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| clock.object_id()).collect();
        assert_eq!(ids.len(), 1_000);
    }
}
