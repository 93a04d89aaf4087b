//! `voxora serve` on a free port, with a data folder that outlives it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::port::Port;
use crate::process::{self, Process, Said};

/// A server and its data folder.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    folder: TempDir,
    /// Where it listens, for as long as it is started again there.
    port: Option<Port>,
}

impl Server {
    /// Starts one with an empty data folder.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with these settings as well.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
        let mut command = command(folder.path(), 0);
        command.envs(settings.iter().copied());
        Self { process: Process::start(command), folder, port: None }
    }

    /// Starts one with an empty data folder on a port that it keeps while it is down.
    pub(crate) fn start_to_restart() -> Self {
        let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
        let port = Port::take();
        let process = Process::start(command(folder.path(), port.number()));
        Self { process, folder, port: Some(port) }
    }

    /// Starts one that may have this many descriptors open, and whose clients may send without end.
    pub(crate) fn start_with_descriptors(descriptors: usize) -> Self {
        Self::start_after(r#"ulimit -n "$1""#, &descriptors.to_string())
    }

    /// Starts one whose disk may be made [full](Self::limit_files), which a signal would tell
    /// otherwise, and whose clients may send without end.
    pub(crate) fn start_on_a_small_disk() -> Self {
        Self::start_after("trap '' XFSZ", "")
    }

    /// Starts one behind a command of the shell, whose clients may send without end.
    fn start_after(command_before: &str, argument: &str) -> Self {
        let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
        let served = command(folder.path(), 0);
        let mut limited = process::command("bash");
        let script = format!(r#"{command_before} && exec "$0""#);
        limited.args(["-c", &script, VOXORA, argument]).current_dir(folder.path());
        limited.envs(served.get_envs().filter_map(|(key, value)| Some((key, value?))));
        limited.envs(UNLIMITED);
        Self { process: Process::start(limited), folder, port: None }
    }

    /// From now on it writes nothing to files beyond so many bytes, as if the disk were full.
    ///
    /// # Panics
    /// When it is gone.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        // The soft limit alone, which may be raised again.
        let args = [format!("--pid={}", self.process.id()), format!("--fsize={limit}:")];
        let limited = Command::new("prlimit").args(args).status();
        assert!(limited.expect("there is a prlimit").success(), "the server runs");
    }

    /// Starts one with an empty data folder, an [`ADMIN`], and these variables in its environment.
    pub(crate) fn start_with_admin(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
        let mut command = command(folder.path(), 0);
        command.env("ADMIN_EMAIL", ADMIN).env("ADMIN_PASSWORD", PASSWORD);
        // A test is one user with one address, and asks more than a person does.
        command.env("RATE_LIMIT_MAX_REQUESTS", "1000000");
        command.envs(variables.iter().copied());
        Self { process: Process::start(command), folder, port: None }
    }

    /// Kills it as a power cut would, and starts it on the same data and port.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill_and_restart_after(|_| ());
    }

    /// The same, and does this with its data folder in between.
    pub(crate) fn kill_and_restart_after(&mut self, act: impl FnOnce(&Path)) {
        self.process.kill();
        act(self.folder.path());
        self.start_again();
    }

    /// Stops it with SIGTERM, waits until it has ended, and starts it on the same data and port.
    ///
    /// # Panics
    /// When it says that it did not get everything done.
    pub(crate) fn stop_and_restart(&mut self) {
        let signal = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        assert!(signal.expect("there is a kill").success(), "the server runs");
        // What it says ends with it.
        assert_eq!(self.said().find(|_| None::<()>), None);
        let said = self.said().text();
        assert!(said.contains("stopping") && !said.contains("in time"), "{said}");
        self.process.kill();
        self.start_again();
    }

    fn start_again(&mut self) {
        let port = self.port.as_ref().expect("it was started to be started again");
        self.process = Process::start(command(self.folder.path(), port.number()));
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Where its data lies.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// What it prints.
    pub(crate) const fn said(&self) -> &Said {
        self.process.said()
    }

    /// Memory that it has in use, in KiB; the pages of its program, which come as they are run, are
    /// not counted.
    ///
    /// # Panics
    /// When it is gone.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("the kernel says how much memory a process has in use")
    }

    /// How many descriptors it has open.
    ///
    /// # Panics
    /// When it is gone.
    pub(crate) fn descriptors(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.process.id()));
        open.expect("the server runs").count()
    }

    /// See [`Process::assert_unharmed`].
    pub(crate) fn assert_unharmed(&mut self) {
        self.process.assert_unharmed();
    }
}

/// The command that serves `data` on `port`; 0 takes a free one.
pub(crate) fn command(data: &Path, port: u16) -> Command {
    let mut command = process::command(VOXORA);
    command
        .current_dir(data)
        .env("DATA_DIR", data)
        .env("PORT", port.to_string())
        .env("METRICS_PORT", "off")
        // What is freed goes back to the system at once: what is in use can be measured.
        .env("MIMALLOC_PURGE_DELAY", "0");
    command
}

/// Settings under which a client may send as much as it can.
pub(crate) const UNLIMITED: [(&str, &str); 3] = [
    ("SOCKET_EVENTS_PER_SECOND", "off"),
    ("SOCKET_JOINS_PER_SECOND", "off"),
    ("SOCKET_BYTES_PER_SECOND", "off"),
];

/// The e-mail of the admin that [`Server::start_with_admin`] makes.
pub(crate) const ADMIN: &str = "root@example.com";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse";

/// The built product.
pub(crate) const VOXORA: &str = env!("CARGO_BIN_EXE_voxora");
