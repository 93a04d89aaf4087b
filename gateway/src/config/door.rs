//! Settings of the sockets' doors: how patient they are.

use std::time::Duration;

use api::config::Problem;
use clap::Args;

/// How the doors are kept, as text.
#[derive(Debug, Args)]
pub(super) struct DoorArguments {
    /// Seconds for the head of an HTTP request, for its body, and for each pause of a client in
    /// taking the answer; 1 to 300.
    #[arg(long, env = "HTTP_PATIENCE_SECONDS", value_name = "SECONDS", default_value = "20")]
    http_patience_seconds: String,
}

/// How the doors are kept.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// How long an HTTP client may take for each thing that is waited for.
    pub patience: Duration,
}

impl DoorArguments {
    /// Judges them; what is wrong is added to `problems`.
    pub(super) fn settle(&self, problems: &mut Vec<Problem>) -> Option<DoorSettings> {
        let seconds = self.http_patience_seconds.trim().parse().ok();
        let patience = seconds.filter(|seconds| (1..=PATIENCE_SECONDS_MAX).contains(seconds));
        if patience.is_none() {
            problems.push(Problem::new("HTTP_PATIENCE_SECONDS", "must be 1 to 300"));
        }
        Some(DoorSettings { patience: Duration::from_secs(patience?) })
    }
}

/// The longest that a client may be waited for.
const PATIENCE_SECONDS_MAX: u64 = 300;
