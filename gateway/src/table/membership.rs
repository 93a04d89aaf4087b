//! Memberships and rooms: who hears what.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::event::Except;
use protocol::room::Room;
use slab::Slab;
use smallvec::SmallVec;

use super::core::{Core, mark};
use super::holding::Kept;
use super::room::{Member, Notes, Places, ROOMS_PER_MEMBER_MAX};
use super::sweep::SWEPT_PER_TURN;
use crate::connection::close::CloseReason;
use crate::connection::outbox::{Bounds, Push};
use crate::connection::{Connection, Joining};
use crate::fanout::Broadcast;

impl<S> Core<S> {
    /// Puts a membership into a room.
    pub(crate) fn join(&mut self, slot: u32, namespace: u8, room: &Room) -> bool {
        // Nothing that is under way to the room is for whoever enters now.
        self.settle(slot);
        let Some(connection) = self.connections.get_mut(slot as usize) else { return false };
        let Some(membership) = connection.membership(namespace) else { return false };
        self.rooms.join(Member { slot, namespace }, room, &mut membership.places)
    }

    /// Takes a membership out of a room.
    pub(crate) fn leave(&mut self, slot: u32, namespace: u8, room: &Room) -> bool {
        let member = Member { slot, namespace };
        self.holds.drop_room(member, room);
        self.rooms.leave(member, room, &mut Book(&mut self.connections))
    }

    /// Whether a membership is in a room.
    pub(crate) fn is_in(&self, slot: u32, namespace: u8, room: &Room) -> bool {
        let connection = self.connections.get(slot as usize);
        let mut memberships = connection.into_iter().flat_map(|found| found.memberships.iter());
        let membership = memberships.find(|membership| membership.namespace == namespace);
        membership
            .is_some_and(|membership| self.rooms.contains(namespace, room, &membership.places))
    }

    /// The rooms that a membership is in.
    pub(crate) fn rooms_of(&self, slot: u32, namespace: u8) -> Vec<Room> {
        let connection = self.connections.get(slot as usize);
        let memberships = connection.into_iter().flat_map(|found| found.memberships.iter());
        let membership = memberships.into_iter().find(|found| found.namespace == namespace);
        membership.map_or_else(Vec::new, |found| self.rooms.names(&found.places))
    }

    /// Whether a membership may join a further room.
    pub(crate) fn has_room_left(&self, slot: u32, namespace: u8) -> bool {
        let connection = self.connections.get(slot as usize);
        let mut memberships = connection.into_iter().flat_map(|found| found.memberships.iter());
        let membership = memberships.find(|found| found.namespace == namespace);
        membership.is_some_and(|found| found.places.len() < ROOMS_PER_MEMBER_MAX)
    }

    /// For each of these rooms whether nobody is in it, or waits to come back to it.
    pub(crate) fn census(&self, namespace: u8, rooms: &[Room]) -> Vec<bool> {
        let awaited: HashSet<&Room> = self.sessions.rooms(namespace).collect();
        let is_empty = |room| self.rooms.members(namespace, room).is_empty();
        rooms.iter().map(|room| is_empty(room) && !awaited.contains(room)).collect()
    }

    /// Members of a room whose session is so, this many at most.
    pub(crate) fn members_whose(
        &self,
        namespace: u8,
        room: &Room,
        is: impl Fn(&S) -> bool,
        count: usize,
    ) -> Vec<u32> {
        let found = self.rooms.members(namespace, room).iter().copied().filter(|slot| {
            let connection = self.connections.get(*slot as usize);
            let memberships = connection.into_iter().flat_map(|found| &found.memberships);
            memberships
                .filter(|found| found.namespace == namespace)
                .any(|found| matches!(&found.state, Joining::Joined(Some(session)) if is(session)))
        });
        found.take(count).collect()
    }

    /// Queues a broadcast for every member of its rooms, each once: at once where they are a few, and
    /// in the course of the next turns where they are many.
    ///
    /// # Cost
    /// A member: one push of a shared frame. No allocation, no lock, no system call.
    pub(crate) fn deliver(&mut self, broadcast: &Arc<Broadcast>) {
        if let Some(position) = broadcast.position {
            let is_watched = self.place.timeline.is_watched();
            self.log.push(position.number, broadcast, self.elapsed_ms, is_watched);
        }
        self.broadcasts += 1;
        self.pass_over(broadcast);
        let rows = self.rooms.rows(broadcast.namespace, &broadcast.rooms);
        if self.is_sweeping() || self.rooms.count(&rows) > SWEPT_PER_TURN {
            self.sweep(broadcast, rows);
        } else {
            self.deliver_now(broadcast, &rows);
        }
    }

    fn deliver_now(&mut self, broadcast: &Arc<Broadcast>, rows: &[u32]) {
        let stamp = self.broadcasts;
        let name = self.namespace_name(broadcast.namespace);
        let bounds = self.bounds();
        let mut overflown: SmallVec<[u32; 4]> = SmallVec::new();
        let mut overfull: SmallVec<[(Member, Room); 1]> = SmallVec::new();
        for &row in rows {
            let Some(room) = self.rooms.name(row) else { continue };
            for &slot in self.rooms.slots(row) {
                let Some(connection) = self.connections.get_mut(slot as usize) else { continue };
                if connection.last_broadcast == stamp {
                    continue;
                }
                connection.last_broadcast = stamp;
                self.recipients += 1;
                if !self.holds.is_empty() {
                    let member = Member { slot, namespace: broadcast.namespace };
                    match self.holds.keep(member, room, broadcast, self.elapsed_ms) {
                        Kept::No => {}
                        Kept::Yes => continue,
                        Kept::Full => {
                            overfull.push((member, room.clone()));
                            continue;
                        }
                    }
                }
                match queue(connection, broadcast, name, bounds) {
                    Some(Push::Queued) => mark(connection, slot, &mut self.dirty),
                    Some(Push::Dropped) | None => {}
                    Some(Push::Overflow) => overflown.push(slot),
                }
            }
        }
        for slot in overflown {
            self.remove(slot, CloseReason::SlowConsumer);
        }
        for (member, room) in overfull {
            self.release(member, &room, None);
        }
    }

    /// Has those who are left out of a broadcast count as having been told; behind what is under way
    /// already, which they do hear.
    ///
    /// # Cost
    /// Nothing for the recipients; a step for each who is left out.
    fn pass_over(&mut self, broadcast: &Broadcast) {
        let left_out: SmallVec<[u32; 8]> = match &broadcast.except {
            None => return,
            Some(Except::Socket(socket)) => self.slot_of(*socket).into_iter().collect(),
            Some(Except::Room(room)) => {
                self.rooms.members(broadcast.namespace, room).iter().copied().collect()
            }
        };
        for slot in left_out {
            self.settle(slot);
            if let Some(connection) = self.connections.get_mut(slot as usize) {
                connection.last_broadcast = self.broadcasts;
            }
        }
    }

    /// Queues a broadcast for one connection, behind others that came after it.
    pub(super) fn pass(&mut self, slot: u32, broadcast: &Broadcast) {
        let member = Member { slot, namespace: broadcast.namespace };
        if self.recovers(member) && broadcast.position.is_some() {
            return self.emit_late(member, &broadcast.arguments);
        }
        let name = self.namespace_name(broadcast.namespace);
        let variant = self.connections.get(slot as usize).and_then(|found| found.variant);
        if let Some(frame) = variant.and_then(|variant| broadcast.frame(variant, false, name)) {
            self.enqueue(slot, frame.clone(), broadcast.class);
        }
    }

    /// Ends one membership; whoever may come back was saved before. The application's session is
    /// returned if there is one, and not in the application's hands.
    pub(crate) fn end_membership(&mut self, slot: u32, namespace: u8) -> Option<S> {
        self.end_session(Member { slot, namespace });
        let connection = self.connections.get_mut(slot as usize)?;
        let index = connection.memberships.iter().position(|m| m.namespace == namespace)?;
        let membership = connection.memberships.remove(index);
        self.holds.forget(Member { slot, namespace });
        self.rooms.leave_all(namespace, membership.places, &mut Book(&mut self.connections));
        match membership.state {
            Joining::Joined(session) => session,
            Joining::Asked(_) => None,
        }
    }
}

/// Queues a broadcast for one connection, written as that wants it; not where it cannot be.
pub(super) fn queue<S>(
    connection: &mut Connection<S>,
    broadcast: &Broadcast,
    name: &str,
    bounds: Bounds,
) -> Option<Push> {
    let recovers = connection.recovering.contains(broadcast.namespace);
    // Whoever is in a room has said something, and so how it wants to be spoken to.
    let frame = broadcast.frame(connection.variant?, recovers, name)?;
    Some(connection.outbox.push(frame.clone(), broadcast.class, bounds))
}

/// Finds members' notes in the slab.
struct Book<'a, S>(&'a mut Slab<Connection<S>>);

impl<S> Notes for Book<'_, S> {
    fn places(&mut self, member: Member) -> Option<&mut Places> {
        let connection = self.0.get_mut(member.slot as usize)?;
        connection.membership(member.namespace).map(|membership| &mut membership.places)
    }
}
