//! Every sequence of a few events, against a world that keeps the books.
//!
//! The world does what the session says, and knows what must hold whatever is said: one poll at a
//! time, each answered once; every message delivered once and in order; none left lying while a
//! free poll waits; nothing handed to a poll after the swap.

use super::*;

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Event {
    Send,
    Get,
    Post,
    PostEnd,
    WebSocket,
    Probe,
    Upgrade,
    Garbage,
    WebSocketLost,
    PollLost,
    Noop,
    Late,
    Close,
    ClientClose,
}

const EVENTS: [Event; 14] = [
    Event::Send,
    Event::Get,
    Event::Post,
    Event::PostEnd,
    Event::WebSocket,
    Event::Probe,
    Event::Upgrade,
    Event::Garbage,
    Event::WebSocketLost,
    Event::PollLost,
    Event::Noop,
    Event::Late,
    Event::Close,
    Event::ClientClose,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Socket {
    None,
    Probing,
    Swapped,
}

#[derive(Debug, Clone)]
struct World {
    session: Session,
    now_ms: u32,
    sent: u8,
    delivered: u8,
    poll: bool,
    posting: bool,
    socket: Socket,
    closed: bool,
}

impl World {
    fn new() -> Self {
        Self {
            session: Session::polling(),
            now_ms: 0,
            sent: 0,
            delivered: 0,
            poll: false,
            posting: false,
            socket: Socket::None,
            closed: false,
        }
    }

    fn waits(&self) -> bool {
        self.delivered < self.sent
    }

    /// Delivers all that waits; order holds because nothing else moves `delivered`.
    fn deliver(&mut self) {
        self.delivered = self.sent;
    }

    fn answer(&mut self, answer: Answer) {
        assert_ne!(self.socket, Socket::Swapped, "a poll answered after the swap");
        match answer {
            Answer::Output => {
                assert!(self.waits(), "an answer with nothing in it");
                // An answer has room for one.
                self.delivered += 1;
            }
            Answer::Noop => {}
            Answer::Close => {
                self.deliver();
                self.closed = true;
            }
            Answer::Farewell => {
                assert!(!self.waits(), "the end before the output");
                self.closed = true;
            }
        }
    }

    fn answer_parked(&mut self, answer: Option<Answer>) {
        if let Some(answer) = answer {
            assert!(std::mem::take(&mut self.poll), "no poll to answer");
            self.answer(answer);
        }
    }

    fn obey(&mut self, orders: Orders) {
        self.answer_parked(orders.poll);
        if orders.close_websocket {
            assert_ne!(self.socket, Socket::None);
            self.socket = Socket::None;
        }
        if orders.over {
            assert!(self.session.is_over());
            assert!(!self.poll, "a poll left behind");
            assert_eq!(self.socket, Socket::None, "a WebSocket left behind");
            self.closed = true;
        }
    }

    fn probe(&mut self, packet: &Packet<'_>) {
        if self.socket != Socket::Probing {
            return;
        }
        let probing = self.session.handle_probe_packet(packet, self.now_ms, self.waits());
        self.answer_parked(probing.poll);
        match probing.reply {
            ProbeReply::Pong => {}
            ProbeReply::Abort => self.socket = Socket::None,
            ProbeReply::Swap => {
                self.socket = Socket::Swapped;
                self.deliver();
            }
        }
    }

    fn tick(&mut self, by_ms: u32) {
        self.now_ms = self.now_ms.wrapping_add(by_ms);
        while let Some(timeout) = self.session.handle_timeout(self.now_ms, self.waits()) {
            match timeout {
                Timeout::Noop => self.answer_parked(Some(Answer::Noop)),
                Timeout::UpgradeTimedOut { poll } => {
                    assert_eq!(self.socket, Socket::Probing);
                    self.socket = Socket::None;
                    self.answer_parked(poll);
                }
                Timeout::Forgotten => self.closed = true,
            }
        }
        assert_ne!(self.session.next_timeout(self.now_ms), Some(0), "a timer that spins");
    }

    fn get(&mut self) {
        match self.session.handle_get(self.now_ms, self.waits()) {
            Get::Park => {
                assert!(!self.poll, "two polls parked");
                self.poll = true;
            }
            Get::Answer(answer) => self.answer(answer),
            Get::Overlap(orders) => {
                assert!(self.poll, "an overlap of nothing");
                self.obey(orders);
            }
            Get::Mismatch => assert!(self.socket == Socket::Swapped || self.closed),
        }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Send => {
                self.sent += 1;
                match self.session.handle_output() {
                    Output::AnswerPoll => self.answer_parked(Some(Answer::Output)),
                    Output::Write => {
                        assert_eq!(self.socket, Socket::Swapped);
                        self.deliver();
                    }
                    Output::Wait => {}
                    Output::Drop => self.sent -= 1,
                }
            }
            Event::Get => self.get(),
            Event::Post => match self.session.handle_post() {
                Post::Read => {
                    assert!(!std::mem::replace(&mut self.posting, true), "two POSTs");
                }
                Post::Overlap(orders) => {
                    assert!(self.posting, "an overlap of nothing");
                    self.obey(orders);
                }
                Post::Discard | Post::Mismatch => {}
            },
            Event::PostEnd => {
                self.posting = false;
                self.session.handle_post_end();
            }
            Event::WebSocket => match self.session.handle_websocket(self.now_ms, TIMEOUT) {
                WebSocket::Probe => {
                    assert_eq!(self.socket, Socket::None, "two WebSockets");
                    self.socket = Socket::Probing;
                }
                WebSocket::CloseAtOnce => {}
            },
            Event::Probe => self.probe(&Packet::Ping(PROBE)),
            Event::Upgrade => self.probe(&Packet::Upgrade),
            Event::Garbage => self.probe(&Packet::Pong),
            Event::WebSocketLost => {
                if std::mem::replace(&mut self.socket, Socket::None) != Socket::None {
                    let orders = self.session.handle_websocket_lost(self.waits());
                    self.obey(orders);
                }
            }
            Event::PollLost => {
                if std::mem::take(&mut self.poll) {
                    let orders = self.session.handle_poll_lost();
                    self.obey(orders);
                }
            }
            Event::Noop => self.tick(NOOP_SPACING_MS),
            Event::Late => self.tick(FAREWELL_MS),
            Event::Close => {
                let orders = self.session.handle_close(self.now_ms, self.waits());
                self.obey(orders);
            }
            Event::ClientClose => {
                let orders = self.session.handle_client_close();
                self.obey(orders);
            }
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.poll, self.session.is_parked());
        let is_held = self.session.holds_heartbeat();
        assert!(!self.poll || !self.waits() || is_held, "output waits beside a free poll");
        assert!(self.socket != Socket::Swapped || !self.waits(), "output waits beside a WebSocket");
    }

    /// A client that goes on polling hears everything, however things stand.
    fn settle(mut self) {
        if self.closed || self.session.is_over() {
            return;
        }
        if !self.poll && self.socket != Socket::Swapped {
            self.get();
        }
        if self.socket != Socket::Swapped {
            self.tick(TIMEOUT);
            while self.waits() && !self.closed {
                self.get();
            }
        }
        assert!(!self.waits(), "output that nobody hears");
    }
}

fn explore(world: &World, depth: usize, trail: &mut Vec<Event>) {
    for event in EVENTS {
        trail.push(event);
        let mut next = world.clone();
        let stepped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            next.step(event);
            next.clone().settle();
        }));
        assert!(stepped.is_ok(), "after {trail:?}");
        if depth > 1 {
            explore(&next, depth - 1, trail);
        }
        trail.pop();
    }
}

#[test]
fn every_short_history_keeps_the_books() {
    explore(&World::new(), 5, &mut Vec::new());
}

#[test]
fn every_short_history_of_an_upgrade_keeps_the_books() {
    let mut world = World::new();
    for event in [Event::Get, Event::WebSocket, Event::Probe, Event::Send] {
        world.step(event);
    }
    explore(&world, 5, &mut Vec::new());
}
