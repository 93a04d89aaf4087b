//! What a run has found, as data; [`table`] shows it to people, JSON to programs.

pub mod connection;
pub mod memory;
pub mod table;
pub mod traffic;
pub mod verdict;

use std::time::Duration;

use serde::Serialize;

use crate::app::{AckBy, App};
use crate::measure::process::Cpu;
use crate::measure::{Measured, Reading};
use crate::plan::{Outcome, Scenario};
use crate::scenario::Unit;
use connection::ConnectionReport;
use memory::MemoryReport;
use traffic::TrafficReport;
use verdict::Verdict;

/// Everything a run has found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// What was done, in one line.
    pub description: String,
    /// What was dialled.
    pub urls: Vec<String>,
    /// The application behind it.
    pub app: App,
    /// How it confirms.
    pub ack_by: AckBy,
    /// What is counted.
    #[serde(skip)]
    pub unit: Unit,
    /// The processes that were measured.
    pub processes: Vec<String>,
    /// What became of the connections.
    pub connections: ConnectionReport,
    /// What they cost in memory (`idle`).
    pub memory: Option<MemoryReport>,
    /// What doing nothing costs (`idle`).
    pub hold: Option<HoldReport>,
    /// What was sent and came back (all others).
    pub traffic: Option<TrafficReport>,
    /// How this program fared, on which the trust in the rest depends.
    pub client: ClientReport,
    /// Whether all is well.
    pub verdict: Verdict,
}

/// Processor time of a process per unit, in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CpuReport {
    /// Which process.
    pub process: String,
    /// In the program.
    pub user_us: f64,
    /// In the kernel.
    pub system_us: f64,
    /// Both.
    pub total_us: f64,
    /// The share of one core that the process used meanwhile; 1 is a whole core.
    pub cores: f64,
}

/// What idle connections cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoldReport {
    /// How long they were held, in seconds.
    pub seconds: f64,
    /// Processor time per connection and second, in microseconds; all processes.
    pub cpu_us_each_second: f64,
}

/// The state of the instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct ClientReport {
    /// The share of one core that this program used; it has one thread, so near 1 it is the limit.
    pub cores: f64,
    /// The longest that a message left after it was due, in microseconds.
    pub lag_max_us: u64,
}

impl Report {
    /// A report of `plan` without figures.
    pub fn new(plan: &Scenario, processes: &[Measured]) -> Self {
        let common = plan.common();
        Self {
            scenario: plan.name(),
            description: plan.describe(),
            urls: common.url.clone(),
            app: common.app,
            ack_by: common.ack_by,
            unit: plan.unit(),
            processes: processes.iter().map(name).collect(),
            connections: ConnectionReport::default(),
            memory: None,
            hold: None,
            traffic: None,
            client: ClientReport::default(),
            verdict: Verdict::default(),
        }
    }

    /// Enters what the time between two readings cost with `live` connections that do nothing.
    pub fn hold(&mut self, before: &Reading, after: &Reading, live: u32) {
        let took = after.since(before);
        let cpu: u64 = after.cpu_since(before).into_iter().map(Cpu::total_us).sum();
        let seconds = took.as_secs_f64();
        let each = ratio(cpu, live.into()) / seconds;
        let cpu_us_each_second = if each.is_finite() { each } else { 0.0 };
        self.hold = Some(HoldReport { seconds, cpu_us_each_second });
    }

    /// Enters how busy this program was between two readings.
    pub fn client(&mut self, before: &Reading, after: &Reading, lag_max: Duration) {
        let own = after.own_cpu - before.own_cpu;
        let cores = ratio(own.total_us(), micros(after.since(before)));
        self.client = ClientReport { cores, lag_max_us: micros(lag_max) };
    }

    /// Decides whether all is well.
    pub fn judge(&mut self, outcome: &Outcome) {
        self.verdict = verdict::judge(self, outcome);
    }
}

/// The processor time of each process between two readings, for each of `units`.
pub(crate) fn cpu_per(
    processes: &[Measured],
    (before, after): (&Reading, &Reading),
    units: u64,
) -> Vec<CpuReport> {
    let took = micros(after.since(before));
    let used = after.cpu_since(before);
    let each = |(process, cpu): (&Measured, Cpu)| CpuReport {
        process: name(process),
        user_us: ratio(cpu.user_us, units),
        system_us: ratio(cpu.system_us, units),
        total_us: ratio(cpu.total_us(), units),
        cores: ratio(cpu.total_us(), took),
    };
    processes.iter().zip(used).map(each).collect()
}

/// `amount / count`, 0 for a count of 0: nothing was measured, which the verdict says.
#[expect(clippy::cast_precision_loss, reason = "figures for people; 53 bits are enough")]
pub(crate) fn ratio(amount: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { amount as f64 / count as f64 }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn name(process: &Measured) -> String {
    format!("{} ({})", process.label, process.pid)
}
