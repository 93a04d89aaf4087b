//! The conformance example on a free port.

use std::path::Path;

use crate::process::{self, Process};

/// Starts it.
///
/// # Panics
/// When it was not built; `cargo test` builds examples with the tests.
pub(crate) fn start() -> Process {
    let built = Path::new(env!("CARGO_BIN_EXE_voxora")).with_file_name("examples/conformance");
    assert!(built.exists(), "run cargo build -p gateway --example conformance");
    let mut command = process::command(built);
    command.args(["--port", "0"]);
    Process::start(command)
}
