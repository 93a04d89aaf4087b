//! The server: this program once more, as `voxora serve`.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::ops::Sub;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gateway::config::{CommandLine, Task};
use tempfile::TempDir;

/// The argument that makes this program the server.
pub(crate) const COMMAND: &str = "serve";

pub(crate) const ADMIN_EMAIL: &str = "agent@example.com";
pub(crate) const PASSWORD: &str = "correct horse";

/// A running server; ended with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    /// Starts one on the embedded store, or on this MongoDB.
    pub(crate) fn start(mongodb_uri: Option<String>) -> io::Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(COMMAND).env_clear();
        command.env("DATA_DIR", folder.path()).env("PORT", "0").env("LOG_LEVEL", "warn");
        command.env("ADMIN_EMAIL", ADMIN_EMAIL).env("ADMIN_PASSWORD", PASSWORD);
        // One address sends all of it.
        command.env("RATE_LIMIT_MAX_REQUESTS", u32::MAX.to_string());
        if let Some(uri) = mongodb_uri {
            command.env("MONGODB_URI", uri);
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().map(BufReader::new).expect("its output is a pipe");
        let mut said = said.lines().map_while(Result::ok);
        let address = said.by_ref().find_map(|line| {
            line.split_once("listening on http://").and_then(|(_, address)| address.parse().ok())
        });
        // What it says later is read and dropped: a full pipe would stop it.
        std::thread::spawn(move || said.for_each(drop));
        let Some(address) = address else {
            child.wait()?;
            return Err(io::Error::other("the server does not start"));
        };
        Ok(Self { child, address, _folder: folder })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has used so far.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        Cpu::of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's part of this program: what the binary's own `main` does.
pub(crate) fn serve() -> io::Result<()> {
    let task = CommandLine::read().map_err(io::Error::other)?.settle();
    let Ok(Task::Serve(serve)) = task else {
        return Err(io::Error::other("this is no way to start the server"));
    };
    api::process::start_log(&serve.log);
    let services = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    services.block_on(gateway::serve::run(*serve)).map_err(io::Error::other)
}

/// Processor time of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Cpu {
    /// Fields 14 and 15 of proc(5) `stat`; the name before them may hold anything.
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let behind_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut ticks = behind_name.split_ascii_whitespace().skip(11).map(str::parse);
        let (Some(Ok(user)), Some(Ok(system))) = (ticks.next(), ticks.next()) else {
            return Err(io::Error::other("this system counts no processor time"));
        };
        let time = |ticks: u64| Duration::from_millis(ticks * MS_PER_TICK);
        Ok(Self { user: time(user), system: time(system) })
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        let user = self.user.saturating_sub(earlier.user);
        Self { user, system: self.system.saturating_sub(earlier.system) }
    }
}

/// Linux counts processor time for users in hundredths of a second.
const MS_PER_TICK: u64 = 10;
