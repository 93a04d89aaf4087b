//! The command line and the environment of `voxora-api`: the only place that reads them.
//!
//! Each key is a flag and an environment variable; `.env` in the working directory is read when it
//! is there, and what is set already wins over it. All that is wrong is reported at once.

use clap::{Args, Parser, Subcommand};

use crate::auth::Secrets;
use crate::config::process::{
    Address, BackendArguments, Listen, Log, LogArguments, Needs, Server, ServerArguments,
};
use crate::config::{self, AdminArguments, Problem, Settings};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "voxora-api",
    version,
    about = "The REST API of voxora, on a MongoDB",
    after_help = "Without a command, `voxora-api` serves. Every flag can be set in the environment or in .env."
)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve REST (the default)
    Serve(Box<ServeArguments>),
    /// Administer the database
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Build missing indexes, and add to a database of the original what it lacks
    Index(DatabaseArguments),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make an account that may do everything
    Create(CreateArguments),
    /// Say that a backup was put back, while no server runs: clients read everything anew
    Restored(DatabaseArguments),
}

/// How to serve, as text.
#[derive(Debug, Args)]
struct ServeArguments {
    #[command(flatten)]
    server: ServerArguments<3002>,
}

/// Who becomes an admin, and where.
#[derive(Debug, Args)]
struct CreateArguments {
    #[command(flatten)]
    admin: AdminArguments,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    backend: BackendArguments,
}

/// Which database is seen to.
#[derive(Debug, Args)]
struct DatabaseArguments {
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    backend: BackendArguments,
}

/// What to do.
#[derive(Debug)]
pub enum Task {
    /// Serve.
    Serve(Box<Serve>),
    /// Make an admin.
    CreateAdmin(Box<Admin>),
    /// Make the database ready.
    Index(Database),
    /// Let clients of a restored database read everything anew.
    DeclareRestored(Database),
}

/// How to serve.
#[derive(Debug)]
pub struct Serve {
    /// Where to listen, whom to wait for, and how to stop.
    pub listen: Listen,
    /// Where the store is.
    pub mongodb: Address,
    /// What signs tokens, here and in every other process.
    pub secrets: Secrets,
    /// What is logged, and how.
    pub log: Log,
    /// What every process of the product knows.
    pub settings: Settings,
}

/// Who becomes an admin, and where.
#[derive(Debug)]
pub struct Admin {
    /// Where the store is.
    pub mongodb: Address,
    /// Signs nothing here.
    pub secrets: Secrets,
    /// What is logged, and how.
    pub log: Log,
    /// The admin, among the rest.
    pub settings: Settings,
}

/// Which database is seen to.
#[derive(Debug)]
pub struct Database {
    /// Where it is.
    pub mongodb: Address,
    /// What is logged, and how.
    pub log: Log,
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
    /// All that is wrong; never empty.
    pub fn settle(self) -> Result<Task, Vec<Problem>> {
        match self.command {
            None => self.serve.settle(),
            Some(Command::Serve(arguments)) => arguments.settle(),
            Some(Command::Admin(AdminCommand::Create(arguments))) => arguments.settle(),
            Some(Command::Admin(AdminCommand::Restored(arguments))) => {
                arguments.settle().map(Task::DeclareRestored)
            }
            Some(Command::Index(arguments)) => arguments.settle().map(Task::Index),
        }
    }
}

impl ServeArguments {
    fn settle(self) -> Result<Task, Vec<Problem>> {
        let mut problems = Vec::new();
        let server = self.server.settle(Needs::Others, &mut problems);
        let Some(Server { listen, log, mongodb, settings }) = server else { return Err(problems) };
        match (mongodb, settings.secrets.clone()) {
            (Some(mongodb), Some(secrets)) if problems.is_empty() => {
                Ok(Task::Serve(Box::new(Serve { listen, mongodb, secrets, log, settings })))
            }
            _ => Err(problems),
        }
    }
}

impl CreateArguments {
    fn settle(self) -> Result<Task, Vec<Problem>> {
        let mut problems = Vec::new();
        let log = self.log.settle(&mut problems);
        let mongodb = self.backend.require(&mut problems);
        let settings = self.admin.settle().map_err(|more| problems.extend(more)).ok();
        let secrets = Secrets::new("signs nothing while an account is made", None).ok();
        match (log, mongodb, settings.zip(secrets)) {
            (Some(log), Some(mongodb), Some((settings, secrets))) if problems.is_empty() => {
                Ok(Task::CreateAdmin(Box::new(Admin { mongodb, secrets, log, settings })))
            }
            _ => Err(problems),
        }
    }
}

impl DatabaseArguments {
    fn settle(self) -> Result<Database, Vec<Problem>> {
        let mut problems = Vec::new();
        let log = self.log.settle(&mut problems);
        let mongodb = self.backend.require(&mut problems);
        match (log, mongodb) {
            (Some(log), Some(mongodb)) if problems.is_empty() => Ok(Database { mongodb, log }),
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::http::connection::crowd::PerClient;

    const MONGODB: &str = "--mongodb-uri=mongodb://me:hunter22@localhost/chat";
    const SECRET: &str = "--jwt-secret=0123456789abcdef0123456789abcdef";

    fn settle(arguments: &[&str]) -> Result<Task, Vec<Problem>> {
        let line = ["voxora-api"].iter().chain(arguments);
        CommandLine::try_parse_from(line).unwrap().settle()
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let wrong = [
            "--host=nowhere",
            "--port=x",
            "--log-format=xml",
            "--http-patience-seconds=0",
            "--connections-per-address=0",
        ];
        let problems = settle(&wrong).unwrap_err();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        for key in [
            "HOST",
            "PORT",
            "LOG_FORMAT",
            "HTTP_PATIENCE_SECONDS",
            "CONNECTIONS_PER_ADDRESS",
            "MONGODB_URI",
            "JWT_SECRET",
        ] {
            assert!(text.contains(key), "{key} is missing in {text}");
        }
    }

    #[test]
    fn the_command_serve_is_the_default() {
        for arguments in [&[MONGODB, SECRET][..], &["serve", MONGODB, SECRET]] {
            let Ok(Task::Serve(serve)) = settle(arguments) else { panic!("{arguments:?}") };
            assert_eq!(serve.listen.address, SocketAddr::from(([127, 0, 0, 1], 3002)));
        }
    }

    #[test]
    fn connections_of_an_address_are_bounded_unless_that_is_lifted() {
        for (argument, connections_max, counts_loopback) in [
            (None, Some(1_024), false),
            (Some("--connections-per-address=off"), None, false),
            (Some("--connections-per-address=7"), Some(7), true),
        ] {
            let line: Vec<&str> = [MONGODB, SECRET].into_iter().chain(argument).collect();
            let Ok(Task::Serve(serve)) = settle(&line) else { panic!("{argument:?}") };
            let expected = PerClient { connections_max, counts_loopback };
            assert_eq!(serve.listen.per_client, expected, "{argument:?}");
        }
    }

    #[test]
    fn indexes_and_admins_need_no_secret() {
        assert!(matches!(settle(&["index", MONGODB]), Ok(Task::Index(_))));
        let restored = settle(&["admin", "restored", MONGODB]);
        assert!(matches!(restored, Ok(Task::DeclareRestored(_))));
        let admin = ["admin", "create", "--email=a@example.com", "--password=hunter22", MONGODB];
        let task = settle(&admin).unwrap();
        let shown = format!("{task:?}");
        assert!(matches!(task, Task::CreateAdmin(_)));
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}
