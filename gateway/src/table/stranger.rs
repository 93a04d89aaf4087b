//! What somebody may have kept for them before they are known: before their first namespace is
//! joined, which is when an application has seen who they are.
//!
//! A WebSocket that does not read is not read either. A session on polling has no such hold on its
//! client: each POST is a request of its own, and no connection need stay open for what it leaves
//! behind. So strangers are bounded more narrowly there.

use super::core::Core;
use crate::connection::Layer;

/// What may wait for a stranger on polling, as its outbox is charged: the open packet's follow-ups,
/// a heartbeat, and a refusal for every wish that a client comes up with. With more, the session
/// ends.
const OUTPUT_BYTES_MAX: u32 = 16 * 1024;

impl<S> Core<S> {
    /// Whether so much waits for somebody who is not known yet that no more is taken from them.
    pub(super) fn is_owed_much(&self, slot: u32) -> bool {
        let connection = self.connections.get(slot as usize);
        connection.is_some_and(|connection| {
            connection.layer == Layer::SocketIo
                && !connection.has_joined()
                && connection.outbox.charge() > OUTPUT_BYTES_MAX
        })
    }

    /// Whether a connection neither is in a namespace nor wishes to be in one: nobody would take an
    /// event from it.
    pub(super) fn is_nowhere(&self, slot: u32) -> bool {
        let connection = self.connections.get(slot as usize);
        connection.is_some_and(|connection| connection.memberships.is_empty())
    }
}
