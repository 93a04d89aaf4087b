//! The command line and the environment of `voxora`: the only place that reads them.
//!
//! Each key is a flag and an environment variable; `.env` in the working directory is read when it
//! is there, and what is set already wins over it. All that is wrong is reported at once.

mod door;

use std::path::PathBuf;

use api::config::process::{self, Address, Listen, Log, Needs, Server, ServerArguments};
use api::config::{self, AdminArguments, Problem, Settings};
use clap::{Args, Parser, Subcommand};

use crate::event::allowance::{Rate, Rates};
use door::DoorArguments;
pub use door::DoorSettings;

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
    Create(CreateArguments),
    /// Say that a backup was put back: clients read everything anew
    Restored(DataArguments),
}

/// Who becomes an admin, and where.
#[derive(Debug, Args)]
struct CreateArguments {
    #[command(flatten)]
    admin: AdminArguments,
    #[command(flatten)]
    data: DataArguments,
}

/// Where the embedded store is.
#[derive(Debug, Args)]
struct DataArguments {
    /// Where the embedded store and the generated secrets lie; made when absent.
    #[arg(long, env = "DATA_DIR", value_name = "FOLDER", default_value = "./data")]
    data_dir: PathBuf,
}

/// How to serve, as text.
#[derive(Debug, Args)]
struct ServeArguments {
    #[command(flatten)]
    data: DataArguments,
    /// Let clients of Socket.IO 1 and 2 in (Engine.IO 3): `on` or `off`.
    #[arg(long, env = "ALLOW_EIO3", value_name = "SWITCH", default_value = "on")]
    allow_eio3: String,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    door: DoorArguments,
    #[command(flatten)]
    server: ServerArguments<3001>,
}

/// How much a socket may send, as text.
#[derive(Debug, Args)]
struct LimitArguments {
    /// Events that one connection may send a second, ten seconds' worth at once; a person, over all
    /// connections, four times as many. `off` lifts it.
    #[arg(
        long = "socket-events-per-second",
        env = "SOCKET_EVENTS_PER_SECOND",
        value_name = "COUNT",
        default_value = "100"
    )]
    events: String,
    /// Conversations that one connection may join a second, fifty seconds' worth at once. `off`
    /// lifts it.
    #[arg(
        long = "socket-joins-per-second",
        env = "SOCKET_JOINS_PER_SECOND",
        value_name = "COUNT",
        default_value = "20"
    )]
    joins: String,
    /// Bytes of events that one connection may send a second, eight seconds' worth at once. `off`
    /// lifts it.
    #[arg(
        long = "socket-bytes-per-second",
        env = "SOCKET_BYTES_PER_SECOND",
        value_name = "BYTES",
        default_value = "1000000"
    )]
    bytes: String,
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
        shared: Box<Settings>,
    },
    /// Let clients of a restored embedded store read everything anew.
    DeclareRestored {
        /// Where the store lies.
        data_dir: PathBuf,
    },
}

/// How to serve.
#[derive(Debug)]
pub struct Serve {
    /// Where to listen, whom to wait for, and how to stop.
    pub listen: Listen,
    /// Where the embedded store and the generated secrets lie.
    pub data_dir: PathBuf,
    /// Where the store is, if not in `data_dir`.
    pub mongodb: Option<Address>,
    /// What is logged, and how.
    pub log: Log,
    /// Whether clients of Engine.IO 3 are let in.
    pub allow_eio3: bool,
    /// How much a socket may send.
    pub rates: Rates,
    /// How the sockets' doors are kept.
    pub door: DoorSettings,
    /// What every process of the product knows.
    pub shared: Settings,
}

impl CommandLine {
    /// Reads the environment and the arguments.
    ///
    /// # Errors
    /// A wish for help or the version, and arguments that nobody knows.
    pub fn read() -> Result<Self, clap::Error> {
        config::read()
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
                let shared = Box::new(arguments.admin.settle()?);
                Ok(Task::CreateAdmin { data_dir: arguments.data.data_dir, shared })
            }
            Some(Command::Admin(AdminCommand::Restored(DataArguments { data_dir }))) => {
                Ok(Task::DeclareRestored { data_dir })
            }
        }
    }
}

impl ServeArguments {
    fn settle(self) -> Result<Task, Vec<Problem>> {
        let mut problems = Vec::new();
        let server = self.server.settle(Needs::Nothing, &mut problems);
        let allow_eio3 = process::switch("ALLOW_EIO3", &self.allow_eio3, &mut problems);
        let rates = self.limits.settle(&mut problems);
        let door = self.door.settle(&mut problems);
        match (server, allow_eio3, door) {
            (Some(server), Some(allow_eio3), Some(door)) if problems.is_empty() => {
                let Server { listen, log, mongodb, settings } = server;
                Ok(Task::Serve(Box::new(Serve {
                    listen,
                    data_dir: self.data.data_dir,
                    mongodb,
                    log,
                    allow_eio3,
                    rates,
                    door,
                    shared: settings,
                })))
            }
            _ => Err(problems),
        }
    }
}

impl LimitArguments {
    fn settle(&self, problems: &mut Vec<Problem>) -> Rates {
        let mut rate = |key, text: &str, burst_seconds| {
            if text.trim() == "off" {
                return None;
            }
            if let Ok(per_second @ 1..) = text.trim().parse() {
                return Some(Rate { per_second, burst_seconds });
            }
            problems.push(Problem::new(key, "must be a number from 1 on, or off"));
            None
        };
        Rates {
            events: rate("SOCKET_EVENTS_PER_SECOND", &self.events, 10),
            joins: rate("SOCKET_JOINS_PER_SECOND", &self.joins, 50),
            bytes: rate("SOCKET_BYTES_PER_SECOND", &self.bytes, 8),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

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
            "--http-patience-seconds=0",
            "--client-bundle=ftp://nowhere",
            "--cookie=a b",
            "--drain-seconds=1e9",
            "--jwt-expires-in=soon",
            "--socket-joins-per-second=0",
        ])
        .unwrap_err();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        for key in [
            "HOST",
            "PORT",
            "LOG_FORMAT",
            "DRAIN_SECONDS",
            "HTTP_PATIENCE_SECONDS",
            "CLIENT_BUNDLE",
            "COOKIE",
            "JWT_EXPIRES_IN",
            "SOCKET_JOINS_PER_SECOND",
        ] {
            assert!(text.contains(key), "{key} is missing in {text}");
        }
    }

    #[test]
    fn the_command_serve_is_the_default() {
        for arguments in [&["--port", "0"][..], &["serve", "--port", "0"]] {
            let Ok(Task::Serve(serve)) = settle(arguments) else { panic!("{arguments:?}") };
            assert_eq!(serve.listen.address, SocketAddr::from(([127, 0, 0, 1], 0)));
            assert_eq!(serve.listen.patience, Duration::from_secs(20));
        }
    }

    #[test]
    fn limits_of_sockets_are_lifted_by_a_word() {
        let Ok(Task::Serve(serve)) = settle(&["--socket-events-per-second=off"]) else { panic!() };
        assert_eq!(serve.rates.events, None);
        assert_eq!(serve.rates.joins, Some(Rate { per_second: 20, burst_seconds: 50 }));
    }

    #[test]
    fn secrets_are_not_shown() {
        let task =
            settle(&["admin", "create", "--email=A@b.example.com", "--password=hunter22"]).unwrap();
        let shown = format!("{task:?}");
        assert!(shown.contains("a@b.example.com"), "{shown}");
        assert!(!shown.contains("hunter22"), "{shown}");
    }

    #[test]
    fn an_admin_needs_an_address_and_a_password_that_can_be_used() {
        let problems = settle(&["admin", "create", "--email=nobody", "--password=short"]);
        assert_eq!(problems.unwrap_err().len(), 2);
    }
}
