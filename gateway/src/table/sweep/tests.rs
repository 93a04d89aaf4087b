//! Whoever is swept hears what it would have heard at once.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use bytes::Bytes;
use proptest::prelude::*;
use protocol::engine::{Revision, Timing};
use protocol::event::Except;
use protocol::room::Room;
use protocol::websocket::frame::{self, Opcode};

use super::*;
use crate::application::Opening;
use crate::connection::outbox::Class;
use crate::connection::quota::PollingLimits;
use crate::connection::{Joining, Layer};
use crate::fanout::Variant;
use crate::table::core::{Place, Settings};
use crate::table::inbox::ShardHandle;
use crate::table::opening::PollingWish;

const SOFT: u32 = 100_000;

/// The times of production, and outboxes of this size.
pub(in crate::table) fn settings(outbox_soft_bytes: u32, outbox_hard_bytes: u32) -> Settings {
    Settings {
        timing: Timing { interval_ms: 25_000, timeout_ms: 20_000 },
        connect_timeout_ms: 45_000,
        upgrade_timeout_ms: 10_000,
        payload_bytes_max: 1_000_000,
        polling: PollingLimits::DEFAULT,
        outbox_soft_bytes,
        outbox_hard_bytes,
    }
}

pub(in crate::table) fn core() -> Core<()> {
    let (handle, _) = ShardHandle::new();
    let settings = settings(SOFT, 1_000_000);
    let place = Place { node: 0, shard: 0, shards: Arc::from([handle]), timeline: Arc::default() };
    Core::new(settings, place, &[protocol::socket::ROOT]).unwrap()
}

/// A request that says nothing of its client.
pub(in crate::table) fn opening() -> Opening {
    Opening { peer: Ipv4Addr::LOCALHOST.into(), bearer: None, query_token: None, seat: None }
}

/// A session on polling that nobody polls yet.
pub(in crate::table) fn poller(core: &mut Core<()>, layer: Layer) -> u32 {
    let wish = PollingWish { layer, revision: Revision::V4, base64: false, opening: opening() };
    core.open_polling(wish).unwrap().0
}

/// A socket in these rooms. On polling, whose frames stay where they can be looked at.
pub(in crate::table) fn enter(core: &mut Core<()>, rooms: &[u8]) -> u32 {
    let slot = poller(core, Layer::SocketIo);
    let connection = core.connections.get_mut(slot as usize).unwrap();
    connection.variant = Some(Variant::JsonV4);
    connection.ask(0);
    connection.membership(0).unwrap().state = Joining::Joined(Some(()));
    for room in rooms {
        assert!(core.join(slot, 0, &name(*room)));
    }
    slot
}

pub(in crate::table) fn name(room: u8) -> Room {
    Room::Named(format!("room {room}").into())
}

fn say(core: &mut Core<()>, rooms: &[u8], number: usize) {
    let rooms = rooms.iter().copied().map(name).collect();
    let arguments = format!(r#"["n",{number}]"#).into_bytes().into();
    core.deliver(&Arc::new(Broadcast::new(0, rooms, arguments)));
}

/// As an answer, which nobody else gets.
fn answer(core: &mut Core<()>, slot: u32, number: usize) {
    let text = format!(r#"42["n",{number}]"#);
    core.enqueue(slot, frame::encode(Opcode::Text, text.as_bytes()), Class::Durable);
}

/// What was queued for a socket since the last time.
pub(in crate::table) fn heard(core: &mut Core<()>, slot: u32) -> Vec<usize> {
    let connection = core.connections.get_mut(slot as usize).unwrap();
    let frames = connection.outbox.take_frames(usize::MAX, usize::MAX);
    let number = |frame: &Bytes| {
        let text = std::str::from_utf8(&frame[2..]).unwrap();
        text.trim_start_matches(r#"42["n","#).trim_end_matches(']').parse().unwrap()
    };
    frames.iter().map(number).collect()
}

fn finish(core: &mut Core<()>) {
    while core.is_sweeping() {
        core.sweep_some();
    }
}

#[test]
fn a_turn_serves_no_more_than_its_number_and_everybody_once() {
    let mut core = core();
    let slots: Vec<u32> = (0..1_000).map(|_| enter(&mut core, &[0])).collect();
    say(&mut core, &[0], 1);
    say(&mut core, &[0], 2);
    let (mut turns, mut served) = (0, 0);
    while core.is_sweeping() {
        core.dirty.clear();
        for slot in &slots {
            core.connections[*slot as usize].dirty = false;
        }
        core.sweep_some();
        assert!(core.dirty.len() <= SWEPT_PER_TURN, "{}", core.dirty.len());
        (turns, served) = (turns + 1, served + core.dirty.len());
    }
    assert_eq!(served, slots.len(), "both at once");
    assert!(turns <= 1_000 / SWEPT_PER_TURN + 1, "{turns}");
    assert_eq!(core.sweeps.bytes, 0);
    for slot in slots {
        assert_eq!(heard(&mut core, slot), [1, 2]);
    }
}

#[test]
fn a_few_are_served_at_once_even_while_many_are_swept() {
    let mut core = core();
    let many: Vec<u32> = (0..500).map(|_| enter(&mut core, &[0])).collect();
    let few: Vec<u32> = (0..3).map(|_| enter(&mut core, &[1])).collect();
    say(&mut core, &[0], 1);
    say(&mut core, &[1], 2);
    for slot in few {
        assert_eq!(heard(&mut core, slot), [2]);
    }
    assert!(core.is_sweeping());
    assert_eq!(core.sweeps.queue.len(), 1);
    finish(&mut core);
    for slot in many {
        assert_eq!(heard(&mut core, slot), [1]);
    }
}

#[test]
fn whoever_is_left_out_hears_what_was_said_before_and_after() {
    let mut core = core();
    let slots: Vec<u32> = (0..300).map(|_| enter(&mut core, &[0])).collect();
    for slot in &slots[..2] {
        assert!(core.join(*slot, 0, &name(1)));
    }
    say(&mut core, &[0], 1);
    let arguments = br#"["n",2]"#.to_vec().into();
    let broadcast = Broadcast::new(0, SmallVec::from_iter([name(0)]), arguments);
    core.deliver(&Arc::new(broadcast.except(Some(Except::Room(name(1))))));
    say(&mut core, &[0], 3);
    finish(&mut core);
    for (index, slot) in slots.into_iter().enumerate() {
        let expected: &[usize] = if index < 2 { &[1, 3] } else { &[1, 2, 3] };
        assert_eq!(heard(&mut core, slot), expected);
    }
}

#[test]
fn what_was_said_before_a_hold_is_not_held_and_what_comes_later_is_until_its_end() {
    let mut core = core();
    let slots: Vec<u32> = (0..300).map(|_| enter(&mut core, &[0])).collect();
    let member = Member { slot: slots[7], namespace: 0 };
    say(&mut core, &[0], 1);
    core.hold(member, &name(0));
    say(&mut core, &[0], 2);
    answer(&mut core, member.slot, 3);
    assert_eq!(heard(&mut core, member.slot), [1, 3]);
    say(&mut core, &[0], 4);
    core.release(member, &name(0), None);
    assert_eq!(heard(&mut core, member.slot), [2, 4]);
    finish(&mut core);
    assert_eq!(heard(&mut core, member.slot), [0; 0]);
    assert_eq!(heard(&mut core, slots[8]), [1, 2, 4]);
}

#[test]
fn beyond_the_bounds_the_oldest_are_finished_first() {
    for (len, most) in [(0, SWEEPS_MAX), (5_000, 5)] {
        let mut core = core();
        let slots: Vec<u32> = (0..100).map(|_| enter(&mut core, &[0])).collect();
        for number in 0..SWEEPS_MAX + 9 {
            let rooms = SmallVec::from_iter([name(0)]);
            let arguments = format!(r#"["n",{number}{}]"#, " ".repeat(len)).into_bytes().into();
            core.deliver(&Arc::new(Broadcast::new(0, rooms, arguments)));
            assert!(core.sweeps.queue.len() <= most, "{}", core.sweeps.queue.len());
            for slot in &slots {
                let outbox = &mut core.connections[*slot as usize].outbox;
                assert!(outbox.charge() <= SOFT / 2, "{}", outbox.charge());
                if core.sweeps.queue.len() == 1 {
                    outbox.take_frames(usize::MAX, usize::MAX);
                }
            }
        }
        assert_eq!(core.sweeps.queue.len() < most, !core.has_enough_sweeps());
        assert_eq!(core.connections.len(), slots.len(), "nobody was too slow");
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Say(Vec<u8>),
    Answer(usize),
    Join(usize, u8),
    Leave(usize, u8),
    Replace(usize),
    Turn,
}

fn deed() -> impl Strategy<Value = Deed> {
    let rooms = prop::sample::select(vec![vec![0], vec![1], vec![2], vec![0, 1], vec![1, 2]]);
    let seat = 0..SEATS;
    prop_oneof![
        3 => rooms.prop_map(Deed::Say),
        3 => seat.clone().prop_map(Deed::Answer),
        3 => (seat.clone(), 0..3_u8).prop_map(|(seat, room)| Deed::Join(seat, room)),
        3 => (seat.clone(), 0..3_u8).prop_map(|(seat, room)| Deed::Leave(seat, room)),
        1 => seat.prop_map(Deed::Replace),
        3 => Just(Deed::Turn),
    ]
}

const SEATS: usize = 200;

/// A socket, where it is, and what it is still to hear: the number, and the rooms of a broadcast.
struct Seat {
    slot: u32,
    rooms: BTreeSet<u8>,
    to_hear: Vec<(usize, Option<Vec<u8>>)>,
}

impl Seat {
    fn new(core: &mut Core<()>, rooms: &[u8]) -> Self {
        let slot = enter(core, rooms);
        Self { slot, rooms: rooms.iter().copied().collect(), to_hear: Vec::new() }
    }

    /// What came is what was to come first.
    fn listen(&mut self, core: &mut Core<()>) {
        for number in heard(core, self.slot) {
            assert!(!self.to_hear.is_empty(), "{number} is not for it");
            assert_eq!(self.to_hear.remove(0).0, number);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn everybody_hears_what_was_said_while_they_were_there_once_and_in_order(
        deeds in prop::collection::vec(deed(), 0..120),
    ) {
        let mut core = core();
        let sets: [&[u8]; 4] = [&[0], &[0, 1], &[1], &[0, 1, 2]];
        let mut seats: Vec<Seat> =
            (0..SEATS).map(|seat| Seat::new(&mut core, sets[seat % 4])).collect();
        for (number, deed) in deeds.into_iter().enumerate() {
            match deed {
                Deed::Say(rooms) => {
                    say(&mut core, &rooms, number);
                    let hears = |seat: &&mut Seat| rooms.iter().any(|it| seat.rooms.contains(it));
                    for seat in seats.iter_mut().filter(hears) {
                        seat.to_hear.push((number, Some(rooms.clone())));
                    }
                }
                Deed::Answer(seat) => {
                    answer(&mut core, seats[seat].slot, number);
                    seats[seat].to_hear.push((number, None));
                    seats[seat].listen(&mut core);
                    prop_assert!(seats[seat].to_hear.is_empty(), "the answer is behind all of it");
                }
                Deed::Join(seat, room) => {
                    prop_assert!(core.join(seats[seat].slot, 0, &name(room)));
                    seats[seat].rooms.insert(room);
                }
                Deed::Leave(seat, room) => {
                    core.leave(seats[seat].slot, 0, &name(room));
                    let seat = &mut seats[seat];
                    seat.rooms.remove(&room);
                    seat.listen(&mut core);
                    let (rooms, is_there) = (&seat.rooms, |rooms: &BTreeSet<u8>, said: &[u8]| {
                        said.iter().any(|room| rooms.contains(room))
                    });
                    seat.to_hear.retain(|(_, said)| {
                        said.as_ref().is_none_or(|said| is_there(rooms, said))
                    });
                }
                Deed::Replace(seat) => {
                    core.remove(seats[seat].slot, CloseReason::TransportClose);
                    seats[seat] = Seat::new(&mut core, &[0, 2]);
                }
                Deed::Turn => core.sweep_some(),
            }
        }
        finish(&mut core);
        for seat in &mut seats {
            seat.listen(&mut core);
            prop_assert!(seat.to_hear.is_empty(), "{:?} is missing", seat.to_hear);
        }
        prop_assert_eq!((core.sweeps.bytes, core.sweeps.queue.len()), (0, 0));
    }
}
