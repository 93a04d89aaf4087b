//! One writer at a time per conversation, or per person, in this process.
//!
//! A lane is held from before a change is stored until its event is on the bus, so events of a
//! conversation are published in the order in which they were stored. Between processes the unique
//! index on `(conversationId, seq)` decides; a lane only spares them the collisions.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::id::ConversationId;
use tokio::sync::OwnedMutexGuard;

use crate::error::{Error, Kind};

/// The lanes that are in use, and those that were lately.
#[derive(Debug)]
pub(crate) struct Lanes<K = ConversationId, L = Lane> {
    lanes: Mutex<HashMap<K, Arc<tokio::sync::Mutex<L>>>>,
}

/// What the holder of a conversation's lane knows.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// `seq` of the newest message; `None` until it was read from the index of messages, and after
    /// a write whose outcome is unknown.
    pub(crate) last_seq: Option<i64>,
}

/// Lanes kept; at the bound those that nobody holds are forgotten, and if all are held the change is
/// refused with [`Kind::Busy`].
pub(crate) const LANES_LEN_MAX: usize = 65_536;

impl<K, L> Default for Lanes<K, L> {
    fn default() -> Self {
        Self { lanes: Mutex::default() }
    }
}

impl<K: Hash + Eq, L: Default> Lanes<K, L> {
    /// Waits until no other change of this conversation is under way. Those who wait come in turn;
    /// how many may wait is bounded by whoever hands requests to the rules.
    ///
    /// # Errors
    /// [`Kind::Busy`] when [`LANES_LEN_MAX`] conversations are being changed.
    pub(crate) async fn enter(&self, id: K) -> Result<OwnedMutexGuard<L>, Error> {
        let lane = self.lane(id)?;
        Ok(lane.lock_owned().await)
    }

    fn lane(&self, id: K) -> Result<Arc<tokio::sync::Mutex<L>>, Error> {
        // The map is whole after every step, whatever panics in between.
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&id) {
            return Ok(Arc::clone(lane));
        }
        if lanes.len() >= LANES_LEN_MAX {
            // INVARIANT: handles are made only under this lock, so a lane with one is unused.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
            if lanes.len() >= LANES_LEN_MAX {
                return Err(Error::new(Kind::Busy, "Server is busy, please try again"));
            }
        }
        let lane = Arc::<tokio::sync::Mutex<L>>::default();
        lanes.insert(id, Arc::clone(&lane));
        Ok(lane)
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::ObjectId;

    use super::*;

    fn id(n: usize) -> ConversationId {
        ConversationId(ObjectId::from_parts(u32::try_from(n).unwrap(), [0; 5], 0))
    }

    #[tokio::test]
    async fn held_lane_is_never_forgotten_and_others_are_at_the_bound() {
        let lanes: Lanes = Lanes::default();
        let mut held = lanes.enter(id(0)).await.unwrap();
        held.last_seq = Some(7);
        for n in 1..=LANES_LEN_MAX {
            drop(lanes.enter(id(n)).await.unwrap());
        }
        assert!(lanes.lanes.lock().unwrap().len() <= LANES_LEN_MAX);
        assert!(lanes.lane(id(0)).unwrap().try_lock().is_err());
        drop(held);
        assert_eq!(lanes.enter(id(0)).await.unwrap().last_seq, Some(7));
    }
}
