//! The command lines of `history` and `reconnect`: what is checked, and what is done to it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use super::{SignIn, duration};

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Messages to have acknowledged
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=4_000_000))]
    pub sends: u32,
    /// Conversations of two; each member talks over a connection of its own
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u32).range(1..=10_000))]
    pub conversations: u32,
    /// Messages of one talker on their way at once
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=8))]
    pub depth: u32,
    /// Length of each message's text, in characters
    #[arg(long, default_value_t = 120, value_parser = value_parser!(u32).range(8..=300))]
    pub text_chars: u32,
    /// Time for everybody to come back and hear everything when the talking is over
    #[arg(long, default_value = "1m", value_parser = duration)]
    pub patience: Duration,
    /// Clients that try to get into conversations of others
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(0..=64))]
    pub intruders: u32,
    /// What is done to the server and the clients.
    #[command(flatten)]
    pub faults: Faults,
    /// What is checked.
    #[command(flatten)]
    pub subject: Subject,
}

/// `reconnect`.
#[derive(Debug, Args)]
pub struct Reconnect {
    /// Clients that lose their server and come back, over all processes
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(2..=60_000))]
    pub connections: u32,
    /// Client processes to share them
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=8))]
    pub processes: u32,
    /// Messages that each client has missed when it comes back
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u32).range(0..=50))]
    pub missed: u32,
    /// Time for all to be back; then the run has failed
    #[arg(long, default_value = "2m", value_parser = duration)]
    pub patience: Duration,
    /// Wait for the parent's word instead of ending a server
    #[arg(long, hide = true, requires = "url", conflicts_with_all = ["serve", "processes"])]
    pub child: bool,
    /// What is checked.
    #[command(flatten)]
    pub subject: Subject,
}

/// What is done while messages flow. Each fault has its turn when its share of the messages is
/// acknowledged, whatever the pace.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Faults")]
pub struct Faults {
    /// Times to end the server with SIGKILL and start it again; needs --serve
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=FAULTS_MAX))]
    pub kills: u32,
    /// Times that all clients drop their connections and return at once
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=FAULTS_MAX))]
    pub storms: u32,
    /// Times that connections are aborted at every byte of their handshake
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=FAULTS_MAX))]
    pub aborts: u32,
    /// Clients that hear all conversations of their user and stop reading now and then
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=64))]
    pub slow_readers: u32,
    /// How long they do not read, and how long they then do
    #[arg(long, default_value = "3s", value_parser = duration)]
    pub slow_for: Duration,
}

/// What is checked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub struct Subject {
    /// Start this `voxora` on a free port of this machine with an empty data folder of its own
    #[arg(long, conflicts_with_all = ["url", "api_url", "tokens"])]
    pub serve: Option<PathBuf>,
    /// KEY=VALUE for the environment of the started server, any number of times
    #[arg(long, requires = "serve", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// The running server
    #[arg(long, default_value = "http://127.0.0.1:3001")]
    pub url: String,
    /// The Socket.IO path
    #[arg(long, default_value = "/socket.io/")]
    pub path: String,
    /// Allow a target that is not this machine
    #[arg(long)]
    pub i_own_the_target: bool,
    /// Also write the report as JSON to this file, or to standard output if it is `-`
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Who the clients are.
    #[command(flatten)]
    pub sign_in: SignIn,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a setting is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Faults of one kind in a run.
const FAULTS_MAX: i64 = 1_000;
