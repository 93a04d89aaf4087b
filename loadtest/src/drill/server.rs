//! The server that a drill starts itself: a child process with a data folder that outlives it.
//!
//! Owns the process and the folder. It listens on loopback alone; it is ended by its handle, never
//! by its name, and always when the value is dropped.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// A started server.
#[derive(Debug)]
pub(super) struct Process {
    program: PathBuf,
    settings: Vec<(String, String)>,
    folder: TempDir,
    port: u16,
    child: Child,
    /// Keeps the port for it while it does not run.
    _held: Socket,
}

impl Process {
    /// Starts `program` with an empty data folder on a free port, and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, ends, or does not listen within a minute.
    pub(super) fn start(program: &Path, settings: &[(String, String)]) -> Result<Self> {
        let folder = tempfile::tempdir().context("could not make a folder for the server")?;
        let program = program
            .canonicalize()
            .with_context(|| format!("there is no program {}", program.display()))?;
        let (port, held) = hold_port().context("could not find a free port")?;
        let child = spawn(&program, settings, folder.path(), port)?;
        let settings = settings.to_vec();
        let mut process = Self { program, settings, folder, port, child, _held: held };
        process.await_listening()?;
        Ok(process)
    }

    /// Ends it at once with SIGKILL, and starts it on the same data and port without waiting.
    ///
    /// # Errors
    /// It cannot be started again.
    pub(super) fn kill_and_restart(&mut self) -> Result<()> {
        self.end();
        self.child = spawn(&self.program, &self.settings, self.folder.path(), self.port)?;
        Ok(())
    }

    /// That it runs, and that no part of it panicked.
    ///
    /// # Errors
    /// It has ended, with the last lines that it wrote.
    pub(super) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("the server is not ours")? {
            bail!("the server ended by itself ({status}); it said:\n{}", self.last_words());
        }
        Ok(())
    }

    /// Whether it ever said that a part of it panicked.
    pub(super) fn has_panicked(&self) -> bool {
        self.said().contains("panicked")
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its number now.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and leaves its folder, for somebody to look into.
    pub(super) fn keep(mut self) -> PathBuf {
        self.end();
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    fn end(&mut self) {
        // An error means that it has ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }

    fn await_listening(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if announced_port(&self.said()) == Some(self.port) {
                return Ok(());
            }
            self.check()?;
            if Instant::now() > deadline {
                let said = self.last_words();
                bail!("the server did not listen in {START_PATIENCE:?}; it said:\n{said}");
            }
            std::thread::sleep(START_POLL);
        }
    }

    fn said(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts it without anything of our environment, which decides no drill.
fn spawn(program: &Path, settings: &[(String, String)], folder: &Path, port: u16) -> Result<Child> {
    let log: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(LOG))
        .context("could not write into the server's folder")?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .current_dir(folder)
        .env("DATA_DIR", folder.join("data"))
        .env("HOST", "127.0.0.1")
        .env("PORT", port.to_string())
        .env("METRICS_PORT", "off")
        .envs(LIMITS_LIFTED)
        .envs(settings.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("could not share the server's log")?)
        .stderr(log);
    command.spawn().with_context(|| format!("could not start {}", program.display()))
}

/// A free port of loopback, and the socket that keeps others from it. It never listens, so that a
/// server which sets `SO_REUSEADDR`, as they all do, may listen there.
fn hold_port() -> std::io::Result<(u16, Socket)> {
    let held = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    held.set_reuse_address(true)?;
    held.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let port = held.local_addr()?.as_socket().map(|address| address.port());
    Ok((port.ok_or(std::io::ErrorKind::AddrNotAvailable)?, held))
}

fn announced_port(said: &str) -> Option<u16> {
    let (_, place) = said.split_once("listening on ")?;
    let place = place.trim_start_matches("http://");
    let authority = place.split_inclusive([' ', '/', ',', '\n', '\u{1b}']).next()?;
    // Only a whole line is believed: the port may be half written.
    let authority = authority.strip_suffix([' ', '/', ',', '\n', '\u{1b}'])?;
    authority.rsplit_once(':')?.1.parse().ok()
}

/// A drill sends what a crowd would over few connections; `--set` wins over these.
const LIMITS_LIFTED: [(&str, &str); 4] = [
    ("RATE_LIMIT_MAX_REQUESTS", "100000000"),
    ("SOCKET_EVENTS_PER_SECOND", "off"),
    ("SOCKET_JOINS_PER_SECOND", "off"),
    ("SOCKET_BYTES_PER_SECOND", "off"),
];
/// What the server prints, in its folder.
const LOG: &str = "server.log";
/// How long a loaded machine may take to start it.
const START_PATIENCE: Duration = Duration::from_mins(1);
const START_POLL: Duration = Duration::from_millis(5);
/// Lines that an error shows of what the server said.
const LAST_LINES: usize = 20;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use std::net::{TcpListener, TcpStream};

    use super::{Process, announced_port, hold_port};

    #[test]
    fn the_port_is_read_from_a_whole_line_only() {
        let said = "voxora 0.1.0\nlistening on http://127.0.0.1:40123\n";
        assert_eq!(announced_port(said), Some(40_123));
        assert_eq!(announced_port(said.trim_end()), None);
        assert_eq!(announced_port("listening on 127.0.0.1:7 \u{1b}[0m"), Some(7));
        assert_eq!(announced_port("starting"), None);
    }

    #[test]
    fn a_held_port_is_nobodys_but_a_servers_again_and_again() {
        let (port, _held) = hold_port().unwrap();
        for _ in 0..3 {
            assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
            let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
            TcpStream::connect(server.local_addr().unwrap()).unwrap();
        }
        let (other, _held) = hold_port().unwrap();
        assert_ne!(other, port);
    }

    #[test]
    fn a_program_that_ends_at_once_is_an_error_with_what_it_said() {
        let error = Process::start(Path::new("/bin/false"), &[]).unwrap_err();
        assert!(error.to_string().contains("ended by itself"), "{error}");
        assert!(Process::start(Path::new("/nonexistent/program"), &[]).is_err());
    }
}
