//! One connection's place in a run: what it has joined, sent and heard.

use std::collections::VecDeque;

use crate::app::AckBy;

/// The state of a seat.
#[derive(Debug, Default)]
pub(super) struct Seat {
    state: State,
    last_heard: u64,
    last_numbered: Option<u64>,
    unconfirmed: VecDeque<u64>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not live yet, or no longer.
    #[default]
    Away,
    /// Live; this many rooms are still to be confirmed.
    Joining(u32),
    /// In all its rooms.
    Ready,
}

impl Seat {
    /// The connection is live and has asked for `rooms` rooms. Returns whether it is ready.
    pub(super) fn live(&mut self, rooms: u32) -> bool {
        self.state = if rooms == 0 { State::Ready } else { State::Joining(rooms) };
        self.is_ready()
    }

    /// One room was confirmed. Returns whether it was the last.
    pub(super) fn joined(&mut self) -> bool {
        match self.state {
            State::Joining(1) => {
                self.state = State::Ready;
                true
            }
            State::Joining(rooms) => {
                self.state = State::Joining(rooms.saturating_sub(1));
                false
            }
            State::Away | State::Ready => false,
        }
    }

    /// The connection ended. Returns whether it had been ready.
    pub(super) fn leave(&mut self) -> bool {
        let was_ready = self.is_ready();
        self.state = State::Away;
        was_ready
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Message `number` left from here.
    pub(super) fn sent(&mut self, number: u64, ack_by: AckBy) {
        match ack_by {
            AckBy::Packet => {}
            AckBy::Event => self.unconfirmed.push_back(number),
        }
    }

    /// The oldest message from here that no event has confirmed.
    pub(super) fn take_oldest(&mut self) -> Option<u64> {
        self.unconfirmed.pop_front()
    }

    /// Message `number` was heard, in `body`. Returns whether it came in order: after all earlier
    /// messages of its sender, and, where the server numbers them, right after the one before.
    /// A repeated message is not out of order; the ledger counts it.
    pub(super) fn hear(&mut self, number: u64, body: &[u8], numbered: bool) -> bool {
        let in_order = number >= self.last_heard;
        self.last_heard = self.last_heard.max(number);
        if !numbered {
            return in_order;
        }
        let Some(seq) = seq(body) else { return in_order };
        let expected = self.last_numbered.map(|last| last.saturating_add(1));
        self.last_numbered = Some(self.last_numbered.map_or(seq, |last| last.max(seq)));
        in_order
            && expected.is_none_or(|expected| seq == expected || seq.saturating_add(1) == expected)
    }
}

/// The number that the server gave the message in `body`, if it numbers messages.
fn seq(body: &[u8]) -> Option<u64> {
    const KEY: &[u8] = br#""seq":"#;
    let start = memchr::memmem::find(body, KEY)? + KEY.len();
    let digits = body.get(start..)?;
    let len = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..len)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{AckBy, Seat, seq};

    #[test]
    fn a_seat_is_ready_when_its_last_room_is_confirmed() {
        let mut seat = Seat::default();
        assert!(!seat.live(2));
        assert!(!seat.joined());
        assert!(seat.joined());
        assert!(!seat.joined());
        assert!(seat.leave());
        assert!(!seat.leave());
        assert!(seat.live(0));
    }

    #[test]
    fn an_earlier_message_after_a_later_one_is_out_of_order() {
        let mut seat = Seat::default();
        assert!(seat.hear(5, b"", false));
        assert!(seat.hear(7, b"", false));
        assert!(!seat.hear(6, b"", false));
        assert!(seat.hear(7, b"", false));
    }

    #[test]
    fn a_hole_in_a_numbered_conversation_is_seen() {
        let mut seat = Seat::default();
        assert!(seat.hear(1, br#"{"seq":41}"#, true));
        assert!(seat.hear(2, br#"{"seq":42}"#, true));
        assert!(seat.hear(2, br#"{"seq":42}"#, true), "a repetition is not a hole");
        assert!(!seat.hear(3, br#"{"seq":44}"#, true));
        assert!(seat.hear(4, br#"{"seq":45}"#, true));
        assert!(seat.hear(5, b"{}", true));
    }

    #[test]
    fn events_confirm_in_the_order_of_sending() {
        let mut seat = Seat::default();
        seat.sent(1, AckBy::Packet);
        assert_eq!(seat.take_oldest(), None);
        seat.sent(2, AckBy::Event);
        seat.sent(3, AckBy::Event);
        assert_eq!((seat.take_oldest(), seat.take_oldest()), (Some(2), Some(3)));
    }

    #[test]
    fn numbers_are_read_only_whole() {
        assert_eq!(seq(br#"{"seq":17,"a":1}"#), Some(17));
        assert_eq!(seq(br#"{"seq":17"#), None);
        assert_eq!(seq(br#"{"seq":null}"#), None);
        assert_eq!(seq(b"{}"), None);
    }
}
