//! What the clients of a drill count.

use std::collections::BTreeMap;

/// Counts of a run.
#[derive(Debug, Clone, Default)]
pub(in crate::drill) struct Tally {
    /// Messages answered with success, each counted once.
    pub(in crate::drill) acknowledged: u32,
    /// Messages refused for good.
    pub(in crate::drill) refused: u32,
    /// Answers that never came because the connection ended first.
    pub(in crate::drill) unknown: u64,
    /// Live connections that ended.
    pub(in crate::drill) drops: u64,
    /// Connections that never became live.
    pub(in crate::drill) failures: u64,
    /// Connections given up because an answer was overdue.
    pub(in crate::drill) overdue: u64,
    /// Times that a slow reader stopped reading.
    pub(in crate::drill) mutes: u64,
    /// Intrusions that the server refused.
    pub(in crate::drill) intrusions: u64,
    /// Packets that make no sense.
    pub(in crate::drill) malformed: u64,
    /// Refusals by their code; the messages among them were sent again unless it was for good.
    pub(in crate::drill) refusals: BTreeMap<String, u64>,
}

impl Tally {
    /// Messages about which nothing more is expected.
    pub(in crate::drill) const fn finished(&self) -> u32 {
        self.acknowledged.saturating_add(self.refused)
    }

    /// Counts a refusal.
    pub(super) fn refuse(&mut self, what: &str, code: &str) {
        let name = format!("{what} {code}");
        let known = self.refusals.len() < CODES_MAX || self.refusals.contains_key(&name);
        let name = if known { name } else { "others".to_owned() };
        *self.refusals.entry(name).or_insert(0) += 1;
    }
}

/// Codes told apart; beyond them they are counted together.
const CODES_MAX: usize = 16;
