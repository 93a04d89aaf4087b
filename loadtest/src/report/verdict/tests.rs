use clap::Parser as _;

use crate::ledger::Tally;
use crate::measure::latency::{Latency, Quantiles};
use crate::plan::{Outcome, Plan, Scenario};
use crate::report::Report;
use crate::report::traffic::TrafficReport;

fn plan(flags: &[&str]) -> Scenario {
    let line = ["x", "support-chat"].iter().chain(flags);
    Plan::try_parse_from(line).unwrap().into_scenario().unwrap()
}

fn outcome(flags: &[&str]) -> Outcome {
    plan(flags).common().outcome.clone()
}

/// A report of a run in which all went well, but for `change`.
fn judged(flags: &[&str], change: impl FnOnce(&mut Report)) -> Vec<String> {
    let mut report = Report::new(&plan(&[]), &[]);
    report.connections.connected = 2;
    report.traffic = Some(TrafficReport {
        seconds: 1.0,
        unit: "message",
        units: 10,
        per_second: 10.0,
        offered_per_second: None,
        cpu: Vec::new(),
        to_delivery: Quantiles { count: 10, p99_us: 4000, ..Latency::new().quantiles() },
        to_ack: Latency::new().quantiles(),
        measured: Tally::default(),
        total: Tally { sent: 10, completed: 10, ..Tally::default() },
    });
    change(&mut report);
    report.judge(&outcome(flags));
    assert_eq!(report.verdict.passed, report.verdict.failures.is_empty());
    report.verdict.failures
}

fn total(report: &mut Report) -> &mut Tally {
    &mut report.traffic.as_mut().unwrap().total
}

#[test]
fn a_good_run_passes_whatever_is_expected() {
    let none = Vec::<String>::new();
    assert_eq!(judged(&[], |_| ()), none);
    let all = ["--expect-lost", "0", "--expect-duplicates", "0", "--expect-disorder", "0"];
    assert_eq!(judged(&all, |_| ()), none);
    assert_eq!(judged(&["--expect-p99", "4ms"], |_| ()), none);
}

#[test]
fn zero_is_no_success_when_nothing_was_measured() {
    let failures = judged(&["--expect-lost", "0"], |report| {
        report.traffic.as_mut().unwrap().units = 0;
    });
    assert!(failures[0].contains("nothing was measured"), "{failures:?}");
    assert_eq!(judged(&["--expect-lost", "0"], |report| report.traffic = None).len(), 1);
    assert_eq!(judged(&["--expect-cpu-us", "9"], |_| ()).len(), 1);
    assert_eq!(judged(&["--expect-kib", "9"], |_| ()).len(), 1);
    assert_eq!(judged(&[], |report| report.connections.connected = 0).len(), 1);
}

#[test]
fn losses_of_every_kind_break_the_expectation_and_nothing_else_does() {
    assert_eq!(judged(&["--expect-lost", "0"], |report| total(report).lost = 1).len(), 1);
    assert_eq!(judged(&["--expect-lost", "0"], |report| total(report).unconfirmed = 1).len(), 1);
    assert_eq!(
        judged(&["--expect-lost", "0"], |report| report.connections.joins_lost = 1).len(),
        1
    );
    assert_eq!(judged(&["--expect-lost", "1"], |report| total(report).lost = 1).len(), 0);
    assert_eq!(judged(&[], |report| total(report).lost = 1).len(), 0);
    assert_eq!(
        judged(&["--expect-duplicates", "0"], |report| total(report).duplicates = 1).len(),
        1
    );
    assert_eq!(judged(&["--expect-refused", "0"], |report| total(report).refused = 1).len(), 1);
    assert_eq!(judged(&["--expect-disorder", "0"], |report| total(report).disorder = 1).len(), 1);
}

#[test]
fn failed_and_dropped_connections_and_unsent_messages_always_count() {
    assert_eq!(judged(&[], |report| report.connections.failed = 1).len(), 1);
    assert_eq!(judged(&[], |report| report.connections.dropped = 1).len(), 1);
    assert_eq!(judged(&[], |report| report.connections.not_ready = 1).len(), 1);
    assert_eq!(judged(&[], |report| total(report).unsent = 1).len(), 1);
    assert_eq!(judged(&[], |report| total(report).strays = 1).len(), 1);
}

#[test]
fn a_slow_p99_breaks_its_expectation() {
    let failures = judged(&["--expect-p99", "3ms"], |_| ());
    assert!(failures[0].contains("p99"), "{failures:?}");
}
