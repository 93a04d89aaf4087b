//! What every binary of the product does around its work: it reads `.env`, takes what the system
//! lets it have, logs, hears that it should stop, and says why it ended.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::config::Problem;
use crate::config::process::{Log, LogFormat};

/// The exit code for a command line or configuration that cannot be used. Source: sysexits.h,
/// `EX_USAGE`.
pub const EXIT_USAGE: u8 = 64;

/// Adds to the environment what `.env` in the working directory says and nobody set.
pub fn read_dotenv() {
    // Absent is the usual case; a broken one is worth a word, but not a refusal.
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        say(&format!("cannot read .env: {error}"));
    }
}

/// Lets this process have as many descriptors open as the system allows it, which is often many times
/// of what it is given at first; says how many those are, unless there is no limit.
pub fn raise_descriptors() -> Option<usize> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // Where that is refused, it goes on with what it was given.
    let limit = if raised.is_ok() { maximum } else { current };
    limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Starts the log, on standard error.
pub fn start_log(log: &Log) {
    let filter = EnvFilter::new(&log.level);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_text = match log.format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if is_text {
        lines.with_ansi(io::stderr().is_terminal()).init();
    } else {
        lines.json().flatten_event(true).init();
    }
}

/// What tells this process to stop. Made before the process says that it serves: from then on a
/// signal is heard and no longer ends the process where it stands.
#[derive(Debug)]
pub struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    /// Begins to listen.
    ///
    /// # Errors
    /// The system gives no signals.
    pub fn listen() -> io::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// Waits for SIGTERM or SIGINT and says which it was.
    ///
    /// # Cancel safety
    /// When dropped, no signal is lost.
    pub async fn heard(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The end of a process whose command line clap did not take, or that was asked for help.
pub fn end_by_usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 })
}

/// The end of a process that cannot start with its configuration.
pub fn end_by_problems(name: &str, problems: &[Problem]) -> ExitCode {
    let lines: Vec<String> = problems.iter().map(|it| format!("  - {it}")).collect();
    say(&format!("{name} cannot start with this configuration:\n{}", lines.join("\n")));
    ExitCode::from(EXIT_USAGE)
}

/// The end of a process that did what it should, or failed.
pub fn end<E: Error>(name: &str, result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{name}: {}", with_causes(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it, in one sentence.
fn with_causes(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !sentence.ends_with(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = error.source();
    }
    sentence
}

fn say(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_raised_to_what_the_system_allows() {
        let Some(maximum) = getrlimit(Resource::Nofile).maximum else { return };
        let lower = Rlimit { current: Some(maximum - 1), maximum: Some(maximum) };
        setrlimit(Resource::Nofile, lower).unwrap();
        assert_eq!(raise_descriptors(), usize::try_from(maximum).ok());
        assert_eq!(getrlimit(Resource::Nofile).current, Some(maximum));
    }
}
