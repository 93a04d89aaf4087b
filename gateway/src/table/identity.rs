//! Ids of sockets and connections, and the slots that they are found by.
//!
//! An id names the slot and its tenant, so that finding costs no search. A socket keeps the id that
//! its session began with, whatever connection it goes on with.

use protocol::id::SocketId;

use super::core::Core;
use super::room::Member;
use crate::connection::Phase;

/// In the place of a membership's number: the connection itself.
const CONNECTION: u8 = 0;

impl<S> Core<S> {
    /// The public id of the socket that a slot has in a namespace: made when its session began,
    /// perhaps for an earlier connection.
    pub(crate) fn socket_id(&self, slot: u32, namespace: u8) -> SocketId {
        let member = Member { slot, namespace };
        let session = if self.recovers(member) { self.sessions.socket(member) } else { None };
        session.unwrap_or_else(|| self.own_id(slot, namespace))
    }

    /// The id that is made for the socket of a slot in a namespace. Each time that one is joined, it
    /// is another.
    pub(super) fn own_id(&self, slot: u32, namespace: u8) -> SocketId {
        let connection = self.connections.get(slot as usize);
        let mut memberships = connection.into_iter().flat_map(|found| &found.memberships);
        let membership = memberships.find(|membership| membership.namespace == namespace);
        self.id(slot, membership.map_or(CONNECTION, |membership| membership.number))
    }

    /// An id of the connection itself, which is no socket's and shown to nobody.
    pub(crate) fn connection_id(&self, slot: u32) -> SocketId {
        self.id(slot, CONNECTION)
    }

    fn id(&self, slot: u32, number: u8) -> SocketId {
        let nonce = self.connections.get(slot as usize).map_or(0, |connection| connection.nonce);
        let nonce = (nonce << u8::BITS) | u64::from(number);
        SocketId::new(self.place.node, self.place.shard, slot, nonce)
    }

    /// The slot of a socket, while its connection is open and its namespace joined or being joined:
    /// the connection that it is named after, or a later one, on which its session went on.
    pub(crate) fn slot_of(&self, socket: SocketId) -> Option<u32> {
        let slot = socket.slot();
        let is_its = |number| self.id(slot, number) == socket;
        let own = self.connections.get(slot as usize).filter(|own| {
            own.phase == Phase::Open && own.memberships.iter().any(|found| is_its(found.number))
        });
        if own.is_some() {
            return Some(slot);
        }
        let later = self.sessions.moved(socket)?.slot;
        let connection = self.connections.get(later as usize)?;
        (connection.phase == Phase::Open).then_some(later)
    }

    /// The slot of a connection, while it is open.
    pub(crate) fn slot_of_connection(&self, id: SocketId) -> Option<u32> {
        let slot = id.slot();
        let connection = self.connections.get(slot as usize)?;
        let same = self.connection_id(slot) == id && connection.phase == Phase::Open;
        same.then_some(slot)
    }
}
