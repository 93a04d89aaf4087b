//! The rules that a history must keep, and what broke them.

use std::collections::BTreeMap;

use serde::Serialize;

/// A rule. Its text says what a violation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A message was acknowledged, and the store does not have it.
    Lost,
    /// A message was heard, and the store does not have it.
    Vanished,
    /// A message was heard or stored that nobody sent.
    Invented,
    /// A message was stored twice, heard twice on one connection, or got two places.
    Duplicated,
    /// A place between two others is empty in the store, or was never heard on a connection that
    /// heard its neighbours.
    Skipped,
    /// A message stands elsewhere than somebody was told, came after its successor, or stands
    /// before one that was acknowledged before it was sent.
    Swapped,
    /// A message's text, sender or conversation is not the one that was sent.
    Altered,
    /// Somebody heard or read what is not theirs, or where they never joined.
    Leaked,
    /// A client that came back and asked still lacks a message.
    Diverged,
}

/// One violation, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule that is broken.
    pub rule: Rule,
    /// By what.
    pub what: String,
}

/// All violations of a history, and how much was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Findings {
    /// Violations of each rule that is broken.
    pub counts: BTreeMap<Rule, u64>,
    /// The first [`EXAMPLES_MAX`] of each rule.
    pub examples: Vec<Violation>,
    /// What was looked at.
    pub seen: Census,
}

/// What a history consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Census {
    /// Messages sent, each counted once.
    pub messages: u64,
    /// Of these, acknowledged.
    pub acknowledged: u64,
    /// Of these, never answered: whether they are stored is left to the server.
    pub unknown: u64,
    /// Of these, sent more than once.
    pub repeated: u64,
    /// Messages that the store holds.
    pub stored: u64,
    /// Messages that came by themselves.
    pub live: u64,
    /// Messages that came in answer to a join.
    pub caught: u64,
    /// Messages that came by themselves although the answer to the join had covered them.
    pub overlaps: u64,
}

/// Violations of one rule that are kept in words; the others are only counted.
pub const EXAMPLES_MAX: u64 = 10;

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 9] = [
        Self::Lost,
        Self::Vanished,
        Self::Invented,
        Self::Duplicated,
        Self::Skipped,
        Self::Swapped,
        Self::Altered,
        Self::Leaked,
        Self::Diverged,
    ];

    /// Its name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Vanished => "vanished",
            Self::Invented => "invented",
            Self::Duplicated => "duplicated",
            Self::Skipped => "skipped",
            Self::Swapped => "swapped",
            Self::Altered => "altered",
            Self::Leaked => "leaked",
            Self::Diverged => "diverged",
        }
    }
}

impl Findings {
    /// Enters a violation. The words are only made if they are kept.
    pub(super) fn add(&mut self, rule: Rule, what: impl FnOnce() -> String) {
        let count = self.counts.entry(rule).or_insert(0);
        *count += 1;
        if *count <= EXAMPLES_MAX {
            self.examples.push(Violation { rule, what: what() });
        }
    }

    /// Violations of `rule`.
    pub fn count(&self, rule: Rule) -> u64 {
        self.counts.get(&rule).copied().unwrap_or_default()
    }

    /// Whether every rule was kept.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }
}
