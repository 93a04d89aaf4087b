//! Whether a run is good: what must never be, and what the caller expects.

use serde::Serialize;

use super::{CpuReport, Report, micros};
use crate::plan::Outcome;
use crate::report::traffic::TrafficReport;

/// The judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Verdict {
    /// Whether there is no failure.
    pub passed: bool,
    /// What is wrong, a sentence each.
    pub failures: Vec<String>,
}

/// Judges `report` by `outcome`. A run that measured nothing fails whatever is expected.
pub(super) fn judge(report: &Report, outcome: &Outcome) -> Verdict {
    let mut failures = Vec::new();
    judge_soundness(report, &mut failures);
    judge_counts(report, outcome, &mut failures);
    judge_costs(report, outcome, &mut failures);
    Verdict { passed: failures.is_empty(), failures }
}

/// What is wrong with any run.
fn judge_soundness(report: &Report, failures: &mut Vec<String>) {
    let connections = &report.connections;
    if connections.connected == 0 {
        failures.push("nothing was measured: no connection came about".into());
    }
    let mut none = |count: u64, what: &str| {
        if count > 0 {
            failures.push(format!("{count} {what}"));
        }
    };
    none(connections.failed.into(), "connections failed");
    none(connections.dropped.into(), "connections were dropped");
    none(connections.not_ready.into(), "clients never got into their rooms");
    let Some(traffic) = &report.traffic else { return };
    none(
        traffic.total.unsent,
        "messages were due and never sent: the target is slower than --rate",
    );
    none(traffic.total.strays, "deliveries belong to no message of this run");
    if traffic.units == 0 {
        failures.push(format!("nothing was measured: no {} in the measured time", traffic.unit));
    }
}

/// What was expected of the counts.
fn judge_counts(report: &Report, outcome: &Outcome, failures: &mut Vec<String>) {
    let total = report.traffic.as_ref().map(|traffic| traffic.total).unwrap_or_default();
    let lost = total.lost + total.unconfirmed + report.connections.joins_lost;
    let mut at_most = |count: u64, expected: Option<u64>, what: &str| {
        if let Some(expected) = expected.filter(|expected| count > *expected) {
            failures.push(format!("{count} {what}, expected {expected} at most"));
        }
    };
    at_most(lost, outcome.expect_lost, "deliveries, confirmations or first events lost");
    at_most(total.duplicates + total.acks_surplus, outcome.expect_duplicates, "duplicates");
    at_most(total.refused, outcome.expect_refused, "messages refused");
    at_most(total.disorder, outcome.expect_disorder, "deliveries out of order");
    let nothing_to_lose = report.traffic.is_none() && report.connections.joins == 0;
    if nothing_to_lose && outcome.expect_lost.is_some() {
        failures.push("--expect-lost: nothing was sent that could be lost".into());
    }
}

/// What was expected of latency, processor time and memory.
fn judge_costs(report: &Report, outcome: &Outcome, failures: &mut Vec<String>) {
    let mut at_most =
        |found: Option<f64>, expected: Option<f64>, what: &str| match (found, expected) {
            (_, None) => {}
            (None, Some(_)) => failures.push(format!("{what} was not measured")),
            (Some(found), Some(expected)) if found <= expected => {}
            (Some(found), Some(expected)) => {
                failures.push(format!("{what} is {found:.2}, expected {expected:.2} at most"));
            }
        };
    let p99 = report.traffic.as_ref().and_then(p99_us).map(as_float);
    at_most(p99, outcome.expect_p99.map(micros).map(as_float), "p99 (µs)");
    let cpu = report.traffic.as_ref().map_or(&report.connections.cpu, |traffic| &traffic.cpu);
    let sum = |cpu: &[CpuReport]| cpu.iter().map(|process| process.total_us).sum();
    let cpu = (!cpu.is_empty()).then(|| sum(cpu));
    at_most(cpu, outcome.expect_cpu_us, "processor time per unit (µs)");
    let memory = report.memory.as_ref().filter(|memory| !memory.processes.is_empty());
    at_most(memory.map(|memory| memory.rss_kib_each), outcome.expect_kib, "memory per connection");
}

fn p99_us(traffic: &TrafficReport) -> Option<u64> {
    let deliveries = Some(traffic.to_delivery).filter(|latency| latency.count > 0);
    let acks = Some(traffic.to_ack).filter(|latency| latency.count > 0);
    deliveries.or(acks).map(|latency| latency.p99_us)
}

fn as_float(us: u64) -> f64 {
    super::ratio(us, 1)
}

#[cfg(test)]
mod tests;
