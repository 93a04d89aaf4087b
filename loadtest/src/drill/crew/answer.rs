//! Acknowledgements: of what was sent, and of coming in.

use std::time::{Duration, Instant};

use super::{Crew, word};
use crate::drill::seat::{Phase, Role};
use crate::drill::wake::Errand;
use crate::drill::word::{Joined, Written};
use crate::history::row;
use crate::swarm::Outlet;

/// The ack id of message `number`.
pub(super) fn sending(number: u32) -> u64 {
    u64::from(number) << 1
}

/// The ack id of a join of the `place`-th conversation of a client.
fn joining(place: u32) -> u64 {
    u64::from(place) << 1 | 1
}

impl Crew {
    /// Asks to be let into a conversation, with what was missed there.
    pub(super) fn join(&mut self, id: u32, place: u32, outlet: &mut Outlet<'_>) {
        let Some(seat) = self.seats.get(id as usize) else { return };
        let Some(at) = seat.places.get(place as usize) else { return };
        let Some(room) = self.rooms.get(at.conversation as usize) else { return };
        if seat.phase != Phase::Away {
            let packet = word::join(joining(place), &room.id, at.known.then_some(at.last));
            outlet.send(id, packet.as_bytes());
        }
    }

    pub(super) fn hear_answer(
        &mut self,
        (at, id): (Instant, u32),
        ack: u64,
        body: &[u8],
        outlet: &mut Outlet<'_>,
    ) {
        let Ok(number) = u32::try_from(ack >> 1) else {
            self.tally.malformed += 1;
            return;
        };
        if ack & 1 == 0 {
            self.hear_sent(id, number, body, outlet);
        } else {
            self.hear_joined((at, id), number, body, outlet);
        }
    }

    fn hear_sent(&mut self, id: u32, number: u32, body: &[u8], outlet: &mut Outlet<'_>) {
        let Some(answer) = word::answer::<Written<'_>>(body) else {
            self.tally.malformed += 1;
            return;
        };
        let Some(seat) = self.seats.get_mut(id as usize) else { return };
        if let (true, Some(written)) = (answer.success, &answer.data) {
            seat.settle(number);
            let (tenure, seen) = (seat.tenure, self.words.seen(&written.message));
            let is_first = self.history.acknowledged(number, tenure, seen);
            self.tally.acknowledged += u32::from(is_first);
            if let Some(conversation) = self.history.message(number).map(|sent| sent.conversation) {
                self.learn_head(conversation, seen.seq);
            }
            self.advance(id, outlet);
            return;
        }
        self.tally.refuse("send", answer.code());
        if !seat.refuse(number) {
            return; // The other of two attempts was answered already, one way or the other.
        }
        if is_passing(answer.code()) {
            seat.again.push_back(number);
        } else {
            self.tally.refused += 1;
        }
        if !seat.rests {
            seat.rests = true;
            self.wakes.about(REST, id, Errand::Resume);
        }
    }

    fn hear_joined(
        &mut self,
        (at, id): (Instant, u32),
        place: u32,
        body: &[u8],
        outlet: &mut Outlet<'_>,
    ) {
        let Some(answer) = word::answer::<Joined<'_>>(body) else {
            self.tally.malformed += 1;
            return;
        };
        let Some(seat) = self.seats.get(id as usize) else { return };
        match (answer.success, &answer.data, seat.role) {
            (true, Some(joined), Role::Talker | Role::SlowReader) => {
                if !self.take_joined(id, place, joined) {
                    // Not all of it fits in one answer.
                    self.wakes.at(at, id, Errand::Join(place));
                }
            }
            (true, Some(joined), Role::Intruder) => self.break_in(id, place, joined),
            (_, _, Role::Intruder) => {
                self.tally.intrusions += 1;
                self.set_in(id, place);
            }
            (_, _, Role::Talker | Role::SlowReader) => {
                self.tally.refuse("join", answer.code());
                self.wakes.about(REST, id, Errand::Join(place));
            }
        }
        self.enter_if_complete(id, outlet);
    }

    /// Enters what the answer to a join brings; says whether that was all.
    fn take_joined(&mut self, client: u32, place: u32, joined: &Joined<'_>) -> bool {
        let Some(seat) = self.seats.get_mut(client as usize) else { return true };
        let tenure = seat.tenure;
        let Some(place) = seat.places.get_mut(place as usize) else { return true };
        let conversation = place.conversation;
        let head = joined.last_seq;
        let mut enter = |event| {
            self.history.hears(row::Heard { client, conversation, tenure, event });
        };
        if !place.asked {
            place.asked = true;
            enter(row::Event::Joined { head });
        }
        let before = place.last;
        for wire in &joined.messages {
            enter(row::Event::Caught(self.words.seen(wire)));
            place.caught(wire.seq);
        }
        if !place.known {
            place.known = true;
            place.last = place.last.max(head);
            if let Some(room) = self.rooms.get_mut(conversation as usize).filter(|it| !it.based) {
                room.based = true;
                self.history.set_base(conversation, head);
            }
        }
        // An answer that brings nothing new will not do so the next time either.
        place.is_in = place.last >= head || place.last == before;
        let is_in = place.is_in;
        self.learn_head(conversation, head);
        is_in
    }

    fn break_in(&mut self, client: u32, place: u32, joined: &Joined<'_>) {
        let Some(seat) = self.seats.get(client as usize) else { return };
        let Some(conversation) = seat.places.get(place as usize).map(|it| it.conversation) else {
            return;
        };
        let (tenure, event) = (seat.tenure, row::Event::Joined { head: joined.last_seq });
        self.history.hears(row::Heard { client, conversation, tenure, event });
        self.set_in(client, place);
    }

    fn set_in(&mut self, client: u32, place: u32) {
        let seat = self.seats.get_mut(client as usize);
        if let Some(place) = seat.and_then(|seat| seat.places.get_mut(place as usize)) {
            place.is_in = true;
        }
    }

    /// Lets a client that is in everywhere go on with what it is there for.
    pub(super) fn enter_if_complete(&mut self, id: u32, outlet: &mut Outlet<'_>) {
        let Some(seat) = self.seats.get_mut(id as usize) else { return };
        if seat.phase == Phase::Joining && seat.is_complete() {
            seat.phase = Phase::In;
            self.ready += 1;
            self.advance(id, outlet);
        }
    }
}

/// Whether the same message may be taken a little later.
fn is_passing(code: &str) -> bool {
    ["BUSY", "RATE_LIMITED", "UNAVAILABLE", "INTERNAL"].contains(&code)
}

/// How long a client waits after it was refused, at least; at most twice that.
const REST: Duration = Duration::from_millis(100);
