//! The command line and the environment of `voxora`: the only place that reads them.
//!
//! Each key is a flag and an environment variable; `.env` in the working directory is read when it
//! is there, and what is set already wins over it. All that is wrong is reported at once.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use api::config::{Arguments, Problem};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "voxora",
    version,
    about = "Realtime gateway and REST API for support chat, compatible with stock Socket.IO clients",
    after_help = "Without a command, `voxora` serves. Every flag can be set in the environment or in .env."
)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve sockets and REST on one port (the default)
    Serve(Box<ServeArguments>),
    /// Administer the embedded store while the server is stopped
    #[command(subcommand)]
    Admin(AdminCommand),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make an account that may do everything
    Create(AdminArguments),
}

/// Who becomes an admin.
#[derive(Args)]
struct AdminArguments {
    /// The account's e-mail.
    #[arg(long, env = "ADMIN_EMAIL", value_name = "EMAIL")]
    email: String,
    /// Its password: 6 characters to 72 bytes. Better set in the environment than typed as a flag.
    #[arg(long, env = "ADMIN_PASSWORD", value_name = "TEXT", hide_env_values = true)]
    password: String,
    /// Where the store lies.
    #[arg(long, env = "DATA_DIR", value_name = "FOLDER", default_value = "./data")]
    data_dir: PathBuf,
}

/// How to serve, as text.
#[derive(Debug, Args)]
struct ServeArguments {
    /// Address to listen on; 0.0.0.0 for every interface.
    #[arg(long, env = "HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// Port for sockets and REST; 0 picks a free one.
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "3001")]
    port: String,
    /// Where the embedded store and the generated secrets lie; made when absent.
    #[arg(long, env = "DATA_DIR", value_name = "FOLDER", default_value = "./data")]
    data_dir: PathBuf,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,gateway=debug`.
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    log_level: String,
    /// `auto` writes text to a terminal and JSON elsewhere.
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "auto")]
    log_format: String,
    /// Seconds that a stop may take to close what is open; 0 to 300.
    #[arg(long, env = "DRAIN_SECONDS", value_name = "SECONDS", default_value = "20")]
    drain_seconds: String,
    /// Address of a MongoDB; not served by this version.
    #[arg(long, env = "MONGODB_URI", value_name = "URI", hide = true)]
    mongodb_uri: Option<String>,
    /// Address of a Redis; not served by this version.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide = true)]
    redis_url: Option<String>,
    #[command(flatten)]
    shared: Arguments,
}

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// Serve.
    Serve(Box<Serve>),
    /// Make an admin in the embedded store.
    CreateAdmin {
        /// Where the store lies.
        data_dir: PathBuf,
        /// Who becomes an admin, among the rest.
        shared: Box<api::config::Settings>,
    },
}

impl fmt::Debug for AdminArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminArguments").field("email", &self.email).finish_non_exhaustive()
    }
}

/// How to serve.
#[derive(Debug)]
pub struct Serve {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where data lies.
    pub data_dir: PathBuf,
    /// What is logged, and how.
    pub log: Log,
    /// How long a stop may take.
    pub drain: Duration,
    /// What every process of the product knows.
    pub shared: api::config::Settings,
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

impl CommandLine {
    /// Reads `.env`, the environment and the arguments.
    ///
    /// # Errors
    /// A wish for help or the version, and arguments that nobody knows.
    pub fn read() -> Result<Self, clap::Error> {
        // Absent is the usual case; a broken one is worth a word, but not a refusal.
        if let Err(error) = dotenvy::dotenv()
            && !error.not_found()
        {
            tracing::warn!(%error, "cannot read .env");
        }
        Self::try_parse()
    }

    /// Judges everything.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn settle(self) -> Result<Task, Vec<Problem>> {
        match self.command {
            None => self.serve.settle(),
            Some(Command::Serve(arguments)) => arguments.settle(),
            Some(Command::Admin(AdminCommand::Create(arguments))) => {
                let shared = Arguments {
                    admin_email: Some(arguments.email),
                    admin_password: Some(arguments.password),
                    ..Arguments::default()
                };
                let shared = Box::new(shared.settle()?);
                Ok(Task::CreateAdmin { data_dir: arguments.data_dir, shared })
            }
        }
    }
}

impl ServeArguments {
    fn settle(self) -> Result<Task, Vec<Problem>> {
        let mut problems = Vec::new();
        let host = self.host.trim().trim_matches(['[', ']']);
        let host: Option<IpAddr> = match host {
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            _ => keep(host.parse().ok(), &mut problems, "HOST", "must be an IP address"),
        };
        let port: Option<u16> =
            keep(self.port.trim().parse().ok(), &mut problems, "PORT", "must be 0 to 65535");
        let format = keep(
            LogFormat::from_str(self.log_format.trim(), true).ok(),
            &mut problems,
            "LOG_FORMAT",
            "must be auto, text or json",
        );
        let level = self.log_level.trim().to_owned();
        let is_filter = tracing_subscriber::EnvFilter::try_new(&level).is_ok();
        keep(is_filter.then_some(()), &mut problems, "LOG_LEVEL", "must be a level or a filter");
        let drain = self.drain_seconds.trim().parse().ok().filter(|seconds| *seconds <= 300);
        let drain = keep(drain, &mut problems, "DRAIN_SECONDS", "must be 0 to 300");
        for (key, value) in [("MONGODB_URI", &self.mongodb_uri), ("REDIS_URL", &self.redis_url)] {
            let unset = value.as_deref().is_none_or(|value| value.trim().is_empty());
            keep(
                unset.then_some(()),
                &mut problems,
                key,
                "is not served by this version: unset it",
            );
        }
        let shared = self.shared.settle().map_err(|more| problems.extend(more)).ok();
        match (host, port, format, drain, shared) {
            (Some(host), Some(port), Some(format), Some(drain), Some(shared))
                if problems.is_empty() =>
            {
                Ok(Task::Serve(Box::new(Serve {
                    address: SocketAddr::new(host, port),
                    data_dir: self.data_dir,
                    log: Log { level, format },
                    drain: Duration::from_secs(drain),
                    shared,
                })))
            }
            _ => Err(problems),
        }
    }
}

/// The value, or else one problem more.
fn keep<T>(value: Option<T>, problems: &mut Vec<Problem>, key: &str, fault: &str) -> Option<T> {
    if value.is_none() {
        problems.push(Problem::new(key, fault));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(arguments: &[&str]) -> Result<Task, Vec<Problem>> {
        let command_line = CommandLine::try_parse_from(["voxora"].iter().chain(arguments)).unwrap();
        command_line.settle()
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let problems = settle(&[
            "--host=nowhere",
            "--port=70000",
            "--log-format=xml",
            "--drain-seconds=1e9",
            "--jwt-expires-in=soon",
        ])
        .unwrap_err();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        for key in ["HOST", "PORT", "LOG_FORMAT", "DRAIN_SECONDS", "JWT_EXPIRES_IN"] {
            assert!(text.contains(key), "{key} is missing in {text}");
        }
    }

    #[test]
    fn the_command_serve_is_the_default() {
        for arguments in [&["--port", "0"][..], &["serve", "--port", "0"]] {
            let Ok(Task::Serve(serve)) = settle(arguments) else { panic!("{arguments:?}") };
            assert_eq!(serve.address, SocketAddr::from(([127, 0, 0, 1], 0)));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let task = settle(&["admin", "create", "--email=A@b.test", "--password=hunter22"]).unwrap();
        let shown = format!("{task:?}");
        assert!(shown.contains("a@b.test"), "{shown}");
        assert!(!shown.contains("hunter22"), "{shown}");
    }

    #[test]
    fn an_admin_needs_an_address_and_a_password_that_can_be_used() {
        let problems = settle(&["admin", "create", "--email=nobody", "--password=short"]);
        assert_eq!(problems.unwrap_err().len(), 2);
    }
}
