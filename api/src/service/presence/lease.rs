//! The port to the leases: whose sockets live, and until when those without are still there.
//!
//! So far they are kept in this process. There is an entry for everybody with a socket here or with
//! one that has just gone, so descriptors and the rate of sign-ins bound them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::id::UserId;
use protocol::time::Timestamp;

/// Somebody whose last socket has gone is still there for so long.
pub const ABSENCE_MS: i64 = 5_000;
/// Somebody who signed in, or whom a killed process left behind, is there for so long without a
/// socket.
pub const LEASE_MS: i64 = 30_000;

/// Everybody's leases.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    people: Mutex<People>,
}

/// What there is to settle about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Their first socket came.
    Came,
    /// Their lease ended without a socket.
    Gone,
}

#[derive(Debug, Default)]
struct People {
    leases: HashMap<UserId, Lease>,
    /// When something is to be settled, and about whom; as the leases say.
    due: BTreeSet<(Timestamp, UserId)>,
    /// Whether anybody settles. Where nobody does, as in a process without sockets, a sign-in leaves
    /// no lease behind.
    is_kept: bool,
}

#[derive(Debug, Default)]
struct Lease {
    sockets: u32,
    due: Option<Timestamp>,
}

impl Leases {
    /// A socket of somebody came.
    pub(crate) fn hold(&self, user_id: UserId, now: Timestamp) {
        let mut people = self.lock();
        let lease = people.leases.entry(user_id).or_default();
        lease.sockets = lease.sockets.saturating_add(1);
        if lease.sockets == 1 {
            people.set_due(user_id, now);
        }
    }

    /// A socket of somebody went.
    pub(crate) fn release(&self, user_id: UserId, now: Timestamp) {
        let mut people = self.lock();
        let Some(lease) = people.leases.get_mut(&user_id) else { return };
        lease.sockets = lease.sockets.saturating_sub(1);
        if lease.sockets == 0 {
            people.set_due(user_id, later(now, ABSENCE_MS));
        }
    }

    /// Somebody showed up without a socket.
    pub(crate) fn glimpse(&self, user_id: UserId, now: Timestamp) {
        let mut people = self.lock();
        if people.is_kept && people.leases.get(&user_id).is_none_or(|it| it.sockets == 0) {
            people.leases.entry(user_id).or_default();
            people.set_due(user_id, later(now, LEASE_MS));
        }
    }

    /// Takes out at most `count` people about whom something is to be settled now.
    pub(crate) fn take_due(&self, now: Timestamp, count: usize) -> Vec<(UserId, Turn)> {
        let mut people = self.lock();
        people.is_kept = true;
        let mut out = Vec::new();
        while out.len() < count
            && let Some(&(at, user_id)) = people.due.first().filter(|(at, _)| *at <= now)
        {
            people.due.remove(&(at, user_id));
            let sockets = people.leases.get_mut(&user_id).map_or(0, |lease| {
                lease.due = None;
                lease.sockets
            });
            if sockets == 0 {
                people.leases.remove(&user_id);
            }
            out.push((user_id, if sockets == 0 { Turn::Gone } else { Turn::Came }));
        }
        out
    }

    /// What was to be settled could not be: later, unless something newer is.
    pub(crate) fn postpone(&self, user_id: UserId, now: Timestamp) {
        let mut people = self.lock();
        if people.leases.entry(user_id).or_default().due.is_none() {
            people.set_due(user_id, later(now, ABSENCE_MS));
        }
    }

    /// Ends the lease of somebody without a socket.
    pub(crate) fn end(&self, user_id: UserId) {
        let mut people = self.lock();
        if let Some(lease) = people.leases.remove(&user_id)
            && let Some(at) = lease.due
        {
            people.due.remove(&(at, user_id));
        }
    }

    /// Whether somebody is there.
    pub(crate) fn is_held(&self, user_id: UserId) -> bool {
        self.lock().leases.contains_key(&user_id)
    }

    /// Whether a socket of somebody lives.
    pub(crate) fn has_socket(&self, user_id: UserId) -> bool {
        self.lock().leases.get(&user_id).is_some_and(|lease| lease.sockets > 0)
    }

    fn lock(&self) -> MutexGuard<'_, People> {
        // A panic between two steps leaves at worst somebody about whom nothing is settled.
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl People {
    fn set_due(&mut self, user_id: UserId, at: Timestamp) {
        let Some(lease) = self.leases.get_mut(&user_id) else { return };
        if let Some(earlier) = lease.due.replace(at) {
            self.due.remove(&(earlier, user_id));
        }
        self.due.insert((at, user_id));
    }
}

fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp(now.0.saturating_add(ms))
}

#[cfg(test)]
mod tests {
    use protocol::id::ObjectId;

    use super::*;

    const ADA: UserId = UserId(ObjectId::from_bytes([1; 12]));

    fn due(leases: &Leases, now: i64) -> Vec<(UserId, Turn)> {
        leases.take_due(Timestamp(now), 10)
    }

    #[test]
    fn coming_and_going_leaves_nothing_behind() {
        let leases = Leases::default();
        for round in 0..1_000 {
            leases.hold(ADA, Timestamp(round));
            leases.release(ADA, Timestamp(round));
        }
        assert_eq!(due(&leases, 999 + ABSENCE_MS), [(ADA, Turn::Gone)]);
        let people = leases.lock();
        assert!(people.leases.is_empty() && people.due.is_empty());
    }

    #[test]
    fn two_sockets_are_one_arrival_and_the_last_of_them_is_the_departure() {
        let leases = Leases::default();
        leases.hold(ADA, Timestamp(0));
        leases.hold(ADA, Timestamp(0));
        assert_eq!(due(&leases, 0), [(ADA, Turn::Came)]);
        leases.release(ADA, Timestamp(1));
        assert_eq!(due(&leases, 1 + ABSENCE_MS), []);
        leases.release(ADA, Timestamp(2));
        assert_eq!(due(&leases, 1 + ABSENCE_MS), []);
        assert_eq!(due(&leases, 2 + ABSENCE_MS), [(ADA, Turn::Gone)]);
    }

    #[test]
    fn sign_in_without_a_socket_ends_with_its_lease_and_with_one_it_does_not() {
        let leases = Leases::default();
        assert_eq!(due(&leases, 0), []);
        leases.glimpse(ADA, Timestamp(0));
        assert_eq!(due(&leases, LEASE_MS - 1), []);
        leases.hold(ADA, Timestamp(LEASE_MS - 1));
        assert_eq!(due(&leases, 2 * LEASE_MS), [(ADA, Turn::Came)]);
        leases.glimpse(ADA, Timestamp(2 * LEASE_MS));
        assert_eq!(due(&leases, 9 * LEASE_MS), []);
    }

    #[test]
    fn where_nobody_settles_a_sign_in_leaves_no_lease() {
        let leases = Leases::default();
        leases.glimpse(ADA, Timestamp(0));
        assert!(!leases.is_held(ADA));
    }

    #[test]
    fn what_could_not_be_settled_comes_due_again() {
        let leases = Leases::default();
        leases.hold(ADA, Timestamp(0));
        leases.release(ADA, Timestamp(0));
        assert_eq!(due(&leases, ABSENCE_MS), [(ADA, Turn::Gone)]);
        leases.postpone(ADA, Timestamp(ABSENCE_MS));
        assert_eq!(due(&leases, 2 * ABSENCE_MS), [(ADA, Turn::Gone)]);
    }
}
