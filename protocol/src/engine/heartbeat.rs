//! The heartbeat. In revision 4 the server pings and the client answers; in revision 3 the client
//! pings, and the server waits for it.
//!
//! Source: Engine.IO v4 "Heartbeat"; Engine.IO v3 "Timeouts". Time is whole milliseconds since an origin of the caller's,
//! the same for every call; it may wrap after 49 days, since only differences count.

use super::Revision;

/// How often, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From a pong (or the open packet) to the next ping.
    pub interval_ms: u32,
    /// From a ping to its pong.
    pub timeout_ms: u32,
}

/// Where one session's heartbeat stands: 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    phase: Phase,
    due_ms: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Revision 4: no ping is out.
    Resting,
    /// Revision 4: a ping is out.
    Asked,
    /// Revision 3: the client pings.
    Listening,
}

/// A ping of a client that is to be pinged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("heartbeat in the wrong direction")]
pub struct WrongDirection;

/// What the clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Nothing for this many milliseconds.
    Wait(u32),
    /// Send a ping now; then wait this many milliseconds.
    Ping(u32),
    /// The client did not answer in time: close.
    TimedOut,
}

impl Heartbeat {
    /// The heartbeat of a session that opens now and speaks this revision.
    pub const fn of(revision: Revision, now_ms: u32, timing: Timing) -> Self {
        match revision {
            Revision::V4 => Self::new(now_ms, timing),
            Revision::V3 => {
                let silence_ms = timing.interval_ms.saturating_add(timing.timeout_ms);
                Self { phase: Phase::Listening, due_ms: now_ms.wrapping_add(silence_ms) }
            }
        }
    }

    /// The heartbeat of a session of revision 4 that opens now.
    pub const fn new(now_ms: u32, timing: Timing) -> Self {
        Self { phase: Phase::Resting, due_ms: now_ms.wrapping_add(timing.interval_ms) }
    }

    /// A pong came. One that nobody asked for changes nothing.
    pub const fn handle_pong(&mut self, now_ms: u32, timing: Timing) {
        match self.phase {
            Phase::Asked => *self = Self::new(now_ms, timing),
            Phase::Resting | Phase::Listening => {}
        }
    }

    /// A ping came; it is to be answered with what it carried.
    ///
    /// # Errors
    /// In revision 4, where only the server pings; the session is then closed.
    pub const fn handle_ping(&mut self, now_ms: u32, timing: Timing) -> Result<(), WrongDirection> {
        match self.phase {
            Phase::Listening => {
                self.handle_traffic(now_ms, timing);
                Ok(())
            }
            Phase::Resting | Phase::Asked => Err(WrongDirection),
        }
    }

    /// Some packet came: in revision 3 that ends the silence, in revision 4 it counts for nothing.
    pub const fn handle_traffic(&mut self, now_ms: u32, timing: Timing) {
        match self.phase {
            Phase::Listening => *self = Self::of(Revision::V3, now_ms, timing),
            Phase::Resting | Phase::Asked => {}
        }
    }

    /// What is to be done now.
    pub const fn poll(&mut self, now_ms: u32, timing: Timing) -> Beat {
        let left = self.due_ms.wrapping_sub(now_ms).cast_signed();
        if left > 0 {
            return Beat::Wait(left.cast_unsigned());
        }
        match self.phase {
            Phase::Resting => {
                *self =
                    Self { phase: Phase::Asked, due_ms: now_ms.wrapping_add(timing.timeout_ms) };
                Beat::Ping(timing.timeout_ms)
            }
            Phase::Asked | Phase::Listening => Beat::TimedOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing { interval_ms: 300, timeout_ms: 200 };

    #[test]
    fn heartbeat_pings_after_the_interval_and_times_out_without_an_answer() {
        let mut beat = Heartbeat::new(1_000, TIMING);
        assert_eq!(beat.poll(1_000, TIMING), Beat::Wait(300));
        assert_eq!(beat.poll(1_299, TIMING), Beat::Wait(1));
        assert_eq!(beat.poll(1_305, TIMING), Beat::Ping(200));
        assert_eq!(beat.poll(1_400, TIMING), Beat::Wait(105));
        assert_eq!(beat.poll(1_505, TIMING), Beat::TimedOut);
    }

    #[test]
    fn heartbeat_interval_restarts_from_the_pong() {
        let mut beat = Heartbeat::new(0, TIMING);
        assert_eq!(beat.poll(300, TIMING), Beat::Ping(200));
        beat.handle_pong(450, TIMING);
        assert_eq!(beat.poll(450, TIMING), Beat::Wait(300));
    }

    #[test]
    fn heartbeat_ignores_a_pong_that_nobody_asked_for() {
        let mut beat = Heartbeat::new(0, TIMING);
        beat.handle_pong(250, TIMING);
        assert_eq!(beat.poll(300, TIMING), Beat::Ping(200));
    }

    #[test]
    fn heartbeat_v4_refuses_a_ping_of_the_client() {
        let mut beat = Heartbeat::of(Revision::V4, 0, TIMING);
        assert_eq!(beat, Heartbeat::new(0, TIMING));
        assert_eq!(beat.handle_ping(10, TIMING), Err(WrongDirection));
        beat.poll(300, TIMING);
        assert_eq!(beat.handle_ping(310, TIMING), Err(WrongDirection));
    }

    #[test]
    fn heartbeat_v4_is_not_reset_by_other_traffic() {
        let mut beat = Heartbeat::new(0, TIMING);
        beat.handle_traffic(299, TIMING);
        assert_eq!(beat.poll(300, TIMING), Beat::Ping(200));
        beat.handle_traffic(499, TIMING);
        assert_eq!(beat.poll(500, TIMING), Beat::TimedOut);
    }

    #[test]
    fn heartbeat_v3_closes_after_interval_and_timeout_of_silence() {
        let mut beat = Heartbeat::of(Revision::V3, 0, TIMING);
        assert_eq!(beat.poll(499, TIMING), Beat::Wait(1));
        beat.handle_ping(499, TIMING).unwrap();
        assert_eq!(beat.poll(998, TIMING), Beat::Wait(1));
        beat.handle_traffic(998, TIMING);
        beat.handle_pong(1_200, TIMING);
        assert_eq!(beat.poll(1_497, TIMING), Beat::Wait(1));
        assert_eq!(beat.poll(1_498, TIMING), Beat::TimedOut);
    }

    #[test]
    fn heartbeat_survives_the_wrap_of_the_clock() {
        let mut beat = Heartbeat::new(u32::MAX - 100, TIMING);
        assert_eq!(beat.poll(u32::MAX, TIMING), Beat::Wait(200));
        assert_eq!(beat.poll(199, TIMING), Beat::Ping(200));
        assert_eq!(beat.poll(399, TIMING), Beat::TimedOut);
        assert_eq!(size_of::<Heartbeat>(), 8);
    }
}
