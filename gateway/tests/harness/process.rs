//! A server under test: a child process, what it prints, and its end.
//!
//! Owns the child: it is killed by its id when the value is dropped, however the test ends.
//! Knows nothing of what the server serves.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A running server.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    said: Said,
}

impl Process {
    /// Starts `command` and waits until it says where it listens.
    ///
    /// # Panics
    /// When it ends first, or says nothing within [`WORDS_MAX`].
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server was built beside this test");
        let said = Said::default();
        said.take_down(child.stdout.take().expect("stdout is piped"));
        said.take_down(child.stderr.take().expect("stderr is piped"));
        let Some(address) = said.find(announced_address) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server never said where it listens; it said:\n{}", said.text());
        };
        Self { child, address, said }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it prints.
    pub(crate) const fn said(&self) -> &Said {
        &self.said
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// That the very process that was started still runs and no part of it panicked.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn assert_unharmed(&mut self) {
        let ended = self.child.try_wait().expect("the child is ours to wait for");
        let said = self.said().text();
        let id = self.id();
        assert!(ended.is_none(), "the server {id} ended ({ended:?}) and said:\n{said}");
        assert!(!said.contains("panicked"), "the server said:\n{said}");
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

/// What a server has printed so far, on either stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said(Arc<(Mutex<Words>, Condvar)>);

#[derive(Debug, Default)]
struct Words {
    text: String,
    streams_open: usize,
}

impl Said {
    /// What `find` finds in it, as soon as it does; nothing when all streams end first, or after
    /// [`WORDS_MAX`].
    pub(crate) fn find<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (words, more) = &*self.0;
        let words = words.lock().expect(UNPOISONED);
        let goes_on = |words: &mut Words| find(&words.text).is_none() && words.streams_open > 0;
        let (words, _) = more.wait_timeout_while(words, WORDS_MAX, goes_on).expect(UNPOISONED);
        find(&words.text)
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        self.0.0.lock().expect(UNPOISONED).text.clone()
    }

    fn take_down(&self, stream: impl Read + Send + 'static) {
        let said = self.clone();
        said.change(|words| words.streams_open += 1);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                said.change(|words| {
                    if words.text.len() < SAID_BYTES_MAX {
                        words.text.push_str(&line);
                        words.text.push('\n');
                    }
                });
            }
            said.change(|words| words.streams_open -= 1);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Words)) {
        let (words, more) = &*self.0;
        change(&mut words.lock().expect(UNPOISONED));
        more.notify_all();
    }
}

/// A command that inherits neither environment nor input: what the developer's shell holds decides
/// no test.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().stdin(Stdio::null());
    command
}

fn announced_address(said: &str) -> Option<SocketAddr> {
    let (_, place) = said.split_once("listening on ")?;
    place.trim_start_matches("http://").split([' ', '/', ',', '\n', '\u{1b}']).next()?.parse().ok()
}

/// A loaded two-core machine starts the unoptimised server well within this.
const WORDS_MAX: Duration = Duration::from_mins(1);
/// What a server prints beyond this is read and dropped.
const SAID_BYTES_MAX: usize = 4 << 20;
const UNPOISONED: &str = "no holder of this lock can panic";
