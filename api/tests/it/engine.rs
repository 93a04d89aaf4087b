//! The store on which the tests of rules and doors run: the embedded engine, or with
//! `TEST_STORE=mongodb` in the environment a real MongoDB. The same tests hold for each.

use api::store::Store;
use tempfile::TempDir;

/// An empty store, and the folder that must outlive it if it has one.
pub(crate) async fn fresh() -> (Store, Option<TempDir>) {
    #[cfg(feature = "mongodb")]
    if is_across_a_network() {
        let address = crate::mongod::common().fresh_address();
        return (Store::connect_mongodb(&address).await.unwrap(), None);
    }
    let folder = tempfile::tempdir().unwrap();
    (Store::open_embedded(folder.path()).unwrap(), Some(folder))
}

/// Whether each call of the store costs a round trip; what is counted in thousands should then be
/// counted in hundreds.
#[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
pub(crate) fn is_across_a_network() -> bool {
    cfg!(feature = "mongodb") && std::env::var("TEST_STORE").is_ok_and(|store| store == "mongodb")
}
