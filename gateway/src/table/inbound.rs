//! What comes in on one connection: bytes → frames → packets → namespaces → the application.

use std::io::{self, Read as _};

use protocol::engine::Revision;
use protocol::engine::packet::{self, Packet};
use protocol::id::SocketId;
use protocol::socket::{self, decode, encode};
use protocol::websocket::close::CloseCode;
use protocol::websocket::decoder::Step;
use protocol::websocket::frame::{self, Opcode};
use protocol::websocket::message::{Message, Payload};

use super::context::Context;
use super::core::Departure;
use super::inbox::Admit;
use super::room::Places;
use super::shard::Shard;
use crate::application::{Admission, Application, Connect, Event, Malformed};
use crate::connection::close::CloseReason;
use crate::connection::outbox::Class;
use crate::connection::{
    EARLY_BYTES_MAX, Early, Joining, Layer, Membership, NAMESPACES_PER_CONNECTION_MAX, Phase,
};
use crate::fanout;

/// How the bytes of a connection are read.
#[derive(Debug, Clone, Copy)]
struct Speaks {
    layer: Layer,
    revision: Revision,
}

/// How a packet was taken: the connection goes on, or ends for this reason.
type Taken = Result<(), CloseReason>;

impl<A: Application> Shard<A> {
    /// Reads what one turn allows, and hands it on.
    pub(super) fn read(&mut self, slot: u32) {
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return };
        // Taken out for the duration, so that the table stays free; one buffer serves the shard.
        let mut buffer = std::mem::take(&mut self.buffer);
        let Some(socket) = connection.socket() else { return };
        match socket.io.read(&mut buffer) {
            Ok(0) => self.core.remove(slot, CloseReason::TransportClose),
            Ok(count) => {
                // A short read has emptied the socket; another would only cost an EAGAIN.
                if count == buffer.len() {
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
                Ok(())
            }
            Packet::Upgrade | Packet::Ignored => Ok(()),
            Packet::Binary(message) => match layer {
                Layer::EngineIo => self.engine_message(slot, message, true),
                // No attachment is owed on a Socket.IO connection here.
                Layer::SocketIo | Layer::Raw => Err(CloseReason::Protocol),
            },
            Packet::Message(text) => match layer {
                Layer::SocketIo => self.take_packet(slot, text),
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

    /// Takes one Socket.IO packet.
    fn take_packet(&mut self, slot: u32, text: &mut [u8]) -> Taken {
        // A packet that comes while its namespace is being joined waits for it, as it came.
        if let Some(early) = self.early(slot, text) {
            return hold(early, text);
        }
        match decode::decode_text(text).map_err(|_| CloseReason::Protocol)? {
            socket::Packet::Connect { namespace, auth } => self.connect(slot, namespace, auth),
            socket::Packet::Disconnect { namespace } => self.disconnect(slot, namespace),
            socket::Packet::Event { namespace, ack, arguments } => {
                let namespace = self.joined(slot, namespace)?;
                match arguments {
                    Some(arguments) => self.event(slot, namespace, Event { arguments, ack }),
                    // COMPAT: a bare `42` is tolerated and ignored.
                    None => Ok(()),
                }
            }
            // The server asks for no answers, so every id is unknown, and unknown ids are ignored.
            socket::Packet::Ack { namespace, .. } => self.joined(slot, namespace).map(|_| ()),
            socket::Packet::BinaryEvent { .. } | socket::Packet::BinaryAck { .. } => {
                Err(CloseReason::Protocol)
            }
        }
    }

    /// Where packets of this namespace wait, if they do.
    fn early(&mut self, slot: u32, text: &[u8]) -> Option<&mut Early> {
        let connection = self.core.connections.get(slot as usize)?;
        // The usual case, settled without reading the packet twice.
        if connection.memberships.iter().all(|m| matches!(m.state, Joining::Joined(_))) {
            return None;
        }
        let mut copy = text.to_vec();
        let name = match decode::decode_text(&mut copy).ok()? {
            socket::Packet::Connect { .. }
            | socket::Packet::BinaryEvent { .. }
            | socket::Packet::BinaryAck { .. } => return None,
            socket::Packet::Disconnect { namespace }
            | socket::Packet::Event { namespace, .. }
            | socket::Packet::Ack { namespace, .. } => namespace,
        };
        let namespace = self.core.namespace_index(name)?;
        let connection = self.core.connections.get_mut(slot as usize)?;
        match &mut connection.membership(namespace)?.state {
            Joining::Asked(early) => Some(early),
            Joining::Joined(_) => None,
        }
    }

    /// The index of a namespace that the connection has joined.
    fn joined(&mut self, slot: u32, name: &str) -> Result<u8, CloseReason> {
        let namespace = self.core.namespace_index(name).ok_or(CloseReason::Protocol)?;
        let connection = self.core.connections.get_mut(slot as usize);
        let membership = connection.and_then(|connection| connection.membership(namespace));
        membership.map(|_| namespace).ok_or(CloseReason::Protocol)
    }

    fn connect(&mut self, slot: u32, name: &str, auth: Option<&mut [u8]>) -> Taken {
        let Some(namespace) = self.core.namespace_index(name) else {
            self.refuse(slot, name, "Invalid namespace");
            return Ok(());
        };
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return Ok(()) };
        let full = connection.memberships.len() >= NAMESPACES_PER_CONNECTION_MAX;
        if full || connection.membership(namespace).is_some() {
            return Err(CloseReason::Protocol);
        }
        let state = Joining::Asked(Early::default());
        connection.memberships.push(Membership { namespace, state, places: Places::default() });
        let opening = connection.opening.take();
        let cx = &mut Context { core: &mut self.core, slot, namespace };
        let admission = self.app.connect(cx, Connect { auth, opening: opening.as_deref() });
        if let Some(connection) = self.core.connections.get_mut(slot as usize) {
            connection.opening = opening;
        }
        match admission {
            Admission::Accept(session) => self.admit(slot, namespace, session),
            Admission::Refuse(message) => {
                self.core.end_membership(slot, namespace);
                self.refuse(slot, name, message);
                Ok(())
            }
            Admission::Later => Ok(()),
            Admission::Malformed => Err(CloseReason::Protocol),
            Admission::Overloaded => Err(CloseReason::Overloaded),
        }
    }

    fn refuse(&mut self, slot: u32, name: &str, message: &str) {
        let hint = name.len() + message.len();
        let frame = fanout::packet_frame(hint, |out| encode::connect_error(out, name, message));
        self.core.enqueue(slot, frame, Class::Durable);
    }

    /// The application has said later what it thinks of a wish to join.
    pub(super) fn take_admit(&mut self, admit: Admit<A::Session>) {
        let Admit { socket, namespace, verdict } = admit;
        match (self.core.slot_of(socket), verdict) {
            (Some(slot), Ok((session, rooms))) => {
                for room in &rooms {
                    self.core.join(slot, namespace, room);
                }
                if let Err(reason) = self.admit(slot, namespace, session) {
                    self.core.close(slot, reason);
                }
            }
            (Some(slot), Err(message)) => {
                self.core.end_membership(slot, namespace);
                self.refuse(slot, self.core.namespace_name(namespace), message);
            }
            // Gone meanwhile; what the application began for it must end.
            (None, Ok((session, _))) => self.core.departures.push(Departure { socket, session }),
            (None, Err(_)) => {}
        }
    }

    /// Completes a join: the answer first, then what the application says, then what came early.
    fn admit(&mut self, slot: u32, namespace: u8, session: A::Session) -> Taken {
        let socket = self.core.socket_id(slot);
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return Ok(()) };
        let Some(membership) = connection.membership(namespace) else {
            self.core.departures.push(Departure { socket, session });
            return Ok(());
        };
        let Joining::Asked(early) = &mut membership.state else { return Ok(()) };
        let early = std::mem::take(early);
        membership.state = Joining::Joined(Some(session));
        connection.opening = None;
        let name = self.core.namespace_name(namespace);
        let frame = fanout::packet_frame(name.len(), |out| encode::connect(out, name, socket));
        self.core.enqueue(slot, frame, Class::Durable);
        self.with_session(slot, namespace, |app, cx, session| {
            app.joined(cx, session);
            Ok(())
        })?;
        for mut packet in early.packets {
            self.take_packet(slot, &mut packet)?;
        }
        Ok(())
    }

    fn event(&mut self, slot: u32, namespace: u8, event: Event<'_>) -> Taken {
        self.with_session(slot, namespace, |app, cx, session| app.event(cx, session, event))
    }

    fn disconnect(&mut self, slot: u32, name: &str) -> Taken {
        let namespace = self.joined(slot, name)?;
        let socket = self.core.socket_id(slot);
        if let Some(session) = self.core.end_membership(slot, namespace) {
            self.core.departures.push(Departure { socket, session });
        }
        Ok(())
    }

    /// Calls the application with a membership's session, and puts it back if the membership is
    /// still there.
    fn with_session(
        &mut self,
        slot: u32,
        namespace: u8,
        call: impl FnOnce(&A, &mut Context<'_, A::Session>, &mut A::Session) -> Result<(), Malformed>,
    ) -> Taken {
        let socket = self.core.socket_id(slot);
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

    fn session(&mut self, slot: u32, namespace: u8) -> Option<&mut Option<A::Session>> {
        let connection = self.core.connections.get_mut(slot as usize)?;
        match &mut connection.membership(namespace)?.state {
            Joining::Joined(session) => Some(session),
            Joining::Asked(_) => None,
        }
    }
}

fn hold(early: &mut Early, text: &[u8]) -> Taken {
    early.bytes += text.len() + size_of::<Box<[u8]>>();
    if early.bytes > EARLY_BYTES_MAX {
        return Err(CloseReason::Protocol);
    }
    early.packets.push(text.into());
    Ok(())
}

const fn closing(_: Malformed) -> CloseReason {
    CloseReason::Protocol
}
