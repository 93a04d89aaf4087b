//! The upgrade: a WebSocket asks to carry a session that is on polling, and then does.
//!
//! Until the swap the WebSocket is a row of its own that says nothing but probes. At the swap its
//! socket moves into the session's row, with what is not yet read or written there; everything that
//! no poll has taken leaves behind it, in order.
//! Source: Engine.IO v4 "Upgrade".

use protocol::engine::packet::{self, Packet};
use protocol::engine::session::{ProbeReply, WebSocket as Verdict};
use protocol::id::{EngineSid, SocketId};

use super::core::Core;
use super::shard::Shard;
use crate::application::Application;
use crate::connection::close::CloseReason;
use crate::connection::{Adoption, Link};
use crate::reactor::Reactor;

impl<A: Application> Shard<A> {
    /// A WebSocket has come that names a session. Returns its slot.
    pub(super) fn take_probe(
        &mut self,
        adoption: Adoption,
        sid: EngineSid,
    ) -> std::io::Result<u32> {
        let (now_ms, timeout_ms) = (self.core.now_ms, self.core.settings.upgrade_timeout_ms);
        let session = self.core.slot_of_sid(sid);
        let verdict = session.and_then(|slot| {
            let connection = self.core.connections.get_mut(slot as usize)?;
            let (polling, _) = connection.polling()?;
            Some((slot, polling.session.handle_websocket(now_ms, timeout_ms)))
        });
        let accepted = match verdict {
            Some((slot, Verdict::Probe)) => Some(slot),
            Some((_, Verdict::CloseAtOnce)) | None => None,
        };
        let probes_for = accepted.map_or(NOBODY, |slot| self.core.connection_id(slot));
        let probe = self.core.adopt(adoption, Some(probes_for), &self.reactor)?;
        match accepted {
            Some(slot) => {
                self.core.set_probe(slot, probe);
                self.core.schedule_session(slot);
            }
            None => self.core.close_probe(probe),
        }
        Ok(probe)
    }

    /// A packet has come on a WebSocket that asks to carry a session. Returns the slot that its next
    /// bytes belong to.
    pub(super) fn take_probe_packet(
        &mut self,
        probe: u32,
        session: SocketId,
        packet: &Packet<'_>,
    ) -> Result<u32, CloseReason> {
        let now_ms = self.core.now_ms;
        let slot = self.core.slot_of_connection(session).ok_or(CloseReason::Protocol)?;
        let connection = self.core.connections.get_mut(slot as usize);
        let (polling, outbox) =
            connection.and_then(|it| it.polling()).ok_or(CloseReason::Protocol)?;
        let probing = polling.session.handle_probe_packet(packet, now_ms, !outbox.is_empty());
        if let Some(answer) = probing.poll
            && polling.answer(answer, outbox).is_err()
        {
            self.core.remove(slot, CloseReason::TransportClose);
            return Err(CloseReason::Protocol);
        }
        self.core.schedule_session(slot);
        match probing.reply {
            ProbeReply::Pong => {
                self.core.enqueue_text(probe, packet::PROBE_PONG);
                Ok(probe)
            }
            ProbeReply::Swap => {
                self.core.swap(slot, probe, &self.reactor).ok_or(CloseReason::TransportClose)?;
                Ok(slot)
            }
            ProbeReply::Abort => Err(CloseReason::Protocol),
        }
    }
}

/// The socket that a WebSocket asks for which nobody can give it.
const NOBODY: SocketId = SocketId::NOBODY;

impl<S> Core<S> {
    fn set_probe(&mut self, slot: u32, probe: u32) {
        let connection = self.connections.get_mut(slot as usize);
        if let Some((polling, _)) = connection.and_then(|it| it.polling()) {
            polling.probe = Some(probe);
        }
    }

    /// Moves the socket of a probing row into the session's row.
    fn swap(&mut self, slot: u32, probe: u32, reactor: &Reactor) -> Option<()> {
        let row = self.connections.try_remove(probe as usize)?;
        let Link::Socket(mut socket) = row.link else { return None };
        if reactor.rename(&mut socket.io, slot).is_err() {
            self.remove(slot, CloseReason::TransportClose);
            return None;
        }
        let connection = self.connections.get_mut(slot as usize)?;
        connection.link = Link::Socket(socket);
        // Answers to its probes, the first of them perhaps half written.
        connection.outbox.put_before(row.outbox);
        connection.reading.ended = row.reading.ended;
        self.strangers.forget(connection.nonce);
        if row.reading.hungry {
            connection.make_hungry(slot, &mut self.hungry);
        }
        self.mark_dirty(slot);
        Some(())
    }
}
