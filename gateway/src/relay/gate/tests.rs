use proptest::prelude::*;
use protocol::id::ObjectId;

use super::*;

const ID: ConversationId = ConversationId(ObjectId::from_bytes([1; 12]));

/// A gate that has passed on everything up to here.
fn at(seq: i64) -> Gate {
    let mut gate = Gate::default();
    gate.enter(ID);
    assert_eq!(gate.snapshot(ID, seq), Snapshot::Meets);
    gate
}

#[test]
fn a_bell_in_turn_passes_and_again_is_dropped() {
    let mut gate = at(7);
    assert_eq!(gate.bell(ID, 8), Bell::Pass);
    for seq in [8, 7, 1] {
        assert_eq!(gate.bell(ID, seq), Bell::Drop);
    }
    assert_eq!(gate.bell(ID, 9), Bell::Pass);
}

#[test]
fn a_gap_is_fetched_once_and_together_with_what_rang_behind_it() {
    let mut gate = at(7);
    assert_eq!(gate.bell(ID, 10), Bell::Fetch(7));
    assert_eq!(gate.bell(ID, 9), Bell::Wait);
    assert_eq!(gate.bell(ID, 8), Bell::Pass, "the missing bell itself");
    assert!(!gate.fetched(ID, 8), "passed on already");
    assert!(gate.fetched(ID, 9));
    assert_eq!(gate.bell(ID, 12), Bell::Wait);
    assert!(gate.fetched(ID, 10));
    assert_eq!(gate.fetch_ended(ID, true), Some((10, false)), "12 rang meanwhile");
    assert!(gate.fetched(ID, 11) && gate.fetched(ID, 12));
    assert_eq!(gate.fetch_ended(ID, true), None);
    assert_eq!(gate.bell(ID, 13), Bell::Pass);
}

#[test]
fn a_gap_that_the_store_does_not_fill_is_given_up() {
    let mut gate = at(7);
    assert_eq!(gate.bell(ID, 10), Bell::Fetch(7));
    for _ in 0..FRUITLESS_MAX {
        assert_eq!(gate.fetch_ended(ID, false), Some((7, true)));
    }
    assert_eq!(gate.fetch_ended(ID, false), None);
    assert_eq!(gate.bell(ID, 10), Bell::Drop);
    assert_eq!(gate.bell(ID, 11), Bell::Pass);
}

#[test]
fn a_room_that_nobody_entered_is_not_watched() {
    let mut gate = Gate::default();
    for seq in [5, 3, 3] {
        assert_eq!(gate.bell(ID, seq), Bell::Pass);
    }
    assert_eq!(gate.snapshot(ID, 9), Snapshot::Meets);
    assert!(gate.some_behind(None, 9).is_empty());
}

#[test]
fn a_snapshot_ahead_of_the_bells_has_them_fetched() {
    let mut gate = at(7);
    gate.enter(ID);
    assert_eq!(gate.snapshot(ID, 9), Snapshot::Fetch(7));
    assert_eq!(gate.snapshot(ID, 9), Snapshot::Wait);
    assert!(gate.fetched(ID, 8) && gate.fetched(ID, 9));
    assert_eq!(gate.fetch_ended(ID, true), None);
    assert_eq!(gate.snapshot(ID, 9), Snapshot::Meets);
    assert_eq!(gate.bell(ID, 9), Bell::Drop, "the bell that was late");
}

#[test]
fn a_snapshot_behind_where_another_began_is_read_again() {
    let mut gate = Gate::default();
    gate.enter(ID);
    gate.enter(ID);
    assert_eq!(gate.snapshot(ID, 12), Snapshot::Meets);
    assert_eq!(gate.snapshot(ID, 11), Snapshot::Behind);
    assert_eq!(gate.snapshot(ID, 12), Snapshot::Meets);
    let mut gate = Gate::default();
    gate.enter(ID);
    assert_eq!(gate.bell(ID, 12), Bell::Pass);
    assert_eq!(gate.snapshot(ID, 10), Snapshot::Behind, "11 may come late, and be dropped");
    assert_eq!(gate.snapshot(ID, 11), Snapshot::Meets, "12 was heard");
}

#[test]
fn a_mark_goes_with_the_last_member_unless_somebody_entered_since() {
    let mut gate = at(7);
    let entered = gate.entered();
    gate.enter(ID);
    gate.evict(ID, entered);
    assert_eq!(gate.some_behind(None, 9), [ID]);
    assert_eq!(gate.bell(ID, 9), Bell::Fetch(7));
    gate.evict(ID, gate.entered());
    assert_eq!(gate.some_behind(None, 9), [ID], "what is fetched is passed on first");
    assert!(gate.fetched(ID, 8) && gate.fetched(ID, 9));
    assert_eq!(gate.fetch_ended(ID, true), None);
    gate.evict(ID, gate.entered());
    assert!(gate.some_behind(None, 9).is_empty());
}

#[test]
fn no_more_rooms_are_watched_than_the_bound() {
    let id = |n: usize| {
        let n = u32::try_from(n).unwrap();
        ConversationId(ObjectId::from_parts(n, [0; 5], 0))
    };
    let mut gate = Gate::default();
    for n in 0..=ROOMS_WATCHED_MAX {
        gate.enter(id(n));
    }
    assert_eq!(gate.some_behind(None, usize::MAX).len(), ROOMS_WATCHED_MAX);
    assert_eq!(gate.bell(id(ROOMS_WATCHED_MAX), 5), Bell::Pass);
    assert_eq!(gate.bell(id(ROOMS_WATCHED_MAX), 5), Bell::Pass, "as it comes");
}

proptest! {
    /// Bells of 1 to 20, doubled, lost and out of turn, and a fetch that ends whenever it likes.
    #[test]
    fn whatever_rings_everything_is_passed_on_once_and_in_order(
        bells in proptest::collection::vec((1..=20i64, any::<bool>()), 0..120),
    ) {
        let mut gate = at(0);
        let mut passed = Vec::new();
        let mut fetching = None;
        let mut greatest = 0;
        let fetch = |gate: &mut Gate, passed: &mut Vec<i64>, after: i64, stored: i64| {
            let fetched: Vec<i64> = (after + 1..=stored).collect();
            let mut brought = false;
            for seq in fetched {
                if gate.fetched(ID, seq) {
                    passed.push(seq);
                    brought = true;
                }
            }
            gate.fetch_ended(ID, brought).map(|(after, _)| after)
        };
        for (seq, ends) in bells {
            greatest = greatest.max(seq);
            match gate.bell(ID, seq) {
                Bell::Pass => passed.push(seq),
                Bell::Drop | Bell::Wait => {}
                Bell::Fetch(after) => {
                    prop_assert!(fetching.is_none(), "one fetch at a time");
                    fetching = Some(after);
                }
            }
            if ends && let Some(after) = fetching {
                fetching = fetch(&mut gate, &mut passed, after, greatest);
            }
        }
        while let Some(after) = fetching {
            fetching = fetch(&mut gate, &mut passed, after, greatest);
        }
        prop_assert_eq!(passed, (1..=greatest).collect::<Vec<_>>());
    }
}
