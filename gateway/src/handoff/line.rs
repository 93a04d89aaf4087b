//! Lines in which work waits for its turn. Knows keys, not what is done.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What waits in one line; one more is turned away.
pub(super) const LINE_WAITING_MAX: usize = 512;

/// What waits in all lines of a kind; whatever would have to wait beyond it is turned away.
pub(super) const LINES_WAITING_MAX: usize = 4_096;

/// Lines of one kind, for as long as anything is under way in them.
#[derive(Debug)]
pub(super) struct Lines<K, T> {
    by_key: HashMap<K, Line<T>>,
    /// Of one line, how many may be under way at once; at least 1.
    width: usize,
    /// What waits in all of them.
    waiting: usize,
}

#[derive(Debug)]
struct Line<T> {
    under_way: usize,
    waiting: VecDeque<T>,
}

/// What becomes of something that comes to a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<T> {
    /// It is under way.
    Turn(T),
    /// It is called when something before it has ended.
    Waits,
    /// Too much waits already.
    Full(T),
}

impl<K: Eq + Hash, T> Lines<K, T> {
    pub(super) fn new(width: usize) -> Self {
        Self { by_key: HashMap::new(), width, waiting: 0 }
    }

    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Something comes to a line.
    pub(super) fn enter(&mut self, key: K, item: T) -> Entry<T> {
        let new = || Line { under_way: 0, waiting: VecDeque::new() };
        let line = self.by_key.entry(key).or_insert_with(new);
        if line.under_way < self.width {
            line.under_way += 1;
            return Entry::Turn(item);
        }
        if line.waiting.len() >= LINE_WAITING_MAX || self.waiting >= LINES_WAITING_MAX {
            return Entry::Full(item);
        }
        self.waiting += 1;
        line.waiting.push_back(item);
        Entry::Waits
    }

    /// Something that was under way in a line has ended. Returns what is under way instead.
    pub(super) fn leave(&mut self, key: &K) -> Option<T> {
        let line = self.by_key.get_mut(key)?;
        if let Some(next) = line.waiting.pop_front() {
            self.waiting -= 1;
            return Some(next);
        }
        line.under_way -= 1;
        if line.under_way == 0 {
            self.by_key.remove(key);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_under_way_and_the_next_is_called_when_one_has_ended() {
        let mut lines = Lines::new(2);
        assert_eq!(lines.enter("a", 1), Entry::Turn(1));
        assert_eq!(lines.enter("a", 2), Entry::Turn(2));
        assert_eq!(lines.enter("a", 3), Entry::Waits);
        assert_eq!(lines.enter("a", 4), Entry::Waits);
        assert_eq!(lines.enter("b", 5), Entry::Turn(5), "another line");
        assert_eq!(lines.waiting(), 2);
        assert_eq!(lines.leave(&"a"), Some(3));
        assert_eq!(lines.leave(&"b"), None);
        assert_eq!(lines.leave(&"a"), Some(4));
        assert_eq!((lines.leave(&"a"), lines.leave(&"a")), (None, None));
        assert_eq!((lines.waiting(), lines.by_key.len()), (0, 0), "nothing is left of them");
    }

    #[test]
    fn a_full_line_turns_away_and_another_does_not() {
        let mut lines = Lines::new(1);
        assert_eq!(lines.enter("a", 0), Entry::Turn(0));
        for item in 1..=LINE_WAITING_MAX {
            assert_eq!(lines.enter("a", item), Entry::Waits);
        }
        assert_eq!(lines.enter("a", 0), Entry::Full(0));
        assert_eq!((lines.enter("b", 0), lines.enter("b", 1)), (Entry::Turn(0), Entry::Waits));
        assert_eq!(lines.leave(&"a"), Some(1));
        assert_eq!(lines.enter("a", 0), Entry::Waits, "there is a place again");
    }

    #[test]
    fn where_all_lines_hold_too_much_only_who_need_not_wait_gets_in() {
        let mut lines = Lines::new(1);
        for item in 0..LINES_WAITING_MAX {
            let line = item / LINE_WAITING_MAX;
            assert!(matches!(lines.enter(line, item), Entry::Turn(_) | Entry::Waits));
        }
        while lines.waiting() < LINES_WAITING_MAX {
            lines.enter(usize::MAX, 0);
        }
        assert_eq!(lines.enter(usize::MAX, 1), Entry::Full(1));
        assert_eq!(lines.enter(usize::MAX - 1, 2), Entry::Turn(2));
    }
}
