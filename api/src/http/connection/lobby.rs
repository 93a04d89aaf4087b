//! Who is in HTTP at one listener, and who makes room for a newcomer.
//!
//! A [`Guest`] is a connection there: it waits for a request, or has one at hand until the answer has
//! left. Where there is no room for one more, whoever waits and has waited for longest is put out:
//! an idle connection, or one that has never asked. Where nobody waits, the newcomer is turned away.
//!
//! Owned by its listener. What takes a lock is to come, to go, and a request, each once; nothing on a
//! socket does. No lock is taken while another one is held.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::Limits;
use super::crowd::{Crowd, Seat};
use super::refusal::Refusal;
use crate::throttle::Throttle;

/// The guests of a listener.
#[derive(Debug)]
pub struct Lobby {
    limits: Limits,
    crowd: Arc<Crowd>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Those who wait and those who do not.
    guests: usize,
    /// Those of them whose descriptor is of the last ones.
    high: usize,
    /// The number of whoever began to wait last.
    last: u64,
    /// Those who wait, longest first, and what tells them to go.
    waiting: BTreeMap<u64, Arc<Notify>>,
    put_out: Throttle,
    no_room: Throttle,
    too_many: Throttle,
}

/// A connection that was let in.
#[derive(Debug)]
pub struct Entry {
    /// The connection.
    pub stream: TcpStream,
    /// Its place here.
    pub guest: Arc<Guest>,
    /// Its place among those of its client.
    pub seat: Seat,
    /// Whether somebody was put out for it, whose descriptor is free once others have run.
    pub has_displaced: bool,
}

/// One connection in HTTP; it has gone when this is dropped.
#[derive(Debug)]
pub struct Guest {
    lobby: Arc<Lobby>,
    /// Its number among those who wait, or [`NONE`] while it has a request at hand.
    number: AtomicU64,
    /// Whether its descriptor is of the last ones.
    is_high: bool,
    /// Whether an answer is on its way out.
    is_answered: AtomicBool,
    /// Whether it is no longer counted here.
    has_left: AtomicBool,
    out: Arc<Notify>,
}

impl Lobby {
    /// Nobody is there.
    pub fn new(limits: Limits, crowd: Arc<Crowd>) -> Self {
        Self { limits, crowd, state: Mutex::default() }
    }

    /// How many are there.
    pub fn guests(&self) -> usize {
        self.lock().guests
    }

    /// What they may cost.
    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// Lets a connection in, or answers it with 503 and closes it.
    pub fn enter(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) -> Option<Entry> {
        let Some(seat) = self.seat(peer) else {
            turn_away(stream);
            return None;
        };
        let mut state = self.lock();
        // The kernel gives out the lowest number that is free: all below it are in use, or were until
        // somebody made room for whoever came then.
        let is_high = self.limits.is_high(&stream);
        let has_displaced =
            is_high || state.high > 0 || state.guests >= self.limits.connections_max;
        if has_displaced && !state.make_room() {
            let said = state.no_room.note(Instant::now());
            drop(state);
            if let Some(count) = said {
                tracing::warn!(count, %peer, "too many connections, turned away");
            }
            turn_away(stream);
            return None;
        }
        let out = Arc::default();
        let number = AtomicU64::new(state.wait(&out));
        state.guests += 1;
        state.high += usize::from(is_high);
        drop(state);
        let guest = Guest {
            lobby: Arc::clone(self),
            number,
            is_high,
            is_answered: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
            out,
        };
        Some(Entry { stream, guest: Arc::new(guest), seat, has_displaced })
    }

    /// A place among those of its client, also for what outlives the connection that asks for it; none
    /// where the client has as many as it may have.
    pub fn seat(&self, peer: SocketAddr) -> Option<Seat> {
        let seat = self.crowd.seat(peer.ip());
        if seat.is_none()
            && let Some(count) = self.lock().too_many.note(Instant::now())
        {
            tracing::warn!(count, %peer, "too many connections of one address, turned away");
        }
        seat
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes somebody who waits from now on; the number is returned.
    fn wait(&mut self, out: &Arc<Notify>) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, Arc::clone(out));
        self.last
    }

    /// Puts out whoever has waited for longest; says whether there was anybody.
    fn make_room(&mut self) -> bool {
        let Some((_, out)) = self.waiting.pop_first() else { return false };
        out.notify_one();
        if let Some(count) = self.put_out.note(Instant::now()) {
            tracing::warn!(count, "too many connections, idle ones closed to make room");
        }
        true
    }
}

impl Guest {
    /// What it may cost.
    pub(super) fn limits(&self) -> Limits {
        self.lobby.limits()
    }

    /// A request has come. Says whether it may be answered: not by a guest that was put out just
    /// before.
    pub(super) fn ask(&self) -> bool {
        // Its peer may ask again while the last answer is on its way out.
        self.is_answered.store(false, Ordering::Relaxed);
        let number = self.number.swap(NONE, Ordering::Relaxed);
        number == NONE || self.lobby.lock().waiting.remove(&number).is_some()
    }

    /// The answer is made.
    pub(super) fn answer(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// All that was to be written has been.
    pub(super) fn flush(&self) {
        if self.is_answered.swap(false, Ordering::Relaxed) {
            let number = self.lobby.lock().wait(&self.out);
            self.number.store(number, Ordering::Relaxed);
        }
    }

    /// Whether it has neither a request at hand nor an answer on its way out.
    pub(super) fn is_waiting(&self) -> bool {
        self.number.load(Ordering::Relaxed) != NONE
    }

    /// It is no guest any more: its connection goes on as something else, or has ended.
    pub(super) fn leave(&self) {
        if !self.has_left.swap(true, Ordering::Relaxed) {
            let mut state = self.lobby.lock();
            state.guests -= 1;
            state.high -= usize::from(self.is_high);
            state.waiting.remove(&self.number.load(Ordering::Relaxed));
        }
    }

    /// Returns once it is put out.
    ///
    /// # Cancel safety
    /// When dropped, nothing is lost.
    pub(super) async fn put_out(&self) {
        self.out.notified().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Says why, as far as it can without waiting, and closes. A peer that has sent its request already
/// may hear of a reset instead.
fn turn_away(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        // Nothing was written yet, so there is room for it.
        let _ = stream.write(&Refusal::no_room().bytes);
    }
}

/// No number of anybody who waits.
const NONE: u64 = 0;

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::http::connection::crowd::PerClient;

    /// A lobby with room for two, and its door.
    struct House {
        lobby: Arc<Lobby>,
        listener: TcpListener,
    }

    impl House {
        async fn open() -> Self {
            let limits = Limits { connections_max: 2, ..Limits::DEFAULT };
            let crowd = Arc::new(Crowd::new(PerClient::DEFAULT, Vec::new()));
            let lobby = Arc::new(Lobby::new(limits, crowd));
            Self { lobby, listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
        }

        /// Somebody comes; what they hear, and their entry if they are let in.
        async fn visit(&self) -> (std::net::TcpStream, Option<Entry>) {
            let client = std::net::TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let (stream, peer) = self.listener.accept().await.unwrap();
            (client, self.lobby.enter(stream, peer))
        }

        async fn enter(&self) -> Entry {
            self.visit().await.1.unwrap()
        }
    }

    #[tokio::test]
    async fn whoever_has_waited_for_longest_makes_room() {
        let house = House::open().await;
        let (first, second) = (house.enter().await.guest, house.enter().await.guest);
        assert!(first.ask());
        first.answer();
        first.flush();
        let third = house.enter().await;
        assert!(third.has_displaced);
        // It has been told; and should a request come just then, it is not begun.
        second.put_out().await;
        assert!(!second.ask());
        assert!(first.ask());
        drop((second, first));
        assert_eq!(house.lobby.guests(), 1);
        assert!(!house.enter().await.has_displaced);
    }

    #[tokio::test]
    async fn nobody_who_has_a_request_at_hand_makes_room() {
        let house = House::open().await;
        let (first, second) = (house.enter().await.guest, house.enter().await.guest);
        assert!(first.ask() && second.ask());
        // Written, but not all of it.
        first.answer();
        let (mut client, entry) = house.visit().await;
        assert!(entry.is_none());
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert!(
            heard.starts_with("HTTP/1.1 503 ") && heard.contains("\r\nx-request-id: "),
            "{heard}"
        );
        let said = "{\"success\":false,\"message\":\"Too many connections, please try again\",\
                    \"code\":\"BUSY\"}";
        assert!(heard.ends_with(said), "{heard}");
        first.flush();
        assert!(house.enter().await.has_displaced);
    }

    #[tokio::test]
    async fn next_request_may_come_before_the_last_answer_has_left() {
        let house = House::open().await;
        let (first, second) = (house.enter().await.guest, house.enter().await.guest);
        assert!(first.ask() && second.ask());
        first.answer();
        assert!(first.ask());
        first.flush();
        assert!(house.visit().await.1.is_none(), "the next one is at hand");
        first.answer();
        first.flush();
        assert!(house.enter().await.has_displaced);
    }

    #[tokio::test]
    async fn whoever_goes_on_as_something_else_has_left_once() {
        let house = House::open().await;
        let (first, _second) = (house.enter().await.guest, house.enter().await);
        first.leave();
        assert_eq!(house.lobby.guests(), 1);
        drop(first);
        assert_eq!(house.lobby.guests(), 1);
    }
}
