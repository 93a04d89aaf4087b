//! Namespaces: wishes to join them, answers, and what comes before the answer.

use protocol::engine::Revision;
use protocol::socket::{self, Kind, Outgoing, Whole, encode, legacy};

use super::context::Context;
use super::core::{Core, Departure};
use super::inbound::Taken;
use super::inbox::Admit;
use super::room::Member;
use super::shard::Shard;
use crate::application::{Admission, Admitted, Application, Connect, Refusal};
use crate::connection::close::CloseReason;
use crate::connection::{
    EARLY_BYTES_MAX, Early, Joining, Layer, Membership, NAMESPACES_PER_CONNECTION_MAX,
};
use crate::recovery::Recovery;

impl<A: Application> Shard<A> {
    /// The namespace that this packet must wait for, because it is being joined.
    pub(super) fn waits_for(&mut self, slot: u32, packet: &socket::Packet<'_>) -> Option<u8> {
        if matches!(packet, socket::Packet::Connect { .. }) {
            return None;
        }
        let connection = self.core.connections.get(slot as usize)?;
        if !connection.memberships.iter().any(|m| matches!(m.state, Joining::Asked(_))) {
            return None;
        }
        let (name, _) = self.split_name(slot, packet.namespace());
        let namespace = self.core.namespace_index(name)?;
        let connection = self.core.connections.get_mut(slot as usize)?;
        match connection.membership(namespace)?.state {
            Joining::Asked(_) => Some(namespace),
            Joining::Joined(_) => None,
        }
    }

    /// Keeps a packet until its namespace is joined.
    pub(super) fn hold(&mut self, slot: u32, namespace: u8, packet: Whole) -> Taken {
        let connection = self.core.connections.get_mut(slot as usize);
        match connection.and_then(|connection| connection.membership(namespace)) {
            Some(Membership { state: Joining::Asked(early), .. }) => early.hold(packet),
            Some(Membership { state: Joining::Joined(_), .. }) | None => Ok(()),
        }
    }

    /// A name as a client wrote it, and what a client of revision 3 wrote behind it.
    fn split_name<'n>(&self, slot: u32, name: &'n str) -> (&'n str, Option<&'n str>) {
        match self.core.revision(slot) {
            Revision::V4 => (name, None),
            Revision::V3 => legacy::split_query(name),
        }
    }

    /// Joins the root namespace for a client of revision 3, which does not ask for it.
    pub(super) fn connect_implicitly(&mut self, slot: u32) {
        let Some(connection) = self.core.connections.get(slot as usize) else { return };
        if (connection.layer, connection.revision) != (Layer::SocketIo, Revision::V3) {
            return;
        }
        if let Err(reason) = self.connect(slot, socket::ROOT, None) {
            self.core.close(slot, reason);
        }
    }

    /// The index of a namespace that the connection has joined.
    pub(super) fn joined(&mut self, slot: u32, name: &str) -> Result<u8, CloseReason> {
        let (name, _) = self.split_name(slot, name);
        let namespace = self.core.namespace_index(name).ok_or(CloseReason::Protocol)?;
        let connection = self.core.connections.get_mut(slot as usize);
        let membership = connection.and_then(|connection| connection.membership(namespace));
        membership.map(|_| namespace).ok_or(CloseReason::Protocol)
    }

    /// A client wishes to join a namespace; one of revision 3 is wished into the root by us.
    pub(super) fn connect(&mut self, slot: u32, name: &str, auth: Option<&mut [u8]>) -> Taken {
        let (name, query) = self.split_name(slot, name);
        let mut query_auth = query.map(legacy::query_auth);
        let auth = query_auth.as_deref_mut().or(auth);
        let Some(namespace) = self.core.namespace_index(name) else {
            // COMPAT: this one refusal is told in the newer way to all.
            self.core.refuse(slot, name, Revision::V4, &INVALID_NAMESPACE);
            return Ok(());
        };
        let Some(connection) = self.core.connections.get_mut(slot as usize) else { return Ok(()) };
        let full = connection.memberships.len() >= NAMESPACES_PER_CONNECTION_MAX;
        if full || connection.membership(namespace).is_some() {
            return Err(CloseReason::Protocol);
        }
        connection.ask(namespace);
        let opening = connection.opening.take();
        let cx = &mut Context { core: &mut self.core, slot, namespace };
        let admission = self.app.connect(cx, Connect { auth, opening: opening.as_deref() });
        if let Some(connection) = self.core.connections.get_mut(slot as usize) {
            connection.opening = opening;
        }
        match admission {
            Admission::Accept(session) => self.admit(slot, namespace, session),
            Admission::Refuse(refusal) => {
                self.core.end_membership(slot, namespace);
                self.core.refuse(slot, name, self.core.revision(slot), &refusal);
                Ok(())
            }
            Admission::Later => Ok(()),
            Admission::Malformed => Err(CloseReason::Protocol),
            Admission::Overloaded => Err(CloseReason::Overloaded),
            Admission::Flood => Err(CloseReason::Flood),
        }
    }

    /// The application has said later what it thinks of a wish to join.
    pub(super) fn take_admit(&mut self, admit: Admit<A::Session>) {
        let Admit { socket, namespace, verdict } = admit;
        match (self.core.slot_of(socket), verdict) {
            (Some(slot), Ok(admitted)) => {
                let Admitted { session, rooms, recovery } = admitted;
                let member = Member { slot, namespace };
                for room in &rooms {
                    self.core.join(slot, namespace, room);
                }
                self.core.begin(member, recovery);
                if let Err(reason) = self.admit(slot, namespace, session) {
                    self.core.close(slot, reason);
                }
            }
            (Some(slot), Err(refusal)) => {
                self.core.end_membership(slot, namespace);
                let name = self.core.namespace_name(namespace);
                self.core.refuse(slot, name, self.core.revision(slot), &refusal);
            }
            // Gone meanwhile; what the application began for it must end.
            (None, Ok(Admitted { session, recovery, .. })) => {
                if let Recovery::Resume(recalled) = recovery {
                    self.core.put_back(*recalled);
                }
                self.core.departures.push(Departure { socket, session });
            }
            (None, Err(_)) => {}
        }
    }

    /// Completes a join: the answer first, then what the application says, then what came early.
    fn admit(&mut self, slot: u32, namespace: u8, session: A::Session) -> Taken {
        let member = Member { slot, namespace };
        let (socket, pid) = (self.core.socket_id(slot, namespace), self.core.private_id(member));
        let connection = self.core.connections.get_mut(slot as usize);
        let Some(membership) = connection.and_then(|found| found.membership(namespace)) else {
            self.core.departures.push(Departure { socket, session });
            return Ok(());
        };
        let Joining::Asked(early) = &mut membership.state else { return Ok(()) };
        let early = std::mem::take(early);
        membership.state = Joining::Joined(Some(session));
        if let Some(connection) = self.core.connections.get_mut(slot as usize) {
            connection.opening = None;
            self.core.strangers.forget(connection.nonce);
        }
        let name = self.core.namespace_name(namespace);
        let mut data = Vec::new();
        let pid = pid.map(|pid| pid.to_string());
        encode::connect_data(&mut data, socket, pid.as_deref());
        let data = match self.core.revision(slot) {
            Revision::V4 => Some(&*data),
            Revision::V3 => None,
        };
        self.core.send(slot, &Outgoing::new(Kind::Connect, name, data));
        self.with_session(slot, namespace, |app, cx, session| {
            app.joined(cx, session);
            Ok(())
        })?;
        for mut whole in early.packets {
            let (packet, attachments) = whole.parts().map_err(|_| CloseReason::Protocol)?;
            self.take_packet(slot, packet, attachments)?;
        }
        self.end_stays(slot);
        Ok(())
    }

    pub(super) fn disconnect(&mut self, slot: u32, name: &str) -> Taken {
        let namespace = self.joined(slot, name)?;
        let socket = self.core.socket_id(slot, namespace);
        if let Some(session) = self.core.end_membership(slot, namespace) {
            self.core.departures.push(Departure { socket, session });
        }
        Ok(())
    }
}

const INVALID_NAMESPACE: Refusal = Refusal::new("Invalid namespace");

impl<S> Core<S> {
    /// Tells a client that it has not joined a namespace, in the way of this revision.
    fn refuse(&mut self, slot: u32, name: &str, revision: Revision, refusal: &Refusal) {
        let Refusal { message, data } = refusal;
        let data = data.as_deref().map(str::as_bytes);
        let mut json = Vec::new();
        match revision {
            Revision::V4 => encode::connect_error_data(&mut json, message, data),
            Revision::V3 => legacy::connect_error_data(&mut json, message, data),
        }
        self.send(slot, &Outgoing::new(Kind::ConnectError, name, Some(&json)));
    }

    /// The revision of Engine.IO that a slot speaks.
    fn revision(&self, slot: u32) -> Revision {
        self.connections.get(slot as usize).map_or(Revision::V4, |connection| connection.revision)
    }
}

impl Early {
    fn hold(&mut self, packet: Whole) -> Taken {
        self.bytes += packet.held_bytes();
        if self.bytes > EARLY_BYTES_MAX {
            return Err(CloseReason::Protocol);
        }
        self.packets.push(packet);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_early_is_held_up_to_a_bound_whatever_its_shape() {
        for len in [0, 1, 1_000, EARLY_BYTES_MAX / 2] {
            let mut early = Early::default();
            let mut held = 0;
            while early.hold(Whole::of_text(vec![b'x'; len])).is_ok() {
                held += 1;
                assert_eq!(early.packets.len(), held);
            }
            assert!(held * (len + size_of::<Whole>()) <= EARLY_BYTES_MAX, "{held} of {len}");
            assert!((held + 1) * (len + size_of::<Whole>()) > EARLY_BYTES_MAX, "{held} of {len}");
        }
    }
}
