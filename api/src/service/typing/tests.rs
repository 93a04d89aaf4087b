//! Entries by themselves, with the time passed in.

use protocol::id::SessionId;
use protocol::rest::resource::Role;

use super::*;

fn id(n: u8) -> ObjectId {
    ObjectId::from_bytes([n; 12])
}

fn caller(n: u8) -> Caller {
    Caller {
        user_id: UserId(id(n)),
        session_id: SessionId(id(n)),
        name: format!("user {n}"),
        email: String::new(),
        avatar: None,
        role: Role::User,
    }
}

fn place(n: u8) -> ConversationId {
    ConversationId(id(n))
}

fn device(n: u32) -> SocketId {
    SocketId::new(0, 0, n, 1)
}

#[test]
fn entry_expires_ten_seconds_after_its_last_renewal_and_is_announced_once() {
    let mut entries = Entries::default();
    entries.start(place(1), &caller(1), device(1), Timestamp(0));
    entries.start(place(1), &caller(1), device(1), Timestamp(6_000));
    assert!(entries.expire(Timestamp(10_000)).is_empty());
    assert_eq!(entries.list(place(1), Timestamp(15_999)).len(), 1);
    assert!(entries.list(place(1), Timestamp(16_000)).is_empty());
    let stopped = entries.expire(Timestamp(16_000));
    assert_eq!(stopped.len(), 1);
    assert_eq!(stopped[0].user_name, "user 1");
    assert!(entries.expire(Timestamp(99_000)).is_empty());
}

#[test]
fn renewals_are_announced_every_two_seconds_and_a_new_beginning_at_once() {
    let mut entries = Entries::default();
    let mut start = |n, ms| entries.start(place(1), &caller(1), device(n), Timestamp(ms));
    let told: Vec<i64> = (0..=6_000).step_by(10).filter(|ms| start(1, *ms)).collect();
    assert_eq!(told, [0, 2_000, 4_000, 6_000]);
    assert!(!start(2, 6_001), "another device of somebody who types is no news");
    entries.remove(place(1), caller(1).user_id);
    assert!(entries.start(place(1), &caller(1), device(1), Timestamp(6_002)));
}

#[test]
fn person_types_until_the_last_device_that_types_is_gone() {
    let mut entries = Entries::default();
    let user_id = caller(1).user_id;
    for n in [1, 2] {
        entries.start(place(1), &caller(1), device(n), Timestamp(0));
    }
    entries.start(place(1), &caller(2), device(3), Timestamp(0));
    assert_eq!(entries.leave(place(1), user_id, device(9), Timestamp(1)), None);
    assert_eq!(entries.leave(place(1), user_id, device(1), Timestamp(1)), None);
    assert_eq!(entries.list(place(1), Timestamp(1)).len(), 2);
    let stopped = entries.leave(place(1), user_id, device(2), Timestamp(2));
    assert_eq!(stopped, Some(event(place(1), user_id, "user 1".to_owned(), Timestamp(2))));
    assert_eq!(entries.leave(place(1), user_id, device(2), Timestamp(3)), None);
    let left = entries.list(place(1), Timestamp(3));
    assert_eq!(left.iter().map(|it| it.user_id).collect::<Vec<_>>(), [caller(2).user_id]);
}

#[test]
fn device_that_is_left_keeps_its_own_deadline() {
    let mut entries = Entries::default();
    let user_id = caller(1).user_id;
    entries.start(place(1), &caller(1), device(1), Timestamp(0));
    entries.start(place(1), &caller(1), device(2), Timestamp(9_000));
    assert_eq!(entries.leave(place(1), user_id, device(2), Timestamp(9_500)), None);
    assert_eq!(entries.expire(Timestamp(10_000)).len(), 1);
    entries.start(place(1), &caller(1), device(1), Timestamp(20_000));
    entries.start(place(1), &caller(1), device(2), Timestamp(29_000));
    let stopped = entries.leave(place(1), user_id, device(2), Timestamp(30_000));
    assert!(stopped.is_some(), "the other ceased unheard");
}

#[test]
fn entry_remembers_a_few_devices_and_the_table_a_bounded_number_of_entries() {
    let mut entries = Entries::default();
    for n in 0..100 {
        entries.start(place(1), &caller(1), device(n), Timestamp(0));
    }
    assert_eq!(entries.places[&(place(1), caller(1).user_id)].devices.len(), DEVICES_LEN_MAX);
    let person = |n: usize| {
        let user_id = ObjectId::from_parts(u32::try_from(n).unwrap(), [0; 5], 0);
        Caller { user_id: UserId(user_id), ..caller(1) }
    };
    for n in 1..ENTRIES_LEN_MAX {
        assert!(entries.start(place(2), &person(n), device(1), Timestamp(0)));
    }
    assert!(!entries.start(place(2), &caller(2), device(1), Timestamp(0)));
    assert!(entries.start(place(2), &person(1), device(1), Timestamp(TOLD_AGAIN_MS)));
    assert_eq!(entries.places.len(), ENTRIES_LEN_MAX);
}

#[test]
fn starting_and_stopping_leaves_nothing_behind() {
    let mut entries = Entries::default();
    for n in 0..1_000 {
        entries.start(place(1), &caller(1), device(1), Timestamp(n));
        entries.remove(place(1), UserId(id(1)));
        entries.start(place(1), &caller(1), device(1), Timestamp(n));
        entries.leave(place(1), UserId(id(1)), device(1), Timestamp(n));
    }
    assert!(entries.deadlines.is_empty() && entries.places.is_empty());
}
