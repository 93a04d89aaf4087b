//! How rows end.

use bytes::Bytes;
use protocol::websocket::close;

use super::core::{Core, Departure};
use super::room::Member;
use crate::connection::close::CloseReason;
use crate::connection::outbox::Class;
use crate::connection::{Link, Phase};

/// How long a closed connection may take to be closed by its peer too.
const LINGER_MS: u32 = 2_000;

impl<S> Core<S> {
    /// Begins to close: memberships end now, the close frame leaves with the turn, and the row
    /// goes when the peer has closed too, or after the linger.
    pub(crate) fn close(&mut self, slot: u32, reason: CloseReason) {
        self.settle(slot);
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        if connection.phase == Phase::Closing {
            return;
        }
        if connection.polling().is_some() {
            return self.close_polling(slot, reason);
        }
        // The session that it asks for goes on without it from now on, however long the row stays.
        if let Some(session) = connection.probes_for.take() {
            self.lose_probe(session, slot);
        }
        let Some(frame) = close_frame(reason) else { return self.remove(slot, reason) };
        self.enqueue(slot, frame, Class::Durable);
        self.depart(slot, reason);
        if let Some(connection) = self.connections.get_mut(slot as usize) {
            connection.phase = Phase::Closing;
            connection.deadline_ms = self.now_ms.wrapping_add(LINGER_MS);
            self.schedule(slot, LINGER_MS);
        }
    }

    /// Ends a connection at once.
    pub(crate) fn remove(&mut self, slot: u32, reason: CloseReason) {
        self.depart(slot, reason);
        // The descriptor closes with the row; readiness that is still on its way finds nobody, or
        // a later tenant whom it does no harm.
        let Some(gone) = self.connections.try_remove(slot as usize) else { return };
        match gone.link {
            // Whoever waits for a poll of it is told that there is no such session any more.
            Link::Polling(polling) => {
                self.strangers.forget(gone.nonce);
                if let Some(probe) = polling.probe {
                    self.remove(probe, reason);
                }
            }
            Link::Socket(_) => {
                if let Some(session) = gone.probes_for {
                    self.lose_probe(session, slot);
                }
            }
        }
    }

    pub(super) fn depart(&mut self, slot: u32, reason: CloseReason) {
        while let Some(connection) = self.connections.get(slot as usize)
            && let Some(membership) = connection.memberships.first()
        {
            let member = Member { slot, namespace: membership.namespace };
            let socket = self.socket_id(slot, member.namespace);
            if reason.is_recoverable() {
                self.save_session(member);
            }
            if let Some(session) = self.end_membership(slot, member.namespace) {
                self.departures.push(Departure { socket, session });
            }
        }
        tracing::trace!(slot, reason = reason.label(), "connection closes");
        if reason == CloseReason::SlowConsumer
            && let Some(count) = self.slow.note(self.now)
        {
            self.report_slow(count);
        }
    }

    /// Says what an operator should know of: either clients are on bad networks, or rooms are too
    /// busy for them.
    pub(super) fn report_slow(&self, count: u64) {
        let shard = self.shard_index();
        tracing::warn!(shard, count, "closed connections that were too slow for their messages");
    }
}

/// The frame that tells the peer; none when there is nobody to tell.
fn close_frame(reason: CloseReason) -> Option<Bytes> {
    if reason == CloseReason::TransportClose {
        return None;
    }
    let mut frame = Vec::new();
    close::encode_into(&mut frame, reason.close_code(), reason.words());
    Some(Bytes::from(frame))
}
