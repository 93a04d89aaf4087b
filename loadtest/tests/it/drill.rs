//! Drills against the built `voxora`: the whole machinery, on every change.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser as _;
use loadtest::drill;
use loadtest::plan::{Plan, Task};
use serde_json::Value;

#[test]
fn history_keeps_every_rule_through_a_kill_a_storm_cut_handshakes_and_slow_readers() {
    let line = "voxora-loadtest history --sends 2000 --conversations 28 --kills 1 --storms 1 \
                --aborts 1 --slow-readers 2 --slow-for 500ms";
    let server = voxora();
    let line = line.split_ascii_whitespace().chain(["--serve", server.to_str().unwrap()]);
    let Task::History(plan) = Plan::try_parse_from(line).unwrap().task else {
        panic!("the line names another task")
    };
    let report = drill::history(&plan).unwrap();
    assert!(report.passed, "{report}");
    assert_eq!(report.findings.seen.acknowledged, 2000, "{report}");
    // Both faults were felt by everybody, and everybody came back.
    let faults: Vec<&str> = report.recoveries.iter().map(|it| it.fault).collect();
    assert!(faults.contains(&"kill") && faults.contains(&"storm"), "{report}");
    assert!(report.drops >= 2 * 60, "{report}");
    assert!(report.unknown_outcomes > 0 && report.findings.seen.repeated > 0, "{report}");
    assert!(report.aborted_handshakes > 100 && report.mutes > 0, "{report}");
    assert!(report.intrusions_refused > 0 && report.findings.seen.caught > 0, "{report}");
}

#[test]
fn clients_of_two_processes_come_back_and_lack_nothing() {
    let run = Command::new(LOADTEST)
        .args(["reconnect", "--connections", "12", "--processes", "2", "--json", "-", "--serve"])
        .arg(voxora())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let clients = |nth: usize| report["returns"][nth]["clients"].as_u64();
    assert_eq!((clients(0), clients(1)), (Some(6), Some(6)), "{said}");
    assert_eq!(report["returns"][0]["caught"], 24, "{said}");
    assert!(report["server_cpu_ms"].as_u64() > Some(0), "{said}");
}

#[test]
fn kills_without_a_server_of_ones_own_are_refused() {
    for line in [
        ["history", "--kills", "1", "--url", "http://127.0.0.1:1"].as_slice(),
        &["history", "--url", "http://192.0.2.1:3001"],
        &["reconnect", "--url", "https://127.0.0.1"],
    ] {
        let run = Command::new(LOADTEST).args(line).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{line:?}");
    }
}

/// The product, which the same build put beside the instrument.
fn voxora() -> PathBuf {
    let server = Path::new(LOADTEST).with_file_name("voxora");
    assert!(server.exists(), "{} is missing: cargo build --package gateway", server.display());
    server
}

const LOADTEST: &str = env!("CARGO_BIN_EXE_voxora-loadtest");
