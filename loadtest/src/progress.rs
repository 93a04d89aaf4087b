//! A line that shows how far a phase has come, on a terminal; elsewhere nothing.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A phase that is under way.
#[derive(Debug)]
pub struct Progress {
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
        Self { bar, shown_at: Instant::now() }
    }

    /// Shows that `done` steps are done.
    ///
    /// # Cost
    /// One look at the clock, unless the line is stale.
    pub fn set(&mut self, done: u64) {
        if self.shown_at.elapsed() >= REFRESH {
            self.shown_at = Instant::now();
            self.bar.set_position(done);
        }
    }

    /// Takes the line away.
    pub fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}

const REFRESH: Duration = Duration::from_millis(100);
