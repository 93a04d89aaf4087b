//! Who is in which room of one shard. Owned by the shard; knows slots, not connections.
//!
//! Joining, leaving and finding are O(1): a member remembers its place in each of its rooms, and
//! leaving moves the room's last member into the gap.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use protocol::room::Room;
use slab::Slab;
use smallvec::SmallVec;

/// Rooms that one member may be in at once; a further join is refused.
pub(crate) const ROOMS_PER_MEMBER_MAX: usize = 1_000;

/// One member: a slot and which of its namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    /// The connection's slot.
    pub(crate) slot: u32,
    /// Index of the namespace.
    pub(crate) namespace: u8,
}

/// A member's note of one room it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    row: u32,
    position: u32,
}

/// A member's notes; two rooms (itself and one conversation) stand in line.
pub(crate) type Places = SmallVec<[Place; 2]>;

/// Rooms by their rows, in the order in which they were named; those of nobody are left out.
pub(crate) type Rows = SmallVec<[u32; 4]>;

/// The first of these rooms that these notes are of.
pub(crate) fn first_of(rows: &[u32], places: &Places) -> Option<u32> {
    rows.iter().copied().find(|row| places.iter().any(|place| place.row == *row))
}

/// Where the notes of each member are kept.
pub(crate) trait Notes {
    /// The notes of `member`, if it is still there.
    fn places(&mut self, member: Member) -> Option<&mut Places>;
}

#[derive(Debug)]
struct Row {
    namespace: u8,
    room: Room,
    members: SmallVec<[u32; 4]>,
}

/// The rooms of one shard.
#[derive(Debug, Default)]
pub(crate) struct RoomIndex {
    by_name: HashTable<u32>,
    rows: Slab<Row>,
    hasher: RandomState,
}

impl RoomIndex {
    /// The slots in `room`; empty when there is no such room.
    pub(crate) fn members(&self, namespace: u8, room: &Room) -> &[u32] {
        self.find(namespace, room).map_or(&[], |row| &self.rows[row as usize].members)
    }

    /// The rows of these rooms. A row is its room's for as long as anybody is in there.
    pub(crate) fn rows(&self, namespace: u8, rooms: &[Room]) -> Rows {
        rooms.iter().filter_map(|room| self.find(namespace, room)).collect()
    }

    /// The slots in the room of this row; empty when there is none.
    pub(crate) fn slots(&self, row: u32) -> &[u32] {
        self.rows.get(row as usize).map_or(&[], |row| &row.members)
    }

    /// How many are in the rooms of these rows, those in two of them twice.
    pub(crate) fn count(&self, rows: &[u32]) -> usize {
        rows.iter().map(|row| self.slots(*row).len()).sum()
    }

    /// The room of this row, if there is one.
    pub(crate) fn name(&self, row: u32) -> Option<&Room> {
        self.rows.get(row as usize).map(|row| &row.room)
    }

    /// Whether `member` is in `room`.
    pub(crate) fn contains(&self, namespace: u8, room: &Room, places: &Places) -> bool {
        self.find(namespace, room).is_some_and(|row| places.iter().any(|place| place.row == row))
    }

    /// The rooms that these notes are of.
    pub(crate) fn names(&self, places: &Places) -> Vec<Room> {
        places.iter().map(|place| self.rows[place.row as usize].room.clone()).collect()
    }

    /// Puts `member` into `room`. Returns whether it is in there now: not when it is in too many.
    pub(crate) fn join(&mut self, member: Member, room: &Room, places: &mut Places) -> bool {
        let row = self.find(member.namespace, room);
        if row.is_some_and(|row| places.iter().any(|place| place.row == row)) {
            return true;
        }
        if places.len() >= ROOMS_PER_MEMBER_MAX {
            return false;
        }
        let row = row.unwrap_or_else(|| self.create(member.namespace, room));
        let members = &mut self.rows[row as usize].members;
        places.push(Place { row, position: index(members.len()) });
        members.push(member.slot);
        true
    }

    /// Takes `member` out of `room`. Returns whether it was in there.
    pub(crate) fn leave(&mut self, member: Member, room: &Room, notes: &mut impl Notes) -> bool {
        let Some(row) = self.find(member.namespace, room) else { return false };
        let Some(places) = notes.places(member) else { return false };
        let Some(note) = places.iter().position(|place| place.row == row) else { return false };
        let place = places.swap_remove(note);
        self.vacate(place, member.namespace, notes);
        true
    }

    /// Takes a member that is leaving for good out of all its rooms.
    pub(crate) fn leave_all(&mut self, namespace: u8, places: Places, notes: &mut impl Notes) {
        for place in places {
            self.vacate(place, namespace, notes);
        }
    }

    /// Fills the gap at `place` with the room's last member and tells it where it is now.
    fn vacate(&mut self, place: Place, namespace: u8, notes: &mut impl Notes) {
        let members = &mut self.rows[place.row as usize].members;
        members.swap_remove(place.position as usize);
        if let Some(&slot) = members.get(place.position as usize)
            && let Some(places) = notes.places(Member { slot, namespace })
            && let Some(moved) = places.iter_mut().find(|moved| moved.row == place.row)
        {
            moved.position = place.position;
        }
        if members.is_empty() {
            self.remove(place.row);
        } else if members.spilled() && members.len() * 4 < members.capacity() {
            members.shrink_to_fit();
        }
    }

    fn find(&self, namespace: u8, room: &Room) -> Option<u32> {
        let hash = self.hasher.hash_one((namespace, room));
        let same = |row: &u32| {
            let row = &self.rows[*row as usize];
            row.namespace == namespace && row.room == *room
        };
        self.by_name.find(hash, same).copied()
    }

    fn create(&mut self, namespace: u8, room: &Room) -> u32 {
        let hash = self.hasher.hash_one((namespace, room));
        let row = Row { namespace, room: room.clone(), members: SmallVec::new() };
        let row = index(self.rows.insert(row));
        let (rows, hasher) = (&self.rows, &self.hasher);
        self.by_name.insert_unique(hash, row, |row| {
            let row = &rows[*row as usize];
            hasher.hash_one((row.namespace, &row.room))
        });
        row
    }

    fn remove(&mut self, row: u32) {
        let gone = self.rows.remove(row as usize);
        let hash = self.hasher.hash_one((gone.namespace, &gone.room));
        if let Ok(entry) = self.by_name.find_entry(hash, |other| *other == row) {
            entry.remove();
        }
    }
}

/// Slabs and rooms never reach 2^32 items: a process has fewer descriptors.
fn index(position: usize) -> u32 {
    u32::try_from(position).expect("fewer than 2^32 connections and rooms in a process")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Book(BTreeMap<u32, Places>);

    impl Notes for Book {
        fn places(&mut self, member: Member) -> Option<&mut Places> {
            self.0.get_mut(&member.slot)
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Join(u32, u8),
        Leave(u32, u8),
        Gone(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..12u32, 0..5u8).prop_map(|(slot, room)| Step::Join(slot, room)),
            (0..12u32, 0..5u8).prop_map(|(slot, room)| Step::Leave(slot, room)),
            (0..12u32).prop_map(Step::Gone),
        ]
    }

    fn name(room: u8) -> Room {
        Room::Named(format!("room {room}").into())
    }

    proptest! {
        #[test]
        fn the_index_agrees_with_plain_sets(steps in proptest::collection::vec(step(), 0..200)) {
            let mut index = RoomIndex::default();
            let mut book = Book((0..12).map(|slot| (slot, Places::new())).collect());
            let mut model: BTreeMap<u8, BTreeSet<u32>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Join(slot, room) => {
                        let member = Member { slot, namespace: 0 };
                        let places = book.0.get_mut(&slot).unwrap();
                        prop_assert!(index.join(member, &name(room), places));
                        model.entry(room).or_default().insert(slot);
                    }
                    Step::Leave(slot, room) => {
                        let member = Member { slot, namespace: 0 };
                        let was = index.leave(member, &name(room), &mut book);
                        prop_assert_eq!(was, model.entry(room).or_default().remove(&slot));
                    }
                    Step::Gone(slot) => {
                        let places = std::mem::take(book.0.get_mut(&slot).unwrap());
                        index.leave_all(0, places, &mut book);
                        for set in model.values_mut() {
                            set.remove(&slot);
                        }
                    }
                }
                for room in 0..5 {
                    let found: BTreeSet<u32> = index.members(0, &name(room)).iter().copied().collect();
                    prop_assert_eq!(&found, model.entry(room).or_default());
                    prop_assert_eq!(found.len(), index.members(0, &name(room)).len());
                    prop_assert!(index.members(1, &name(room)).is_empty());
                }
                prop_assert_eq!(index.rows.len(), model.values().filter(|set| !set.is_empty()).count());
            }
        }
    }

    #[test]
    fn nobody_is_in_more_rooms_than_the_bound() {
        let mut index = RoomIndex::default();
        let mut places = Places::new();
        let member = Member { slot: 0, namespace: 0 };
        for room in 0..ROOMS_PER_MEMBER_MAX {
            assert!(index.join(member, &Room::Named(room.to_string().into()), &mut places));
        }
        assert!(!index.join(member, &Room::Named("one more".into()), &mut places));
        assert!(index.join(member, &Room::Named("7".into()), &mut places), "already in it");
    }
}
