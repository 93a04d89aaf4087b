//! What became of the connections.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::client::End;
use crate::measure::latency::Latency;

/// Counts of connections by fate, and how long CONNECT took.
#[derive(Debug)]
pub struct Census {
    begun: u32,
    connected: u32,
    failed: u32,
    dropped: u32,
    first_dialed_at: Option<Instant>,
    last_connected_at: Option<Instant>,
    to_connect: Latency,
    reasons: BTreeMap<String, u32>,
}

impl Census {
    /// Nobody dialled yet.
    pub(super) fn new() -> Self {
        Self {
            begun: 0,
            connected: 0,
            failed: 0,
            dropped: 0,
            first_dialed_at: None,
            last_connected_at: None,
            to_connect: Latency::new(),
            reasons: BTreeMap::new(),
        }
    }

    pub(super) fn began(&mut self, at: Instant) {
        self.begun += 1;
        self.first_dialed_at.get_or_insert(at);
    }

    pub(super) fn connected(&mut self, at: Instant, after: Duration) {
        self.connected += 1;
        self.last_connected_at = Some(at);
        self.to_connect.record(after);
    }

    pub(super) fn failed(&mut self, end: &End) {
        self.failed += 1;
        self.note(end);
    }

    pub(super) fn dropped(&mut self, end: &End) {
        self.dropped += 1;
        self.note(end);
    }

    /// Connections on their way: begun, and neither live nor failed.
    pub fn dialing(&self) -> u32 {
        self.begun - self.connected - self.failed
    }

    /// Connections that were ever live.
    pub fn ever_connected(&self) -> u32 {
        self.connected
    }

    /// Connections that are live now.
    pub fn live(&self) -> u32 {
        self.connected - self.dropped
    }

    /// Connections that never became live.
    pub fn never_connected(&self) -> u32 {
        self.failed
    }

    /// Live connections that ended before the run did.
    pub fn lost(&self) -> u32 {
        self.dropped
    }

    /// From the first dial to the last CONNECT reply.
    pub fn connecting_took(&self) -> Duration {
        match (self.first_dialed_at, self.last_connected_at) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    /// From dial to CONNECT reply.
    pub fn to_connect(&self) -> &Latency {
        &self.to_connect
    }

    /// Why connections failed or were lost, and how many for each reason.
    pub fn reasons(&self) -> &BTreeMap<String, u32> {
        &self.reasons
    }

    fn note(&mut self, end: &End) {
        let reason = end.to_string();
        let known = self.reasons.len() < REASONS_MAX || self.reasons.contains_key(&reason);
        let reason = if known { reason } else { "other reasons".to_owned() };
        *self.reasons.entry(reason).or_insert(0) += 1;
    }
}

/// Reasons told apart; beyond them they are counted together.
const REASONS_MAX: usize = 16;
