//! What may happen thousands of times a second and is worth one line of the log at a time: the first
//! at once, the others in one sum a period.

use std::time::{Duration, Instant};

/// From one line to the next.
pub const PERIOD: Duration = Duration::from_secs(10);

/// The lines about one thing. Owned by whoever notices it.
#[derive(Debug, Default)]
pub struct Throttle {
    said_at: Option<Instant>,
    unsaid: u64,
}

impl Throttle {
    /// Nothing has happened.
    pub const fn new() -> Self {
        Self { said_at: None, unsaid: 0 }
    }

    /// It has happened again. Returns how often it has since the last line, if it is time for one.
    pub fn note(&mut self, now: Instant) -> Option<u64> {
        self.unsaid += 1;
        self.due(now)
    }

    /// How often it has happened since the last line, if it has and it is time for one.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        let waits = self.said_at.is_some_and(|said_at| now.duration_since(said_at) < PERIOD);
        if waits || self.unsaid == 0 {
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_others_together_a_period_later() {
        let (mut throttle, start) = (Throttle::new(), Instant::now());
        assert_eq!(throttle.due(start), None);
        assert_eq!(throttle.note(start), Some(1));
        assert_eq!(throttle.note(start), None);
        assert_eq!(throttle.note(start + PERIOD / 2), None);
        assert_eq!(throttle.due(start + PERIOD / 2), None);
        assert_eq!(throttle.due(start + PERIOD), Some(2));
        assert_eq!(throttle.due(start + PERIOD * 3), None);
        assert_eq!(throttle.note(start + PERIOD * 3), Some(1));
    }
}
