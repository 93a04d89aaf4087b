//! The clients of a drill: they talk, lose their connections, come back, ask for what they missed
//! and send again what was not answered. All that happens to them goes into the history.
//!
//! Owns the seats and the history; knows nothing of processes or of the store. A client never
//! trusts that it has heard everything: it says how far it got whenever it joins.

mod answer;
mod tally;

use std::time::{Duration, Instant};

use foldhash::HashMap;

pub(super) use tally::Tally;

use super::cast::Cast;
use super::seat::{Phase, Role, Seat};
use super::wake::{Errand, Wakes};
use super::word::{self, Words};
use crate::client::Heard;
use crate::history::History;
use crate::history::row::{self, NOBODY};
use crate::swarm::{Outlet, Script};

/// How the clients behave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Messages to send, all clients together.
    pub(super) goal: u32,
    /// Messages that one talker sends at most.
    pub(super) each: u32,
    /// Messages of one talker on their way at once.
    pub(super) depth: usize,
    /// How long a slow reader does not read, and then does.
    pub(super) slow_for: Duration,
    /// How many messages a client forgets when it loses its connection, to ask for them again.
    pub(super) forgets: u32,
}

/// A conversation, as all clients see it.
#[derive(Debug)]
struct Room {
    id: Box<str>,
    /// The newest place that anybody was told.
    head: u32,
    /// Whether it is known where it stood before the run.
    based: bool,
}

/// The clients.
#[derive(Debug)]
pub(super) struct Crew {
    history: History,
    words: Words,
    manner: Manner,
    seats: Vec<Seat>,
    /// The user in each seat.
    users: Vec<Box<str>>,
    rooms: Vec<Room>,
    rooms_by_id: HashMap<Box<str>, u32>,
    wakes: Wakes,
    tally: Tally,
    /// Seats that are in everywhere.
    ready: u32,
    talks: bool,
    /// Whether everybody should begin to talk in the next turn.
    bell: bool,
    /// Whether everybody should drop the connection in the next turn.
    storm: bool,
    /// Until when a lost connection is dialled again at once.
    hurry_until: Option<Instant>,
    swept_at: Instant,
}

impl Crew {
    /// The clients in `seats`, each of the user beside it; nobody is connected.
    pub(super) fn new(
        cast: &Cast,
        (seats, users, history): (Vec<Seat>, &[u32], History),
        words: Words,
        manner: Manner,
    ) -> Self {
        let name = |user: &u32| {
            let account = cast.accounts.get(*user as usize);
            account.map(|account| account.user.to_string().into()).unwrap_or_default()
        };
        let room = |id: &str| Room { id: id.into(), head: 0, based: false };
        let ids: Vec<Box<str>> = cast.conversations.iter().map(|room| room.id.clone()).collect();
        Self {
            history,
            words,
            manner,
            seats,
            users: users.iter().map(name).collect(),
            rooms: ids.iter().map(|id| room(id)).collect(),
            rooms_by_id: ids.into_iter().zip(0..).collect(),
            wakes: Wakes::default(),
            tally: Tally::default(),
            ready: 0,
            talks: false,
            bell: false,
            storm: false,
            hurry_until: None,
            swept_at: Instant::now(),
        }
    }

    /// Everybody who may talk begins to.
    pub(super) fn talk(&mut self) {
        self.talks = true;
        self.bell = true;
    }

    /// No new message is sent, and slow readers read.
    pub(super) fn hush(&mut self) {
        self.talks = false;
    }

    /// Everybody drops the connection and comes back at once.
    pub(super) fn storm(&mut self) {
        self.storm = true;
    }

    /// What has been counted so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether everybody is in everywhere.
    pub(super) fn is_complete(&self) -> bool {
        self.absent() == 0
    }

    /// Clients that are not in everywhere.
    pub(super) fn absent(&self) -> u32 {
        u32::try_from(self.seats.len()).unwrap_or(u32::MAX) - self.ready
    }

    /// Whether nothing is to be sent any more, and no answer is missing.
    pub(super) fn is_answered(&self) -> bool {
        self.tally.finished() >= self.manner.goal
    }

    /// Whether everybody has all that anybody was told of.
    pub(super) fn is_level(&self) -> bool {
        let level = |place: &super::seat::Place| {
            self.rooms.get(place.conversation as usize).is_none_or(|room| place.last >= room.head)
        };
        let hears = |seat: &&Seat| seat.role != Role::Intruder;
        self.seats.iter().filter(hears).all(|seat| seat.places.iter().all(level))
    }

    /// Enters that everybody who is there has had the time to hear everything.
    pub(super) fn settle(&mut self) {
        for (client, seat) in (0..).zip(&self.seats) {
            let hears = seat.phase == Phase::In && seat.role != Role::Intruder;
            for place in seat.places.iter().filter(|place| hears && place.is_in) {
                let (conversation, tenure) = (place.conversation, seat.tenure);
                let event = row::Event::Settled;
                self.history.hears(row::Heard { client, conversation, tenure, event });
            }
        }
    }

    /// The record so far.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// The record, to be completed, and what the run's messages look like.
    pub(super) fn record(&mut self) -> (&mut History, &Words) {
        (&mut self.history, &self.words)
    }

    /// Sends what this client may send now.
    fn advance(&mut self, id: u32, outlet: &mut Outlet<'_>) {
        let now = Instant::now();
        while let Some(seat) = self.seats.get_mut(id as usize) {
            let may = seat.role == Role::Talker && seat.phase == Phase::In && !seat.rests;
            if !may || seat.in_flight.len() >= self.manner.depth {
                return;
            }
            let number = match seat.again.pop_front() {
                Some(number) => {
                    self.history.sends_again(number);
                    number
                }
                None if self.talks
                    && seat.sent < self.manner.each
                    && self.history.sent_count() < self.manner.goal =>
                {
                    seat.sent += 1;
                    let Some(number) = self.open(id) else { return };
                    number
                }
                None => return,
            };
            let Some(sent) = self.history.message(number) else { return };
            let Some(room) = self.rooms.get(sent.conversation as usize) else { return };
            let packet = self.words.send(answer::sending(number), &room.id, number);
            outlet.send(id, packet.as_bytes());
            // Every other message whose outcome is unknown is repeated twice in a row: both must be
            // answered as the first was.
            if sent.attempts == 2 && number.is_multiple_of(2) {
                outlet.send(id, packet.as_bytes());
            }
            if let Some(seat) = self.seats.get_mut(id as usize) {
                seat.in_flight.push((number, now));
            }
        }
    }

    /// Enters a new message of client `id`.
    fn open(&mut self, id: u32) -> Option<u32> {
        let seat = self.seats.get(id as usize)?;
        let conversation = seat.places.first()?.conversation;
        let room = self.rooms.get(conversation as usize)?;
        let number = self.history.sent_count();
        let print = self.words.print(number, self.users.get(id as usize)?, &room.id);
        Some(self.history.sends(id, seat.tenure, conversation, print))
    }

    fn run_errand(&mut self, id: u32, errand: Errand, outlet: &mut Outlet<'_>) {
        match errand {
            Errand::Redial => outlet.redial(id),
            Errand::Resume => {
                if let Some(seat) = self.seats.get_mut(id as usize) {
                    seat.rests = false;
                }
                self.advance(id, outlet);
            }
            Errand::Join(place) => self.join(id, place, outlet),
            Errand::Mute => {
                let is_in = self.seats.get(id as usize).is_some_and(|seat| seat.phase == Phase::In);
                if is_in && self.talks {
                    outlet.mute(id, true);
                    self.tally.mutes += 1;
                }
                self.wakes.at(Instant::now() + self.manner.slow_for, id, Errand::Unmute);
            }
            Errand::Unmute => {
                outlet.mute(id, false);
                self.wakes.about(self.manner.slow_for, id, Errand::Mute);
            }
            Errand::Intrude => {
                self.intrude(id, outlet);
                self.wakes.about(INTRUSION_INTERVAL, id, Errand::Intrude);
            }
        }
    }

    /// The talking begins: a talker sends, and a slow reader is deaf from the first message on, so
    /// that it is so once however soon all is said.
    fn begin_to_talk(&mut self, id: u32, outlet: &mut Outlet<'_>) {
        match self.seats.get(id as usize).map(|seat| seat.role) {
            Some(Role::Talker) => self.advance(id, outlet),
            Some(Role::SlowReader) => self.run_errand(id, Errand::Mute, outlet),
            Some(Role::Intruder) | None => {}
        }
    }

    fn intrude(&mut self, id: u32, outlet: &mut Outlet<'_>) {
        let Some(seat) = self.seats.get(id as usize) else { return };
        if seat.phase == Phase::In {
            let places = u32::try_from(seat.places.len()).unwrap_or_default();
            (0..places).for_each(|place| self.join(id, place, outlet));
        }
    }

    /// Gives up connections on which an answer is overdue.
    fn sweep(&mut self, now: Instant, outlet: &mut Outlet<'_>) {
        if now.saturating_duration_since(self.swept_at) < SWEEP_INTERVAL {
            return;
        }
        self.swept_at = now;
        let overdue = |at: Instant| now.saturating_duration_since(at) > ANSWER_PATIENCE;
        for (id, seat) in (0_u32..).zip(&self.seats) {
            let lost = seat.in_flight.iter().any(|(_, at)| overdue(*at));
            let stuck = seat.phase == Phase::Joining && overdue(seat.since);
            if lost || stuck {
                self.tally.overdue += 1;
                outlet.hang_up(id);
            }
        }
    }
}

impl Script for Crew {
    fn live(&mut self, at: Instant, id: u32, outlet: &mut Outlet<'_>) {
        let Some(seat) = self.seats.get_mut(id as usize) else { return };
        seat.arrive(at);
        let is_first = seat.tenure == 1;
        let places = u32::try_from(seat.places.len()).unwrap_or_default();
        if seat.role == Role::Intruder && is_first {
            self.wakes.about(INTRUSION_INTERVAL, id, Errand::Intrude);
        }
        (0..places).for_each(|place| self.join(id, place, outlet));
        self.enter_if_complete(id, outlet);
    }

    fn heard(&mut self, at: Instant, id: u32, heard: Heard<'_>, outlet: &mut Outlet<'_>) {
        match heard {
            Heard::Event { name: b"new_message", body } => self.hear_message(id, body),
            Heard::Event { .. } => {}
            Heard::Ack { id: ack, body } => self.hear_answer((at, id), ack, body, outlet),
        }
    }

    fn gone(&mut self, id: u32) {
        let Some(seat) = self.seats.get_mut(id as usize) else { return };
        self.ready -= u32::from(seat.phase == Phase::In);
        self.tally.unknown += seat.depart() as u64;
        self.tally.drops += 1;
        let forgets = self.manner.forgets;
        for place in &mut seat.places {
            place.last = place.last.saturating_sub(forgets);
        }
        let now = Instant::now();
        if self.hurry_until.is_some_and(|until| now < until) {
            self.wakes.at(now, id, Errand::Redial);
        } else {
            self.wakes.about(RETURN_AFTER, id, Errand::Redial);
        }
    }

    fn failed(&mut self, id: u32) {
        let Some(seat) = self.seats.get_mut(id as usize) else { return };
        self.tally.failures += 1;
        let wait = RETURN_AFTER * (1 << seat.failures.min(DOUBLINGS_MAX));
        seat.failures += 1;
        self.wakes.about(wait, id, Errand::Redial);
    }

    fn tick(&mut self, now: Instant, outlet: &mut Outlet<'_>) -> Option<Instant> {
        let everybody = 0..u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        if std::mem::take(&mut self.storm) {
            self.hurry_until = Some(now + HURRY);
            everybody.clone().for_each(|id| outlet.hang_up(id));
        }
        if std::mem::take(&mut self.bell) {
            everybody.for_each(|id| self.begin_to_talk(id, outlet));
        }
        while let Some((id, errand)) = self.wakes.due(now) {
            self.run_errand(id, errand, outlet);
        }
        self.sweep(now, outlet);
        self.wakes.next()
    }
}

impl Crew {
    fn hear_message(&mut self, client: u32, body: &[u8]) {
        let Some(wire) = word::delivery(body) else {
            self.tally.malformed += 1;
            return;
        };
        let seen = self.words.seen(&wire);
        let known = self.rooms_by_id.get(wire.conversation_id.as_ref());
        let conversation = known.copied().unwrap_or(NO_ROOM);
        let Some(seat) = self.seats.get_mut(client as usize) else { return };
        let (tenure, event) = (seat.tenure, row::Event::Live(seen));
        self.history.hears(row::Heard { client, conversation, tenure, event });
        let places = seat.places.iter_mut();
        for place in places.filter(|place| place.conversation == conversation) {
            place.live(seen.seq);
        }
        self.learn_head(conversation, seen.seq);
    }

    fn learn_head(&mut self, conversation: u32, seq: u32) {
        if let Some(room) = self.rooms.get_mut(conversation as usize) {
            room.head = room.head.max(seq);
        }
    }
}

/// How long after a connection was lost it is dialled again, at the soonest; twice that at the
/// latest, and longer after each failure.
const RETURN_AFTER: Duration = Duration::from_millis(50);
/// Failures that each double the wait; after them it stays at 0.8 to 1.6 s.
const DOUBLINGS_MAX: u32 = 4;
/// How long after a storm began lost connections are dialled again at once.
const HURRY: Duration = Duration::from_secs(1);
/// How often intruders try.
const INTRUSION_INTERVAL: Duration = Duration::from_secs(1);
/// How often overdue answers are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
/// How long an answer may take on a connection that lives; then the client gives it up and comes
/// back over another.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// A conversation that no client knows.
const NO_ROOM: u32 = NOBODY;
