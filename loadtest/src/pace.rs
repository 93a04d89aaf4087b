//! When the next message is due: a number in flight, or a fixed rate.
//!
//! A fixed rate is a timetable: a message that leaves late, because the server or the client was
//! busy, is still due when it was due, and its latency counts from then. Otherwise a server that
//! stalls would be asked less during its stall and look better than it is ("coordinated omission").

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How messages are paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As many at once as this; the next leaves when one is complete.
    InFlight(u32),
    /// So many per second, come what may.
    PerSecond(NonZeroU32),
}

/// A pace under way.
#[derive(Debug)]
pub struct Timetable {
    pace: Pace,
    start: Instant,
    departed: u64,
    lag_max: Duration,
}

impl Timetable {
    /// A timetable that begins at `start`.
    pub fn new(pace: Pace, start: Instant) -> Self {
        Self { pace, start, departed: 0, lag_max: Duration::ZERO }
    }

    /// When the next message is due, if it is due by `now` with `in_flight` others under way.
    /// Taking it counts it as departed.
    pub fn take_due(&mut self, now: Instant, in_flight: u32) -> Option<Instant> {
        let due = match self.pace {
            Pace::InFlight(count) => (in_flight < count).then_some(now),
            Pace::PerSecond(_) => self.next().filter(|due| *due <= now),
        }?;
        self.departed += 1;
        self.lag_max = self.lag_max.max(now.saturating_duration_since(due));
        Some(due)
    }

    /// How it is paced.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// When the timetable wants the next message; `None` where completions decide.
    pub fn next(&self) -> Option<Instant> {
        match self.pace {
            Pace::InFlight(_) => None,
            Pace::PerSecond(rate) => {
                let rate = u64::from(rate.get());
                let (seconds, rest) = (self.departed / rate, self.departed % rate);
                let offset = Duration::from_nanos(rest * 1_000_000_000 / rate);
                Some(self.start + Duration::from_secs(seconds) + offset)
            }
        }
    }

    /// The longest that a message left after it was due, since the last reset.
    pub fn lag_max(&self) -> Duration {
        self.lag_max
    }

    /// Forgets the longest lag: the warm-up is over.
    pub fn reset_lag(&mut self) {
        self.lag_max = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    use super::{Pace, Timetable};

    #[test]
    fn in_flight_refills_only_what_is_complete() {
        let now = Instant::now();
        let mut timetable = Timetable::new(Pace::InFlight(2), now);
        assert_eq!(timetable.take_due(now, 0), Some(now));
        assert_eq!(timetable.take_due(now, 1), Some(now));
        assert_eq!(timetable.take_due(now, 2), None);
        assert_eq!(timetable.next(), None);
    }

    #[test]
    fn after_a_stall_every_missed_message_is_due_when_it_was_due() {
        let start = Instant::now();
        let mut timetable = Timetable::new(Pace::PerSecond(NonZeroU32::new(1000).unwrap()), start);
        assert_eq!(timetable.take_due(start, 0), Some(start));
        assert_eq!(timetable.take_due(start, 1), None);
        let stalled = start + Duration::from_millis(10);
        let dues: Vec<Instant> =
            std::iter::from_fn(|| timetable.take_due(stalled, 1_000_000)).collect();
        assert_eq!(dues.len(), 10);
        assert!(dues.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(1)));
        assert_eq!(timetable.lag_max(), Duration::from_millis(9));
        timetable.reset_lag();
        assert_eq!(timetable.lag_max(), Duration::ZERO);
    }
}
