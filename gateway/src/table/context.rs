//! What an application may do to the connection at hand, and to the rooms of its shard.

use std::sync::Arc;

use bytes::Bytes;
use protocol::engine::Revision;
use protocol::id::SocketId;
use protocol::room::Room;
use protocol::socket::{Kind, Outgoing};
use protocol::websocket::frame::{self, Opcode};

use super::core::Core;
use super::inbox::{Message, SocketHandle};
use super::room::Member;
use crate::connection::close::CloseReason;
use crate::connection::outbox::Class;
use crate::fanout::{self, Broadcast};

/// One namespace of one connection, while the application is called for it.
#[derive(Debug)]
pub struct Context<'a, S> {
    pub(crate) core: &'a mut Core<S>,
    pub(crate) slot: u32,
    pub(crate) namespace: u8,
}

impl<S: Send + 'static> Context<'_, S> {
    /// The socket's public id.
    pub fn socket(&self) -> SocketId {
        self.core.socket_id(self.slot, self.namespace)
    }

    /// The socket, for other threads.
    pub fn handle(&self) -> SocketHandle<S> {
        SocketHandle {
            shards: Arc::clone(self.core.all_shards()),
            shard: self.core.shard_number(),
            socket: self.socket(),
            namespace: self.namespace,
        }
    }

    /// Index of the namespace.
    pub const fn namespace(&self) -> u8 {
        self.namespace
    }

    /// Queues an event for this socket alone: the argument array.
    pub fn emit(&mut self, arguments: &[u8]) {
        self.emit_binary(arguments, &[]);
    }

    /// Queues the answer to an event: the argument array.
    pub fn ack(&mut self, id: u64, arguments: &[u8]) {
        self.ack_binary(id, arguments, &[]);
    }

    /// Queues an event with attachments; the arguments hold their placeholders.
    pub fn emit_binary(&mut self, arguments: &[u8], attachments: &[Bytes]) {
        self.core.emit(self.member(), arguments, attachments);
    }

    /// Queues an answer with attachments; the arguments hold their placeholders.
    pub fn ack_binary(&mut self, id: u64, arguments: &[u8], attachments: &[Bytes]) {
        let answer = Outgoing::new(Kind::Ack, self.name(), Some(arguments));
        self.core.send(self.slot, &Outgoing { id: Some(id), attachments, ..answer });
    }

    const fn member(&self) -> Member {
        Member { slot: self.slot, namespace: self.namespace }
    }

    fn name(&self) -> &'static str {
        self.core.namespace_name(self.namespace)
    }

    /// Queues a bare WebSocket message.
    pub fn send(&mut self, message: &[u8], binary: bool) {
        let opcode = if binary { Opcode::Binary } else { Opcode::Text };
        self.core.enqueue(self.slot, frame::encode(opcode, message), Class::Durable);
    }

    /// Queues a binary Engine.IO message.
    pub fn send_binary(&mut self, message: &[u8]) {
        let frame = fanout::binary_frame(self.revision(), message);
        self.core.enqueue(self.slot, frame, Class::Durable);
    }

    fn revision(&self) -> Revision {
        let connection = self.core.connections.get(self.slot as usize);
        connection.map_or(Revision::V4, |connection| connection.revision)
    }

    /// Joins a room. Returns whether the socket is in it now: not when it is in too many.
    pub fn join(&mut self, room: &Room) -> bool {
        self.core.join(self.slot, self.namespace, room)
    }

    /// Leaves a room.
    pub fn leave(&mut self, room: &Room) -> bool {
        self.core.leave(self.slot, self.namespace, room)
    }

    /// The rooms that the socket is in.
    pub fn rooms(&self) -> Vec<Room> {
        self.core.rooms_of(self.slot, self.namespace)
    }

    /// Takes one of the connection's wishes to join whose answer costs something: it may have 32 at
    /// once, and one more a second. Returns whether there was one.
    pub fn take_wish(&mut self) -> bool {
        let now_ms = self.core.now_ms;
        let connection = self.core.connections.get_mut(self.slot as usize);
        connection.is_some_and(|connection| connection.take_wish(now_ms))
    }

    /// Whether the socket may join a further room.
    pub fn has_room_left(&self) -> bool {
        self.core.has_room_left(self.slot, self.namespace)
    }

    /// Closes the connection, because its client goes on sending far more than it may.
    pub fn close_as_flood(&mut self) {
        self.core.close(self.slot, CloseReason::Flood);
    }

    /// Whether the socket is in this room.
    pub fn is_in(&self, room: &Room) -> bool {
        self.core.is_in(self.slot, self.namespace, room)
    }

    /// Sends to rooms on every shard of this process: here at once, elsewhere when there is a
    /// place in the inbox.
    pub fn broadcast(&mut self, broadcast: Broadcast) {
        let broadcast = Arc::new(broadcast);
        self.core.deliver(&broadcast);
        self.core.forward(&broadcast);
    }

    /// The same, in one order on all shards, and heard later by whoever comes back: the first shard
    /// decides what comes when. In a process where all broadcasts are sent so, or none.
    pub fn broadcast_in_order(&mut self, broadcast: Broadcast) {
        self.core.order(broadcast);
    }
}

impl<S> Core<S> {
    /// Gives a broadcast its place among all of the process, if this is the first shard, and sends
    /// it; hands it to the first shard otherwise, when there is a place in its inbox.
    pub(super) fn order(&mut self, broadcast: Broadcast) {
        if self.shard_index() == 0 {
            let broadcast = Arc::new(broadcast.placed(&self.place.timeline));
            self.deliver(&broadcast);
            self.forward(&broadcast);
        } else if let Some(first) = self.shards().first()
            && !first.offer(Message::Order(Box::new(broadcast)))
        {
            tracing::debug!("inbox full, broadcast dropped");
        }
    }

    /// Offers a broadcast to the other shards.
    fn forward(&self, broadcast: &Arc<Broadcast>) {
        for (shard, handle) in self.shards().iter().enumerate() {
            if shard != self.shard_index()
                && !handle.offer(Message::Broadcast(Arc::clone(broadcast)))
            {
                tracing::debug!(shard, "inbox full, broadcast dropped");
            }
        }
    }
}
