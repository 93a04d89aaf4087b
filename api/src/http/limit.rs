//! How many requests a client may make: counters over fixed windows.
//!
//! A window begins with a key's first hit. The counters are this process's own; [`Limiter`] is all
//! that the doors know of them, so that counters shared by several processes can stand behind it.
//! Source: contract 1.9 and O6.2.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};
use protocol::id::UserId;
use protocol::time::Timestamp;

use super::address::Client;

/// Keys counted at once, about 6 MB. When more come within a window, those that came first are
/// forgotten and start anew.
pub const KEYS_MAX: usize = 65_536;

/// Whom a counter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// Somebody signed in.
    User(UserId),
    /// Anybody at an address.
    Client(Client),
    /// Attempts to sign in to one account from one address; the e-mail is kept as a keyed hash.
    SignIn(Client, u64),
    /// A token; kept as a keyed hash.
    Token(u64),
}

/// How many hits a key has in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The most hits.
    pub hits_max: u32,
    /// Length of the window, in milliseconds.
    pub window_ms: i64,
}

/// Where a key stands, after a hit or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The most hits.
    pub hits_max: u32,
    /// How many are left, this one counted if it is one.
    pub remaining: u32,
    /// When the window ends.
    pub resets_at: Timestamp,
    /// Whether this hit was one too many.
    pub is_over: bool,
}

/// Counters under one policy.
#[derive(Debug)]
pub struct Limiter {
    policy: Policy,
    counters: Mutex<Counters>,
}

/// The counters themselves. Two generations: when the young one is full it becomes the old one,
/// which is forgotten.
#[derive(Debug)]
pub(super) struct Counters {
    policy: Policy,
    young: HashMap<Key, Counter>,
    old: HashMap<Key, Counter>,
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    hits: u32,
    resets_at: Timestamp,
}

impl Standing {
    /// Seconds until the window ends, begun ones counted.
    pub fn seconds_left(&self, now: Timestamp) -> u32 {
        seconds(self.resets_at.0.saturating_sub(now.0))
    }
}

/// Writes a standing as the headers that the original's clients read.
pub(super) fn describe(
    standing: Standing,
    policy: Policy,
    now: Timestamp,
    headers: &mut HeaderMap,
) {
    let policy = format!("{};w={}", policy.hits_max, seconds(policy.window_ms));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert("ratelimit-policy", policy);
    }
    headers.insert("ratelimit-limit", standing.hits_max.into());
    headers.insert("ratelimit-remaining", standing.remaining.into());
    headers.insert("ratelimit-reset", standing.seconds_left(now).into());
}

/// Whole seconds, begun ones counted.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0).saturating_add(999) / 1_000).unwrap_or(u32::MAX)
}

impl Limiter {
    /// Counters under this policy.
    pub fn new(policy: Policy) -> Self {
        Self { policy, counters: Mutex::new(Counters::new(policy)) }
    }

    /// What the counters are held against.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// Counts a hit.
    ///
    /// # Cost
    /// One uncontended lock; allocates only when the table grows.
    pub fn hit(&self, key: Key, now: Timestamp) -> Standing {
        self.lock().hit(key, now)
    }

    /// Whether the next hit would be one too many.
    pub fn is_spent(&self, key: &Key, now: Timestamp) -> bool {
        self.lock().standing(key, now).remaining == 0
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        // Every critical section leaves the maps whole, whatever panics in between.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counters {
    /// No key has a hit.
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, young: HashMap::new(), old: HashMap::new() }
    }

    /// Where a key stands, without a hit.
    pub(super) fn standing(&self, key: &Key, now: Timestamp) -> Standing {
        let known = self.young.get(key).or_else(|| self.old.get(key)).copied();
        self.judge(self.at_hand(known, now))
    }

    /// Counts a hit.
    pub(super) fn hit(&mut self, key: Key, now: Timestamp) -> Standing {
        let known = self.young.get(&key).copied().or_else(|| self.old.remove(&key));
        let mut counter = self.at_hand(known, now);
        counter.hits = counter.hits.saturating_add(1);
        if self.young.len() >= KEYS_MAX / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, counter);
        self.judge(counter)
    }

    /// A counter of the window at hand, which begins now where there is none.
    fn at_hand(&self, known: Option<Counter>, now: Timestamp) -> Counter {
        let resets_at = Timestamp(now.0.saturating_add(self.policy.window_ms));
        known.filter(|counter| now < counter.resets_at).unwrap_or(Counter { hits: 0, resets_at })
    }

    fn judge(&self, counter: Counter) -> Standing {
        Standing {
            hits_max: self.policy.hits_max,
            remaining: self.policy.hits_max.saturating_sub(counter.hits),
            resets_at: counter.resets_at,
            is_over: counter.hits > self.policy.hits_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { hits_max: 3, window_ms: 1_000 };
    const NOW: Timestamp = Timestamp(10_000);

    fn key(n: u32) -> Key {
        Key::Client(Client::V4(n.to_be_bytes()))
    }

    #[test]
    fn window_begins_with_the_first_hit_and_ends_on_time() {
        let limiter = Limiter::new(POLICY);
        for remaining in [2, 1, 0] {
            let standing = limiter.hit(key(1), NOW);
            assert_eq!((standing.remaining, standing.is_over), (remaining, false));
            assert_eq!(standing.resets_at, Timestamp(11_000));
        }
        let over = limiter.hit(key(1), Timestamp(10_999));
        assert!(over.is_over);
        assert_eq!((over.remaining, over.resets_at), (0, Timestamp(11_000)));
        assert!(!limiter.hit(key(2), NOW).is_over);
        let anew = limiter.hit(key(1), Timestamp(11_000));
        assert_eq!((anew.remaining, anew.resets_at), (2, Timestamp(12_000)));
    }

    #[test]
    fn asking_is_no_hit() {
        let mut counters = Counters::new(POLICY);
        for _ in 0..10 {
            assert_eq!(counters.standing(&key(1), NOW).remaining, 3);
        }
        for remaining in [2, 1, 0, 0] {
            counters.hit(key(1), NOW);
            assert_eq!(counters.standing(&key(1), NOW).remaining, remaining);
        }
        assert_eq!(counters.standing(&key(1), Timestamp(11_000)).remaining, 3);
    }

    #[test]
    fn table_stays_bounded_and_keeps_the_busy() {
        let limiter = Limiter::new(POLICY);
        let per_generation = u32::try_from(KEYS_MAX / 2).unwrap();
        for n in 1..=3 * per_generation {
            limiter.hit(key(n), NOW);
            if n % 1_000 == 0 {
                limiter.hit(key(0), NOW);
            }
        }
        let counters = limiter.counters.lock().unwrap();
        assert!(counters.young.len() + counters.old.len() <= KEYS_MAX);
        drop(counters);
        assert!(limiter.hit(key(0), NOW).is_over);
    }
}
