//! The command line and the environment of `voxora-api`: the only place that reads them.
//!
//! Each key is a flag and an environment variable; `.env` in the working directory is read when it
//! is there, and what is set already wins over it. All that is wrong is reported at once.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::auth::Secrets;
use crate::config::process::{self, Address, BackendArguments, ListenArguments, Log, LogArguments};
use crate::config::{Arguments, Problem, Settings};

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
    Index(IndexArguments),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make an account that may do everything
    Create(AdminArguments),
}

/// How to serve, as text.
#[derive(Debug, Args)]
struct ServeArguments {
    /// Port for REST; 0 picks a free one.
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "3002")]
    port: String,
    #[command(flatten)]
    listen: ListenArguments,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    backend: BackendArguments,
    #[command(flatten)]
    shared: Arguments,
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
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    backend: BackendArguments,
}

impl fmt::Debug for AdminArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminArguments").field("email", &self.email).finish_non_exhaustive()
    }
}

/// Where to build indexes.
#[derive(Debug, Args)]
struct IndexArguments {
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
    Index(Index),
}

/// How to serve.
#[derive(Debug)]
pub struct Serve {
    /// Where to listen.
    pub address: SocketAddr,
    /// Where the store is.
    pub mongodb: Address,
    /// What signs tokens, here and in every other process.
    pub secrets: Secrets,
    /// What is logged, and how.
    pub log: Log,
    /// How long a stop may take.
    pub drain: Duration,
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

/// Which database is made ready.
#[derive(Debug)]
pub struct Index {
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
        Self::try_parse()
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
            Some(Command::Index(arguments)) => arguments.settle(),
        }
    }
}

impl ServeArguments {
    fn settle(self) -> Result<Task, Vec<Problem>> {
        let mut problems = Vec::new();
        let port = process::port(&self.port, &mut problems);
        let listen = self.listen.settle(&mut problems);
        let log = self.log.settle(&mut problems);
        let mongodb = mongodb(&self.backend, &mut problems);
        let settings = self.shared.settle().map_err(|more| problems.extend(more)).ok();
        let secrets = settings.as_ref().and_then(|settings| settings.secrets.clone());
        if settings.is_some() && secrets.is_none() {
            let fault = "must be set: every process signs and reads the same tokens";
            problems.push(Problem::new("JWT_SECRET", fault));
        }
        match (port, listen, log, mongodb, settings.zip(secrets)) {
            (Some(port), Some(listen), Some(log), Some(mongodb), Some((settings, secrets)))
                if problems.is_empty() =>
            {
                let address = SocketAddr::new(listen.host, port);
                let drain = listen.drain;
                Ok(Task::Serve(Box::new(Serve { address, mongodb, secrets, log, drain, settings })))
            }
            _ => Err(problems),
        }
    }
}

impl AdminArguments {
    fn settle(self) -> Result<Task, Vec<Problem>> {
        /// No token is signed while an account is made.
        const UNUSED: &str = "signs nothing while an account is made";

        let mut problems = Vec::new();
        let log = self.log.settle(&mut problems);
        let mongodb = mongodb(&self.backend, &mut problems);
        let shared = Arguments {
            admin_email: Some(self.email),
            admin_password: Some(self.password),
            jwt_secret: Some(UNUSED.to_owned()),
            ..Arguments::default()
        };
        let settings = shared.settle().map_err(|more| problems.extend(more)).ok();
        let secrets = settings.as_ref().and_then(|settings| settings.secrets.clone());
        match (log, mongodb, settings.zip(secrets)) {
            (Some(log), Some(mongodb), Some((settings, secrets))) if problems.is_empty() => {
                Ok(Task::CreateAdmin(Box::new(Admin { mongodb, secrets, log, settings })))
            }
            _ => Err(problems),
        }
    }
}

impl IndexArguments {
    fn settle(self) -> Result<Task, Vec<Problem>> {
        let mut problems = Vec::new();
        let log = self.log.settle(&mut problems);
        let mongodb = mongodb(&self.backend, &mut problems);
        match (log, mongodb) {
            (Some(log), Some(mongodb)) if problems.is_empty() => {
                Ok(Task::Index(Index { mongodb, log }))
            }
            _ => Err(problems),
        }
    }
}

/// The address of the store, which this binary cannot do without.
fn mongodb(backend: &BackendArguments, problems: &mut Vec<Problem>) -> Option<Address> {
    let before = problems.len();
    let address = backend.settle(problems);
    if address.is_none() && problems.len() == before {
        let fault = "must be set: the embedded store has one owner, `voxora serve`";
        problems.push(Problem::new("MONGODB_URI", fault));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONGODB: &str = "--mongodb-uri=mongodb://me:hunter22@localhost/chat";
    const SECRET: &str = "--jwt-secret=0123456789abcdef0123456789abcdef";

    fn settle(arguments: &[&str]) -> Result<Task, Vec<Problem>> {
        let line = ["voxora-api"].iter().chain(arguments);
        CommandLine::try_parse_from(line).unwrap().settle()
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let problems = settle(&["--host=nowhere", "--port=x", "--log-format=xml"]).unwrap_err();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        for key in ["HOST", "PORT", "LOG_FORMAT", "MONGODB_URI", "JWT_SECRET"] {
            assert!(text.contains(key), "{key} is missing in {text}");
        }
    }

    #[test]
    fn the_command_serve_is_the_default() {
        for arguments in [&[MONGODB, SECRET][..], &["serve", MONGODB, SECRET]] {
            let Ok(Task::Serve(serve)) = settle(arguments) else { panic!("{arguments:?}") };
            assert_eq!(serve.address, SocketAddr::from(([127, 0, 0, 1], 3002)));
        }
    }

    #[test]
    fn indexes_and_admins_need_no_secret() {
        assert!(matches!(settle(&["index", MONGODB]), Ok(Task::Index(_))));
        let admin = ["admin", "create", "--email=a@example.com", "--password=hunter22", MONGODB];
        let task = settle(&admin).unwrap();
        let shown = format!("{task:?}");
        assert!(matches!(task, Task::CreateAdmin(_)));
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}
