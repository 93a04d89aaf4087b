//! The server goes and comes back.

use api::store::{Collection, Store, StoreError};

use crate::mongod::{Mongod, until};
use crate::store::contract::sample::{conversation, id, insert, message};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_its_server_refuses_and_serves_again_when_it_is_back() {
    let mut server = Mongod::start().await;
    let store = Store::connect_mongodb(&server.failing_address()).await.unwrap();
    insert(&store, Collection::Messages, &message(1, 7, 1)).await.unwrap();
    server.kill();

    let read = store.get(Collection::Messages, &id(1).into()).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    let write = insert(&store, Collection::Messages, &message(2, 7, 2)).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    let write = insert(&store, Collection::Conversations, &conversation(1, &[8], 1)).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));

    server.restart().await;
    until("the store serves again", async || store.ping().await.is_ok()).await;
    // What was acknowledged survived the kill.
    assert!(store.get(Collection::Messages, &id(1).into()).await.unwrap().is_some());
    insert(&store, Collection::Messages, &message(3, 7, 3)).await.unwrap();
}
