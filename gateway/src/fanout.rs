//! One packet, encoded for whoever gets it; one broadcast, encoded once for each wire variant in use
//! and shared by all its recipients.

use std::collections::HashSet;
use std::sync::OnceLock;

use bytes::Bytes;
use protocol::engine::{Revision, packet};
use protocol::event::Except;
use protocol::id::SocketId;
use protocol::room::Room;
use protocol::schema::json::JsonError;
use protocol::socket::{Encoding, Kind, Outgoing, encode, msgpack};
use protocol::websocket::frame::{self, Opcode};
use smallvec::{SmallVec, smallvec};

use crate::connection::outbox::Class;
use crate::recovery::offset::Offset;
use crate::recovery::timeline::{Position, Timeline};

/// How a recipient wants its packets written. Fan-out is keyed by it: an encoding a variant, never
/// a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// JSON packets in WebSocket text frames. Without attachments, and no broadcast has any, they
    /// are the same in Engine.IO 3.
    JsonV4,
    /// Msgpack packets in WebSocket binary frames, Engine.IO 4.
    MsgpackV4,
}

impl Variant {
    /// How many there are.
    pub const COUNT: usize = 2;

    const fn index(self) -> usize {
        match self {
            Self::JsonV4 => 0,
            Self::MsgpackV4 => 1,
        }
    }

    /// What its packets are written in.
    pub(crate) const fn encoding(self) -> Encoding {
        match self {
            Self::JsonV4 => Encoding::Json,
            Self::MsgpackV4 => Encoding::Msgpack,
        }
    }
}

impl From<Encoding> for Variant {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self::JsonV4,
            Encoding::Msgpack => Self::MsgpackV4,
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
    pub except: Option<Except>,
    /// What it may suffer under pressure.
    pub class: Class,
    /// Of a new message: its place in its conversation.
    pub seq: Option<i64>,
    /// The argument array, `["name", …]`, as JSON.
    pub arguments: Box<[u8]>,
    /// Where it stands among those that can be missed, if it is one.
    pub(crate) position: Option<Position>,
    /// By variant, without and with the offset; `None` inside where the arguments cannot be said in
    /// that variant.
    frames: [[OnceLock<Option<Bytes>>; 2]; Variant::COUNT],
}

impl Broadcast {
    /// A broadcast that nobody has encoded yet.
    pub fn new(namespace: u8, rooms: SmallVec<[Room; 2]>, arguments: Box<[u8]>) -> Self {
        let frames = [const { [const { OnceLock::new() }; 2] }; Variant::COUNT];
        let (except, class, seq, position) = (None, Class::Durable, None, None);
        Self { namespace, rooms, except, class, seq, arguments, position, frames }
    }

    /// The same, but not for these.
    #[must_use]
    pub fn except(mut self, except: Option<Except>) -> Self {
        self.except = except;
        self
    }

    /// The same, as the announcement of the message at this place.
    #[must_use]
    pub fn of_message(mut self, seq: Option<i64>) -> Self {
        self.seq = seq;
        self
    }

    /// The same, but droppable under pressure.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        self.class = Class::Ephemeral;
        self
    }

    /// The same, as the next one that can be missed, unless it may be dropped. It must reach every
    /// shard, and behind those that were placed before it.
    #[must_use]
    pub(crate) fn placed(mut self, timeline: &Timeline) -> Self {
        self.position = match self.class {
            Class::Durable => Some(timeline.advance()),
            Class::Ephemeral => None,
        };
        self
    }

    /// Whether a socket that is in these rooms hears it.
    pub(crate) fn concerns(&self, socket: SocketId, rooms: &HashSet<&Room>) -> bool {
        let is_left_out = match &self.except {
            None => false,
            Some(Except::Socket(one)) => *one == socket,
            Some(Except::Room(room)) => rooms.contains(room),
        };
        !is_left_out && self.rooms.iter().any(|room| rooms.contains(room))
    }

    /// The frame for recipients of this variant in the namespace of this name; those who can come
    /// back get the offset too, if there is one. None where the arguments are no JSON, or nest
    /// deeper than what a client may send: msgpack cannot say them.
    ///
    /// # Cost
    /// Encodes at the first call in the process; afterwards an atomic load.
    pub(crate) fn frame(
        &self,
        variant: Variant,
        recovers: bool,
        namespace: &str,
    ) -> Option<&Bytes> {
        let position = self.position.filter(|_| recovers);
        let encode = || {
            let placed = position.map(|at| Offset::of_broadcast(at).append(&self.arguments));
            let arguments = placed.as_deref().unwrap_or(&self.arguments);
            let packet = Outgoing::new(Kind::Event, namespace, Some(arguments));
            head_frame(variant, &packet).ok()
        };
        let frame = &self.frames[variant.index()][usize::from(position.is_some())];
        frame.get_or_init(encode).as_ref()
    }
}

/// The frames of one packet, mostly one: as JSON, its attachments follow in frames of their own, and
/// belong next to it on the wire.
///
/// # Errors
/// As msgpack: the data is no JSON, or goes beyond the bounds of what a client may send.
pub(crate) fn frames(
    variant: Variant,
    revision: Revision,
    packet: &Outgoing<'_>,
) -> Result<SmallVec<[Bytes; 1]>, JsonError> {
    let mut frames = smallvec![head_frame(variant, packet)?];
    match variant.encoding() {
        Encoding::Json => {
            frames.extend(packet.attachments.iter().map(|bytes| binary_frame(revision, bytes)));
        }
        Encoding::Msgpack => {}
    }
    Ok(frames)
}

/// The first frame of a packet, in msgpack the only one.
fn head_frame(variant: Variant, packet: &Outgoing<'_>) -> Result<Bytes, JsonError> {
    let mut out = Vec::with_capacity(packet.data.map_or(0, <[u8]>::len) + HEAD_BYTES);
    match variant.encoding() {
        Encoding::Json => {
            encode::packet(&mut out, packet);
            Ok(frame::encode(Opcode::Text, &out))
        }
        Encoding::Msgpack => {
            msgpack::encode(&mut out, packet)?;
            Ok(frame::encode(Opcode::Binary, &out))
        }
    }
}

/// Room for what stands around the data of a packet.
const HEAD_BYTES: usize = 48;

/// A whole binary frame with one message.
pub(crate) fn binary_frame(revision: Revision, message: &[u8]) -> Bytes {
    let mut packet = Vec::with_capacity(message.len() + 1);
    packet::append_binary(&mut packet, revision, message);
    frame::encode(Opcode::Binary, &packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broadcast(arguments: &str) -> Broadcast {
        Broadcast::new(0, SmallVec::from_iter([Room::Staff]), arguments.as_bytes().into())
    }

    #[test]
    fn a_broadcast_is_encoded_once_a_variant_and_shared() {
        let broadcast = broadcast(r#"["x",1]"#);
        for (variant, expected) in [
            (Variant::JsonV4, &b"\x81\x0942[\"x\",1]"[..]),
            (Variant::MsgpackV4, b"\x82\x16\x83\xa4type\x02\xa4data\x92\xa1x\x01\xa3nsp\xa1/"),
        ] {
            let first = broadcast.frame(variant, false, "/").unwrap().clone();
            let second = broadcast.frame(variant, false, "/").unwrap().clone();
            assert_eq!(first.as_ptr(), second.as_ptr());
            assert_eq!(&first[..], expected, "{variant:?}");
        }
    }

    #[test]
    fn who_can_come_back_gets_the_offset_and_nobody_else_does() {
        let timeline = Timeline::new();
        let placed = broadcast(r#"["x",1]"#).placed(&timeline);
        let offset = format!("{:08x}.1", timeline.epoch());
        for variant in [Variant::JsonV4, Variant::MsgpackV4] {
            let plain = placed.frame(variant, false, "/").unwrap().clone();
            let offered = placed.frame(variant, true, "/").unwrap().clone();
            let ends = |frame: &Bytes| String::from_utf8_lossy(frame).contains(&offset);
            assert_eq!((ends(&plain), ends(&offered)), (false, true), "{variant:?}");
            assert_eq!(offered.as_ptr(), placed.frame(variant, true, "/").unwrap().as_ptr());
            let dropped = broadcast(r#"["x",1]"#).ephemeral().placed(&timeline);
            assert_eq!(dropped.frame(variant, true, "/"), Some(&plain), "{variant:?}");
        }
        assert_eq!(broadcast("[1]").placed(&timeline).position.unwrap().number, 2);
    }

    #[test]
    fn arguments_that_msgpack_cannot_say_leave_the_other_variant_alone() {
        let deep = broadcast(&format!(r#"["x",{}1{}]"#, "[".repeat(200), "]".repeat(200)));
        assert!(deep.frame(Variant::JsonV4, false, "/").is_some());
        assert!(deep.frame(Variant::MsgpackV4, false, "/").is_none());
    }

    #[test]
    fn attachments_stand_behind_a_text_and_inside_msgpack() {
        let attachments = [Bytes::from_static(b"\x01"), Bytes::from_static(b"\x02")];
        let arguments = br#"["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
        let packet = Outgoing::new(Kind::Event, "/", Some(arguments));
        let packet = Outgoing { attachments: &attachments, ..packet };
        let json = frames(Variant::JsonV4, Revision::V3, &packet).unwrap();
        assert!(json[0].ends_with(arguments));
        assert_eq!(json[1..], [&b"\x82\x02\x04\x01"[..], b"\x82\x02\x04\x02"]);
        let msgpack = frames(Variant::MsgpackV4, Revision::V4, &packet).unwrap();
        assert_eq!(msgpack.len(), 1);
        assert!(msgpack[0].ends_with(b"\x93\xa1x\xc4\x01\x02\xc4\x01\x01\xa3nsp\xa1/"));
    }
}
