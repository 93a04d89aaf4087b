//! One broadcast, encoded once for each wire variant in use, shared by all its recipients.

use std::sync::OnceLock;

use bytes::Bytes;
use protocol::engine::{Revision, packet};
use protocol::id::SocketId;
use protocol::room::Room;
use protocol::socket::encode;
use protocol::websocket::frame::{self, Opcode};
use smallvec::SmallVec;

use crate::connection::outbox::Class;

/// How a recipient wants its packets written. Fan-out is keyed by it: an encoding a variant, never
/// a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// JSON packets in WebSocket text frames, Engine.IO 4.
    JsonV4,
}

impl Variant {
    /// How many there are.
    pub const COUNT: usize = 1;

    const fn index(self) -> usize {
        match self {
            Self::JsonV4 => 0,
        }
    }
}

/// An event on its way to rooms.
#[derive(Debug)]
pub struct Broadcast {
    /// Index of the namespace whose rooms these are.
    pub namespace: u8,
    /// Who hears it, once each.
    pub rooms: SmallVec<[Room; 2]>,
    /// Who of them does not.
    pub except: Option<SocketId>,
    /// What it may suffer under pressure.
    pub class: Class,
    /// The argument array, `["name", …]`, as JSON.
    pub arguments: Box<[u8]>,
    frames: [OnceLock<Bytes>; Variant::COUNT],
}

impl Broadcast {
    /// A broadcast that nobody has encoded yet.
    pub fn new(namespace: u8, rooms: SmallVec<[Room; 2]>, arguments: Box<[u8]>) -> Self {
        let frames = [const { OnceLock::new() }; Variant::COUNT];
        Self { namespace, rooms, except: None, class: Class::Durable, arguments, frames }
    }

    /// The same, but not for this socket.
    #[must_use]
    pub fn except(mut self, socket: Option<SocketId>) -> Self {
        self.except = socket;
        self
    }

    /// The same, but droppable under pressure.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        self.class = Class::Ephemeral;
        self
    }

    /// The frame for recipients of this variant in the namespace of this name.
    ///
    /// # Cost
    /// Encodes at the first call in the process; afterwards an atomic load.
    pub(crate) fn frame(&self, variant: Variant, namespace: &str) -> &Bytes {
        self.frames[variant.index()].get_or_init(|| event_frame(namespace, None, &self.arguments))
    }
}

/// A whole frame with one event.
pub(crate) fn event_frame(namespace: &str, ack: Option<u64>, arguments: &[u8]) -> Bytes {
    packet_frame(arguments.len(), |out| {
        encode::event_head(out, namespace, ack);
        out.extend_from_slice(arguments);
    })
}

/// A whole frame with one answer.
pub(crate) fn ack_frame(namespace: &str, id: u64, arguments: &[u8]) -> Bytes {
    packet_frame(arguments.len(), |out| {
        encode::ack_head(out, namespace, id);
        out.extend_from_slice(arguments);
    })
}

/// The frames of an event with attachments: its head, and each attachment. They belong next to each
/// other on the wire.
pub(crate) fn binary_event_frames(
    revision: Revision,
    namespace: &str,
    arguments: &[u8],
    attachments: &[Bytes],
) -> Vec<Bytes> {
    let head = packet_frame(arguments.len(), |out| {
        encode::binary_event_head(out, namespace, None, attachments.len());
        out.extend_from_slice(arguments);
    });
    with_attachments(revision, head, attachments)
}

/// The same for an answer.
pub(crate) fn binary_ack_frames(
    revision: Revision,
    namespace: &str,
    id: u64,
    arguments: &[u8],
    attachments: &[Bytes],
) -> Vec<Bytes> {
    let head = packet_frame(arguments.len(), |out| {
        encode::binary_ack_head(out, namespace, id, attachments.len());
        out.extend_from_slice(arguments);
    });
    with_attachments(revision, head, attachments)
}

fn with_attachments(revision: Revision, head: Bytes, attachments: &[Bytes]) -> Vec<Bytes> {
    let attached = attachments.iter().map(|bytes| binary_frame(revision, bytes));
    std::iter::once(head).chain(attached).collect()
}

/// A whole binary frame with one message.
pub(crate) fn binary_frame(revision: Revision, message: &[u8]) -> Bytes {
    let mut packet = Vec::with_capacity(message.len() + 1);
    packet::append_binary(&mut packet, revision, message);
    frame::encode(Opcode::Binary, &packet)
}

/// A whole text frame with the packet that `write` writes; `hint` is about its length in bytes.
pub(crate) fn packet_frame(hint: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut packet = Vec::with_capacity(hint + 48);
    write(&mut packet);
    frame::encode(Opcode::Text, &packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_is_encoded_once_and_shared() {
        let rooms = SmallVec::from_iter([Room::Staff]);
        let broadcast = Broadcast::new(0, rooms, br#"["x",1]"#.to_vec().into());
        let first = broadcast.frame(Variant::JsonV4, "/").clone();
        let second = broadcast.frame(Variant::JsonV4, "/").clone();
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!(&first[..], b"\x81\x0942[\"x\",1]");
    }
}
