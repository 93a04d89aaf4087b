//! What was sent in the measured time and what came back, and what it cost.

use serde::Serialize;

use super::{CpuReport, cpu_per, micros, ratio};
use crate::ledger::Tally;
use crate::measure::latency::Quantiles;
use crate::measure::{Measured, Reading};
use crate::scenario::Unit;

/// The traffic of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrafficReport {
    /// The measured time.
    pub seconds: f64,
    /// What is counted: `message`, `delivery` or `ack`.
    pub unit: &'static str,
    /// Units in the measured time.
    pub units: u64,
    /// Units per second.
    pub per_second: f64,
    /// Messages per second that a fixed rate asked for.
    pub offered_per_second: Option<u32>,
    /// Processor time per unit.
    pub cpu: Vec<CpuReport>,
    /// From when a message was due to each delivery, in the measured time.
    pub to_delivery: Quantiles,
    /// From when a message was due to its confirmation.
    pub to_ack: Quantiles,
    /// The counts of the measured time.
    pub measured: Tally,
    /// The counts of the whole run, warm-up and drain included.
    pub total: Tally,
}

/// What was read at both ends of the measured time, and at the end of all.
#[derive(Debug)]
pub(crate) struct Measurement<'a> {
    pub(crate) before: &'a Reading,
    pub(crate) after: &'a Reading,
    pub(crate) window: Tally,
    pub(crate) total: Tally,
}

impl TrafficReport {
    /// The figures of `measurement`, without latency.
    pub(crate) fn new(unit: Unit, processes: &[Measured], measurement: &Measurement<'_>) -> Self {
        let Measurement { before, after, window, total } = measurement;
        let took = after.since(before);
        let units = unit.count(window);
        Self {
            seconds: took.as_secs_f64(),
            unit: unit.name(),
            units,
            per_second: ratio(units * 1_000_000, micros(took)),
            offered_per_second: None,
            cpu: cpu_per(processes, (before, after), units),
            to_delivery: Quantiles::default(),
            to_ack: Quantiles::default(),
            measured: *window,
            total: *total,
        }
    }
}
