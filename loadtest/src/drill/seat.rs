//! One client of a drill over all its connections: where it is, what it has, what it waits for.

use std::collections::VecDeque;
use std::time::Instant;

use smallvec::SmallVec;

/// What a client is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Sends to its one conversation, and hears it.
    Talker,
    /// Hears all conversations of its user, and stops reading now and then.
    SlowReader,
    /// Tries to get into conversations of others.
    Intruder,
}

/// How far a client has come on its way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not connected.
    Away,
    /// Connected, and not yet in all its conversations with all their messages.
    Joining,
    /// All is there.
    In,
}

/// A client.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) role: Role,
    pub(super) phase: Phase,
    /// Which connection it is on, counted from 1.
    pub(super) tenure: u32,
    pub(super) places: SmallVec<[Place; 1]>,
    /// Messages that it has sent, each counted once.
    pub(super) sent: u32,
    /// Messages that left on this connection and were not answered yet.
    pub(super) in_flight: SmallVec<[(u32, Instant); 2]>,
    /// Messages to send again.
    pub(super) again: VecDeque<u32>,
    /// Whether it waits a little, because the server was busy.
    pub(super) rests: bool,
    /// Connections in a row that came to nothing.
    pub(super) failures: u32,
    /// When it began to come in.
    pub(super) since: Instant,
}

/// A client in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) conversation: u32,
    /// It has everything up to here.
    pub(super) last: u32,
    /// And everything from one to the other, which came by itself.
    ahead: Option<(u32, u32)>,
    /// Whether a join was answered, ever.
    pub(super) known: bool,
    /// Whether a join was answered on this connection.
    pub(super) asked: bool,
    /// Whether it is in on this connection, with all messages.
    pub(super) is_in: bool,
}

impl Seat {
    pub(super) fn new(role: Role, conversations: impl Iterator<Item = u32>) -> Self {
        Self {
            role,
            phase: Phase::Away,
            tenure: 0,
            places: conversations.map(Place::new).collect(),
            sent: 0,
            in_flight: SmallVec::new(),
            again: VecDeque::new(),
            rests: false,
            failures: 0,
            since: Instant::now(),
        }
    }

    /// A new connection is live.
    pub(super) fn arrive(&mut self, at: Instant) {
        self.phase = Phase::Joining;
        self.tenure += 1;
        self.failures = 0;
        self.rests = false;
        self.since = at;
        for place in &mut self.places {
            place.is_in = false;
            place.asked = false;
            place.ahead = None;
        }
    }

    /// The connection is over. What was not answered is to be sent again.
    ///
    /// Returns how many messages that is.
    pub(super) fn depart(&mut self) -> usize {
        self.phase = Phase::Away;
        let unknown = self.in_flight.len();
        let mut numbers: SmallVec<[u32; 2]> = self.in_flight.drain(..).map(|(it, _)| it).collect();
        // A message that left twice is sent again once.
        numbers.dedup();
        for number in numbers.into_iter().rev() {
            if !self.again.contains(&number) {
                self.again.push_front(number);
            }
        }
        unknown
    }

    /// A message was taken: nothing more is to be done about it.
    pub(super) fn settle(&mut self, number: u32) {
        self.in_flight.retain(|(waiting, _)| *waiting != number);
        self.again.retain(|waiting| *waiting != number);
    }

    /// A message was refused. Says whether it is to be dealt with: the second refusal of one that
    /// left twice changes nothing.
    pub(super) fn refuse(&mut self, number: u32) -> bool {
        let before = self.in_flight.len();
        self.in_flight.retain(|(waiting, _)| *waiting != number);
        self.in_flight.len() < before
    }

    /// Whether it is in everywhere.
    pub(super) fn is_complete(&self) -> bool {
        self.places.iter().all(|place| place.is_in)
    }
}

impl Place {
    fn new(conversation: u32) -> Self {
        Self { conversation, last: 0, ahead: None, known: false, asked: false, is_in: false }
    }

    /// A message came by itself.
    pub(super) fn live(&mut self, seq: u32) {
        self.ahead = match self.ahead {
            Some((from, to)) if (from..=to.saturating_add(1)).contains(&seq) => {
                Some((from, to.max(seq)))
            }
            // After a hole the earlier ones will have to be asked for again.
            Some(_) | None => Some((seq, seq)),
        };
        self.absorb();
    }

    /// A message came because it was asked for.
    pub(super) fn caught(&mut self, seq: u32) {
        if seq == self.last.saturating_add(1) {
            self.last = seq;
        }
        self.absorb();
    }

    fn absorb(&mut self) {
        if let Some((from, to)) = self.ahead
            && from <= self.last.saturating_add(1)
        {
            self.last = self.last.max(to);
            self.ahead = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Phase, Place, Role, Seat};

    #[test]
    fn what_comes_by_itself_before_the_answer_to_the_join_is_kept() {
        let mut place = Place { last: 10, ..Place::new(0) };
        place.live(13);
        place.live(14);
        assert_eq!(place.last, 10);
        place.caught(11);
        assert_eq!(place.last, 11);
        place.caught(12);
        assert_eq!(place.last, 14);
        place.caught(13);
        place.live(15);
        assert_eq!(place.last, 15);
    }

    #[test]
    fn hole_is_never_jumped_over() {
        let mut place = Place { last: 10, ..Place::new(0) };
        place.live(11);
        place.live(13);
        place.live(14);
        assert_eq!(place.last, 11);
        place.live(16);
        place.caught(12);
        place.caught(13);
        assert_eq!(place.last, 13, "14 has to be asked for");
        place.caught(14);
        place.caught(15);
        assert_eq!(place.last, 16);
    }

    #[test]
    fn message_that_left_twice_and_was_refused_twice_is_sent_again() {
        let mut seat = Seat::new(Role::Talker, [0].into_iter());
        seat.in_flight.push((7, Instant::now()));
        assert!(seat.refuse(7));
        seat.again.push_back(7);
        assert!(!seat.refuse(7));
        assert_eq!(seat.again, [7]);
        seat.settle(7);
        assert!(seat.again.is_empty());
    }

    #[test]
    fn unanswered_messages_are_sent_again_in_their_order_and_each_once() {
        let mut seat = Seat::new(Role::Talker, [0].into_iter());
        seat.arrive(Instant::now());
        let now = Instant::now();
        seat.in_flight.extend([(1, now), (1, now), (2, now), (3, now)]);
        seat.settle(2);
        assert!(!seat.refuse(2), "it is not waited for any more");
        assert_eq!(seat.depart(), 3);
        assert_eq!(seat.again, [1, 3]);
        assert_eq!((seat.phase, seat.tenure), (Phase::Away, 1));
        seat.arrive(now);
        seat.in_flight.push((1, now));
        seat.depart();
        assert_eq!(seat.again, [1, 3]);
    }
}
