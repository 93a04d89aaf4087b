//! The recent broadcasts of one shard, in the order of the timeline. Owned by its shard.
//!
//! All shards log the same broadcasts and share them, so the bounds hold for the process: a shard's
//! own part is a row of [`Entry`]s.

use std::collections::VecDeque;
use std::sync::Arc;

use super::SESSION_MS_MAX;
use crate::fanout::{Broadcast, Variant};

/// How long a broadcast is kept, in milliseconds; an older one is dropped, and whoever had not
/// heard it connects plainly. Longer than a session by what it takes to find out that a connection
/// is dead.
pub(crate) const BROADCAST_MS_MAX: u64 = SESSION_MS_MAX + 60_000;

/// What the log of a process may hold in bytes; beyond it the oldest are dropped.
pub(crate) const LOG_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a broadcast is charged beside its bytes: itself, its rooms, its place in every shard's log.
const BROADCAST_OVERHEAD_BYTES: usize = 512;

/// A broadcast that is kept.
#[derive(Debug)]
struct Entry {
    at_ms: u64,
    broadcast: Arc<Broadcast>,
}

/// The log. Empty, it owns no memory.
#[derive(Debug)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// The number of the newest broadcast, logged or not.
    latest: u64,
    bytes: usize,
}

impl Log {
    /// A log of nothing, at the beginning of the timeline.
    pub(crate) const fn new() -> Self {
        Self { entries: VecDeque::new(), latest: 0, bytes: 0 }
    }

    /// The number of the newest broadcast; 0 before the first.
    pub(crate) const fn latest(&self) -> u64 {
        self.latest
    }

    /// Keeps a broadcast that stands at `number`, if anybody could come back for it.
    pub(crate) fn push(
        &mut self,
        number: u64,
        broadcast: &Arc<Broadcast>,
        now_ms: u64,
        is_watched: bool,
    ) {
        // What was numbered but never came here cannot be sent again either.
        let has_hole = number != self.latest.saturating_add(1);
        if has_hole || !is_watched {
            self.clear();
        }
        self.latest = number;
        if is_watched {
            self.bytes += charge(broadcast);
            self.entries.push_back(Entry { at_ms: now_ms, broadcast: Arc::clone(broadcast) });
            self.trim(now_ms);
        }
    }

    /// Drops what is too old; everything when nobody could come back for it.
    pub(crate) fn expire(&mut self, now_ms: u64, is_watched: bool) {
        if is_watched {
            self.trim(now_ms);
        } else if !self.entries.is_empty() {
            self.clear();
        }
    }

    /// What came after `number`, oldest first. `None` when that is not known: some of it is not kept
    /// any more, or it has not come here yet.
    pub(crate) fn after(
        &self,
        number: u64,
    ) -> Option<impl Iterator<Item = (u64, &Arc<Broadcast>)>> {
        let missed = usize::try_from(self.latest.checked_sub(number)?).ok()?;
        let skipped = self.entries.len().checked_sub(missed)?;
        let entries = self.entries.range(skipped..);
        Some(entries.zip(number + 1..).map(|(entry, number)| (number, &entry.broadcast)))
    }

    fn trim(&mut self, now_ms: u64) {
        while let Some(oldest) = self.entries.front()
            && (self.bytes > LOG_BYTES_MAX || oldest.at_ms + BROADCAST_MS_MAX <= now_ms)
        {
            self.bytes -= charge(&oldest.broadcast);
            self.entries.pop_front();
        }
        if self.entries.is_empty() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
    }
}

/// What a broadcast costs at most: its arguments, and each variant that may be encoded of them.
fn charge(broadcast: &Broadcast) -> usize {
    let copies = 1 + 2 * Variant::COUNT;
    broadcast.arguments.len() * copies + BROADCAST_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use protocol::room::Room;
    use smallvec::SmallVec;

    use super::*;

    fn broadcast(len: usize) -> Arc<Broadcast> {
        let rooms = SmallVec::from_iter([Room::Staff]);
        Arc::new(Broadcast::new(0, rooms, vec![b' '; len].into()))
    }

    fn after(log: &Log, number: u64) -> Option<Vec<u64>> {
        log.after(number).map(|missed| missed.map(|(number, _)| number).collect())
    }

    #[test]
    fn what_came_after_a_position_is_found_while_all_of_it_is_kept() {
        let mut log = Log::new();
        assert_eq!(after(&log, 0), Some(vec![]), "nothing was missed before the first");
        assert_eq!(after(&log, 1), None, "not from the future");
        for number in 1..=5 {
            log.push(number, &broadcast(10), number * 1_000, true);
        }
        assert_eq!(after(&log, 0), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(after(&log, 3), Some(vec![4, 5]));
        assert_eq!(after(&log, 5), Some(vec![]));
        assert_eq!(after(&log, 6), None);
        assert_eq!(after(&log, u64::MAX), None);
        log.expire(2_000 + BROADCAST_MS_MAX, true);
        assert_eq!(after(&log, 1), None);
        assert_eq!(after(&log, 2), Some(vec![3, 4, 5]));
    }

    #[test]
    fn a_position_is_known_although_its_broadcast_is_not_kept_any_more() {
        let mut log = Log::new();
        log.push(1, &broadcast(10), 0, true);
        log.expire(BROADCAST_MS_MAX, true);
        assert_eq!(after(&log, 1), Some(vec![]), "a quiet hour is no reason");
        assert_eq!(log.entries.capacity(), 0, "no memory stays behind");
    }

    #[test]
    fn nothing_is_kept_while_nobody_could_come_back() {
        let mut log = Log::new();
        log.push(1, &broadcast(10), 0, false);
        assert_eq!((log.latest(), log.entries.len()), (1, 0));
        log.push(2, &broadcast(10), 0, true);
        assert_eq!((after(&log, 0), after(&log, 1)), (None, Some(vec![2])));
        log.expire(1, false);
        assert_eq!((after(&log, 1), after(&log, 2)), (None, Some(vec![])));
    }

    #[test]
    fn a_hole_is_never_skipped() {
        let mut log = Log::new();
        log.push(1, &broadcast(10), 0, true);
        log.push(3, &broadcast(10), 0, true);
        assert_eq!((after(&log, 1), after(&log, 2)), (None, Some(vec![3])));
    }

    #[test]
    fn bytes_are_bounded_and_the_oldest_leave_first() {
        let mut log = Log::new();
        let large = broadcast(1 << 20);
        for number in 1..=1_000 {
            log.push(number, &large, 0, true);
            assert!(log.bytes <= LOG_BYTES_MAX, "{}", log.bytes);
        }
        let kept = u64::try_from(log.entries.len()).unwrap();
        assert!(kept > 0);
        assert_eq!(after(&log, 1_000 - kept).map(|missed| missed.len() as u64), Some(kept));
        assert_eq!(after(&log, 999 - kept), None);
        let small = broadcast(0);
        for number in 1_001..=1_000_000 {
            log.push(number, &small, 0, true);
        }
        assert!(log.entries.len() <= LOG_BYTES_MAX / BROADCAST_OVERHEAD_BYTES);
    }
}
