//! How long clients may stay: the application says, the wheel reminds.
//!
//! A connection keeps no deadline of its own for it. It is asked at every heartbeat, and only where
//! the end comes before the next one, the wheel is told.

use smallvec::SmallVec;

use super::core::Core;
use super::shard::Shard;
use crate::application::Application;
use crate::connection::{Joining, Phase};

impl<A: Application> Shard<A> {
    /// Puts out the clients of a connection whose time is over, and arranges for those whose time
    /// will be over before the next heartbeat.
    pub(super) fn end_stays(&mut self, slot: u32) {
        for namespace in self.core.joined_namespaces(slot) {
            let Some(left_ms) = self.stays_ms(slot, namespace) else { continue };
            if left_ms == 0 {
                let told = self.with_session(slot, namespace, |app, cx, session| {
                    app.expired(cx, session);
                    Ok(())
                });
                debug_assert!(told.is_ok(), "nothing is refused");
                self.kick(slot, namespace);
            } else if let Ok(left_ms) = u32::try_from(left_ms)
                && left_ms <= self.core.beat_ms_max()
            {
                self.core.schedule(slot, left_ms);
            }
        }
    }

    fn stays_ms(&mut self, slot: u32, namespace: u8) -> Option<u64> {
        let session = self.session(slot, namespace)?.take()?;
        let left_ms = self.app.stays_ms(&session);
        if let Some(place) = self.session(slot, namespace) {
            *place = Some(session);
        }
        left_ms
    }
}

impl<S> Core<S> {
    /// Until a connection is looked at again at the latest.
    const fn beat_ms_max(&self) -> u32 {
        self.settings.timing.interval_ms.saturating_add(self.settings.timing.timeout_ms)
    }

    fn joined_namespaces(&self, slot: u32) -> SmallVec<[u8; 1]> {
        let open = self.connections.get(slot as usize).filter(|it| it.phase == Phase::Open);
        let memberships = open.into_iter().flat_map(|connection| &connection.memberships);
        let joined = memberships.filter(|it| matches!(it.state, Joining::Joined(_)));
        joined.map(|membership| membership.namespace).collect()
    }
}
