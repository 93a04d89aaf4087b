//! What somebody may have kept for them before they are known: before their first namespace is
//! joined, which is when an application has seen who they are.
//!
//! A WebSocket that does not read is not read either. A session on polling has no such hold on its
//! client: each POST is a request of its own, and no connection need stay open for what it leaves
//! behind. So strangers are bounded more narrowly there, and where there is no room for more polling,
//! the oldest of them gives way to a newcomer.

use std::collections::BTreeMap;
use std::io;

use super::core::Core;
use crate::connection::close::CloseReason;
use crate::connection::polling::{PollAnswer, PollReply};
use crate::connection::quota::Seat;
use crate::connection::{Connection, Layer};

/// What may wait for a stranger on polling, as its outbox is charged: the open packet's follow-ups,
/// a heartbeat, and a refusal for every wish that a client comes up with. With more, the session
/// ends.
const OUTPUT_BYTES_MAX: u32 = 16 * 1024;

/// The strangers on polling of a shard, oldest first: the nonces of their rows tell their age.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// The slots of all of them.
    sessions: BTreeMap<u64, u32>,
    /// The slots of those who have had a poll wait; it may have been answered since.
    polled: BTreeMap<u64, u32>,
}

impl Strangers {
    /// Notes that whoever has this nonce is none, or not on polling any more.
    pub(super) fn forget(&mut self, nonce: u64) {
        self.sessions.remove(&nonce);
        self.polled.remove(&nonce);
    }
}

impl<S> Core<S> {
    /// A place for one more session on polling.
    pub(super) fn seat_session(&mut self) -> io::Result<Seat> {
        let seat = self.polling.sessions.take().or_else(|| {
            let (_, oldest) = self.strangers.sessions.pop_first()?;
            self.remove(oldest, CloseReason::Overloaded);
            self.polling.sessions.take()
        });
        seat.ok_or_else(|| io::ErrorKind::QuotaExceeded.into())
    }

    /// Notes who has opened a session on polling.
    pub(super) fn note_stranger(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get(slot as usize)
            && is_stranger(connection)
        {
            self.strangers.sessions.insert(connection.nonce, slot);
        }
    }

    /// Has a poll wait, and returns true; or ends its session, where no more may wait.
    pub(super) fn park(&mut self, slot: u32, reply: PollReply) -> bool {
        let seat = self.polling.parked.take().or_else(|| {
            self.end_oldest_parked();
            self.polling.parked.take()
        });
        let Some(seat) = seat else {
            let _ = reply.send(PollAnswer::Overloaded);
            self.remove(slot, CloseReason::Overloaded);
            return false;
        };
        let Some(connection) = self.connections.get_mut(slot as usize) else { return false };
        if is_stranger(connection) {
            self.strangers.polled.insert(connection.nonce, slot);
        }
        if let Some((polling, _)) = connection.polling() {
            polling.park(reply, seat);
        }
        true
    }

    /// Ends the oldest session of a stranger that has a poll waiting.
    fn end_oldest_parked(&mut self) {
        while let Some((_, slot)) = self.strangers.polled.pop_first() {
            let connection = self.connections.get_mut(slot as usize);
            let polling = connection.and_then(|connection| connection.polling());
            if polling.is_some_and(|(polling, _)| polling.is_waiting()) {
                return self.remove(slot, CloseReason::Overloaded);
            }
        }
    }

    /// Whether so much waits for somebody who is not known yet that no more is taken from them.
    pub(super) fn is_owed_much(&self, slot: u32) -> bool {
        let connection = self.connections.get(slot as usize);
        connection.is_some_and(|connection| {
            is_stranger(connection) && connection.outbox.charge() > OUTPUT_BYTES_MAX
        })
    }

    /// Whether a connection neither is in a namespace nor wishes to be in one: nobody would take an
    /// event from it.
    pub(super) fn is_nowhere(&self, slot: u32) -> bool {
        let connection = self.connections.get(slot as usize);
        connection.is_some_and(|connection| connection.memberships.is_empty())
    }
}

/// Whether it belongs to somebody who is not known yet. Where namespaces are not spoken of, nobody is
/// ever known, nor a stranger.
const fn is_stranger<S>(connection: &Connection<S>) -> bool {
    matches!(connection.layer, Layer::SocketIo) && !connection.has_joined()
}
