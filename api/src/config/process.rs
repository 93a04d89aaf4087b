//! Settings of how a process runs: where it listens, what it logs, how long it takes to stop, which
//! servers it uses. Each group is flattened into the commands that need it, so that the binaries
//! agree on every key.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use super::{Arguments, Problem, Settings, given};
use crate::http::connection::crowd::PerClient;

/// What every server of the product asks for, as text. `PORT` is where it listens unless told.
#[derive(Debug, clap::Args)]
pub struct ServerArguments<const PORT: u16> {
    #[command(flatten)]
    listen: ListenArguments<PORT>,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    backend: BackendArguments,
    #[command(flatten)]
    shared: Arguments,
}

/// What every server of the product asks for.
#[derive(Debug)]
pub struct Server {
    /// Where it listens and how it stops.
    pub listen: Listen,
    /// What is logged, and how.
    pub log: Log,
    /// Where the store is; `None` where no MongoDB is named.
    pub mongodb: Option<Address>,
    /// What every process of the product knows.
    pub settings: Settings,
}

/// What a server cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it has a store, and secrets kept beside it.
    Nothing,
    /// The store and the secrets that other processes have.
    Others,
}

/// Where a server listens and how it stops, as text.
#[derive(Debug, clap::Args)]
struct ListenArguments<const PORT: u16> {
    /// Port to listen on; 0 picks a free one.
    #[arg(long, env = "PORT", value_name = "PORT", default_value_t = PORT.to_string())]
    port: String,
    /// Address to listen on; 0.0.0.0 for every interface.
    #[arg(long, env = "HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// Seconds that a stop may take to close what is open; 0 to 300.
    #[arg(long, env = "DRAIN_SECONDS", value_name = "SECONDS", default_value = "20")]
    drain_seconds: String,
    /// Seconds for the head of an HTTP request, for its body, between two of them, and for each pause
    /// of a client in taking the answer; 1 to 300.
    #[arg(long, env = "HTTP_PATIENCE_SECONDS", value_name = "SECONDS", default_value = "20")]
    http_patience_seconds: String,
    /// Connections that one address may have at once without having signed in on them: HTTP, and
    /// sockets until then; a session on long polling is one more until then. One more than that is
    /// answered 503. Of IPv6, a /64 is one address. `off` lifts it; `TRUSTED_PROXIES` are not held to
    /// it. Default: 1024, and any number from this machine.
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", value_name = "COUNT|off")]
    connections_per_address: Option<String>,
}

/// Where a server listens and how it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Where; port 0 is a free one.
    pub address: SocketAddr,
    /// How long a stop may take.
    pub drain: Duration,
    /// How long an HTTP client may take for each thing that is waited for.
    pub patience: Duration,
    /// How many connections an HTTP client may have.
    pub per_client: PerClient,
}

/// What is logged, as text.
#[derive(Debug, clap::Args)]
pub struct LogArguments {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,api=debug`.
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    log_level: String,
    /// `auto` writes text to a terminal and JSON elsewhere.
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "auto")]
    log_format: String,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A filter.
    pub level: String,
    /// A format.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Which servers are used, as text.
#[derive(clap::Args)]
pub struct BackendArguments {
    /// Address of a MongoDB 6 or later, a replica set:
    /// `mongodb://host:27017/voxora-chat?replicaSet=rs0`.
    #[arg(long, env = "MONGODB_URI", value_name = "URI", hide_env_values = true)]
    mongodb_uri: Option<String>,
    /// Address of a Redis; not served by this version.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide = true)]
    redis_url: Option<String>,
}

impl fmt::Debug for BackendArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendArguments").finish_non_exhaustive()
    }
}

/// The address of a server; it may hold a password and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(pub String);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// The longest that a stop may be told to take.
const DRAIN_SECONDS_MAX: u64 = 300;

/// The longest that a client may be waited for.
const PATIENCE_SECONDS_MAX: u64 = 300;

impl<const PORT: u16> ServerArguments<PORT> {
    /// Judges them; what is wrong is added to `problems`, and what is missing of what it needs.
    pub fn settle(self, needs: Needs, problems: &mut Vec<Problem>) -> Option<Server> {
        let listen = self.listen.settle(problems);
        let log = self.log.settle(problems);
        let mongodb = match needs {
            Needs::Nothing => self.backend.settle(problems),
            Needs::Others => self.backend.require(problems),
        };
        let settings = self.shared.settle().map_err(|more| problems.extend(more)).ok();
        let has_secrets = settings.as_ref().is_none_or(|settings| settings.secrets.is_some());
        if needs == Needs::Others && !has_secrets {
            let fault = "must be set: every process signs and reads the same tokens";
            problems.push(Problem::new("JWT_SECRET", fault));
        }
        Some(Server { listen: listen?, log: log?, mongodb, settings: settings? })
    }
}

impl<const PORT: u16> ListenArguments<PORT> {
    fn settle(&self, problems: &mut Vec<Problem>) -> Option<Listen> {
        let port = self.port.trim().parse().ok();
        let port = keep(port, problems, "PORT", "must be 0 to 65535");
        let host = match self.host.trim().trim_matches(['[', ']']) {
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            host => keep(host.parse().ok(), problems, "HOST", "must be an IP address"),
        };
        let drain = seconds(&self.drain_seconds, 0..=DRAIN_SECONDS_MAX);
        let drain = keep(drain, problems, "DRAIN_SECONDS", "must be 0 to 300");
        let patience = seconds(&self.http_patience_seconds, 1..=PATIENCE_SECONDS_MAX);
        let patience = keep(patience, problems, "HTTP_PATIENCE_SECONDS", "must be 1 to 300");
        let per_client = per_client(given(self.connections_per_address.as_deref()));
        let fault = "must be a number from 1 on, or off";
        let per_client = keep(per_client, problems, "CONNECTIONS_PER_ADDRESS", fault);
        Some(Listen {
            address: SocketAddr::new(host?, port?),
            drain: drain?,
            patience: patience?,
            per_client: per_client?,
        })
    }
}

impl LogArguments {
    /// Judges them; what is wrong is added to `problems`.
    pub fn settle(&self, problems: &mut Vec<Problem>) -> Option<Log> {
        let format = LogFormat::from_str(self.log_format.trim(), true).ok();
        let format = keep(format, problems, "LOG_FORMAT", "must be auto, text or json");
        let level = self.log_level.trim().to_owned();
        let filter = EnvFilter::try_new(&level).ok();
        keep(filter, problems, "LOG_LEVEL", "must be a level or a filter")?;
        Some(Log { level, format: format? })
    }
}

impl BackendArguments {
    /// Judges them; what is wrong is added to `problems`. `None`: no MongoDB is named.
    pub fn settle(&self, problems: &mut Vec<Problem>) -> Option<Address> {
        if given(self.redis_url.as_deref()).is_some() {
            problems.push(Problem::new("REDIS_URL", "is not served by this version: unset it"));
        }
        let uri = given(self.mongodb_uri.as_deref())?.trim();
        let is_address = uri.starts_with("mongodb://") || uri.starts_with("mongodb+srv://");
        let uri = is_address.then(|| Address(uri.to_owned()));
        keep(uri, problems, "MONGODB_URI", "must begin with mongodb:// or mongodb+srv://")
    }

    /// The same, for a process that cannot do without a MongoDB.
    pub fn require(&self, problems: &mut Vec<Problem>) -> Option<Address> {
        let before = problems.len();
        let address = self.settle(problems);
        if address.is_none() && problems.len() == before {
            let fault = "must be set: the embedded store has one owner, `voxora serve`";
            problems.push(Problem::new("MONGODB_URI", fault));
        }
        address
    }
}

/// How many connections a client may have. Who sets a number means it for this machine too.
fn per_client(text: Option<&str>) -> Option<PerClient> {
    match text.map(str::trim) {
        None => Some(PerClient::DEFAULT),
        Some("off") => Some(PerClient { connections_max: None, ..PerClient::DEFAULT }),
        Some(count) => {
            let count = count.parse().ok().filter(|count| *count > 0)?;
            Some(PerClient { connections_max: Some(count), counts_loopback: true })
        }
    }
}

/// A time within these bounds.
fn seconds(text: &str, bounds: RangeInclusive<u64>) -> Option<Duration> {
    let seconds = text.trim().parse().ok();
    seconds.filter(|seconds| bounds.contains(seconds)).map(Duration::from_secs)
}

/// The value, or else one problem more.
fn keep<T>(value: Option<T>, problems: &mut Vec<Problem>, key: &str, fault: &str) -> Option<T> {
    if value.is_none() {
        problems.push(Problem::new(key, fault));
    }
    value
}

/// A switch: `on` or `off`.
pub fn switch(key: &str, text: &str, problems: &mut Vec<Problem>) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "on" | "true" | "1" => Some(true),
        "off" | "false" | "0" => Some(false),
        _ => {
            problems.push(Problem::new(key, "must be on or off"));
            None
        }
    }
}
