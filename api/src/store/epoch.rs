//! The name of a store's history: made with the store, made anew when a backup is put back.
//!
//! Clients carry it in their cursors. What they remember of another history is worth nothing.

use ring::error::Unspecified;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Collection, Op, Store, StoreError, Update};

/// The `_id` of the document in `facts` that describes the store.
pub(super) const STORE_FACT: &str = "store";

/// 24 random hex digits.
pub(super) fn random() -> Result<String, Unspecified> {
    let mut bytes = [0; 12];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(protocol::id::ObjectId::from_bytes(bytes).to_string())
}

impl Store {
    /// Gives the history a new name, which processes use once they open the store anew.
    ///
    /// # Errors
    ///
    /// Unavailable, for want of random numbers as well.
    pub async fn renew_epoch(&self) -> Result<(), StoreError> {
        let epoch = random().map_err(|_| StoreError::Unavailable("no random numbers".into()))?;
        let update = Update {
            collection: Collection::Facts,
            id: STORE_FACT.into(),
            guard: Vec::new(),
            ops: vec![Op::Set("epoch".to_owned(), epoch.into())],
        };
        self.update(update).await.map(drop)
    }
}
