//! The conformance example on a free port.

use std::path::Path;

use crate::process::{self, Process};

/// Starts it as the official suites want it.
///
/// # Panics
/// When it was not built; `cargo test` builds examples with the tests.
pub(crate) fn start() -> Process {
    start_with(&[])
}

/// Starts it with these flags as well.
pub(crate) fn start_with(flags: &[&str]) -> Process {
    let built = Path::new(env!("CARGO_BIN_EXE_voxora")).with_file_name("examples/conformance");
    assert!(built.exists(), "run cargo build -p gateway --example conformance");
    let mut command = process::command(built);
    command.args(["--port", "0"]).args(flags);
    Process::start(command)
}
