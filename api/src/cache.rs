//! A bounded map of what the store holds, for what every request asks again.
//!
//! Two generations: new entries go to the young one; when it is full, it becomes the old one and
//! what was in the old one and was not asked for since is forgotten. No list to maintain per
//! access, at most `capacity` entries.
//!
//! A value that was read from the store may have changed while it was on its way here. So a reader
//! takes a [`Ticket`] first, and [`fill`](Cache::fill) refuses a value older than the last
//! [`put`](Cache::put) or [`forget`](Cache::forget).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::time::Timestamp;

/// A bounded map; values are shared handles and cheap to clone.
#[derive(Debug)]
pub struct Cache<K, V> {
    inner: Arc<Mutex<Inner<K, V>>>,
    /// Entries of one generation.
    generation_len_max: usize,
    /// An entry older than this is not believed.
    age_ms_max: i64,
}

#[derive(Debug)]
struct Inner<K, V> {
    young: HashMap<K, Entry<V>>,
    old: HashMap<K, Entry<V>>,
    /// Counts writes, so that a slow reader does not bring back what was replaced meanwhile.
    writes: u64,
}

#[derive(Debug, Clone)]
struct Entry<V> {
    value: V,
    since: Timestamp,
}

/// The state of a cache at the beginning of a read from the store.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    writes: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// A cache of at most `capacity` entries (at least 2), each believed for `age_ms_max`.
    pub fn new(capacity: usize, age_ms_max: i64) -> Self {
        let inner = Inner { young: HashMap::new(), old: HashMap::new(), writes: 0 };
        let generation_len_max = (capacity / 2).max(1);
        Self { inner: Arc::new(Mutex::new(inner)), generation_len_max, age_ms_max }
    }

    /// What is known under `key`, or a ticket for filling it in.
    ///
    /// # Errors
    /// The ticket, when nothing is known or it is too old.
    pub fn get(&self, key: &K, now: Timestamp) -> Result<V, Ticket> {
        let mut inner = self.lock();
        if !inner.young.contains_key(key)
            && let Some((key, entry)) = inner.old.remove_entry(key)
        {
            self.insert(&mut inner, key, entry);
        }
        match inner.young.get(key) {
            Some(entry) if now.0.saturating_sub(entry.since.0) <= self.age_ms_max => {
                Ok(entry.value.clone())
            }
            Some(_) | None => Err(Ticket { writes: inner.writes }),
        }
    }

    /// Keeps a value that was read from the store after `ticket` was taken, unless anything was
    /// written since.
    pub fn fill(&self, key: K, value: V, ticket: Ticket, now: Timestamp) {
        let mut inner = self.lock();
        if inner.writes == ticket.writes {
            self.insert(&mut inner, key, Entry { value, since: now });
        }
    }

    /// Keeps what was just written to the store.
    pub fn put(&self, key: K, value: V, now: Timestamp) {
        let mut inner = self.lock();
        inner.writes = inner.writes.wrapping_add(1);
        inner.old.remove(&key);
        self.insert(&mut inner, key, Entry { value, since: now });
    }

    /// Forgets what may have changed.
    pub fn forget(&self, key: &K) {
        let mut inner = self.lock();
        inner.writes = inner.writes.wrapping_add(1);
        inner.young.remove(key);
        inner.old.remove(key);
    }

    /// What forgets everything, for whoever learns that the store is not what it was. Does not keep
    /// the cache's owner alive.
    pub fn forgetting_all(&self) -> impl Fn() + Send + 'static
    where
        K: Send + 'static,
        V: Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        move || {
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.writes = inner.writes.wrapping_add(1);
            inner.young.clear();
            inner.old.clear();
        }
    }

    fn insert(&self, inner: &mut Inner<K, V>, key: K, entry: Entry<V>) {
        if inner.young.len() >= self.generation_len_max && !inner.young.contains_key(&key) {
            inner.old = std::mem::take(&mut inner.young);
        }
        inner.young.insert(key, entry);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        // Every critical section leaves the maps whole, whatever panics in between.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    #[test]
    fn never_holds_more_than_its_capacity_and_keeps_what_is_asked_for() {
        let cache = Cache::new(8, i64::MAX);
        for key in 0..100 {
            cache.put(key, key, NOW);
            let _ = cache.get(&0, NOW);
            let inner = cache.lock();
            assert!(inner.young.len() + inner.old.len() <= 8);
        }
        assert_eq!(cache.get(&0, NOW).ok(), Some(0));
        assert!(cache.get(&50, NOW).is_err());
    }

    #[test]
    fn everything_is_forgotten_and_no_slow_read_brings_it_back() {
        let cache = Cache::new(4, i64::MAX);
        let forget = cache.forgetting_all();
        let ticket = cache.get(&9, NOW).unwrap_err();
        for key in 0..4 {
            cache.fill(key, "old", ticket, NOW);
        }
        forget();
        cache.fill(9, "old", ticket, NOW);
        for key in [0, 1, 2, 3, 9] {
            assert!(cache.get(&key, NOW).is_err(), "{key}");
        }
    }

    #[test]
    fn slow_read_does_not_bring_back_what_was_replaced() {
        let cache = Cache::new(8, i64::MAX);
        let ticket = cache.get(&1, NOW).unwrap_err();
        cache.put(1, "new", NOW);
        cache.fill(1, "old", ticket, NOW);
        assert_eq!(cache.get(&1, NOW).ok(), Some("new"));
        let ticket = cache.get(&2, NOW).unwrap_err();
        cache.forget(&2);
        cache.fill(2, "old", ticket, NOW);
        assert!(cache.get(&2, NOW).is_err());
    }

    #[test]
    fn entry_is_not_believed_past_its_age() {
        let cache = Cache::new(8, 10);
        cache.put(1, (), NOW);
        assert!(cache.get(&1, Timestamp(10)).is_ok());
        assert!(cache.get(&1, Timestamp(11)).is_err());
    }
}
