//! What comes before what, and what is turned away.

use std::sync::Mutex;

use tokio::sync::{Notify, Semaphore};

use super::line::LINE_WAITING_MAX;
use super::*;

const FIRST: Option<Lane> = Some(Lane(ObjectId::from_bytes([1; 12])));
const SECOND: Option<Lane> = Some(Lane(ObjectId::from_bytes([2; 12])));

/// More than is looked at and waits to be looked at, together.
const FLOOD: u32 = 3_000;

fn person(number: u32) -> UserId {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    UserId(ObjectId::from_bytes(bytes))
}

#[tokio::test]
async fn a_lane_keeps_its_order_and_holds_up_no_other() {
    let (handoff, dispatcher) = Handoff::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let gate = Arc::new(Notify::new());
    for number in 0..3 {
        let (seen, gate) = (Arc::clone(&seen), Arc::clone(&gate));
        let work = async move |_| {
            gate.notified().await;
            seen.lock().unwrap().push(number);
        };
        handoff.submit(Some(person(1)), FIRST, work).unwrap();
    }
    let opened = Arc::clone(&gate);
    let other = Arc::clone(&seen);
    let work = async move |_| {
        other.lock().unwrap().push(9);
        for _ in 0..3 {
            opened.notify_one();
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        opened.notify_one();
    };
    handoff.submit(Some(person(1)), SECOND, work).unwrap();
    drop(handoff);
    in_time(dispatcher.run()).await;
    assert_eq!(*seen.lock().unwrap(), [9, 0, 1, 2]);
}

#[tokio::test]
async fn work_that_panics_makes_way_for_what_waits_behind_it() {
    let (handoff, dispatcher) = Handoff::new();
    let done = Arc::new(AtomicUsize::new(0));
    for lane in [FIRST, None] {
        for _ in 0..JOBS_PER_PERSON {
            handoff.submit(Some(person(1)), lane, async |_| panic!("planted")).unwrap();
        }
        let after = Arc::clone(&done);
        let work = async move |turn: Turn| {
            turn.unwrap();
            after.fetch_add(1, Ordering::AcqRel);
        };
        handoff.submit(Some(person(1)), lane, work).unwrap();
    }
    let watched = Arc::clone(&handoff.pending);
    drop(handoff);
    in_time(dispatcher.run()).await;
    assert_eq!(done.load(Ordering::Acquire), 2);
    assert_eq!(watched.load(Ordering::Acquire), 0, "what has ended, however, is not pending");
}

#[tokio::test]
async fn what_finds_no_place_is_refused_at_once() {
    let (handoff, _dispatcher) = Handoff::new();
    for _ in 0..JOBS_WAITING_MAX {
        handoff.submit(None, None, async |_| ()).unwrap();
    }
    assert_eq!(handoff.submit(None, None, async |_| ()), Err(Busy));
    assert_eq!(handoff.pending(), JOBS_WAITING_MAX);
}

#[tokio::test]
async fn strangers_are_served_while_nothing_of_a_persons_flood_is_done() {
    for lane in [FIRST, None] {
        let flood = Flood::of(|_| (Some(person(1)), lane)).await;
        flood.assert_strangers_are_served().await;
        let under_way = JOBS_PER_PERSON + LINE_WAITING_MAX;
        assert_eq!(flood.end().await, under_way);
    }
}

#[tokio::test]
async fn strangers_are_served_while_nothing_of_a_rooms_flood_is_done() {
    let flood = Flood::of(|number| (Some(person(number)), FIRST)).await;
    flood.assert_strangers_are_served().await;
    assert_eq!(flood.end().await, 1 + LINE_WAITING_MAX);
}

#[tokio::test]
async fn in_a_flooded_lane_others_wait_for_a_few_of_the_flood() {
    let (handoff, dispatcher) = Handoff::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let flooding = std::iter::repeat_n(person(1), 50);
    for sender in flooding.chain([person(2)]) {
        let seen = Arc::clone(&seen);
        let work = async move |_| seen.lock().unwrap().push(sender);
        handoff.submit(Some(sender), FIRST, work).unwrap();
    }
    // All is handed in before the first is looked at, and looked at before the first is done.
    drop(handoff);
    in_time(dispatcher.run()).await;
    let place = seen.lock().unwrap().iter().position(|sender| *sender == person(2));
    assert_eq!(place, Some(JOBS_PER_PERSON));
}

/// Work that cannot be done before it is allowed to.
struct Flood {
    handoff: Handoff,
    gate: Arc<Semaphore>,
    /// How much of it was done.
    done: Arc<AtomicUsize>,
    dispatcher: tokio::task::JoinHandle<()>,
}

impl Flood {
    /// Hands in work of these people in these lanes, by its number, until all of it is looked at.
    async fn of(stands: impl Fn(u32) -> (Option<UserId>, Option<Lane>)) -> Self {
        let (handoff, dispatcher) = Handoff::new();
        let dispatcher = tokio::spawn(dispatcher.run());
        let flood =
            Self { handoff, gate: Arc::new(Semaphore::new(0)), done: Arc::default(), dispatcher };
        for number in 0..FLOOD {
            let (gate, done) = (Arc::clone(&flood.gate), Arc::clone(&flood.done));
            let work = async move |turn: Turn| {
                if turn.is_ok() {
                    gate.acquire().await.unwrap().forget();
                    done.fetch_add(1, Ordering::AcqRel);
                }
            };
            let (person, lane) = stands(number);
            flood.handoff.submit(person, lane, work).unwrap();
            while flood.handoff.jobs.capacity() < JOBS_WAITING_MAX {
                in_time(tokio::task::yield_now()).await;
            }
        }
        flood
    }

    async fn assert_strangers_are_served(&self) {
        for lane in [None, SECOND] {
            let (served, is_served) = tokio::sync::oneshot::channel();
            let work = async move |turn: Turn| served.send(turn).unwrap();
            self.handoff.submit(Some(person(u32::MAX)), lane, work).unwrap();
            assert_eq!(in_time(is_served).await, Ok(Ok(())));
        }
        assert_eq!(self.done.load(Ordering::Acquire), 0);
    }

    /// Lets it be done. Returns how much of it was not turned away.
    async fn end(self) -> usize {
        drop(self.handoff);
        self.gate.add_permits(FLOOD as usize);
        in_time(self.dispatcher).await.unwrap();
        self.done.load(Ordering::Acquire)
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(30), work).await.unwrap()
}
