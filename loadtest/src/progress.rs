//! A line that shows how far a phase has come: always the same one on a terminal; elsewhere a new
//! one now and then, for whoever reads the log of a long run.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A phase that is under way.
#[derive(Debug)]
pub struct Progress {
    phase: &'static str,
    total: u64,
    bar: ProgressBar,
    shown_at: Instant,
}

impl Progress {
    /// Begins a phase of `total` steps.
    pub fn start(phase: &'static str, total: u64) -> Self {
        let bar = ProgressBar::new(total);
        let style =
            ProgressStyle::with_template("{msg:14} [{wide_bar}] {human_pos}/{human_len} {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(phase);
        Self { phase, total, bar, shown_at: Instant::now() }
    }

    /// Shows that `done` steps are done.
    ///
    /// # Cost
    /// One look at the clock, unless the line is stale.
    pub fn set(&mut self, done: u64) {
        let refresh = if self.bar.is_hidden() { LOG_INTERVAL } else { REFRESH };
        if self.shown_at.elapsed() < refresh {
            return;
        }
        self.shown_at = Instant::now();
        self.bar.set_position(done);
        if self.bar.is_hidden() {
            // Without standard error there is nobody to tell.
            let line = format!("{}: {done} of {}", self.phase, self.total);
            let _: io::Result<()> = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// Takes the line away.
    pub fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}

const REFRESH: Duration = Duration::from_millis(100);
const LOG_INTERVAL: Duration = Duration::from_secs(20);
