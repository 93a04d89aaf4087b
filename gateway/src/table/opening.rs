//! How rows begin: a socket that was upgraded, or a session on long polling.

use std::io;

use protocol::engine::{Heartbeat, OpenPacket, Revision};
use protocol::id::SocketId;
use protocol::socket::Assembly;
use protocol::websocket::frame::{self, Opcode};
use smallvec::SmallVec;

use super::core::{Core, Settings};
use crate::application::Opening;
use crate::connection::outbox::{Class, Outbox};
use crate::connection::polling::Polling;
use crate::connection::socket::Socket;
use crate::connection::timer::Alarm;
use crate::connection::{Adoption, Connection, Layer, Link, Namespaces, Phase, Reading, WebSocket};
use crate::fanout::Variant;
use crate::reactor::Reactor;

/// A wish to open a session on long polling.
#[derive(Debug)]
pub(crate) struct PollingWish {
    /// What is spoken.
    pub(crate) layer: Layer,
    /// The revision of Engine.IO.
    pub(crate) revision: Revision,
    /// Whether binary must travel as base64 (revision 3).
    pub(crate) base64: bool,
    /// Facts from the request.
    pub(crate) opening: Opening,
}

/// What a row begins with.
struct Beginning {
    link: Link,
    layer: Layer,
    revision: Revision,
    opening: Opening,
}

impl<S> Core<S> {
    /// Takes over a socket that opens a session, or asks to carry the one of `probes_for`. Returns
    /// its slot.
    pub(crate) fn adopt(
        &mut self,
        adoption: Adoption,
        probes_for: Option<SocketId>,
        reactor: &Reactor,
    ) -> io::Result<u32> {
        let mut io = Socket::new(adoption.io);
        let key = self.connections.vacant_key();
        reactor.register(&mut io, u32::try_from(key).map_err(io::Error::other)?)?;
        let slot = self.insert(Beginning {
            link: Link::Socket(WebSocket::new(io)),
            layer: adoption.layer,
            revision: adoption.revision,
            opening: adoption.opening,
        })?;
        if let Some(connection) = self.connections.get_mut(slot as usize) {
            connection.probes_for = probes_for;
        }
        match adoption.layer {
            Layer::SocketIo | Layer::EngineIo if probes_for.is_none() => {
                let open = self.open_packet(slot, false)?;
                self.enqueue(slot, frame::encode(Opcode::Text, open.as_bytes()), Class::Durable);
                self.schedule_first(slot);
            }
            // The session's own state bounds how long a probe may take.
            Layer::SocketIo | Layer::EngineIo | Layer::Raw => {}
        }
        Ok(slot)
    }

    /// Opens a session on long polling. Returns its slot and its open packet.
    pub(crate) fn open_polling(&mut self, wish: PollingWish) -> io::Result<(u32, String)> {
        let PollingWish { layer, revision, base64, opening } = wish;
        let seat = self.seat_session()?;
        let link = Link::Polling(Box::new(Polling::new(revision, base64, seat)));
        let slot = self.insert(Beginning { link, layer, revision, opening })?;
        self.note_stranger(slot);
        self.schedule_first(slot);
        Ok((slot, self.open_packet(slot, true)?))
    }

    fn insert(&mut self, beginning: Beginning) -> io::Result<u32> {
        let Beginning { link, layer, revision, opening } = beginning;
        self.nonces += 1;
        let key = self.connections.insert(Connection {
            link,
            outbox: Outbox::default(),
            assembly: Assembly::new(),
            memberships: SmallVec::new(),
            opening: Some(Box::new(opening)),
            nonce: self.nonces,
            last_number: 0,
            last_broadcast: 0,
            heartbeat: Heartbeat::of(revision, self.now_ms, self.settings.timing),
            deadline_ms: self.now_ms.wrapping_add(self.settings.connect_timeout_ms),
            alarm: Alarm::default(),
            wishes_full_ms: self.now_ms,
            variant: match revision {
                Revision::V4 => None,
                // There the server speaks first, so it must know.
                Revision::V3 => Some(Variant::JsonV4),
            },
            revision,
            probes_for: None,
            layer,
            phase: Phase::Open,
            dirty: false,
            reading: Reading::default(),
            recovering: Namespaces::default(),
        });
        u32::try_from(key).map_err(io::Error::other)
    }

    fn schedule_first(&mut self, slot: u32) {
        let Settings { timing, connect_timeout_ms, .. } = self.settings;
        self.schedule(slot, timing.interval_ms.min(connect_timeout_ms));
    }

    fn open_packet(&self, slot: u32, upgradable: bool) -> io::Result<String> {
        let sid = self.sid_of_slot(slot).ok_or_else(|| io::Error::other("nobody is there"))?;
        let open = OpenPacket {
            sid,
            upgradable,
            ping_interval_ms: self.settings.timing.interval_ms,
            ping_timeout_ms: self.settings.timing.timeout_ms,
            payload_bytes_max: self.settings.payload_bytes_max,
        };
        Ok(open.encode())
    }
}
