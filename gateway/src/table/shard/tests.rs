//! What a turn leaves for the next one.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use protocol::engine::Revision;
use protocol::id::EngineSid;
use tokio::sync::oneshot;

use super::*;
use crate::application::{Admission, Connect, Event, Malformed};
use crate::connection::WISHES_AT_ONCE;
use crate::connection::polling::PollAnswer;
use crate::fanout::Broadcast;
use crate::table::context::Context;
use crate::table::inbox::ShardHandle;
use crate::table::session::SessionRequest;
use crate::table::sweep::SWEPT_PER_TURN;
use crate::table::sweep::tests::{enter, heard, name, opening, poller, settings};

struct Nobody;

impl Application for Nobody {
    type Session = ();

    const NAMESPACES: &'static [&'static str] = &[protocol::socket::ROOT];

    fn connect(&self, _: &mut Context<'_, ()>, _: Connect<'_>) -> Admission<()> {
        Admission::Later
    }

    fn event(&self, _: &mut Context<'_, ()>, (): &mut (), _: Event<'_>) -> Result<(), Malformed> {
        Ok(())
    }

    fn stays_ms(&self, (): &()) -> Option<u64> {
        Some(10_000)
    }
}

fn shard() -> Shard<Nobody> {
    let (handle, inbox) = ShardHandle::new();
    let settings = settings(1_000, 2_000);
    let place = Place { node: 0, shard: 0, shards: Arc::from([handle]), timeline: Arc::default() };
    Shard::new(Nobody, settings, place, inbox).unwrap()
}

fn polling(shard: &mut Shard<Nobody>) -> u32 {
    poller(&mut shard.core, Layer::EngineIo)
}

/// The client's end of a WebSocket that asks to carry a session, and has said these words.
fn asking(shard: &mut Shard<Nobody>, session: u32, words: &[&str]) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (io, peer) = listener.accept().unwrap();
    io.set_nonblocking(true).unwrap();
    let mut read_ahead = Vec::new();
    for word in words {
        // Masked by zeros.
        read_ahead.extend([0x81, 0x80 | u8::try_from(word.len()).unwrap(), 0, 0, 0, 0]);
        read_ahead.extend(word.bytes());
    }
    shard.take_adoption(Adoption {
        io,
        read_ahead: read_ahead.into(),
        layer: Layer::EngineIo,
        revision: Revision::V4,
        session: shard.core.sid_of_slot(session),
        opening: opening(),
        peer,
    });
    client
}

fn poll(shard: &mut Shard<Nobody>, sid: EngineSid) -> oneshot::Receiver<PollAnswer> {
    let (reply, answer) = oneshot::channel();
    shard.take_session_request(SessionRequest::Poll(sid, reply));
    answer
}

/// Does what comes due in a while.
fn pass(shard: &mut Shard<Nobody>, ms: u32) {
    shard.core.elapsed_ms += u64::from(ms);
    shard.core.now_ms += ms;
    shard.take_due();
}

fn assert_one_deadline_each(shard: &Shard<Nobody>) {
    let (entries, rows) = (shard.core.wheel.entries(), shard.core.connections.len());
    assert!(entries <= rows, "{entries} of {rows} connections");
}

#[tokio::test]
async fn answer_to_a_probe_leaves_before_what_the_session_has_waiting() {
    let mut shard = shard();
    let slot = polling(&mut shard);
    shard.core.enqueue_text(slot, b"4kept");
    let mut client = asking(&mut shard, slot, &["2probe", "5"]);
    shard.turn();
    assert!(!shard.core.is_polling(slot));
    drop(shard);
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, *b"\x81\x063probe\x81\x054kept");
}

#[tokio::test]
async fn connection_has_one_deadline_however_often_it_is_polled_during_an_upgrade() {
    let mut shard = shard();
    let slot = polling(&mut shard);
    let sid = shard.core.sid_of_slot(slot).unwrap();
    let _client = asking(&mut shard, slot, &["2probe"]);
    for _ in 0..40 {
        // One is answered at once, and one waits for its noop.
        let polls = [(); 2].map(|()| poll(&mut shard, sid));
        pass(&mut shard, 112);
        for mut answer in polls {
            assert!(matches!(answer.try_recv(), Ok(PollAnswer::Payload { .. })));
        }
        pass(&mut shard, 112);
        assert_one_deadline_each(&shard);
    }
    assert_eq!(shard.core.connections.len(), 2, "all that within one upgrade");
}

#[tokio::test]
async fn connection_has_one_deadline_however_often_its_upgrade_is_begun() {
    let mut shard = shard();
    let slot = polling(&mut shard);
    for _ in 0..20 {
        let _client = asking(&mut shard, slot, &["2probe"; 10]);
        pass(&mut shard, 112);
        assert_one_deadline_each(&shard);
        let probe = shard.core.connections.iter().find(|(_, row)| row.probes_for.is_some());
        if let Some((probe, _)) = probe {
            shard.core.remove(u32::try_from(probe).unwrap(), CloseReason::TransportClose);
        }
    }
}

#[tokio::test]
async fn connection_has_one_deadline_however_often_it_is_visited() {
    let mut shard = shard();
    enter(&mut shard.core, &[0]);
    for _ in 0..10 {
        shard.visit(0, &name(0), Box::new(|_, ()| {}));
        assert_one_deadline_each(&shard);
    }
}

#[tokio::test]
async fn messages_behind_a_large_fan_out_wait_for_the_next_turn() {
    let mut shard = shard();
    shard.messages.extend([Message::Quiesce, Message::Drain]);
    // As after a broadcast to so many.
    shard.core.recipients = RECIPIENTS_PER_TURN;
    shard.take_messages();
    assert!(!shard.core.is_quiet && shard.has_backlog());
    assert!(matches!(shard.messages[..], [Message::Quiesce, Message::Drain]), "in their order");
    shard.turn();
    assert!(shard.core.is_quiet && shard.is_draining());
    assert!(shard.messages.is_empty());
}

#[tokio::test]
async fn slot_that_went_to_a_session_on_polling_is_not_read_and_costs_nobody_the_buffer() {
    let mut shard = shard();
    let slot = polling(&mut shard);
    // As after an upgrade whose WebSocket had more to read: its first slot is free again.
    shard.core.hungry.push_back(slot);
    shard.turn();
    assert_eq!(shard.buffer.len(), READ_BYTES_PER_TURN);
    shard.ready.push(Readiness { slot, readable: true, ended: true, writable: true });
    shard.turn();
    assert_eq!(shard.buffer.len(), READ_BYTES_PER_TURN);
}

#[tokio::test]
async fn wishes_to_join_run_out_and_come_back_one_by_one() {
    let mut shard = shard();
    let slot = polling(&mut shard);
    let row = shard.core.connections.get_mut(slot as usize).unwrap();
    // The last of these wraps on the way.
    for start_ms in [0, 100_000, u32::MAX - 1_500] {
        let mut taken = |after_ms: u32| {
            let now_ms = start_ms.wrapping_add(after_ms);
            (0..100).filter(|_| row.take_wish(now_ms)).count()
        };
        assert_eq!(taken(0), WISHES_AT_ONCE as usize, "at {start_ms}");
        assert_eq!((taken(999), taken(1_000), taken(1_001)), (0, 1, 0));
        assert_eq!(taken(4_000), 3);
    }
}

fn to_room(room: u8, number: usize) -> Message<()> {
    let arguments = format!(r#"["n",{number}]"#).into_bytes().into();
    Message::Broadcast(Arc::new(Broadcast::new(0, vec![name(room)].into(), arguments)))
}

#[tokio::test]
async fn other_rooms_are_served_while_a_large_one_is_swept() {
    let mut shard = shard();
    let large: Vec<u32> = (0..300).map(|_| enter(&mut shard.core, &[0])).collect();
    let small: Vec<u32> = (0..3).map(|_| enter(&mut shard.core, &[1])).collect();
    shard.messages.extend([to_room(0, 1), to_room(1, 2)]);
    shard.turn();
    for slot in &small {
        assert_eq!(heard(&mut shard.core, *slot), [2]);
    }
    let mut served: Vec<usize> = vec![0; large.len()];
    let mut count = |shard: &mut Shard<Nobody>| {
        for (slot, served) in large.iter().zip(&mut served) {
            *served += heard(&mut shard.core, *slot).len();
        }
        assert!(served.iter().all(|times| *times <= 1));
        served.iter().sum::<usize>()
    };
    assert_eq!(count(&mut shard), SWEPT_PER_TURN);
    while shard.has_backlog() {
        let before = count(&mut shard);
        shard.turn();
        assert!(count(&mut shard) - before <= SWEPT_PER_TURN);
    }
    assert_eq!(count(&mut shard), large.len());
}

#[tokio::test]
async fn messages_wait_while_enough_is_under_way() {
    let mut shard = shard();
    let large: Vec<u32> = (0..300).map(|_| enter(&mut shard.core, &[0])).collect();
    shard.messages.extend((0..10).map(|number| to_room(0, number)));
    shard.messages.push(Message::Quiesce);
    shard.turn();
    assert!(shard.core.has_enough_sweeps() && !shard.core.is_quiet);
    assert!(shard.messages.len() > 5, "{}", shard.messages.len());
    let mut in_all = vec![Vec::new(); large.len()];
    while shard.has_backlog() {
        for (slot, all) in large.iter().zip(&mut in_all) {
            all.extend(heard(&mut shard.core, *slot));
        }
        shard.turn();
    }
    assert!(shard.core.is_quiet, "the last of them");
    for (slot, mut all) in large.into_iter().zip(in_all) {
        all.extend(heard(&mut shard.core, slot));
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn drain_waits_for_nobody_who_could_only_be_told_by_another_poll() {
    let mut shard = shard();
    polling(&mut shard);
    let kicked = polling(&mut shard);
    shard.core.close(kicked, CloseReason::Kicked);
    shard.turn();
    assert_eq!(shard.core.connections.len(), 2, "before the drain both may still be polled");
    shard.messages.push(Message::Drain);
    shard.turn();
    assert!(shard.core.connections.is_empty());
}

#[tokio::test]
async fn drain_leaves_the_last_answers_to_the_poll_that_waits_and_no_close_packet_with_them() {
    let mut shard = shard();
    let slot = polling(&mut shard);
    let sid = shard.core.sid_of_slot(slot).unwrap();
    let mut answer = poll(&mut shard, sid);
    shard.core.enqueue_text(slot, b"4stored");
    shard.messages.push(Message::Drain);
    shard.turn();
    let Ok(PollAnswer::Payload { body, .. }) = answer.try_recv() else { panic!("no answer") };
    assert_eq!(body, b"4stored");
    assert!(shard.core.connections.is_empty());
}

#[tokio::test]
async fn many_are_put_out_over_several_turns_and_nothing_behind_it_comes_before_the_last() {
    let mut shard = shard();
    let people: Vec<u32> = (0..200).map(|_| enter(&mut shard.core, &[0])).collect();
    let ends = Box::new(|(): &()| true);
    shard.messages.extend([Message::Kick { namespace: 0, room: name(0), ends }, Message::Quiesce]);
    let left = |shard: &Shard<Nobody>| shard.core.rooms.members(0, &name(0)).len();
    let mut before = people.len();
    while before > 0 {
        assert!(!shard.core.is_quiet);
        shard.turn();
        let now = left(&shard);
        assert!(before - now <= KICKED_PER_TURN && now < before, "{now} after {before}");
        before = now;
    }
    while shard.has_backlog() && !shard.core.is_quiet {
        shard.turn();
    }
    assert!(shard.core.is_quiet);
}
