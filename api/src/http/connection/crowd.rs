//! How many connections each client has that have not come further than HTTP, over all listeners of a
//! process.
//!
//! A [`Seat`] is one of them. It is given back when it is dropped, however its holder ends; who leaves
//! HTTP for a socket takes it along until it has signed in. A session on long polling, which needs no
//! connection to go on, has one of its own until then.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::address::{Client, Network};

/// How many connections a client may have in HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerClient {
    /// So many; `None`: any number. One more is turned away.
    pub connections_max: Option<usize>,
    /// Whether programs of this machine are clients too.
    pub counts_loopback: bool,
}

impl PerClient {
    /// As it is unless configured. An office of a thousand people behind one address has fewer: a
    /// page on WebSocket has a connection here for the time of a request and of the patience behind
    /// it, one on long polling has one or two.
    pub const DEFAULT: Self = Self { connections_max: Some(1_024), counts_loopback: false };
}

/// The counts of a process.
#[derive(Debug)]
pub struct Crowd {
    per_client: PerClient,
    /// Each speaks for all who are behind it.
    proxies: Vec<Network>,
    /// Of clients that have connections, so no longer than there are connections.
    taken: Mutex<HashMap<Client, usize>>,
}

/// A connection that is counted, or of somebody who is not.
#[derive(Debug)]
pub struct Seat(Option<(Arc<Crowd>, Client)>);

impl Crowd {
    /// Nobody yet. Connections of `proxies` are never counted.
    pub fn new(per_client: PerClient, proxies: Vec<Network>) -> Self {
        Self { per_client, proxies, taken: Mutex::default() }
    }

    /// One more connection of a peer; none where it has as many as it may have.
    pub(super) fn seat(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let Some(max) = self.per_client.connections_max.filter(|_| self.counts(peer)) else {
            return Some(Seat(None));
        };
        let client = Client::from(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(client).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Seat(Some((Arc::clone(self), client))))
    }

    fn counts(&self, peer: IpAddr) -> bool {
        let is_proxy = self.proxies.iter().any(|network| network.contains(peer));
        !is_proxy && (self.per_client.counts_loopback || !peer.to_canonical().is_loopback())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((crowd, client)) = &self.0 else { return };
        let mut taken = crowd.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(connections_max: usize, counts_loopback: bool) -> Arc<Crowd> {
        let per_client = PerClient { connections_max: Some(connections_max), counts_loopback };
        Arc::new(Crowd::new(per_client, vec!["10.0.0.0/8".parse().unwrap()]))
    }

    fn seat(crowd: &Arc<Crowd>, peer: &str) -> Option<Seat> {
        crowd.seat(peer.parse().unwrap())
    }

    #[test]
    fn a_client_has_so_many_seats_and_keeps_none_that_it_has_left() {
        let crowd = crowd(2, false);
        let (first, _second) = (seat(&crowd, "192.0.2.1"), seat(&crowd, "192.0.2.1"));
        assert!(first.is_some() && seat(&crowd, "192.0.2.1").is_none());
        assert!(seat(&crowd, "::ffff:192.0.2.1").is_none(), "it is the same client");
        let _other = seat(&crowd, "192.0.2.2").unwrap();
        drop(first);
        drop(seat(&crowd, "192.0.2.1").unwrap());
        assert_eq!(crowd.taken.lock().unwrap().len(), 2, "whoever has none is forgotten");
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_client_by_whatever_address() {
        let crowd = crowd(1, false);
        let _first = seat(&crowd, "2001:db8:1:2::1").unwrap();
        assert!(seat(&crowd, "2001:db8:1:2:ffff::9").is_none());
        assert!(seat(&crowd, "2001:db8:1:3::1").is_some());
    }

    #[test]
    fn proxies_are_never_counted_and_this_machine_only_where_it_is_asked_for() {
        for (counts_loopback, peer, is_counted) in [
            (false, "10.1.2.3", false),
            (true, "::ffff:10.1.2.3", false),
            (false, "127.0.0.2", false),
            (false, "::1", false),
            (false, "::ffff:127.0.0.1", false),
            (true, "127.0.0.1", true),
            (true, "::1", true),
        ] {
            let crowd = crowd(1, counts_loopback);
            let _first = seat(&crowd, peer).unwrap();
            assert_eq!(seat(&crowd, peer).is_none(), is_counted, "{peer}");
        }
        let unbounded = PerClient { connections_max: None, counts_loopback: true };
        let unbounded = Arc::new(Crowd::new(unbounded, Vec::new()));
        assert!((0..9).map(|_| seat(&unbounded, "192.0.2.1")).all(|seat| seat.is_some()));
    }
}
