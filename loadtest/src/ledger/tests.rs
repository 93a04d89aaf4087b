use std::time::{Duration, Instant};

use smallvec::smallvec;

use super::{Entry, Ledger, Opening};

fn opening(room: u32, audience: u64, due: Instant) -> Opening {
    Opening { room, audience: smallvec![audience], due }
}

#[test]
fn a_message_is_complete_when_all_heard_it_and_it_was_confirmed_in_any_order() {
    let now = Instant::now();
    let mut ledger = Ledger::new(1000);
    let number = ledger.open(opening(4, 0b11, now));
    assert_eq!((number, ledger.in_flight()), (1000, 1));
    assert_eq!(ledger.deliver(number, 1, now), Entry::Awaited);
    assert_eq!(ledger.confirm(number, now), Entry::Awaited);
    assert_eq!(ledger.deliver(number, 0, now), Entry::Last(4));
    let tally = ledger.tally();
    assert_eq!((tally.sent, tally.completed, tally.deliveries, tally.acks), (1, 1, 2, 1));
    assert_eq!((tally.lost, tally.duplicates, ledger.in_flight()), (0, 0, 0));
}

#[test]
fn a_second_delivery_is_a_duplicate_before_and_after_completion() {
    let now = Instant::now();
    let mut ledger = Ledger::new(0);
    let number = ledger.open(opening(0, 0b11, now));
    ledger.deliver(number, 0, now);
    assert_eq!(ledger.deliver(number, 0, now), Entry::Surplus);
    ledger.deliver(number, 1, now);
    ledger.confirm(number, now);
    assert_eq!(ledger.deliver(number, 1, now), Entry::Surplus);
    assert_eq!((ledger.tally().duplicates, ledger.tally().strays), (2, 0));
    assert_eq!(ledger.confirm(number, now), Entry::Surplus);
    assert_eq!(ledger.tally().acks_surplus, 1);
}

#[test]
fn a_message_never_sent_is_a_stray() {
    let mut ledger = Ledger::new(0);
    assert_eq!(ledger.deliver(7, 0, Instant::now()), Entry::Surplus);
    assert_eq!((ledger.tally().duplicates, ledger.tally().strays), (0, 1));
}

#[test]
fn what_is_missing_at_the_end_is_lost() {
    let now = Instant::now();
    let mut ledger = Ledger::new(0);
    let number = ledger.open(opening(0, 0b111, now));
    ledger.deliver(number, 2, now);
    let tally = ledger.tally();
    assert_eq!((tally.lost, tally.unconfirmed, tally.completed), (2, 1, 0));
}

#[test]
fn an_overdue_message_frees_its_place_and_may_still_come() {
    let start = Instant::now();
    let patience = Duration::from_secs(5);
    let mut ledger = Ledger::new(0);
    let late = ledger.open(opening(1, 0b1, start));
    let fresh = ledger.open(opening(2, 0b1, start + patience));
    let mut freed = Vec::new();
    ledger.expire(start + patience, patience, |room| freed.push(room));
    assert_eq!(
        (freed.as_slice(), ledger.in_flight(), ledger.tally().overdue),
        ([1].as_slice(), 1, 1)
    );
    assert_eq!(ledger.deliver(late, 0, start + patience), Entry::Awaited);
    assert_eq!(ledger.confirm(late, start + patience), Entry::LastLate);
    assert_eq!((ledger.tally().lost, ledger.in_flight()), (1, 1));
    ledger.deliver(fresh, 0, start + patience);
    assert_eq!(ledger.tally().lost, 0);
}

#[test]
fn a_refused_message_is_awaited_by_nobody() {
    let now = Instant::now();
    let mut ledger = Ledger::new(0);
    let number = ledger.open(opening(3, 0b11, now));
    assert_eq!(ledger.refuse(number), Entry::Last(3));
    let tally = ledger.tally();
    assert_eq!((tally.refused, tally.lost, tally.deliveries_expected), (1, 0, 0));
    assert_eq!(ledger.refuse(number), Entry::Surplus);
}

#[test]
fn latency_is_recorded_from_the_due_time_and_only_while_measuring() {
    let due = Instant::now();
    let mut ledger = Ledger::new(0);
    let warm_up = ledger.open(opening(0, 0b1, due));
    ledger.deliver(warm_up, 0, due);
    assert_eq!(ledger.to_delivery().quantiles().count, 0);
    ledger.set_measured(true);
    let number = ledger.open(opening(0, 0b1, due));
    ledger.deliver(number, 0, due + Duration::from_millis(3));
    ledger.confirm(number, due + Duration::from_millis(5));
    let (delivery, ack) = (ledger.to_delivery().quantiles(), ledger.to_ack().quantiles());
    assert_eq!((delivery.count, ack.count), (1, 1));
    assert!(delivery.max_us.abs_diff(3000) < 10 && ack.max_us.abs_diff(5000) < 10);
}

#[test]
fn a_difference_of_tallies_counts_what_happened_in_between() {
    let now = Instant::now();
    let mut ledger = Ledger::new(0);
    ledger.open(opening(0, 0b1, now));
    let before = ledger.tally();
    let number = ledger.open(opening(0, 0b1, now));
    ledger.deliver(number, 0, now);
    let between = ledger.tally() - before;
    assert_eq!((between.sent, between.deliveries, between.lost), (1, 1, 0));
}
