//! One connection of a swarm: a socket, its client, and the incomplete tail of what it read.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::time::Instant;

use mio::net::TcpStream;

use crate::client::{Client, End};

/// A connection; without a stream it has ended.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: Option<TcpStream>,
    pub(super) client: Client,
    /// Set when the socket first takes bytes; before that a write would fail.
    pub(super) connected: bool,
    /// Whether it stands in the list of connections to flush.
    pub(super) dirty: bool,
    /// Whether what comes is left unread.
    pub(super) muted: bool,
    /// A failure that came up where the connection could not be ended.
    pub(super) fault: Option<End>,
    pub(super) dialed_at: Instant,
    pub(super) heard_at: Instant,
    tail: Vec<u8>,
}

impl Link {
    pub(super) fn new(request: &[u8], seed: u32) -> Self {
        let now = Instant::now();
        Self {
            stream: None,
            client: Client::new(request, seed),
            connected: false,
            dirty: false,
            muted: false,
            fault: None,
            dialed_at: now,
            heard_at: now,
            tail: Vec::new(),
        }
    }

    /// Puts the tail and one read of the socket into `scratch`; returns how much of it is filled,
    /// `None` when there was nothing to read.
    pub(super) fn fill(&mut self, scratch: &mut [u8]) -> Result<Option<usize>, End> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let kept = self.tail.len();
        let Some((head, space)) = scratch.split_at_mut_checked(kept) else {
            return Err(End::Transport("an incomplete frame fills the buffer".into()));
        };
        let read = loop {
            match stream.read(space) {
                Ok(0) => return Err(End::Transport("the server closed the connection".into())),
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(transport(&error)),
            }
        };
        head.copy_from_slice(&self.tail);
        self.tail.clear();
        Ok(Some(kept + read))
    }

    /// Keeps the incomplete `rest` for the next read.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.tail.extend_from_slice(rest);
        if self.tail.is_empty() && self.tail.capacity() > 0 {
            self.tail = Vec::new();
        }
    }

    /// Writes what waits, as much as the socket takes.
    pub(super) fn flush(&mut self) -> Result<(), End> {
        if let Some(end) = self.fault.take() {
            return Err(end);
        }
        let Some(stream) = self.stream.as_mut().filter(|_| self.connected) else { return Ok(()) };
        while !self.client.outbox().is_empty() {
            match stream.write(self.client.outbox()) {
                Ok(written) => self.client.sent(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(transport(&error)),
            }
        }
        Ok(())
    }

    /// Gives back the memory of a connection that ended.
    pub(super) fn release(&mut self) {
        self.tail = Vec::new();
    }
}

fn transport(error: &io::Error) -> End {
    End::Transport(error.to_string())
}
