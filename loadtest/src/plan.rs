//! The command line: which scenario, against what, within which bounds.
//!
//! Everything a run may use is limited here, so that no run is endless and none floods a machine
//! by a slip of the finger.

pub mod drill;
pub mod flood;
pub mod target;

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::admission::USERS_MAX;
use crate::app::{AckBy, App, Dialect};
use crate::measure::Measured;
use crate::pace::Pace;

/// Load scenarios for any Socket.IO server (Engine.IO 4 over WebSocket).
#[derive(Debug, Parser)]
#[command(name = "voxora-loadtest", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Plan {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// What this program can do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// A load scenario.
    #[command(flatten)]
    Load(Scenario),
    /// Flood a large room, and see what others feel of it
    Flood(flood::Flood),
    /// Talk through faults, and compare what was sent and heard with what is stored
    History(drill::History),
    /// End the server under many clients, and see them all come back
    Reconnect(drill::Reconnect),
}

/// The load scenarios.
#[derive(Debug, Subcommand)]
pub enum Scenario {
    /// Open many connections and keep them: what does each cost?
    Idle(Idle),
    /// Many rooms of two: each message goes to both and is confirmed to its sender
    SupportChat(SupportChat),
    /// One room of many: each message goes to all
    Room(Room),
    /// Messages that only the server answers
    Echo(Echo),
}

/// `idle`.
#[derive(Debug, Args)]
pub struct Idle {
    /// Connections to open
    #[arg(long, default_value_t = 10_000, value_parser = connections())]
    pub connections: u32,
    /// Rooms that each connection joins right after CONNECT; unanswered joins are lost events
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(0..=8))]
    pub join: u32,
    /// Time to let the server come to rest before its memory is read
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub settle: Duration,
    /// Time to hold the connections after that, to see what doing nothing costs
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub duration: Duration,
    /// Target, sign-in and outcome.
    #[command(flatten)]
    pub common: Common,
}

/// `support-chat`.
#[derive(Debug, Args)]
pub struct SupportChat {
    /// Rooms of two; each needs two connections
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..=30_000))]
    pub rooms: u32,
    /// Pace and length.
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Target, sign-in and outcome.
    #[command(flatten)]
    pub common: Common,
}

/// `room`.
#[derive(Debug, Args)]
pub struct Room {
    /// Members of the room; the first of them sends
    #[arg(long, default_value_t = 1000, value_parser = connections())]
    pub connections: u32,
    /// Pace and length.
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Target, sign-in and outcome.
    #[command(flatten)]
    pub common: Common,
}

/// `echo`.
#[derive(Debug, Args)]
pub struct Echo {
    /// Connections, which take turns
    #[arg(long, default_value_t = 1, value_parser = connections())]
    pub connections: u32,
    /// Pace and length.
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Target, sign-in and outcome.
    #[command(flatten)]
    pub common: Common,
}

/// How the scenarios that send do so.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traffic")]
pub struct TrafficArgs {
    /// Messages in flight, over all rooms: the next leaves when one is heard by all and confirmed
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=10_000))]
    pub in_flight: u32,
    /// Messages per second instead, come what may; latency counts from when each was due
    #[arg(long, conflicts_with = "in_flight", value_parser = value_parser!(u32).range(1..=500_000))]
    pub rate: Option<u32>,
    /// Time to measure; one in which nothing came lasts until something does, --drain at most
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub duration: Duration,
    /// Time to send before measuring
    #[arg(long, default_value = "2s", value_parser = duration)]
    pub warmup: Duration,
    /// Time to wait at the end for what is still missing, while anybody is connected; then it is lost
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub drain: Duration,
    /// Time after which an unfinished message no longer counts as in flight
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub patience: Duration,
    /// Length of each message's text
    #[arg(long, default_value_t = 120, value_parser = value_parser!(u32).range(23..=5000))]
    pub body_bytes: u32,
}

/// What all scenarios have in common.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub struct Common {
    /// The server; several are dialled in turn, so that pairs talk across two nodes
    #[arg(long, default_value = "http://127.0.0.1:3001", num_args = 1..)]
    pub url: Vec<String>,
    /// The Socket.IO path
    #[arg(long, default_value = "/socket.io/")]
    pub path: String,
    /// Allow a target that is not this machine
    #[arg(long)]
    pub i_own_the_target: bool,
    /// What application answers
    #[arg(long, value_enum, default_value_t = App::Conformance)]
    pub app: App,
    /// How it confirms messages and joins
    #[arg(long = "ack", value_enum, default_value_t = AckBy::Packet)]
    pub ack_by: AckBy,
    /// A process to measure, as PID or NAME:PID, any number of times; found by the port if omitted
    #[arg(long, value_parser = target::measured)]
    pub pid: Vec<Measured>,
    /// Connections to begin per second; as fast as the window allows if omitted
    #[arg(long, value_parser = value_parser!(u32).range(1..=100_000))]
    pub connect_rate: Option<u32>,
    /// Connections that may be on their way at once
    #[arg(long, default_value_t = 256, value_parser = value_parser!(u32).range(1..=4096))]
    pub connect_window: u32,
    /// Who the clients are.
    #[command(flatten)]
    pub sign_in: SignIn,
    /// What to make of the figures.
    #[command(flatten)]
    pub outcome: Outcome,
}

/// Who the clients are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing in (--app voxora)")]
pub struct SignIn {
    /// Where REST is answered; the first --url if omitted
    #[arg(long)]
    pub api_url: Option<String>,
    /// Users to register and share among the connections; as few as the scenario needs if omitted
    #[arg(long, value_parser = value_parser!(u32).range(2..=i64::from(USERS_MAX)))]
    pub users: Option<u32>,
    /// A file of access tokens, one a line, to use instead of registering anybody
    #[arg(long, conflicts_with = "users")]
    pub tokens: Option<PathBuf>,
    /// Where to write the tokens of the registered users, for --tokens of a later run
    #[arg(long)]
    pub save_tokens: Option<PathBuf>,
}

/// What to make of the figures.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Outcome")]
pub struct Outcome {
    /// Also write the report as JSON to this file, or to standard output if it is `-`
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Fail if more deliveries, confirmations or first events are lost
    #[arg(long)]
    pub expect_lost: Option<u64>,
    /// Fail if more deliveries come twice
    #[arg(long)]
    pub expect_duplicates: Option<u64>,
    /// Fail if more deliveries are out of order
    #[arg(long)]
    pub expect_disorder: Option<u64>,
    /// Fail if the server refuses more messages
    #[arg(long)]
    pub expect_refused: Option<u64>,
    /// Fail if the 99th percentile to delivery (to ack, for echo) is slower
    #[arg(long, value_parser = duration)]
    pub expect_p99: Option<Duration>,
    /// Fail if the servers use more processor time per unit, in µs
    #[arg(long)]
    pub expect_cpu_us: Option<f64>,
    /// Fail if the servers hold more memory per connection, in KiB (idle)
    #[arg(long)]
    pub expect_kib: Option<f64>,
}

impl Plan {
    /// The load scenario, if it is one.
    pub fn into_scenario(self) -> Option<Scenario> {
        match self.task {
            Task::Load(scenario) => Some(scenario),
            Task::Flood(_) | Task::History(_) | Task::Reconnect(_) => None,
        }
    }
}

impl Scenario {
    /// What the scenarios have in common.
    pub fn common(&self) -> &Common {
        match self {
            Self::Idle(Idle { common, .. })
            | Self::SupportChat(SupportChat { common, .. })
            | Self::Room(Room { common, .. })
            | Self::Echo(Echo { common, .. }) => common,
        }
    }

    /// How it sends, if it does.
    pub const fn traffic(&self) -> Option<&TrafficArgs> {
        match self {
            Self::Idle(_) => None,
            Self::SupportChat(SupportChat { traffic, .. })
            | Self::Room(Room { traffic, .. })
            | Self::Echo(Echo { traffic, .. }) => Some(traffic),
        }
    }

    /// Its name on the command line.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Idle(_) => "idle",
            Self::SupportChat(_) => "support-chat",
            Self::Room(_) => "room",
            Self::Echo(_) => "echo",
        }
    }
}

impl Common {
    /// How the target is spoken to.
    pub const fn dialect(&self) -> Dialect {
        Dialect { app: self.app, ack_by: self.ack_by }
    }
}

impl TrafficArgs {
    /// How messages are paced.
    pub fn pace(&self) -> Pace {
        match self.rate.and_then(NonZeroU32::new) {
            Some(rate) => Pace::PerSecond(rate),
            None => Pace::InFlight(self.in_flight),
        }
    }
}

impl fmt::Display for TrafficArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pace() {
            Pace::PerSecond(rate) => write!(f, "{rate} messages a second")?,
            Pace::InFlight(count) => write!(f, "{count} message(s) in flight")?,
        }
        write!(f, ", texts of {} bytes", self.body_bytes)
    }
}

/// A duration such as `10s`, `500ms`, `2m` or `1.5` (seconds), of an hour at most.
///
/// # Errors
/// Anything else, in words.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds_each = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        _ => return Err("the unit must be ms, s or m".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "not a number with a unit".to_owned())?;
    let duration = Duration::try_from_secs_f64(number * seconds_each)
        .map_err(|_| "not a length of time".to_owned())?;
    if duration > DURATION_MAX { Err("longer than an hour".to_owned()) } else { Ok(duration) }
}

fn connections() -> clap::builder::RangedI64ValueParser<u32> {
    value_parser!(u32).range(1..=CONNECTIONS_MAX)
}

/// The longest that any one part of a run may take.
const DURATION_MAX: Duration = Duration::from_hours(1);
/// One address has fewer ports than this to call from.
const CONNECTIONS_MAX: i64 = 60_000;

const EXAMPLES: &str = "\
Examples:
  voxora-loadtest idle --connections 10000
  voxora-loadtest support-chat --rooms 5000 --in-flight 64 --expect-lost 0
  voxora-loadtest support-chat --rooms 5000 --rate 5000 --duration 30s --json report.json
  voxora-loadtest room --connections 1000 --in-flight 16
  voxora-loadtest echo --in-flight 16
  voxora-loadtest support-chat --app voxora --rooms 100 --save-tokens tokens
  voxora-loadtest flood --app voxora --rooms 100 --rate 300 --crowd 2000 --expect-ratio 1.5
  voxora-loadtest history --url http://127.0.0.1:3001 --storms 5 --slow-readers 4
  voxora-loadtest history --serve target/release/voxora --sends 100000 --kills 10 --storms 10
  voxora-loadtest reconnect --serve target/release/voxora --connections 9000

Exit codes: 0 all is well, 1 an expectation failed, a rule was broken or nothing was measured, 2 a wrong command
line or a target that is not allowed, 3 the run could not be made.";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory as _, Parser as _};

    use super::{Plan, Scenario, duration};
    use crate::pace::Pace;

    #[test]
    fn the_command_line_is_consistent() {
        Plan::command().debug_assert();
    }

    #[test]
    fn durations_have_units_and_a_bound() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for bad in ["", "s", "10h", "61m", "-1s", "NaN", "infs"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_replaces_the_number_in_flight_and_both_together_are_refused() {
        let plan = Plan::try_parse_from(["x", "support-chat", "--rate", "5000"]).unwrap();
        let Some(Scenario::SupportChat(chat)) = plan.into_scenario() else { panic!("another one") };
        assert!(matches!(chat.traffic.pace(), Pace::PerSecond(rate) if rate.get() == 5000));
        let both = ["x", "room", "--rate", "1", "--in-flight", "1"];
        assert!(Plan::try_parse_from(both).is_err());
    }

    #[test]
    fn counts_out_of_bounds_are_refused() {
        for line in [
            ["x", "idle", "--connections", "0"],
            ["x", "idle", "--connections", "60001"],
            ["x", "room", "--in-flight", "10001"],
            ["x", "room", "--body-bytes", "22"],
            ["x", "echo", "--duration", "2h"],
        ] {
            assert!(Plan::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
