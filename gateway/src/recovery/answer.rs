//! What a session was told alone, until it is known to have heard it.
//!
//! An answer stands behind the broadcast that was the newest when it was sent, so that both come in
//! their order again. Bounded: the oldest leave first.

use std::collections::VecDeque;

/// Bytes of answers that one session keeps. A longer answer is not kept: it is a page of something,
/// and whoever waits for it asks again.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Answers that one session keeps.
const ANSWERS_MAX: usize = 64;

/// An event to one socket.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The newest broadcast before it.
    pub(crate) after: u64,
    /// Its own number: higher than those of all earlier ones.
    pub(crate) number: u64,
    /// The argument array, without an offset.
    pub(crate) arguments: Box<[u8]>,
}

/// The answers of one session, in their order. Empty, it owns no memory.
#[derive(Debug)]
pub(crate) struct Answers {
    kept: VecDeque<Answer>,
    bytes: usize,
    last: u64,
}

impl Answers {
    /// No answers; the first will be numbered behind `last`.
    pub(crate) const fn new(last: u64) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, last }
    }

    /// The number of the newest.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// What they take, in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Numbers an answer that is not kept. Returns its number.
    pub(crate) const fn pass(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Numbers an answer and keeps it, if it is short enough. Returns its number.
    pub(crate) fn push(&mut self, after: u64, arguments: &[u8]) -> u64 {
        let number = self.pass();
        if arguments.len() > ANSWER_BYTES_MAX {
            return number;
        }
        self.bytes += arguments.len();
        self.kept.push_back(Answer { after, number, arguments: arguments.into() });
        while self.bytes > ANSWER_BYTES_MAX || self.kept.len() > ANSWERS_MAX {
            self.drop_oldest();
        }
        number
    }

    /// Drops those that were heard: up to this number.
    pub(crate) fn confirm(&mut self, number: u64) {
        while self.kept.front().is_some_and(|oldest| oldest.number <= number) {
            self.drop_oldest();
        }
    }

    /// Drops those that stand before a broadcast that was heard.
    pub(crate) fn confirm_before(&mut self, position: u64) {
        while self.kept.front().is_some_and(|oldest| oldest.after < position) {
            self.drop_oldest();
        }
    }

    /// Those that are kept, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Answer> {
        self.kept.iter()
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= oldest.arguments.len();
        }
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(answers: &Answers) -> Vec<u64> {
        answers.iter().map(|answer| answer.number).collect()
    }

    #[test]
    fn what_was_heard_is_dropped_and_leaves_no_memory() {
        let mut answers = Answers::new(10);
        assert_eq!(answers.push(5, b"[1]"), 11);
        assert_eq!(answers.push(6, b"[2]"), 12);
        assert_eq!(answers.push(6, b"[3]"), 13);
        answers.confirm_before(6);
        assert_eq!(
            numbers(&answers),
            [12, 13],
            "what came behind a broadcast was not heard with it"
        );
        answers.confirm(12);
        assert_eq!(numbers(&answers), [13]);
        answers.confirm(99);
        assert_eq!((answers.kept.capacity(), answers.bytes()), (0, 0));
        assert_eq!(answers.last(), 13);
    }

    #[test]
    fn the_oldest_leave_first_at_either_bound() {
        let mut answers = Answers::new(0);
        for _ in 0..ANSWERS_MAX + 3 {
            answers.push(0, b"[]");
        }
        assert_eq!(answers.kept.len(), ANSWERS_MAX);
        assert_eq!(numbers(&answers).first(), Some(&4));
        let half = vec![b' '; ANSWER_BYTES_MAX / 2 + 1];
        answers.push(0, &half);
        answers.push(0, &half);
        assert_eq!(answers.kept.len(), 1, "two halves and a bit are too much");
    }

    #[test]
    fn an_answer_beyond_the_bound_is_numbered_and_drives_nothing_out() {
        let mut answers = Answers::new(0);
        answers.push(0, b"[]");
        assert_eq!(answers.push(0, &vec![b' '; ANSWER_BYTES_MAX + 1]), 2);
        assert_eq!(numbers(&answers), [1]);
    }
}
