//! Readiness of a shard's sockets: one epoll set of its own, nested in the runtime's.
//!
//! A socket costs a registration here and nothing else: no task, no waker, no `AsyncFd`. The
//! runtime sees one descriptor, the set itself. Owned by its shard; knows slots, not connections.

use std::io;
use std::time::Duration;

use mio::{Events, Poll, Registry, Token};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::connection::socket::Socket;

/// Sockets reported in one turn; more wait for the next.
const EVENTS_PER_TURN: usize = 512;

/// What happened to one socket. Edge-triggered: it is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// The slot given at registration.
    pub(crate) slot: u32,
    /// Bytes, the end of the stream, or an error wait to be read.
    pub(crate) readable: bool,
    /// The peer has ended its side, or the connection broke; it is not told again.
    pub(crate) ended: bool,
    /// A write that would have blocked may go on.
    pub(crate) writable: bool,
}

/// The set.
#[derive(Debug)]
pub(crate) struct Reactor {
    poll: AsyncFd<Poll>,
    registry: Registry,
    events: Events,
}

impl Reactor {
    /// An empty set; must be made inside the shard's runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let poll = nest(poll)?;
        Ok(Self { poll, registry, events: Events::with_capacity(EVENTS_PER_TURN) })
    }

    /// Watches `socket` until it is closed.
    pub(crate) fn register(&self, socket: &mut Socket, slot: u32) -> io::Result<()> {
        socket.watch(&self.registry, Token(slot as usize))
    }

    /// Reports a watched socket under another slot from now on, its readiness anew.
    pub(crate) fn rename(&self, socket: &mut Socket, slot: u32) -> io::Result<()> {
        socket.rewatch(&self.registry, Token(slot as usize))
    }

    /// Waits until some socket is ready and appends what happened to `out`.
    ///
    /// # Cancel safety
    /// Nothing is lost: readiness not yet fetched stays in the set.
    pub(crate) async fn ready(&mut self, out: &mut Vec<Readiness>) -> io::Result<()> {
        let mut guard = self.poll.readable_mut().await?;
        match guard.get_inner_mut().poll(&mut self.events, Some(Duration::ZERO)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut count = 0;
        for event in &self.events {
            count += 1;
            out.push(Readiness {
                slot: u32::try_from(event.token().0).unwrap_or(u32::MAX),
                readable: event.is_readable() || event.is_read_closed() || event.is_error(),
                ended: event.is_read_closed() || event.is_error(),
                writable: event.is_writable(),
            });
        }
        if count < EVENTS_PER_TURN {
            guard.clear_ready();
        }
        Ok(())
    }
}

/// Registers the set with the runtime.
#[expect(unsafe_code, reason = "the runtime cannot see that the set owns its descriptor")]
fn nest(poll: Poll) -> io::Result<AsyncFd<Poll>> {
    // SAFETY: a `Poll` owns one epoll descriptor from its creation to its drop and always reports
    // that one; the `AsyncFd` owns the `Poll`, and nobody takes it out.
    unsafe { AsyncFd::register_with_interest(poll, Interest::READABLE) }
        .map_err(|error| error.into_parts().1)
}
