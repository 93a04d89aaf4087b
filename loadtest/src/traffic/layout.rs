//! Who sits where: the one difference between the scenarios.

use std::ops::Range;

use crate::ledger::Slots;

/// What a message is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// A delivery to everybody in the room, and a confirmation to the sender.
    Room,
    /// A confirmation to the sender and nothing else.
    Echo,
}

/// Seats and rooms. Seats stand in blocks of `block`, one block after another; each block has
/// `rooms_per_block` rooms, in all of which all its seats are.
#[derive(Debug, Clone)]
pub struct Layout {
    names: Vec<Box<str>>,
    seats: u32,
    block: u32,
    rooms_per_block: u32,
    exchange: Exchange,
    numbered: bool,
}

impl Layout {
    /// Blocks of `block` seats that share rooms. `names` holds all rooms, `rooms_per_block` for
    /// each block; fewer are used again and again.
    pub fn rooms_of(block: u32, seats: u32, rooms_per_block: u32, names: Vec<Box<str>>) -> Self {
        let block = block.max(1);
        Self { names, seats, block, rooms_per_block, exchange: Exchange::Room, numbered: false }
    }

    /// Seats that are in no room and talk to the server alone; `names` are what they name when the
    /// application wants a room all the same.
    pub fn echo(seats: u32, names: Vec<Box<str>>) -> Self {
        let exchange = Exchange::Echo;
        Self { names, seats, block: 1, rooms_per_block: 0, exchange, numbered: false }
    }

    /// The same, with messages that the server numbers without holes.
    #[must_use]
    pub fn numbered(self, numbered: bool) -> Self {
        Self { numbered, ..self }
    }

    /// The number of connections.
    pub fn seats(&self) -> u32 {
        self.seats
    }

    /// The number of places where messages are sent: rooms, or seats that want an echo.
    pub fn rooms(&self) -> u32 {
        match self.exchange {
            Exchange::Room => self.seats / self.block * self.rooms_per_block,
            Exchange::Echo => self.seats,
        }
    }

    /// The rooms that `seat` joins.
    pub fn joins(&self, seat: u32) -> Range<u32> {
        let first = seat / self.block * self.rooms_per_block;
        first..first + self.rooms_per_block
    }

    /// The name of `room`.
    pub fn room_name(&self, room: u32) -> &str {
        let index = room as usize % self.names.len().max(1);
        self.names.get(index).map(AsRef::as_ref).unwrap_or_default()
    }

    /// The seat that sends to `room`: the first of its block.
    pub fn sender(&self, room: u32) -> u32 {
        match self.exchange {
            Exchange::Room => room / self.rooms_per_block.max(1) * self.block,
            Exchange::Echo => room,
        }
    }

    /// The place of `seat` among those who share its rooms.
    pub fn slot(&self, seat: u32) -> u32 {
        seat % self.block
    }

    /// Everybody who hears a message to any room: all slots of a block, or none.
    pub fn audience(&self, _room: u32) -> Slots {
        match self.exchange {
            Exchange::Echo => Slots::new(),
            Exchange::Room => {
                let mut slots = Slots::from_elem(u64::MAX, self.block.div_ceil(64) as usize);
                if let Some(last) = slots.last_mut()
                    && !self.block.is_multiple_of(64)
                {
                    *last = (1 << (self.block % 64)) - 1;
                }
                slots
            }
        }
    }

    /// What a message is answered with.
    pub fn exchange(&self) -> Exchange {
        self.exchange
    }

    /// Whether the server numbers the messages of a room.
    pub fn is_numbered(&self) -> bool {
        self.numbered
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn pairs_share_a_room_and_the_first_sends() {
        let names = ["a", "b", "c"].map(Box::from).to_vec();
        let layout = Layout::rooms_of(2, 6, 1, names);
        assert_eq!((layout.rooms(), layout.seats()), (3, 6));
        assert_eq!((layout.joins(4), layout.joins(5)), (2..3, 2..3));
        assert_eq!((layout.sender(2), layout.slot(4), layout.slot(5)), (4, 0, 1));
        assert_eq!((layout.room_name(2), layout.audience(2).as_slice()), ("c", [0b11].as_slice()));
    }

    #[test]
    fn one_room_of_all_is_heard_by_exactly_all() {
        for seats in [1, 63, 64, 65, 1000] {
            let layout = Layout::rooms_of(seats, seats, 1, vec!["r".into()]);
            let heard: u32 = layout.audience(0).iter().map(|word| word.count_ones()).sum();
            assert_eq!((heard, layout.rooms(), layout.sender(0)), (seats, 1, 0));
        }
    }

    #[test]
    fn seats_may_be_in_several_rooms_and_names_may_be_reused() {
        let layout = Layout::rooms_of(2, 8, 2, vec!["a".into(), "b".into(), "c".into()]);
        assert_eq!((layout.rooms(), layout.joins(3), layout.sender(3)), (8, 2..4, 2));
        assert_eq!(layout.room_name(3), "a");
    }

    #[test]
    fn an_echo_has_no_room_and_no_audience() {
        let layout = Layout::echo(3, Vec::new());
        assert_eq!((layout.rooms(), layout.joins(2).len(), layout.sender(2)), (3, 0, 2));
        assert!(layout.audience(0).is_empty());
        assert_eq!(layout.room_name(1), "");
    }
}
