//! The script of every scenario: clients join their rooms, then some of them send.
//!
//! Owns the seats (what each connection has joined and heard last) and the [`Ledger`]. Which seat
//! belongs to which room is the [`Layout`], and that is all that tells the scenarios apart.

mod layout;
mod seat;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::app::{Dialect, Meaning};
use crate::client::Heard;
use crate::ledger::mark::Mark;
use crate::ledger::{Entry, Ledger, Opening, Slots, Tally};
use crate::pace::{Pace, Timetable};
use crate::swarm::{Outlet, Script};
pub use layout::{Exchange, Layout};
use seat::Seat;

/// How a run is to send.
#[derive(Debug)]
pub struct Sending {
    /// How the target is spoken to.
    pub dialect: Dialect,
    /// The length of each message's text, in bytes.
    pub content_len: usize,
    /// After this long a message no longer counts as in flight; it is lost only if it has not come
    /// when the run ends.
    pub patience: Duration,
}

/// All clients' conversation.
#[derive(Debug)]
pub struct Traffic {
    sending: Sending,
    layout: Layout,
    seats: Vec<Seat>,
    audiences: Vec<Slots>,
    ledger: Ledger,
    mark: Mark,
    timetable: Option<Timetable>,
    idle_rooms: VecDeque<u32>,
    next_room: u32,
    ready: u32,
    joins_sent: u64,
    joins_confirmed: u64,
    refusal: Option<String>,
    expired_at: Option<Instant>,
    content: Vec<u8>,
    packet: Vec<u8>,
}

impl Traffic {
    /// Traffic over `layout` that nobody has begun.
    pub fn new(sending: Sending, layout: Layout, mark: Mark) -> Self {
        let seats = (0..layout.seats()).map(|_| Seat::default()).collect();
        let audiences = (0..layout.rooms()).map(|room| layout.audience(room)).collect();
        Self {
            sending,
            layout,
            seats,
            audiences,
            ledger: Ledger::new(MESSAGE_ID_FIRST),
            mark,
            timetable: None,
            idle_rooms: VecDeque::new(),
            next_room: 0,
            ready: 0,
            joins_sent: 0,
            joins_confirmed: 0,
            refusal: None,
            expired_at: None,
            content: Vec::new(),
            packet: Vec::new(),
        }
    }

    /// Begins to send at `pace`.
    pub fn begin(&mut self, pace: Pace, now: Instant) {
        self.timetable = Some(Timetable::new(pace, now));
        let depth = match pace {
            Pace::InFlight(count) => count.div_ceil(self.layout.rooms().max(1)),
            Pace::PerSecond(_) => 0,
        };
        for _ in 0..depth {
            self.idle_rooms.extend(0..self.layout.rooms());
        }
    }

    /// From now on latency is recorded.
    pub fn measure(&mut self) {
        self.ledger.set_measured(true);
        if let Some(timetable) = &mut self.timetable {
            timetable.reset_lag();
        }
    }

    /// Sends nothing more; what is under way may still arrive.
    pub fn stop(&mut self) -> Duration {
        self.ledger.set_measured(false);
        self.timetable.take().map(|timetable| timetable.lag_max()).unwrap_or_default()
    }

    /// Clients that there are to be.
    pub fn seats(&self) -> u32 {
        self.layout.seats()
    }

    /// Clients that are live and in all their rooms.
    pub fn ready(&self) -> u32 {
        self.ready
    }

    /// Joins that were sent, and joins that were confirmed.
    pub fn joins(&self) -> (u64, u64) {
        (self.joins_sent, self.joins_confirmed)
    }

    /// Whether nothing is waited for.
    pub fn is_settled(&self) -> bool {
        self.ledger.unfinished() == 0
    }

    /// The counts so far.
    pub fn tally(&self) -> Tally {
        self.ledger.tally()
    }

    /// The book of messages.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The first refusal of a join or a message, as the server worded it.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Sends what is due.
    fn depart(&mut self, now: Instant, outlet: &mut Outlet<'_>) {
        while let Some(timetable) = &mut self.timetable {
            let Some(due) = timetable.take_due(now, self.ledger.in_flight()) else { return };
            if self.ledger.unfinished() >= UNFINISHED_MAX {
                self.ledger.note_unsent();
                match timetable.pace() {
                    Pace::InFlight(_) => return,
                    Pace::PerSecond(_) => continue,
                }
            }
            // Without a sender the run has failed by its dropped connections.
            let Some(room) = self.pick_room() else { return };
            self.send(room, due, outlet);
        }
    }

    /// The next room whose sender is still there, if there is one.
    fn pick_room(&mut self) -> Option<u32> {
        for _ in 0..self.layout.rooms() {
            let room = self.idle_rooms.pop_front().unwrap_or_else(|| {
                let room = self.next_room;
                self.next_room = (room + 1) % self.layout.rooms().max(1);
                room
            });
            let sender = self.layout.sender(room);
            if self.seats.get(sender as usize).is_some_and(Seat::is_ready) {
                return Some(room);
            }
        }
        None
    }

    fn send(&mut self, room: u32, due: Instant, outlet: &mut Outlet<'_>) {
        let audience = self.audiences.get(room as usize).cloned().unwrap_or_default();
        let number = self.ledger.open(Opening { room, audience, due });
        let sender = self.layout.sender(room);
        self.mark.write(&mut self.content, number, self.sending.content_len);
        self.packet.clear();
        let dialect = self.sending.dialect;
        let name = self.layout.room_name(room);
        match self.layout.exchange() {
            Exchange::Room => dialect.send(&mut self.packet, number, name, &self.content),
            Exchange::Echo => dialect.echo(&mut self.packet, number, name, &self.content),
        }
        if let Some(seat) = self.seats.get_mut(sender as usize) {
            seat.sent(number, dialect.ack_by);
        }
        outlet.send(sender, &self.packet);
    }

    fn delivered(&mut self, at: Instant, id: u32, body: &[u8]) -> Option<Entry> {
        let Some(number) = self.mark.read(body) else {
            self.ledger.note_stray();
            return None;
        };
        let seat = self.seats.get_mut(id as usize)?;
        let in_order = seat.hear(number, body, self.layout.is_numbered());
        if !in_order {
            self.ledger.note_disorder();
        }
        Some(self.ledger.deliver(number, self.layout.slot(id), at))
    }

    /// A room or a message of client `id` was confirmed or refused.
    fn answered(&mut self, at: Instant, id: u32, number: u64, refusal: Option<&[u8]>) -> Entry {
        if let Some(said) = refusal {
            self.note_refusal(said);
        }
        if number < MESSAGE_ID_FIRST {
            if refusal.is_none() {
                self.joined(id);
            }
            return Entry::Awaited;
        }
        match refusal {
            None => self.ledger.confirm(number, at),
            Some(_) => self.ledger.refuse(number),
        }
    }

    fn joined(&mut self, id: u32) {
        self.joins_confirmed += 1;
        if let Some(seat) = self.seats.get_mut(id as usize)
            && seat.joined()
        {
            self.ready += 1;
        }
    }

    fn oldest(&mut self, id: u32) -> Option<u64> {
        self.seats.get_mut(id as usize)?.take_oldest()
    }

    fn note_refusal(&mut self, said: &[u8]) {
        self.refusal
            .get_or_insert_with(|| String::from_utf8_lossy(said).chars().take(200).collect());
    }

    fn free_room(&mut self, room: u32) {
        if matches!(self.timetable.as_ref().map(Timetable::pace), Some(Pace::InFlight(_))) {
            self.idle_rooms.push_back(room);
        }
    }
}

impl Script for Traffic {
    fn live(&mut self, _: Instant, id: u32, outlet: &mut Outlet<'_>) {
        let rooms = self.layout.joins(id);
        self.joins_sent += rooms.len() as u64;
        for (nth, room) in rooms.clone().enumerate() {
            let name = self.layout.room_name(room);
            self.sending.dialect.join(name, nth as u64, |packet| outlet.send(id, packet));
        }
        if let Some(seat) = self.seats.get_mut(id as usize)
            && seat.live(u32::try_from(rooms.len()).unwrap_or(u32::MAX))
        {
            self.ready += 1;
        }
    }

    fn heard(&mut self, at: Instant, id: u32, heard: Heard<'_>, outlet: &mut Outlet<'_>) {
        let entry = match self.sending.dialect.meaning(heard) {
            Meaning::Delivery(body) => self.delivered(at, id, body),
            Meaning::Taken(number) => Some(self.answered(at, id, number, None)),
            Meaning::Refused(number, said) => Some(self.answered(at, id, number, Some(said))),
            Meaning::OldestTaken => {
                self.oldest(id).map(|number| self.answered(at, id, number, None))
            }
            Meaning::OldestRefused(said) => {
                self.oldest(id).map(|number| self.answered(at, id, number, Some(said)))
            }
            Meaning::RoomJoined => {
                self.joined(id);
                None
            }
            Meaning::Other => None,
        };
        match entry {
            Some(Entry::Last(room)) => {
                self.free_room(room);
                self.depart(Instant::now(), outlet);
            }
            Some(Entry::Awaited | Entry::LastLate | Entry::Surplus) | None => {}
        }
    }

    fn gone(&mut self, id: u32) {
        if let Some(seat) = self.seats.get_mut(id as usize)
            && seat.leave()
        {
            self.ready -= 1;
        }
        // Later messages are not expected by those who left.
        let slot = self.layout.slot(id);
        for room in self.layout.joins(id) {
            let audience = self.audiences.get_mut(room as usize);
            if let Some(word) = audience.and_then(|slots| slots.get_mut(slot as usize / 64)) {
                *word &= !(1 << (slot % 64));
            }
        }
    }

    fn tick(&mut self, now: Instant, outlet: &mut Outlet<'_>) -> Option<Instant> {
        let last = *self.expired_at.get_or_insert(now);
        if now.saturating_duration_since(last) >= EXPIRY_CHECK {
            self.expired_at = Some(now);
            let mut freed = Vec::new();
            self.ledger.expire(now, self.sending.patience, |room| freed.push(room));
            for room in freed {
                self.free_room(room);
            }
        }
        self.depart(now, outlet);
        self.timetable.as_ref().and_then(Timetable::next)
    }
}

/// Ack ids below are of joins, so that one look tells an answer's kind.
const MESSAGE_ID_FIRST: u64 = 1000;
/// Messages that may be unfinished at once. Beyond it those that are due count as unsent, and the
/// run as failed.
const UNFINISHED_MAX: usize = 200_000;
/// How often overdue messages are looked for.
const EXPIRY_CHECK: Duration = Duration::from_millis(100);
