use std::sync::Arc;

use protocol::id::ObjectId;

use super::super::timeline::Timeline;
use super::*;

const EPOCH: u32 = 7;

fn position(number: u64) -> Position {
    Position { epoch: EPOCH, number }
}

fn offset(number: u64, answer: Option<u64>) -> Offset {
    Offset { position: position(number), answer }
}

fn socket(number: u64) -> SocketId {
    SocketId::new(0, 0, 0, number)
}

fn pid(number: u64) -> Pid {
    let mut random = [0; 18];
    random[..8].copy_from_slice(&number.to_be_bytes());
    Pid::new(0, 0, random)
}

fn session(timeline: &Arc<Timeline>, number: u64, position: u64) -> Session {
    Session::new(pid(number), socket(number), position, timeline.watch())
}

fn saved(timeline: &Arc<Timeline>, number: u64, rooms: Vec<Room>) -> Saved {
    Saved { session: session(timeline, number, 0), namespace: 0, rooms }
}

fn answers(session: &Session) -> Vec<&[u8]> {
    session.answers().iter().map(|answer| &*answer.arguments).collect()
}

#[test]
fn a_session_that_heard_nothing_goes_on_where_it_began() {
    let timeline = Arc::new(Timeline::new());
    let mut session = session(&timeline, 1, 40);
    session.answer(position(40), b"[1]");
    assert_eq!(session.hear(None), 40);
    assert_eq!(answers(&session), [b"[1]"]);
}

#[test]
fn a_broadcast_that_was_heard_says_that_all_before_it_was() {
    let timeline = Arc::new(Timeline::new());
    let mut session = session(&timeline, 1, 40);
    session.answer(position(41), b"[1]");
    session.answer(position(42), b"[2]");
    session.answer(position(43), b"[3]");
    assert_eq!(session.hear(Some(offset(42, None))), 42);
    assert_eq!(answers(&session), [b"[2]", b"[3]"]);
}

#[test]
fn an_answer_that_was_heard_says_that_those_before_it_were() {
    let timeline = Arc::new(Timeline::new());
    let mut session = session(&timeline, 1, 40);
    let first = session.answer(position(41), b"[1]");
    session.answer(position(41), b"[2]");
    assert_eq!(session.hear(Some(first)), 41);
    assert_eq!(answers(&session), [b"[2]"]);
    let passed = session.pass(position(44));
    assert_eq!(session.hear(Some(passed)), 44);
    assert_eq!(answers(&session), [b""; 0]);
}

#[test]
fn an_answered_ping_confirms_what_was_sent_before_it_and_no_more() {
    let timeline = Arc::new(Timeline::new());
    let mut session = session(&timeline, 1, 40);
    session.answer(position(45), b"[1]");
    session.handle_pong();
    assert_eq!(session.hear(None), 40, "a pong that nobody asked for says nothing");
    session.handle_ping(50);
    session.answer(position(55), b"[2]");
    session.handle_pong();
    assert_eq!(session.hear(None), 50);
    assert_eq!(answers(&session), [b"[2]"]);
}

#[test]
fn an_offset_of_an_earlier_session_says_nothing() {
    let timeline = Arc::new(Timeline::new());
    let mut earlier = session(&timeline, 1, 0);
    let stale = earlier.answer(position(40), b"[1]");
    let mut session = session(&timeline, 2, 40);
    session.answer(position(40), b"[2]");
    assert_eq!(session.hear(Some(stale)), 40);
    assert_eq!(answers(&session), [b"[2]"]);
    assert_eq!(session.hear(Some(offset(7, None))), 40);
    assert_eq!(answers(&session), [b"[2]"]);
}

#[test]
fn an_offset_from_the_future_confirms_no_answer_that_is_still_to_come() {
    let timeline = Arc::new(Timeline::new());
    let mut session = session(&timeline, 1, 0);
    session.hear(Some(offset(0, Some(u64::MAX))));
    session.answer(position(0), b"[1]");
    assert_eq!(answers(&session), [b"[1]"]);
}

#[test]
fn a_session_is_taken_once_and_found_under_its_socket_while_it_waits() {
    let timeline = Arc::new(Timeline::new());
    let mut sessions = Sessions::default();
    sessions.save(saved(&timeline, 1, vec![Room::Staff]), 0);
    assert_eq!(sessions.find(&pid(1)), Some(Found::Waiting));
    let answer = |saved: &mut Saved| saved.session.answer(position(3), b"[1]");
    assert!(sessions.change(socket(1), answer).is_some());
    assert!(sessions.change(socket(2), answer).is_none());
    let taken = sessions.take(&pid(1)).unwrap();
    assert_eq!((taken.rooms, answers(&taken.session)), (vec![Room::Staff], vec![&b"[1]"[..]]));
    assert!(sessions.take(&pid(1)).is_none());
    assert!(sessions.change(socket(1), answer).is_none());
    assert_eq!((sessions.bytes, sessions.find(&pid(1))), (0, None));
    sessions.save(saved(&timeline, 2, Vec::new()), 0);
    sessions.forget(socket(2));
    assert_eq!((sessions.bytes, sessions.find(&pid(2))), (0, None));
}

#[test]
fn a_live_session_is_found_on_its_connection_and_under_an_id_that_is_not_its_own() {
    let timeline = Arc::new(Timeline::new());
    let mut sessions = Sessions::default();
    let (first, second) = (Member { slot: 1, namespace: 0 }, Member { slot: 2, namespace: 0 });
    sessions.begin(first, socket(1), session(&timeline, 1, 0));
    assert_eq!(sessions.moved(socket(1)), None, "its connection is named so itself");
    let session = sessions.end(first).unwrap();
    sessions.begin(second, socket(9), session);
    assert_eq!(sessions.moved(socket(1)), Some(second));
    assert_eq!(sessions.find(&pid(1)), Some(Found::Live(second)));
    assert_eq!(sessions.socket(second), Some(socket(1)));
    assert!(sessions.end(first).is_none(), "the old connection has nothing left to lose");
    assert!(sessions.end(second).is_some());
    assert_eq!((sessions.moved(socket(1)), sessions.find(&pid(1))), (None, None));
}

#[test]
fn waiting_is_bounded_in_time() {
    let timeline = Arc::new(Timeline::new());
    let mut sessions = Sessions::default();
    sessions.save(saved(&timeline, 1, Vec::new()), 0);
    sessions.save(saved(&timeline, 2, Vec::new()), 10);
    assert_eq!(sessions.next_expiry_ms(), Some(SESSION_MS_MAX));
    sessions.expire(SESSION_MS_MAX);
    assert_eq!((sessions.find(&pid(1)), sessions.find(&pid(2))), (None, Some(Found::Waiting)));
    assert!(timeline.is_watched());
    sessions.expire(SESSION_MS_MAX + 10);
    assert_eq!((sessions.bytes, sessions.next_expiry_ms()), (0, None));
    assert!(!timeline.is_watched(), "nobody can come back any more");
}

#[test]
fn waiting_is_bounded_in_number_and_bytes_and_the_oldest_leave_first() {
    let timeline = Arc::new(Timeline::new());
    let mut sessions = Sessions::default();
    let count = u64::try_from(WAITING_MAX).unwrap() + 1_000;
    for number in 0..count {
        sessions.save(saved(&timeline, number, Vec::new()), 0);
    }
    assert!(sessions.waiting.len() <= WAITING_MAX);
    assert!(sessions.bytes <= WAITING_BYTES_MAX, "{}", sessions.bytes);
    assert_eq!(sessions.find(&pid(0)), None);
    assert_eq!(sessions.find(&pid(count - 1)), Some(Found::Waiting));
    let rooms: Vec<Room> = (0..1_000).map(|_| Room::Named("x".repeat(100).into())).collect();
    for number in count..count + 500 {
        sessions.save(saved(&timeline, number, rooms.clone()), 0);
        assert!(sessions.bytes <= WAITING_BYTES_MAX);
    }
    assert!(sessions.waiting.len() < 500);
    assert_eq!(sessions.by_pid.len(), sessions.waiting.len());
    assert_eq!(sessions.by_socket.len(), sessions.waiting.len());
}

#[test]
fn nobody_takes_the_places_of_others() {
    let timeline = Arc::new(Timeline::new());
    let mut sessions = Sessions::default();
    let [ada, bob] = [1, 2].map(|number| Room::User(UserId(ObjectId::from_bytes([number; 12]))));
    sessions.save(saved(&timeline, 0, vec![ada]), 0);
    for number in 1..=100 {
        sessions.save(saved(&timeline, number, vec![bob.clone()]), 0);
    }
    assert!(sessions.waiting(&pid(0)).is_some());
    let first_kept = 101 - u64::try_from(PERSON_WAITING_MAX).unwrap();
    for number in 1..=100 {
        assert_eq!(sessions.waiting(&pid(number)).is_some(), number >= first_kept, "{number}");
    }
}

#[test]
fn answers_to_many_sessions_of_one_person_push_out_their_oldest() {
    let timeline = Arc::new(Timeline::new());
    let mut sessions = Sessions::default();
    let bob = Room::User(UserId(ObjectId::from_bytes([2; 12])));
    let count = u64::try_from(PERSON_WAITING_MAX).unwrap();
    for number in 0..count {
        sessions.save(saved(&timeline, number, vec![bob.clone()]), 0);
    }
    let page = vec![b' '; super::super::answer::ANSWER_BYTES_MAX];
    for number in 0..count {
        sessions.change(socket(number), |saved| saved.session.answer(position(1), &page));
    }
    let kept = (0..count).filter(|number| sessions.waiting(&pid(*number)).is_some()).count();
    assert!(kept * page.len() <= PERSON_BYTES_MAX && kept > 20, "{kept}");
    assert!(sessions.waiting(&pid(count - 1)).is_some());
}

#[test]
fn who_is_put_out_leaves_nothing_that_waits() {
    let timeline = Arc::new(Timeline::new());
    let mut sessions = Sessions::default();
    let [ada, bob] = [1, 2].map(|number| UserId(ObjectId::from_bytes([number; 12])));
    for (number, person) in [(0, ada), (1, bob), (2, bob)] {
        sessions.save(saved(&timeline, number, vec![Room::Staff, Room::User(person)]), 0);
    }
    sessions.forget_person(bob);
    let waiting = [0, 1, 2].map(|number| sessions.waiting(&pid(number)).is_some());
    assert_eq!(waiting, [true, false, false]);
    assert!(sessions.take(&pid(0)).is_some() && sessions.next_expiry_ms().is_none());
}
