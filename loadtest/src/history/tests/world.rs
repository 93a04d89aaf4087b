//! A server and its clients in a few lines, without faults of their own: what they do makes a
//! history that keeps every rule, whatever happens to the connections.

use crate::history::History;
use crate::history::row::{Event, Heard, Seen, Stored};

/// The seats: two talkers in each conversation, and one client of user 1, who is in both.
const SEATS: [(u32, &[u32]); 5] = [(0, &[0]), (1, &[0]), (1, &[1]), (2, &[1]), (1, &[0, 1])];
const CONVERSATIONS: usize = 2;
pub(super) const TALKERS: usize = 4;

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    /// A talker sends, is answered, and everybody hears it.
    Send(usize),
    /// The same, but the talker's connection ends before the answer.
    SendAndFall(usize),
    /// The message does not even arrive.
    SendInVain(usize),
    /// A connection ends.
    Fall(usize),
    /// A client comes back, asks for what it missed, and sends again what was not answered.
    Return(usize),
}

#[derive(Debug, Default, Clone)]
struct Seat {
    tenure: u32,
    up: bool,
    last: [u32; CONVERSATIONS],
    unanswered: Vec<u32>,
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    history: History,
    seats: Vec<Seat>,
    /// The messages of each conversation, in order.
    log: [Vec<u32>; CONVERSATIONS],
    base: u32,
}

/// The print of message `number`.
pub(super) fn print(number: u32) -> u64 {
    u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

impl World {
    /// One in which everybody is connected, and each conversation is `base` messages old.
    pub(super) fn new(base: u32) -> Self {
        let mut history = History::default();
        history.add_conversation([0, 1], base);
        history.add_conversation([1, 2], base);
        for (user, rooms) in SEATS {
            history.add_client(user, rooms);
        }
        let seat = Seat { last: [base; CONVERSATIONS], ..Seat::default() };
        let seats = vec![seat; SEATS.len()];
        let mut world = Self { history, seats, log: Default::default(), base };
        (0..SEATS.len()).for_each(|who| world.come(who));
        world
    }

    /// Does it.
    pub(super) fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Send(who) if self.seats[who].up => {
                let number = self.open(who);
                self.store(number);
                self.answer(who, number);
            }
            Deed::SendAndFall(who) if self.seats[who].up => {
                let number = self.open(who);
                self.fall(who);
                self.store(number);
            }
            Deed::SendInVain(who) if self.seats[who].up => {
                self.open(who);
                self.fall(who);
            }
            Deed::Send(_) | Deed::SendAndFall(_) | Deed::SendInVain(_) => {}
            Deed::Fall(who) => self.fall(who),
            Deed::Return(who) => self.come(who),
        }
    }

    /// Everybody comes back and has everything.
    pub(super) fn end(mut self) -> History {
        (0..SEATS.len()).for_each(|who| self.come(who));
        for (client, (_, rooms)) in (0..).zip(SEATS) {
            for &conversation in rooms {
                self.hear(client, conversation, Event::Settled);
            }
        }
        for (conversation, log) in (0..).zip(&self.log) {
            for (seq, number) in (self.base + 1..).zip(log) {
                let seen = Seen { seq, number: *number, print: print(*number) };
                self.history.holds(Stored { conversation, seen });
            }
            self.history.shows(conversation, 1);
        }
        self.history
    }

    fn open(&mut self, who: usize) -> u32 {
        let (client, conversation) = (u32::try_from(who).unwrap(), SEATS[who].1[0]);
        let print = print(self.history.sent_count());
        let number = self.history.sends(client, self.seats[who].tenure, conversation, print);
        self.seats[who].unanswered.push(number);
        number
    }

    /// Gives the message its place, unless it has one, and tells whoever is there.
    fn store(&mut self, number: u32) {
        let conversation = self.history.message(number).unwrap().conversation;
        if self.log[conversation as usize].contains(&number) {
            return;
        }
        self.log[conversation as usize].push(number);
        let seen = self.seen(number);
        for (client, (_, rooms)) in (0_u32..).zip(SEATS) {
            let seat = &mut self.seats[client as usize];
            if seat.up && rooms.contains(&conversation) {
                seat.last[conversation as usize] = seen.seq;
                self.hear(client, conversation, Event::Live(seen));
            }
        }
    }

    fn answer(&mut self, who: usize, number: u32) {
        let (tenure, seen) = (self.seats[who].tenure, self.seen(number));
        self.history.acknowledged(number, tenure, seen);
        self.seats[who].unanswered.retain(|other| *other != number);
    }

    fn fall(&mut self, who: usize) {
        self.seats[who].up = false;
    }

    fn come(&mut self, who: usize) {
        if self.seats[who].up {
            return;
        }
        self.seats[who].up = true;
        self.seats[who].tenure += 1;
        let client = u32::try_from(who).unwrap();
        for &conversation in SEATS[who].1 {
            let index = conversation as usize;
            let head = self.base + u32::try_from(self.log[index].len()).unwrap();
            self.hear(client, conversation, Event::Joined { head });
            for seq in self.seats[who].last[index] + 1..=head {
                let number = self.log[index][(seq - self.base - 1) as usize];
                self.hear(client, conversation, Event::Caught(self.seen(number)));
            }
            self.seats[who].last[index] = head;
        }
        for number in self.seats[who].unanswered.clone() {
            self.history.sends_again(number);
            self.store(number);
            self.answer(who, number);
        }
    }

    fn seen(&self, number: u32) -> Seen {
        let place = self.log.iter().find_map(|log| log.iter().position(|other| *other == number));
        let seq = self.base + 1 + u32::try_from(place.unwrap()).unwrap();
        Seen { seq, number, print: print(number) }
    }

    fn hear(&mut self, client: u32, conversation: u32, event: Event) {
        let tenure = self.seats[client as usize].tenure;
        self.history.hears(Heard { client, conversation, tenure, event });
    }
}
