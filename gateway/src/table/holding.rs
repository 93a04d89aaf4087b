//! What a socket would hear of a room while it is being told what it missed there.
//!
//! Whoever comes back is in the room before its history is read, so that nothing is lost in between.
//! What is announced meanwhile is held, and passed on behind the answer: the client hears everything
//! once and in order. Owned by the shard.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use protocol::room::Room;
use smallvec::SmallVec;

use super::core::Core;
use super::room::Member;
use crate::fanout::Broadcast;

/// Broadcasts held for one socket and room; with one more the hold ends: all of them go out ahead of
/// the answer, and the client puts them in their place by their `seq`.
pub(crate) const HELD_LEN_MAX: usize = 256;

/// How long a hold lasts, in milliseconds: longer than a read of the store. The next broadcast then
/// ends it, should whoever began it have died.
const HOLD_MS_MAX: u64 = 15_000;

/// The holds of a shard; there are as many as joins under way.
#[derive(Debug, Default)]
pub(super) struct Holds {
    by_member: HashMap<Member, SmallVec<[Hold; 1]>, RandomState>,
}

#[derive(Debug)]
struct Hold {
    room: Room,
    since_ms: u64,
    held: Vec<Arc<Broadcast>>,
}

/// What became of a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is not held: there is no hold.
    No,
    /// It is held.
    Yes,
    /// It is held, and the hold must end.
    Full,
}

impl Holds {
    pub(super) fn is_empty(&self) -> bool {
        self.by_member.is_empty()
    }

    fn begin(&mut self, member: Member, room: &Room, now_ms: u64) {
        let holds = self.by_member.entry(member).or_default();
        if !holds.iter().any(|hold| hold.room == *room) {
            holds.push(Hold { room: room.clone(), since_ms: now_ms, held: Vec::new() });
        }
    }

    /// Keeps a broadcast to this room, if the member's part of it is held.
    pub(super) fn keep(
        &mut self,
        member: Member,
        room: &Room,
        broadcast: &Arc<Broadcast>,
        now_ms: u64,
    ) -> Kept {
        let holds = self.by_member.get_mut(&member);
        let hold = holds.and_then(|holds| holds.iter_mut().find(|hold| hold.room == *room));
        let Some(hold) = hold else { return Kept::No };
        hold.held.push(Arc::clone(broadcast));
        let is_over = now_ms.saturating_sub(hold.since_ms) > HOLD_MS_MAX;
        if is_over || hold.held.len() > HELD_LEN_MAX { Kept::Full } else { Kept::Yes }
    }

    fn end(&mut self, member: Member, room: &Room) -> Vec<Arc<Broadcast>> {
        let Some(holds) = self.by_member.get_mut(&member) else { return Vec::new() };
        let found = holds.iter().position(|hold| hold.room == *room);
        let held = found.map_or_else(Vec::new, |index| holds.swap_remove(index).held);
        if holds.is_empty() {
            self.by_member.remove(&member);
        }
        held
    }

    /// Forgets what is held for a member that has left this room.
    pub(super) fn drop_room(&mut self, member: Member, room: &Room) {
        if !self.is_empty() {
            drop(self.end(member, room));
        }
    }

    /// Forgets what is held for a member that is gone.
    pub(super) fn forget(&mut self, member: Member) {
        if !self.is_empty() {
            self.by_member.remove(&member);
        }
    }
}

impl<S> Core<S> {
    /// Holds what a member hears of a room, if it is in there.
    pub(crate) fn hold(&mut self, member: Member, room: &Room) {
        self.settle(member.slot);
        if self.is_in(member.slot, member.namespace, room) {
            self.holds.begin(member, room, self.elapsed_ms);
        }
    }

    /// Passes on what was held, without the new messages up to the place that the member was told.
    pub(crate) fn release(&mut self, member: Member, room: &Room, told: Option<i64>) {
        self.settle(member.slot);
        let held = self.holds.end(member, room);
        if !self.is_in(member.slot, member.namespace, room) {
            return;
        }
        for broadcast in held {
            if told.is_none_or(|told| broadcast.seq.is_none_or(|seq| seq > told)) {
                self.pass(member.slot, &broadcast);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    const MEMBER: Member = Member { slot: 3, namespace: 0 };

    fn broadcast() -> Arc<Broadcast> {
        Arc::new(Broadcast::new(0, smallvec![Room::Staff], br#"["x",1]"#.to_vec().into()))
    }

    #[test]
    fn only_the_held_room_of_the_member_is_held_and_comes_out_in_order() {
        let mut holds = Holds::default();
        let (one, other) = (broadcast(), broadcast());
        assert_eq!(holds.keep(MEMBER, &Room::Staff, &one, 0), Kept::No);
        holds.begin(MEMBER, &Room::Staff, 0);
        holds.begin(MEMBER, &Room::Staff, 0);
        assert_eq!(holds.keep(MEMBER, &Room::Staff, &one, 0), Kept::Yes);
        let elsewhere = Room::Named("elsewhere".into());
        assert_eq!(holds.keep(MEMBER, &elsewhere, &one, 0), Kept::No);
        let neighbour = Member { slot: 4, namespace: 0 };
        assert_eq!(holds.keep(neighbour, &Room::Staff, &one, 0), Kept::No);
        assert_eq!(holds.keep(MEMBER, &Room::Staff, &other, 0), Kept::Yes);
        let held = holds.end(MEMBER, &Room::Staff);
        assert!(Arc::ptr_eq(&held[0], &one) && Arc::ptr_eq(&held[1], &other));
        assert_eq!(held.len(), 2);
        assert!(holds.is_empty() && holds.end(MEMBER, &Room::Staff).is_empty());
    }

    #[test]
    fn a_hold_is_bounded_in_length_and_in_time() {
        let mut holds = Holds::default();
        holds.begin(MEMBER, &Room::Staff, 0);
        for _ in 0..HELD_LEN_MAX {
            assert_eq!(holds.keep(MEMBER, &Room::Staff, &broadcast(), 0), Kept::Yes);
        }
        assert_eq!(holds.keep(MEMBER, &Room::Staff, &broadcast(), 0), Kept::Full);
        assert_eq!(holds.end(MEMBER, &Room::Staff).len(), HELD_LEN_MAX + 1);
        holds.begin(MEMBER, &Room::Staff, 7);
        let late = 7 + HOLD_MS_MAX + 1;
        assert_eq!(holds.keep(MEMBER, &Room::Staff, &broadcast(), late), Kept::Full);
        holds.forget(MEMBER);
        assert!(holds.is_empty());
    }
}
