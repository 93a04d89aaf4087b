//! What became of the connections, and what opening each one cost.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CpuReport, cpu_per, ratio};
use crate::measure::latency::Quantiles;
use crate::measure::{Measured, Reading};
use crate::report::micros;
use crate::swarm::Census;
use crate::traffic::Traffic;

/// The connections of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct ConnectionReport {
    /// Asked for.
    pub asked: u32,
    /// That became live.
    pub connected: u32,
    /// That did not.
    pub failed: u32,
    /// That were live and ended before the run did.
    pub dropped: u32,
    /// Live ones that never got into all their rooms.
    pub not_ready: u32,
    /// Joins sent right after CONNECT.
    pub joins: u64,
    /// Joins that nobody answered.
    pub joins_lost: u64,
    /// Why connections failed or dropped.
    pub reasons: BTreeMap<String, u32>,
    /// What the server said when it first refused a join or a message.
    pub refusal: Option<String>,
    /// From the first dial to the last CONNECT reply.
    pub seconds: f64,
    /// Connections per second in that time.
    pub per_second: f64,
    /// Per connection: TCP, upgrade, CONNECT, and the joins.
    pub cpu: Vec<CpuReport>,
    /// From dial to CONNECT reply.
    pub to_connect: Option<Quantiles>,
}

impl ConnectionReport {
    /// Enters what opening the connections cost.
    pub(crate) fn connecting(
        &mut self,
        processes: &[Measured],
        census: &Census,
        readings: (&Reading, &Reading),
    ) {
        let connected = census.ever_connected();
        let took = census.connecting_took();
        self.cpu = cpu_per(processes, readings, connected.into());
        self.seconds = took.as_secs_f64();
        self.per_second = ratio(u64::from(connected) * 1_000_000, micros(took));
        self.to_connect = Some(census.to_connect().quantiles());
    }

    /// Enters what became of them by the end.
    pub(crate) fn end(&mut self, census: &Census, traffic: &Traffic) {
        let (joins, confirmed) = traffic.joins();
        self.asked = traffic.seats();
        self.connected = census.ever_connected();
        self.failed = census.never_connected();
        self.dropped = census.lost();
        self.not_ready = census.live().saturating_sub(traffic.ready());
        self.joins = joins;
        self.joins_lost = joins.saturating_sub(confirmed);
        self.reasons.clone_from(census.reasons());
        self.refusal = traffic.refusal().map(str::to_owned);
    }
}
