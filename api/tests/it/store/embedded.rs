//! The embedded engine: the contract, and what it promises beyond.

mod crash;
mod opening;

mod contract {
    //! Every case of the contract.

    use crate::store::contract::contract_cases;
    use crate::store::embedded::fresh;

    contract_cases!(fresh);
}

use api::store::Store;
use tempfile::TempDir;

/// An empty store in a folder that goes with it.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
}

async fn fresh() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_embedded(folder.path()).unwrap();
    Fixture { store, folder }
}

/// How many documents there are; every index agrees with them.
fn verify(store: &Store) -> u64 {
    match store {
        Store::Embedded(engine) => engine.verify().unwrap(),
        #[cfg(feature = "mongodb")]
        Store::Mongo(_) => panic!("another engine"),
    }
}
