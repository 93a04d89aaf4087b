//! A server under test: a child process, what it prints, and its end.
//!
//! Owns the child: it is killed by its id when the value is dropped, however the test ends.
//! Knows nothing of what the server serves.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A running server.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts `command` and waits until it says where it listens.
    ///
    /// # Panics
    /// When it ends first, or says nothing within [`START_MAX`].
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server was built beside this test");
        let said = Arc::new(Mutex::new(String::new()));
        let announced = listen_to(child.stdout.take().expect("stdout is piped"), &said);
        let _ = listen_to(child.stderr.take().expect("stderr is piped"), &said);
        let Ok(address) = announced.recv_timeout(START_MAX) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server never said where it listens; it said:\n{}", text_of(&said));
        };
        Self { child, address, said }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything printed so far, on either stream.
    pub(crate) fn said(&self) -> String {
        text_of(&self.said)
    }

    /// That the very process that was started still runs and no part of it panicked.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn assert_unharmed(&mut self) {
        let ended = self.child.try_wait().expect("the child is ours to wait for");
        assert!(ended.is_none(), "the server ended ({ended:?}) and said:\n{}", self.said());
        assert!(!self.said().contains("panicked"), "the server said:\n{}", self.said());
    }

    /// Ends it at once with SIGKILL, as a power cut would.
    pub(crate) fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that inherits neither environment nor input: what the developer's shell holds decides
/// no test.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().stdin(Stdio::null());
    command
}

/// Copies a stream into `said`, line by line, and passes on the first address that is announced.
fn listen_to(
    stream: impl Read + Send + 'static,
    said: &Arc<Mutex<String>>,
) -> Receiver<SocketAddr> {
    let said = Arc::clone(said);
    let (announce, announced) = sync_channel(1);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(address) = announced_address(&line) {
                // Full or gone: the first announcement was the one that counts.
                let _ = announce.try_send(address);
            }
            let mut said = said.lock().expect("no holder of this lock can panic");
            if said.len() < SAID_BYTES_MAX {
                said.push_str(&line);
                said.push('\n');
            }
        }
    });
    announced
}

fn text_of(said: &Mutex<String>) -> String {
    said.lock().expect("no holder of this lock can panic").clone()
}

fn announced_address(line: &str) -> Option<SocketAddr> {
    let (_, place) = line.split_once("listening on ")?;
    place.trim_start_matches("http://").split([' ', '/', ',', '\u{1b}']).next()?.parse().ok()
}

/// A loaded two-core machine starts the unoptimised server well within this.
const START_MAX: Duration = Duration::from_secs(20);
/// What a server prints beyond this is read and dropped.
const SAID_BYTES_MAX: usize = 4 << 20;
