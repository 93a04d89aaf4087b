//! One connection: its row in the slab, split by what owns which part.
//!
//! - [`outbox`]: what is still to be written
//! - [`polling`]: what stands in the place of a socket
//! - [`quota`]: how much of that there may be
//! - [`socket`]: the seam to its bytes
//! - [`timer`]: the wheel that all deadlines hang on
//! - [`close`]: why it ends
//!
//! Its memory is a reviewed number: see the test at the end of this file.

pub(crate) mod close;
pub mod outbox;
pub(crate) mod polling;
pub mod quota;
pub(crate) mod socket;
pub(crate) mod timer;

use std::collections::VecDeque;
use std::net::SocketAddr;

use protocol::engine::{Heartbeat, Revision};
use protocol::id::{EngineSid, SocketId};
use protocol::socket::{Assembly, Whole};
use protocol::websocket::decoder::Decoder;
use protocol::websocket::frame::Role;
use smallvec::SmallVec;

use crate::application::Opening;
use crate::connection::outbox::Outbox;
use crate::connection::polling::Polling;
use crate::connection::socket::Socket;
use crate::connection::timer::Alarm;
use crate::fanout::Variant;
use crate::table::room::Places;

/// Namespaces that one connection may join; the slots of its memberships are numbered in `u8`.
pub(crate) const NAMESPACES_PER_CONNECTION_MAX: usize = 8;

/// Wishes to join a namespace that a connection may have at once where answering them costs something.
pub(crate) const WISHES_AT_ONCE: u32 = 32;

/// After so long a connection may have one of them again.
const WISH_INTERVAL_MS: u32 = 1_000;

/// Bytes of packets that wait while a namespace is being joined; beyond it the connection closes.
pub(crate) const EARLY_BYTES_MAX: usize = 256 * 1024;

/// What is spoken inside the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Socket.IO on Engine.IO.
    SocketIo,
    /// Engine.IO alone.
    EngineIo,
    /// Nothing but WebSocket messages.
    Raw,
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Open.
    Open,
    /// Our close frame is queued or sent; what still comes in is discarded until the peer closes
    /// or the linger ends.
    Closing,
}

/// A row of the slab.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    /// How bytes come and go.
    pub(crate) link: Link,
    /// Frames that are not written yet.
    pub(crate) outbox: Outbox,
    /// Namespaces joined or being joined.
    pub(crate) memberships: SmallVec<[Membership<S>; 1]>,
    /// A packet whose attachments have not all come.
    pub(crate) assembly: Assembly,
    /// From the HTTP request; dropped when the first namespace is joined.
    pub(crate) opening: Option<Box<Opening>>,
    /// Tells this tenant of the slot from earlier and later ones.
    pub(crate) nonce: u64,
    /// The number of the last membership that began.
    pub(crate) last_number: u8,
    /// The last broadcast that was queued here: one that names two of its rooms comes once.
    pub(crate) last_broadcast: u64,
    /// When to ping, when to give up.
    pub(crate) heartbeat: Heartbeat,
    /// When a connection that has never joined a namespace is closed; once it closes, when it is
    /// gone.
    pub(crate) deadline_ms: u32,
    /// Where its entry in the wheel stands: it has one, whatever it waits for.
    pub(crate) alarm: Alarm,
    /// When it may have all its [`WISHES_AT_ONCE`] again.
    pub(crate) wishes_full_ms: u32,
    /// How its packets are written; unknown until the client of revision 4 has said something.
    pub(crate) variant: Option<Variant>,
    /// The revision of Engine.IO.
    pub(crate) revision: Revision,
    /// The session that this WebSocket asks to carry, and has not carried yet.
    pub(crate) probes_for: Option<SocketId>,
    /// What is spoken.
    pub(crate) layer: Layer,
    /// Where it stands.
    pub(crate) phase: Phase,
    /// Whether it is in the list of those to flush.
    pub(crate) dirty: bool,
    /// What keeps it from being read, or asks for it.
    pub(crate) reading: Reading,
    /// Where its client can come back as who it was.
    pub(crate) recovering: Namespaces,
}

/// A set of namespaces by index; those beyond the eighth are in no set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Namespaces(u8);

impl Namespaces {
    /// Whether it is in the set.
    pub(crate) fn contains(self, namespace: u8) -> bool {
        self.0 & Self::bit(namespace) != 0
    }

    /// Puts it in. Returns whether it is there now.
    pub(crate) fn insert(&mut self, namespace: u8) -> bool {
        self.0 |= Self::bit(namespace);
        self.contains(namespace)
    }

    /// Takes it out. Returns whether it was there.
    pub(crate) fn remove(&mut self, namespace: u8) -> bool {
        let was = self.contains(namespace);
        self.0 &= !Self::bit(namespace);
        was
    }

    /// All that are in it.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |namespace| self.contains(*namespace))
    }

    fn bit(namespace: u8) -> u8 {
        1_u8.checked_shl(u32::from(namespace)).unwrap_or(0)
    }
}

/// What keeps a connection from being read, or asks for it.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Whether nothing is read because too much is still to be written.
    pub(crate) stalled: bool,
    /// Whether the peer has said that nothing more comes; what it sent before may still be unread.
    pub(crate) ended: bool,
    /// Whether it is in the list of those with more to read.
    pub(crate) hungry: bool,
}

/// How a connection's bytes come and go.
#[derive(Debug)]
pub(crate) enum Link {
    /// One WebSocket.
    Socket(WebSocket),
    /// HTTP requests that name the session. Boxed, because rows are many and these are few.
    Polling(Box<Polling>),
}

/// A WebSocket of ours.
#[derive(Debug)]
pub(crate) struct WebSocket {
    /// The socket.
    pub(crate) io: Socket,
    /// Frames that are not complete yet.
    pub(crate) decoder: Decoder,
}

impl WebSocket {
    /// A WebSocket whose opening handshake is done.
    pub(crate) const fn new(io: Socket) -> Self {
        Self { io, decoder: Decoder::new(Role::Server) }
    }
}

/// One namespace of a connection.
#[derive(Debug)]
pub(crate) struct Membership<S> {
    /// Its index in the application's list.
    pub(crate) namespace: u8,
    /// Tells it from the connection's other memberships, and from those that have ended: with the
    /// connection's nonce it makes the socket's id.
    pub(crate) number: u8,
    /// How far it has come.
    pub(crate) state: Joining<S>,
    /// Which rooms it is in.
    pub(crate) places: Places,
}

/// How far a namespace has come.
#[derive(Debug)]
pub(crate) enum Joining<S> {
    /// The application has not said yet; packets that arrived early wait, whole and in order.
    Asked(Early),
    /// Joined. `None` only while the application has the session in its hands.
    Joined(Option<S>),
}

/// Packets that came before the namespace was joined.
#[derive(Debug, Default)]
pub(crate) struct Early {
    /// Socket.IO packets, with their attachments.
    pub(crate) packets: Vec<Whole>,
    /// Their bytes.
    pub(crate) bytes: usize,
}

/// A socket that is ready to become a connection: the 101 is sent, hyper is gone.
#[derive(Debug)]
pub struct Adoption {
    /// The bare socket.
    pub io: std::net::TcpStream,
    /// Bytes that came behind the request.
    pub read_ahead: bytes::Bytes,
    /// What is spoken on it.
    pub layer: Layer,
    /// The revision of Engine.IO.
    pub revision: Revision,
    /// The session that it asks to carry; `None` opens one.
    pub session: Option<EngineSid>,
    /// Facts from the request.
    pub opening: Opening,
    /// The client's address, for logs.
    pub peer: SocketAddr,
}

impl<S> Connection<S> {
    /// Its WebSocket, unless it is on polling.
    pub(crate) const fn socket(&mut self) -> Option<&mut WebSocket> {
        match &mut self.link {
            Link::Socket(socket) => Some(socket),
            Link::Polling(_) => None,
        }
    }

    /// Its polling state, and what waits for a poll.
    pub(crate) const fn polling(&mut self) -> Option<(&mut Polling, &mut Outbox)> {
        match &mut self.link {
            Link::Polling(polling) => Some((polling, &mut self.outbox)),
            Link::Socket(_) => None,
        }
    }

    /// Notes that there is more to read than this turn allows.
    pub(crate) fn make_hungry(&mut self, slot: u32, hungry: &mut VecDeque<u32>) {
        if !self.reading.hungry {
            self.reading.hungry = true;
            hungry.push_back(slot);
        }
    }

    /// Whether a namespace was ever joined; it may have been left since.
    pub(crate) const fn has_joined(&self) -> bool {
        self.opening.is_none()
    }

    /// Takes one of the wishes to join a namespace that it may have. Returns whether there was one.
    pub(crate) const fn take_wish(&mut self, now_ms: u32) -> bool {
        let all_ms = WISHES_AT_ONCE * WISH_INTERVAL_MS;
        // What lies further ahead than it can get is long past, or from before the clock wrapped.
        let ahead_ms = self.wishes_full_ms.wrapping_sub(now_ms);
        let ahead_ms = if ahead_ms > all_ms { 0 } else { ahead_ms };
        if ahead_ms > all_ms - WISH_INTERVAL_MS {
            return false;
        }
        self.wishes_full_ms = now_ms.wrapping_add(ahead_ms + WISH_INTERVAL_MS);
        true
    }

    /// Begins to join a namespace that is not joined.
    pub(crate) fn ask(&mut self, namespace: u8) {
        let number = self.next_number();
        let state = Joining::Asked(Early::default());
        self.memberships.push(Membership { namespace, number, state, places: Places::default() });
    }

    /// A number that no membership has; never 0, which stands for the connection itself.
    fn next_number(&mut self) -> u8 {
        loop {
            self.last_number = self.last_number.checked_add(1).unwrap_or(1);
            if self.memberships.iter().all(|other| other.number != self.last_number) {
                return self.last_number;
            }
        }
    }

    /// The membership in this namespace.
    pub(crate) fn membership(&mut self, namespace: u8) -> Option<&mut Membership<S>> {
        self.memberships.iter_mut().find(|membership| membership.namespace == namespace)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_row_stays_within_its_budget() {
        // Idle and signed in: the row, the application's shared session, two room notes in line.
        // Measured whole, with rooms and allocator, by benches/connection_size.
        assert!(size_of::<Connection<Arc<u8>>>() <= 256, "{}", size_of::<Connection<Arc<u8>>>());
        assert_eq!(size_of::<Namespaces>(), 1, "whoever cannot come back pays nothing for who can");
    }
}
