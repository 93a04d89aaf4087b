//! Programs that drive a stock client against a server under test.
//!
//! A program prints what it has shown, a line each, and fails with a non-zero exit; it ends itself
//! when it takes too long. `deploy/test/clients` installs what the programs import.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Which stock client a program is written for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    /// Node, with the JavaScript clients.
    JavaScript,
    /// Python, with `python-socketio`.
    Python,
}

/// Runs the program at `gateway/tests/<path>` to its end. Each line it prints goes to `reply`; what
/// that returns is written to the program's input.
///
/// # Panics
/// When the program fails, or cannot be started.
pub(crate) fn run(
    language: Language,
    path: &str,
    arguments: &[&str],
    mut reply: impl FnMut(&str) -> Option<String>,
) {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/clients");
    assert!(
        installed.join("installed").exists(),
        "the stock clients are not installed: run deploy/test/clients once"
    );
    let mut command = match language {
        Language::JavaScript => Command::new("node"),
        Language::Python => Command::new("python3"),
    };
    let mut program = command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path))
        .args(arguments)
        .env("NODE_PATH", installed.join("node_modules"))
        .env("PYTHONPATH", installed.join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node and python3 are installed: run deploy/test/clients once");
    let mut input = program.stdin.take().expect("stdin is piped");
    let output = BufReader::new(program.stdout.take().expect("stdout is piped"));
    let mut shown = Vec::new();
    for line in output.lines().map_while(Result::ok) {
        if let Some(answer) = reply(&line) {
            // A program that has gone shows in its exit status.
            let _ = writeln!(input, "{answer}");
        }
        shown.push(line);
    }
    let status = program.wait().expect("the child is ours to wait for");
    assert!(status.success(), "{path} {arguments:?} failed after:\n{}", shown.join("\n"));
}
