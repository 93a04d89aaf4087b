//! How much a client may send: token buckets for events, joins and bytes, of the connection and of
//! its person.
//!
//! A bucket is one number, when it will be full again, so that the connections of a person share
//! theirs between shards without a lock. Source: contract 1.9; "GCRA", ITU-T I.371.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::id::UserId;

/// What a connection may send; a person [so many times](CONNECTIONS_PER_PERSON) as much. `None`: any
/// amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Events.
    pub events: Option<Rate>,
    /// Events that join a room.
    pub joins: Option<Rate>,
    /// Bytes of events, with their attachments.
    pub bytes: Option<Rate>,
}

/// A rate, and how much may come at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many a second; at least 1.
    pub per_second: u32,
    /// Seconds' worth at once.
    pub burst_seconds: u32,
}

/// A person may send as much as so many connections.
pub const CONNECTIONS_PER_PERSON: u32 = 4;

/// People whose buckets are remembered before those that are full are forgotten; with sockets or
/// emptied buckets there may be more.
const PEOPLE_KEPT: usize = 1_024;

/// The buckets of a connection, or of a person.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    events: Bucket,
    joins: Bucket,
    bytes: Bucket,
}

/// What one event costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Its length with its attachments.
    pub(super) bytes: usize,
    /// Whether it joins a room.
    pub(super) is_join: bool,
}

/// Everybody's allowances, for all shards.
#[derive(Debug)]
pub struct Allowances {
    rates: Rates,
    people: Mutex<People>,
}

#[derive(Debug)]
struct People {
    allowances: HashMap<UserId, Arc<Allowance>>,
    /// Looked through when there are so many.
    sweep_at: usize,
}

impl Allowances {
    /// Full buckets for everybody.
    pub fn new(rates: Rates) -> Self {
        let people = People { allowances: HashMap::new(), sweep_at: PEOPLE_KEPT };
        Self { rates, people: Mutex::new(people) }
    }

    /// The buckets that a person's connections share. They outlive the connections until they are
    /// full, so that nobody gains by coming back.
    pub(super) fn of(&self, user_id: UserId, now_us: u64) -> Arc<Allowance> {
        // A panic leaves the map whole.
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.allowances.len() >= people.sweep_at {
            people.allowances.retain(|_, it| Arc::strong_count(it) > 1 || !it.is_full(now_us));
            people.sweep_at = (people.allowances.len() * 2).max(PEOPLE_KEPT);
        }
        Arc::clone(people.allowances.entry(user_id).or_default())
    }

    /// Whether a connection may send this now. What one bucket refuses has been taken from those
    /// asked before it.
    ///
    /// # Cost
    /// At most six atomic exchanges.
    pub(super) fn admits(
        &self,
        connection: &Allowance,
        person: &Allowance,
        now_us: u64,
        cost: Cost,
    ) -> bool {
        let bytes = u64::try_from(cost.bytes).unwrap_or(u64::MAX);
        [(connection, 1), (person, CONNECTIONS_PER_PERSON)].into_iter().all(|(allowance, times)| {
            let take = |bucket: &Bucket, count, rate: Option<Rate>| {
                rate.is_none_or(|rate| bucket.take(now_us, count, rate, times))
            };
            take(&allowance.events, 1, self.rates.events)
                && take(&allowance.bytes, bytes, self.rates.bytes)
                && (!cost.is_join || take(&allowance.joins, 1, self.rates.joins))
        })
    }
}

impl Allowance {
    fn is_full(&self, now_us: u64) -> bool {
        [&self.events, &self.joins, &self.bytes]
            .into_iter()
            .all(|bucket| bucket.0.load(Ordering::Relaxed) <= now_us)
    }
}

/// When it is full again, in microseconds since 1970.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

impl Bucket {
    /// Takes out `count`, if there is as much. More than fits at all is taken from a full bucket.
    fn take(&self, now_us: u64, count: u64, rate: Rate, times: u32) -> bool {
        let per_second = u64::from(rate.per_second.max(1)).saturating_mul(u64::from(times));
        let cost_us = count.saturating_mul(1_000_000) / per_second;
        let limit_us =
            now_us.saturating_add(u64::from(rate.burst_seconds).saturating_mul(1_000_000));
        let mut is_taken = false;
        let take = |full_at: u64| {
            // A clock that was set back empties a bucket at worst.
            let from = full_at.clamp(now_us, limit_us);
            let next = from.saturating_add(cost_us);
            is_taken = next <= limit_us || from == now_us;
            Some(if is_taken { next.min(limit_us) } else { from })
        };
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::ObjectId;

    use super::*;

    const SECOND: u64 = 1_000_000;
    const START: u64 = 1_700_000_000 * SECOND;
    const ADA: UserId = UserId(ObjectId::from_bytes([1; 12]));

    fn allowances() -> Allowances {
        let rate = |per_second| Some(Rate { per_second, burst_seconds: 10 });
        Allowances::new(Rates { events: rate(10), joins: rate(1), bytes: rate(1_000) })
    }

    /// How many of `count` equal events are admitted at once.
    fn admitted(
        allowances: &Allowances,
        own: &Allowance,
        now: u64,
        count: usize,
        cost: Cost,
    ) -> usize {
        let person = allowances.of(ADA, now);
        (0..count).filter(|_| allowances.admits(own, &person, now, cost)).count()
    }

    fn event(bytes: usize) -> Cost {
        Cost { bytes, is_join: false }
    }

    #[test]
    fn burst_passes_and_then_the_rate() {
        let (allowances, own) = (allowances(), Allowance::default());
        assert_eq!(admitted(&allowances, &own, START, 500, event(1)), 100);
        assert_eq!(admitted(&allowances, &own, START + SECOND, 500, event(1)), 10);
        assert_eq!(admitted(&allowances, &own, START + 100 * SECOND, 500, event(1)), 100);
    }

    #[test]
    fn joins_and_bytes_have_buckets_of_their_own() {
        let (allowances, own) = (allowances(), Allowance::default());
        let join = Cost { bytes: 1, is_join: true };
        assert_eq!(admitted(&allowances, &own, START, 50, join), 10);
        assert_eq!(admitted(&allowances, &own, START, 1, event(1)), 1);
        let own = Allowance::default();
        assert_eq!(admitted(&allowances, &own, START, 50, event(1_000)), 10);
    }

    #[test]
    fn one_event_above_the_burst_passes_where_nothing_was_taken() {
        let (allowances, own) = (allowances(), Allowance::default());
        assert_eq!(admitted(&allowances, &own, START, 2, event(999_999)), 1);
        assert_eq!(admitted(&allowances, &own, START + SECOND, 2, event(999_999)), 0);
    }

    #[test]
    fn connections_of_a_person_share_what_a_few_may_send_and_nobody_gains_by_coming_back() {
        let allowances = allowances();
        let all: usize = (0..20)
            .map(|_| admitted(&allowances, &Allowance::default(), START, 500, event(1)))
            .sum();
        assert_eq!(all, 100 * CONNECTIONS_PER_PERSON as usize);
        let other = UserId(ObjectId::from_bytes([2; 12]));
        let own = Allowance::default();
        assert!(allowances.admits(&own, &allowances.of(other, START), START, event(1)));
    }

    #[test]
    fn people_who_are_gone_and_whose_buckets_are_full_are_forgotten() {
        let allowances = allowances();
        let id = |n| UserId(ObjectId::from_parts(n, [0; 5], 0));
        let held = allowances.of(id(0), START);
        for n in 1..20_000 {
            let person = allowances.of(id(n), START + u64::from(n) * SECOND);
            person.events.take(
                START + u64::from(n) * SECOND,
                1,
                Rate { per_second: 1, burst_seconds: 9 },
                1,
            );
        }
        assert!(allowances.people.lock().unwrap().allowances.len() <= PEOPLE_KEPT);
        assert!(Arc::ptr_eq(&held, &allowances.of(id(0), START)));
    }

    #[test]
    fn clock_that_was_set_back_costs_a_burst_at_most() {
        let (allowances, own) = (allowances(), Allowance::default());
        assert_eq!(admitted(&allowances, &own, START, 50, event(1)), 50);
        let earlier = START - 1_000 * SECOND;
        let all: usize = (0..10)
            .map(|second| admitted(&allowances, &own, earlier + second * SECOND, 500, event(1)))
            .sum();
        // Of the four buckets in question each begins to fill again when it is first asked.
        assert!((50..=70).contains(&all), "{all}");
    }

    #[test]
    fn lifted_limits_admit_everything() {
        let allowances = Allowances::new(Rates { events: None, joins: None, bytes: None });
        let own = Allowance::default();
        assert_eq!(admitted(&allowances, &own, START, 100_000, event(1_000_000)), 100_000);
    }
}
