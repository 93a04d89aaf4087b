//! The conformance example on a free port.

use std::path::Path;

use crate::process::{self, Process};

/// Starts it patient: no heartbeat comes, and nobody is closed for being slow, unless a test that is
/// about that says otherwise. So a machine that stops for seconds changes nothing of what is heard.
///
/// # Panics
/// When it was not built; `cargo test` builds examples with the tests.
pub(crate) fn start() -> Process {
    start_with(&[])
}

/// The same with these flags as well, whose word counts.
pub(crate) fn start_with(flags: &[&str]) -> Process {
    let patient = TIMES.into_iter().filter(|flag| !flags.contains(flag));
    let patient: Vec<&str> = patient.flat_map(|flag| [flag, AN_HOUR_MS]).collect();
    start_as_it_comes(&[&patient, flags].concat())
}

/// Starts it as the official suites want it, but for these flags.
pub(crate) fn start_as_it_comes(flags: &[&str]) -> Process {
    let built = Path::new(env!("CARGO_BIN_EXE_voxora")).with_file_name("examples/conformance");
    assert!(built.exists(), "run cargo build -p gateway --example conformance");
    let mut command = process::command(built);
    command.args(["--port", "0"]).args(flags);
    Process::start(command)
}

/// Has heartbeats come, as often as the official suites want it.
pub(crate) const PINGING: [&str; 2] = ["--ping-interval-ms", "300"];

/// Longer than a machine stops, and short enough to be waited for: what a client has where a test
/// shows both that who is in time may stay and that who is not may not.
pub(crate) const SOON_MS: &str = "8000";

const TIMES: [&str; 5] = [
    "--ping-interval-ms",
    "--ping-timeout-ms",
    "--connect-timeout-ms",
    "--upgrade-timeout-ms",
    "--patience-ms",
];

const AN_HOUR_MS: &str = "3600000";
