//! Broadcasts to more recipients than one turn serves: each turn a few more of them have it.
//!
//! A recipient notices nothing. Before anything else is queued for it, or it enters a room, or what it
//! hears is held, it is [settled](Core::settle): it gets what it has not been handed yet, so that it
//! hears everything in the order in which it happened. Whoever leaves a room before its turn comes
//! does not hear the rest.
//!
//! No list of recipients is kept. The members of a room are looked at from the last to the first, so
//! that one who enters, or is moved into the place of one who leaves, is among those already looked
//! at, or is looked at again; and each connection knows up to which broadcast it is settled. Owned by
//! the shard.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::core::Core;
use super::holding::Kept;
use super::membership::queue;
use super::room::{Member, RoomIndex, Rows, first_of};
use crate::connection::close::CloseReason;
use crate::connection::outbox::{FRAME_OVERHEAD_BYTES, Push};
use crate::fanout::Broadcast;

/// Recipients served in one turn; a broadcast to no more than these is not swept.
pub(super) const SWEPT_PER_TURN: usize = 64;

/// Members looked at in one turn, most of whom have been served when others were.
const LOOKED_AT_PER_TURN: usize = 1_024;

/// Broadcasts that are not with all their recipients yet. Beyond it the shard takes no more messages;
/// what an application sends all the same first has the oldest finished, however long that takes.
const SWEEPS_MAX: usize = 256;

/// The part of what an outbox holds before it drops anything that the broadcasts under way may take:
/// one who gets all of them at once is not taken for slow. What happens beyond is the same.
const OUTBOX_PART: u32 = 4;

/// One broadcast under way.
#[derive(Debug)]
pub(super) struct Sweep {
    broadcast: Arc<Broadcast>,
    /// Its number among the shard's broadcasts.
    stamp: u64,
    /// Whose members hear it. A row that is given to another room meanwhile has members who entered
    /// later, and are settled.
    rows: Rows,
}

/// What is under way on a shard, in order.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    queue: VecDeque<Sweep>,
    bytes: u32,
    lap: Lap,
}

/// How far the members of the oldest broadcast's rooms have been looked at. They get all that is
/// under way, so one lap ends all broadcasts to the same rooms that were there when it began.
#[derive(Debug)]
struct Lap {
    /// The newest broadcast when it began; none before.
    began: Option<u64>,
    /// Rooms done.
    row: usize,
    /// Members of the next one that may not have been looked at.
    left: usize,
}

impl Default for Lap {
    fn default() -> Self {
        Self { began: None, row: 0, left: usize::MAX }
    }
}

impl Sweeps {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn is_full(&self, bytes_max: u32) -> bool {
        self.queue.len() >= SWEEPS_MAX || self.bytes >= bytes_max
    }

    fn push(&mut self, sweep: Sweep) {
        self.bytes = self.bytes.saturating_add(charge(&sweep));
        self.queue.push_back(sweep);
    }

    /// The oldest that comes after this stamp.
    fn first_after(&self, stamp: u64) -> usize {
        self.queue.partition_point(|sweep| sweep.stamp <= stamp)
    }

    /// The next member of the oldest broadcast's rooms, and the stamp up to which the lap settles it;
    /// `None` at the end of them.
    fn next(&mut self, rooms: &RoomIndex, newest: u64) -> Option<(u32, u64)> {
        let sweep = self.queue.front()?;
        let lap = &mut self.lap;
        let began = *lap.began.get_or_insert(newest);
        while let Some(row) = sweep.rows.get(lap.row) {
            let slots = rooms.slots(*row);
            if let Some(last) = lap.left.min(slots.len()).checked_sub(1) {
                lap.left = last;
                return slots.get(last).map(|slot| (*slot, began));
            }
            (lap.row, lap.left) = (lap.row + 1, usize::MAX);
        }
        None
    }

    /// Everybody in the oldest broadcast's rooms has been looked at.
    fn end_lap(&mut self) {
        let Some(oldest) = self.queue.pop_front() else { return };
        let began = self.lap.began.unwrap_or(oldest.stamp);
        self.lap = Lap::default();
        self.queue.retain(|sweep| sweep.stamp > began || sweep.rows != oldest.rows);
        self.bytes = self.queue.iter().map(charge).fold(0, u32::saturating_add);
    }
}

fn charge(sweep: &Sweep) -> u32 {
    let len = u32::try_from(sweep.broadcast.arguments.len()).unwrap_or(u32::MAX);
    len.saturating_add(FRAME_OVERHEAD_BYTES)
}

impl<S> Core<S> {
    /// Whether no more broadcasts are to be taken on for now.
    pub(super) fn has_enough_sweeps(&self) -> bool {
        self.sweeps.is_full(self.settings.outbox_soft_bytes / OUTBOX_PART)
    }

    /// Whether a broadcast is under way.
    pub(super) fn is_sweeping(&self) -> bool {
        !self.sweeps.is_empty()
    }

    /// Takes on the newest broadcast. One to a few goes to them now, behind what they have not been
    /// handed yet.
    pub(super) fn sweep(&mut self, broadcast: &Arc<Broadcast>, rows: Rows) {
        let few = self.rooms.count(&rows) <= SWEPT_PER_TURN;
        while !few && self.has_enough_sweeps() {
            self.finish_lap();
        }
        let (broadcast, stamp) = (Arc::clone(broadcast), self.broadcasts);
        if !few {
            return self.sweeps.push(Sweep { broadcast, stamp, rows });
        }
        let slots: SmallVec<[u32; SWEPT_PER_TURN]> =
            rows.iter().flat_map(|row| self.rooms.slots(*row)).copied().collect();
        self.sweeps.push(Sweep { broadcast, stamp, rows });
        for slot in slots {
            // One that is closed meanwhile leaves an empty slot.
            self.settle(slot);
        }
        if let Some(done) = self.sweeps.queue.pop_back() {
            self.sweeps.bytes = self.sweeps.bytes.saturating_sub(charge(&done));
        }
    }

    /// Serves as many recipients of what is under way as one turn may.
    pub(super) fn sweep_some(&mut self) {
        let (mut looked_at, mut served) = (0, 0);
        while !self.sweeps.is_empty() && looked_at < LOOKED_AT_PER_TURN && served < SWEPT_PER_TURN {
            looked_at += 1;
            match self.sweeps.next(&self.rooms, self.broadcasts) {
                Some((slot, stamp)) => served += usize::from(self.settle_up_to(slot, stamp)),
                None => self.sweeps.end_lap(),
            }
        }
    }

    fn finish_lap(&mut self) {
        while let Some((slot, stamp)) = self.sweeps.next(&self.rooms, self.broadcasts) {
            self.settle_up_to(slot, stamp);
        }
        self.sweeps.end_lap();
    }

    /// Settles a connection that is not settled up to here. Returns whether it was not.
    fn settle_up_to(&mut self, slot: u32, stamp: u64) -> bool {
        let connection = self.connections.get(slot as usize);
        let is_behind = connection.is_some_and(|connection| connection.last_broadcast < stamp);
        if is_behind {
            self.settle(slot);
        }
        is_behind
    }

    /// Queues for a connection what is under way to it. To be called before anything else is queued
    /// for it, and before it enters a room.
    ///
    /// # Cost
    /// While nothing is under way, a comparison.
    #[inline]
    pub(super) fn settle(&mut self, slot: u32) {
        if !self.sweeps.is_empty() {
            self.hand_over(slot);
        }
    }

    fn hand_over(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        let last = std::mem::replace(&mut connection.last_broadcast, self.broadcasts);
        let bounds = self.bounds();
        let mut overfull: SmallVec<[(Member, u32); 1]> = SmallVec::new();
        for index in self.sweeps.first_after(last)..self.sweeps.queue.len() {
            let Some(Sweep { broadcast, rows, .. }) = self.sweeps.queue.get(index) else { break };
            let member = Member { slot, namespace: broadcast.namespace };
            let name = self.namespace_name(member.namespace);
            let Some(connection) = self.connections.get_mut(slot as usize) else { break };
            let Some(membership) = connection.membership(member.namespace) else { continue };
            let Some(row) = first_of(rows, &membership.places) else { continue };
            self.recipients += 1;
            if let Some(room) = self.rooms.name(row)
                && !self.holds.is_empty()
            {
                match self.holds.keep(member, room, broadcast, self.elapsed_ms) {
                    Kept::No => {}
                    Kept::Yes => continue,
                    Kept::Full => {
                        overfull.push((member, row));
                        continue;
                    }
                }
            }
            match queue(connection, broadcast, name, bounds) {
                Some(Push::Queued) => super::core::mark(connection, slot, &mut self.dirty),
                Some(Push::Dropped) | None => {}
                Some(Push::Overflow) => return self.remove(slot, CloseReason::SlowConsumer),
            }
        }
        for (member, row) in overfull {
            if let Some(room) = self.rooms.name(row).cloned() {
                self.release(member, &room, None);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
