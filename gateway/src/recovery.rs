//! Connection-state recovery: a client that asked for it comes back as who it was, in the rooms that
//! it was in, and hears first what it missed. Source: Socket.IO "Connection state recovery";
//! contract 1.6 point 5.
//!
//! - [`timeline`]: the order of all broadcasts that can be missed, the same on every shard
//! - [`offset`]: how far a client has heard, as it travels behind the arguments of an event
//! - [`log`]: the recent broadcasts of one shard
//! - [`pid`]: the secret name of a session
//! - [`answer`]: what a session was told alone
//! - [`session`]: sessions of live connections, and of those that are gone
//!
//! # What is recovered
//!
//! | what | offset | missed |
//! |---|---|---|
//! | broadcasts that may not be dropped | their own | sent again, from the log |
//! | events to one socket, without attachments, up to [`answer::ANSWER_BYTES_MAX`] | their own | sent again, from the session |
//! | other events to one socket | their own | lost: whoever waits for it asks again |
//! | typing, presence: whatever may be dropped under pressure | none; they end in an object | lost |
//! | acknowledgements | none | lost, as in every Socket.IO server |
//!
//! A stock client takes the last argument of any event for its offset if that is a string. So every
//! event to a client that recovers ends in an offset, but for the droppable ones, which the
//! application must end otherwise.
//!
//! # Where the state lives
//!
//! A session belongs to the shard of its connection and stays there when the connection ends. A
//! client that comes back on another shard has its session moved there, in memory. Every shard logs
//! every broadcast in the same order, so what was missed is sent by the shard that will send what
//! comes next: there is no seam between the two at which one could be lost or come twice.
//!
//! A process without such clients keeps no log, and a connection that has not asked for recovery
//! costs nothing: one bit of its row says so. One that has costs its [`session::Session`], and what
//! it was told alone since the last ping that it answered.
//!
//! # What is not promised
//!
//! A client goes on with what it has until it is told otherwise, so whatever is not certain ends in a
//! plain connection: an offset that is not known, a broadcast that is not kept, a room that could not
//! be judged, more than its outbox could take. An answer that is still being made while its session
//! moves to another shard is lost, as it would be with any connection.

pub(crate) mod timeline;

pub(crate) mod offset;

pub(crate) mod log;

pub(crate) mod pid;

pub(crate) mod answer;

pub(crate) mod session;

use protocol::event::client::auth::ConnectAuth;
use protocol::room::Room;

use pid::Pid;
use session::Saved;

pub(crate) use timeline::Timeline;

/// How long a session can be recovered after its connection was found to be dead, in milliseconds;
/// then its client connects plainly.
pub(crate) const SESSION_MS_MAX: u64 = 120_000;

/// Whether a client that joins can come back.
#[derive(Debug)]
pub enum Recovery {
    /// It cannot, and is spared the offsets.
    Off,
    /// It can, from now on.
    On,
    /// It has come back. Where what it missed is not known any more, it joins as a stranger that
    /// can.
    Resume(Box<Recalled>),
}

/// A client's wish to go on with a session.
#[derive(Debug)]
pub struct Wish {
    /// The session, if it names one of ours.
    pub(crate) pid: Option<Pid>,
    /// How far it has heard there, as it says.
    offset: Option<String>,
}

impl Wish {
    /// What the auth object of a CONNECT wishes.
    pub fn of(auth: &ConnectAuth) -> Self {
        let pid = auth.pid.as_deref().and_then(|pid| pid.parse().ok());
        Self { pid, offset: auth.offset.clone() }
    }
}

/// A session whose client is back.
#[derive(Debug)]
pub struct Recalled {
    pub(crate) saved: Saved,
    pub(crate) offset: Option<String>,
}

impl Recalled {
    pub(crate) fn new(saved: Saved, wish: &Wish) -> Self {
        Self { saved, offset: wish.offset.clone() }
    }

    /// Takes it out of the rooms that `stays` does not name: it hears nothing that was said there.
    pub fn retain_rooms(&mut self, stays: impl Fn(&Room) -> bool) {
        self.saved.rooms.retain(|room| stays(room));
    }
}
