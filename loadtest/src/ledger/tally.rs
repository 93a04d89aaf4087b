//! The counts of a run.

use std::ops::Sub;

use serde::Serialize;

/// What was sent and what came back. Differences of two tallies count what happened in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Messages that left.
    pub sent: u64,
    /// Messages that were heard by all and confirmed.
    pub completed: u64,
    /// Messages that the server refused; nobody was expected to hear them.
    pub refused: u64,
    /// Messages that were due and not sent, because too many were still open.
    pub unsent: u64,
    /// Deliveries that were to come.
    pub deliveries_expected: u64,
    /// Deliveries that came, surplus ones included.
    pub deliveries: u64,
    /// Deliveries that never came.
    pub lost: u64,
    /// Deliveries that came again.
    pub duplicates: u64,
    /// Deliveries out of order, and holes in numbered conversations.
    pub disorder: u64,
    /// Deliveries of messages that this run never sent.
    pub strays: u64,
    /// Messages that were given up while they were waited for; those that came later are not lost.
    pub overdue: u64,
    /// Confirmations that came.
    pub acks: u64,
    /// Messages that were neither confirmed nor refused.
    pub unconfirmed: u64,
    /// Confirmations that nobody waited for.
    pub acks_surplus: u64,
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            completed: self.completed - earlier.completed,
            refused: self.refused - earlier.refused,
            unsent: self.unsent - earlier.unsent,
            // Refusals take expectations back.
            deliveries_expected: self
                .deliveries_expected
                .saturating_sub(earlier.deliveries_expected),
            deliveries: self.deliveries - earlier.deliveries,
            // These two are states, not events: they may also fall.
            lost: self.lost.saturating_sub(earlier.lost),
            unconfirmed: self.unconfirmed.saturating_sub(earlier.unconfirmed),
            duplicates: self.duplicates - earlier.duplicates,
            disorder: self.disorder - earlier.disorder,
            strays: self.strays - earlier.strays,
            overdue: self.overdue - earlier.overdue,
            acks: self.acks - earlier.acks,
            acks_surplus: self.acks_surplus - earlier.acks_surplus,
        }
    }
}
