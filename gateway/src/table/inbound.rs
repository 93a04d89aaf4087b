//! What comes in on one connection: bytes → frames → packets → the application.

use std::io::{self, Read as _};

use bytes::Bytes;
use protocol::engine::Revision;
use protocol::engine::packet::{self, Packet};
use protocol::id::SocketId;
use protocol::socket::{self, Encoding, Whole, msgpack};
use protocol::websocket::close::CloseCode;
use protocol::websocket::decoder::Step;
use protocol::websocket::frame::{self, Opcode};
use protocol::websocket::message::{Message, Payload};

use super::context::Context;
use super::core::Departure;
use super::shard::Shard;
use crate::application::{Application, Event, Malformed};
use crate::connection::close::CloseReason;
use crate::connection::outbox::Class;
use crate::connection::{Joining, Layer, Phase};

/// How the bytes of a connection are read.
#[derive(Debug, Clone, Copy)]
struct Speaks {
    layer: Layer,
    revision: Revision,
}

/// How a packet was taken: the connection goes on, or ends for this reason.
pub(super) type Taken = Result<(), CloseReason>;

impl<A: Application> Shard<A> {
    /// Reads what one turn allows, and hands it on.
    pub(super) fn read(&mut self, slot: u32) {
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return };
        if self.core.is_quiet && connection.phase == Phase::Open {
            return;
        }
        if connection.outbox.charge() > self.core.settings.outbox_soft_bytes {
            // Whoever does not take answers is not asked for more questions.
            connection.reading.stalled = true;
            return;
        }
        // A slot that was to be read may have been left since, and taken by a session on polling.
        let Some(socket) = connection.socket() else { return };
        // Taken out for the duration, so that the table stays free; one buffer serves the shard.
        // INVARIANT: every way from here leads to where it is put back, or nobody is read any more.
        let mut buffer = std::mem::take(&mut self.buffer);
        match socket.io.read(&mut buffer) {
            Ok(0) => self.core.remove(slot, CloseReason::TransportClose),
            Ok(count) => {
                // A short read has emptied the socket; another would only cost an EAGAIN.
                // Where the peer has ended, the end is still to be read, and is not told again.
                if count == buffer.len() || connection.reading.ended {
                    connection.make_hungry(slot, &mut self.core.hungry);
                }
                if let Some(bytes) = buffer.get_mut(..count) {
                    self.take_bytes(slot, bytes);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                connection.make_hungry(slot, &mut self.core.hungry);
            }
            Err(_) => self.core.remove(slot, CloseReason::TransportClose),
        }
        self.buffer = buffer;
    }

    /// Takes bytes of one connection; also those that hyper read ahead.
    pub(super) fn take_bytes(&mut self, slot: u32, bytes: &mut [u8]) {
        let limits = self.core.limits();
        let mut slot = slot;
        let mut rest = bytes;
        loop {
            let Some(connection) = self.core.connections.get_mut(slot as usize) else { return };
            if connection.phase == Phase::Closing {
                return;
            }
            let speaks = Speaks { layer: connection.layer, revision: connection.revision };
            let probes_for = connection.probes_for;
            // What a packet owes is refused before it is taken in, not after.
            let limits = limits.within(connection.assembly.room_bytes());
            let Some(socket) = connection.socket() else { return };
            let (consumed, step) = match socket.decoder.decode(rest, &limits) {
                Ok(decoded) => decoded,
                Err(violation) => {
                    return self.core.close(slot, CloseReason::Frame(violation.close_code()));
                }
            };
            let Step::Message(message) = step else { return };
            match self.take_message(slot, speaks, probes_for, message) {
                Ok(next) => slot = next,
                Err(reason) => return self.core.close(slot, reason),
            }
            rest = rest.get_mut(consumed..).unwrap_or_default();
        }
    }

    /// Takes one message. Returns the slot that the next bytes of this socket belong to.
    fn take_message(
        &mut self,
        slot: u32,
        speaks: Speaks,
        probes_for: Option<SocketId>,
        message: Message<'_>,
    ) -> Result<u32, CloseReason> {
        let (mut payload, binary) = match message {
            Message::Text(payload) => (payload, false),
            Message::Binary(payload) => (payload, true),
            Message::Ping(payload) => {
                self.core.enqueue(slot, frame::encode(Opcode::Pong, &payload), Class::Durable);
                return Ok(slot);
            }
            Message::Pong(_) => return Ok(slot),
            Message::Close(frame) => {
                return Err(CloseReason::ClientClose(frame.map(|frame| frame.code)));
            }
        };
        if speaks.layer == Layer::Raw {
            let cx = &mut Context { core: &mut self.core, slot, namespace: 0 };
            return self.app.raw_message(cx, payload, binary).map(|()| slot).map_err(closing);
        }
        let packet = if binary {
            packet::decode_binary(speaks.revision, payload)
        } else {
            packet::decode_text(speaks.revision, &mut payload)
        };
        let packet = packet.map_err(|_| CloseReason::Protocol)?;
        if let Some(session) = probes_for {
            return self.take_probe_packet(slot, session, &packet);
        }
        self.take_engine_packet(slot, speaks.layer, packet).map(|()| slot)
    }

    /// Takes one Engine.IO packet, whatever it came on.
    pub(super) fn take_engine_packet(
        &mut self,
        slot: u32,
        layer: Layer,
        packet: Packet<'_>,
    ) -> Taken {
        let (now_ms, timing) = (self.core.now_ms, self.core.settings.timing);
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return Ok(()) };
        connection.heartbeat.handle_traffic(now_ms, timing);
        match packet {
            // COMPAT: the reference ignores `1` on a WebSocket and times out later; closing at
            // once is what its clients wait for.
            Packet::Close => Err(CloseReason::ClientClose(Some(CloseCode::NORMAL))),
            Packet::Ping(data) => {
                let pong = [packet::PONG, data].concat();
                let answered = connection.heartbeat.handle_ping(now_ms, timing);
                answered.map_err(|_| CloseReason::Protocol)?;
                self.core.enqueue_text(slot, &pong);
                Ok(())
            }
            Packet::Pong => {
                connection.heartbeat.handle_pong(now_ms, timing);
                self.core.note_pong(slot);
                Ok(())
            }
            Packet::Upgrade | Packet::Ignored => Ok(()),
            Packet::Binary(message) => match layer {
                Layer::EngineIo => self.engine_message(slot, message, true),
                Layer::SocketIo => self.take_socket_message(slot, message, true),
                Layer::Raw => Err(CloseReason::Protocol),
            },
            Packet::Message(text) => match layer {
                Layer::SocketIo => self.take_socket_message(slot, Payload::Borrowed(text), false),
                Layer::EngineIo | Layer::Raw => {
                    self.engine_message(slot, Payload::Borrowed(text), false)
                }
            },
        }
    }

    fn engine_message(&mut self, slot: u32, message: Payload<'_>, binary: bool) -> Taken {
        let cx = &mut Context { core: &mut self.core, slot, namespace: 0 };
        self.app.engine_message(cx, message, binary).map_err(closing)
    }

    /// Takes a message of a Socket.IO connection. A client's first one tells how all are written.
    fn take_socket_message(
        &mut self,
        slot: u32,
        mut message: Payload<'_>,
        is_binary: bool,
    ) -> Taken {
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return Ok(()) };
        let variant = if let Some(variant) = connection.variant {
            variant
        } else {
            let encoding = Encoding::of_first(is_binary, &message);
            *connection.variant.insert(encoding.ok_or(CloseReason::Protocol)?.into())
        };
        match (variant.encoding(), is_binary) {
            (Encoding::Json, false) => self.take_text(slot, &mut message),
            (Encoding::Json, true) => self.take_attachment(slot, message),
            (Encoding::Msgpack, true) => {
                let whole = msgpack::decode(&message).map_err(|_| CloseReason::Protocol)?;
                self.take_whole(slot, whole)
            }
            (Encoding::Msgpack, false) => Err(CloseReason::Protocol),
        }
    }

    /// Takes the text of a Socket.IO packet, which may be the head of one whose attachments follow.
    fn take_text(&mut self, slot: u32, text: &mut [u8]) -> Taken {
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return Ok(()) };
        let packet = connection.assembly.handle_text(text).map_err(|_| CloseReason::Protocol)?;
        let Some(packet) = packet else {
            // Its attachments would be kept for nobody.
            return if self.core.is_nowhere(slot) { Err(CloseReason::Protocol) } else { Ok(()) };
        };
        match self.waits_for(slot, &packet) {
            Some(namespace) => self.hold(slot, namespace, Whole::of_text(text.to_vec())),
            None => self.take_packet(slot, packet, &[]),
        }
    }

    /// Takes an attachment, and the packet if it is the last of it.
    fn take_attachment(&mut self, slot: u32, message: Payload<'_>) -> Taken {
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return Ok(()) };
        let whole = connection.assembly.handle_binary(message);
        match whole.map_err(|_| CloseReason::Protocol)? {
            None => Ok(()),
            Some(whole) => self.take_whole(slot, whole),
        }
    }

    /// Takes a packet with its attachments.
    fn take_whole(&mut self, slot: u32, mut whole: Whole) -> Taken {
        let (packet, attachments) = whole.parts().map_err(|_| CloseReason::Protocol)?;
        match self.waits_for(slot, &packet) {
            Some(namespace) => self.hold(slot, namespace, whole),
            None => self.take_packet(slot, packet, attachments),
        }
    }

    /// Takes one whole Socket.IO packet.
    pub(super) fn take_packet(
        &mut self,
        slot: u32,
        packet: socket::Packet<'_>,
        attachments: &[Bytes],
    ) -> Taken {
        match packet {
            socket::Packet::Connect { namespace, auth } => self.connect(slot, namespace, auth),
            socket::Packet::Disconnect { namespace } => self.disconnect(slot, namespace),
            socket::Packet::Event { namespace, ack, arguments } => {
                let namespace = self.joined(slot, namespace)?;
                match arguments {
                    Some(arguments) => {
                        self.event(slot, namespace, Event { arguments, ack, attachments })
                    }
                    // COMPAT: a bare `42` is tolerated and ignored.
                    None => Ok(()),
                }
            }
            socket::Packet::BinaryEvent { namespace, ack, arguments, .. } => {
                let namespace = self.joined(slot, namespace)?;
                self.event(slot, namespace, Event { arguments, ack, attachments })
            }
            // The server asks for no answers, so every id is unknown, and unknown ids are ignored.
            socket::Packet::Ack { namespace, .. } | socket::Packet::BinaryAck { namespace, .. } => {
                self.joined(slot, namespace).map(|_| ())
            }
        }
    }

    fn event(&mut self, slot: u32, namespace: u8, event: Event<'_>) -> Taken {
        self.with_session(slot, namespace, |app, cx, session| app.event(cx, session, event))
    }

    /// Calls the application with a membership's session, and puts it back if the membership is
    /// still there.
    pub(super) fn with_session(
        &mut self,
        slot: u32,
        namespace: u8,
        call: impl FnOnce(&A, &mut Context<'_, A::Session>, &mut A::Session) -> Result<(), Malformed>,
    ) -> Taken {
        let socket = self.core.socket_id(slot, namespace);
        let Some(mut session) = self.session(slot, namespace).and_then(Option::take) else {
            return Ok(());
        };
        let cx = &mut Context { core: &mut self.core, slot, namespace };
        let taken = call(&self.app, cx, &mut session).map_err(closing);
        match self.session(slot, namespace) {
            // Nothing is adopted while an application is called: it is still the same tenant.
            Some(place) => *place = Some(session),
            None => self.core.departures.push(Departure { socket, session }),
        }
        taken
    }

    pub(super) fn session(&mut self, slot: u32, namespace: u8) -> Option<&mut Option<A::Session>> {
        let connection = self.core.connections.get_mut(slot as usize)?;
        match &mut connection.membership(namespace)?.state {
            Joining::Joined(session) => Some(session),
            Joining::Asked(_) => None,
        }
    }
}

const fn closing(_: Malformed) -> CloseReason {
    CloseReason::Protocol
}
