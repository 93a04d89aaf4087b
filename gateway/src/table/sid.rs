//! Session ids that prove themselves: the secret part is the slot and a keyed hash of its tenant.
//!
//! So a sid finds its row without an index, whatever transport opened the session, and costs an
//! idle connection no memory. The key lives and dies with its shard.

use std::io;

use protocol::id::EngineSid;
use ring::hmac;
use ring::rand::SystemRandom;

use super::core::Core;
use crate::connection::{Link, Phase};

/// Bytes of the hash that are told: one guess in 2^64 is right.
const PROOF_BYTES: usize = 8;

/// What the sids of one shard are made with.
#[derive(Debug)]
pub(super) struct SidKey(hmac::Key);

impl SidKey {
    /// A key of this process.
    ///
    /// # Errors
    /// The system has no entropy.
    pub(super) fn new(random: &SystemRandom) -> io::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, random);
        key.map(Self).map_err(|_| io::Error::other("no entropy"))
    }

    /// The secret of the tenant of `slot` that has this nonce.
    fn secret(&self, slot: u32, nonce: u64) -> [u8; 12] {
        let mut tenant = [0; 12];
        tenant[..4].copy_from_slice(&slot.to_be_bytes());
        tenant[4..].copy_from_slice(&nonce.to_be_bytes());
        let proof = hmac::sign(&self.0, &tenant);
        tenant[4..].copy_from_slice(&proof.as_ref()[..PROOF_BYTES]);
        tenant
    }
}

impl<S> Core<S> {
    /// The sid of the session in a slot, while somebody is there.
    pub(crate) fn sid_of_slot(&self, slot: u32) -> Option<EngineSid> {
        let nonce = self.connections.get(slot as usize)?.nonce;
        let secret = self.sid_key.secret(slot, nonce);
        Some(EngineSid::new(self.place.node, self.place.shard, secret))
    }

    /// The slot of the session with this sid.
    pub(crate) fn slot_of_sid(&self, sid: EngineSid) -> Option<u32> {
        let [a, b, c, d, ..] = sid.secret();
        let slot = u32::from_be_bytes([a, b, c, d]);
        let tenant = self.connections.get(slot as usize)?;
        // A session on polling that has ended may still have to be told so.
        let is_there = match tenant.link {
            Link::Polling(_) => true,
            Link::Socket(_) => tenant.phase == Phase::Open,
        };
        (is_there && self.sid_of_slot(slot) == Some(sid)).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_by_slot_by_tenant_and_by_key() {
        let random = SystemRandom::new();
        let (key, other) = (SidKey::new(&random).unwrap(), SidKey::new(&random).unwrap());
        let secret = key.secret(7, 1);
        assert_eq!(secret, key.secret(7, 1));
        assert_eq!(secret[..4], 7_u32.to_be_bytes());
        for stranger in [key.secret(8, 1), key.secret(7, 2), other.secret(7, 1)] {
            assert_ne!(secret[4..], stranger[4..]);
        }
    }
}
