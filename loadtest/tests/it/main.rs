//! Whole runs against a live server: what the instrument must see, and what it must not make up.

#[cfg(test)]
mod chatter;
#[cfg(test)]
mod drill;
#[cfg(test)]
mod history;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod socket;

use std::time::Instant;

use clap::Parser as _;
use loadtest::flood;
use loadtest::plan::flood::Crowd;
use loadtest::plan::{Plan, Scenario, Task};
use loadtest::report::Report;
use loadtest::run;

use peer::Manner;

const STRICT: &str = "--expect-lost 0 --expect-duplicates 0 --expect-disorder 0 --expect-refused 0";
/// What is waited for comes, or its connection ends: the drain is as long as that takes.
const SHORT: &str = "--warmup 50ms --duration 300ms --drain 1m";

/// Runs the command `line` against a peer of this manner.
fn run_against(manner: Manner, line: &str) -> anyhow::Result<Report> {
    let address = peer::start(manner);
    // Named, not found by its port: a process that another test just starts has all files of this
    // one until it runs its own program, and may end before it is measured.
    let own = std::process::id();
    let line = format!("voxora-loadtest {line} --pid peer:{own} --url http://{address}");
    let plan = Plan::try_parse_from(line.split_ascii_whitespace())?;
    let plan = plan.into_scenario().expect("the line names a load scenario");
    run::run(&plan, &run::aim(&plan)?)
}

#[test]
fn every_scenario_passes_against_a_sound_server() {
    for line in [
        format!("idle --connections 20 --join 2 --settle 50ms --duration 100ms {STRICT}"),
        format!("support-chat --rooms 5 --in-flight 3 {SHORT} {STRICT}"),
        format!("support-chat --rooms 5 --rate 200 {SHORT} {STRICT}"),
        format!("room --connections 70 --in-flight 2 {SHORT} {STRICT}"),
        format!("echo --connections 2 --in-flight 4 {SHORT} {STRICT}"),
    ] {
        let report = run_against(Manner::Sound, &line).unwrap();
        assert!(report.verdict.passed, "{line}\n{report}");
        assert_eq!(report.connections.asked, report.connections.connected);
    }
}

#[test]
fn others_are_measured_without_and_with_a_flood_of_a_room_that_all_its_members_hear() {
    let address = peer::start(Manner::Sound);
    let line = format!(
        "voxora-loadtest flood --rooms 3 --rate 20 --crowd 30 --flood-rate 10 --rounds 1 \
         --warmup 50ms --duration 2s --drain 30s {STRICT} --expect-ratio 1000000 \
         --url http://{address}"
    );
    let Task::Flood(plan) = Plan::try_parse_from(line.split_ascii_whitespace()).unwrap().task
    else {
        panic!("the line names another task")
    };
    let chat = Scenario::SupportChat(plan.chat);
    let target = run::aim(&chat).unwrap();
    let report = flood::run(&plan.crowd, &chat, &target).unwrap();
    assert!(report.passed, "{report}");
    assert_eq!(report.rounds.len(), 1);
    assert!(report.flood.sent > 0, "{report}");
    assert_eq!(report.flood.deliveries, 30 * report.flood.sent, "{report}");
    let report = flood::run(&Crowd { expect_ratio: Some(0.0), ..plan.crowd }, &chat, &target);
    assert!(!report.unwrap().passed, "what was expected cannot be");
}

#[test]
fn each_message_is_delivered_to_all_members_and_confirmed_once() {
    let line = format!("room --connections 70 {SHORT}");
    let report = run_against(Manner::Sound, &line).unwrap();
    let total = report.traffic.unwrap().total;
    assert!(total.sent > 0);
    assert_eq!((total.deliveries, total.acks), (70 * total.sent, total.sent));
    assert_eq!((total.completed, total.lost), (total.sent, 0));
}

#[test]
fn a_fixed_rate_sends_what_is_due() {
    let line = "support-chat --rooms 5 --rate 200 --warmup 50ms --duration 1s --drain 1m";
    let began = Instant::now();
    let report = run_against(Manner::Sound, line).unwrap();
    let most = began.elapsed().as_secs_f64() * 200.0 + 1.0;
    let traffic = report.traffic.unwrap();
    let (sent, measured) = (traffic.total.sent, traffic.measured.sent);
    // All that came due while it sent, and nothing that cannot have come due since before it began.
    assert!(sent >= 210 && measured >= 200, "{sent} sent, {measured} of them measured");
    assert!(f64::from(u32::try_from(sent).unwrap()) <= most, "{sent} sent, {most} due");
    assert!(traffic.to_delivery.count > 0 && traffic.to_ack.count > 0);
}

#[test]
fn lost_deliveries_are_counted_and_fail_the_run() {
    // With three messages lost no other is in flight, and none of them is given up.
    let line = format!("support-chat --rooms 5 --in-flight 3 --patience 60m {SHORT} {STRICT}");
    let report = run_against(Manner::Loses, &line).unwrap();
    let total = report.traffic.as_ref().unwrap().total;
    assert!(total.sent >= 3, "{report}");
    assert_eq!(total.lost, 2 * (total.sent / 3), "{report}");
    assert!(report.verdict.failures.iter().any(|it| it.contains("lost")), "{report}");
}

#[test]
fn repeated_deliveries_are_counted_and_fail_the_run() {
    let line = format!("support-chat --rooms 5 --rate 200 {SHORT} {STRICT}");
    let report = run_against(Manner::Repeats, &line).unwrap();
    let total = report.traffic.as_ref().unwrap().total;
    assert_eq!((total.duplicates, total.lost), (2 * (total.sent / 3), 0), "{report}");
    assert!(!report.verdict.passed);
}

#[test]
fn refusals_are_no_losses() {
    let line = format!("support-chat --rooms 5 --rate 200 {SHORT} --expect-lost 0");
    let report = run_against(Manner::Refuses, &line).unwrap();
    let total = report.traffic.as_ref().unwrap().total;
    assert_eq!((total.refused, total.lost), (total.sent / 3, 0), "{report}");
    assert!(report.verdict.passed, "{report}");
    assert!(report.connections.refusal.is_some());
}

#[test]
fn a_server_that_never_acks_is_confirmed_by_its_events() {
    let line = format!("support-chat --rooms 5 --in-flight 3 --ack event {SHORT} {STRICT}");
    let report = run_against(Manner::NeverAcks, &line).unwrap();
    assert!(report.verdict.passed, "{report}");
    assert!(report.traffic.unwrap().total.acks > 0);
}

#[test]
fn a_connection_that_drops_fails_the_run() {
    let line = format!("room --connections 1 {SHORT}");
    let report = run_against(Manner::HangsUp, &line).unwrap();
    assert!(report.connections.dropped > 0);
    assert!(!report.verdict.passed, "{report}");
}

#[test]
fn a_refused_connect_is_told_with_the_servers_words() {
    let line = "idle --connections 4 --settle 0s --duration 0s";
    let report = run_against(Manner::Picks, line).unwrap();
    assert_eq!((report.connections.connected, report.connections.failed), (2, 2));
    assert!(report.connections.reasons.keys().any(|reason| reason.contains("CONNECT was refused")));
    assert!(!report.verdict.passed);
}

#[test]
fn a_port_where_nobody_listens_is_an_error_and_no_report() {
    let plan = ["x", "idle", "--connections", "2", "--url", "http://127.0.0.1:1"];
    let plan = Plan::try_parse_from(plan).unwrap().into_scenario().unwrap();
    let error = run::run(&plan, &run::aim(&plan).unwrap()).unwrap_err();
    assert!(error.to_string().contains("no connection came about"), "{error}");
}
