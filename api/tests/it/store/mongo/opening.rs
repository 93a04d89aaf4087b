//! Connecting: what is made once, and what is refused.

use api::store::Store;
use api::store::index::{INDEXES, ORIGINAL};
use bson::{Document, doc};
use mongodb::Client;

use crate::mongod;

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_index_is_built_once() {
    let address = mongod::common().fresh_address();
    let first = Store::connect_mongodb(&address).await.unwrap();
    let second = Store::connect_mongodb(&address).await.unwrap();
    assert_eq!(first.epoch(), second.epoch());
    let client = Client::with_uri_str(&address).await.unwrap();
    let database = client.default_database().unwrap();
    for index in INDEXES.into_iter().chain(&ORIGINAL) {
        let documents = database.collection::<Document>(index.collection.name());
        let names = documents.list_index_names().await.unwrap();
        assert_eq!(names.iter().filter(|name| *name == index.name).count(), 1, "{index:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_server_is_told_in_one_sentence() {
    let error = Store::connect_mongodb("mongodb://127.0.0.1:9/voxora-chat").await.unwrap_err();
    assert_eq!(error.to_string(), "no MongoDB that takes writes answers at 127.0.0.1:9");
    assert!(std::error::Error::source(&error).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_is_refused_without_its_password() {
    let error = Store::connect_mongodb("mongo://me:s3cret@host").await.unwrap_err();
    assert!(error.to_string().contains("MONGODB_URI"), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_indexes_of_the_original_stay_as_they_are() {
    let address = mongod::common().fresh_address();
    let client = Client::with_uri_str(&address).await.unwrap();
    let users = client.default_database().unwrap().collection::<Document>("users");
    // As Mongoose makes it.
    let command = doc! {
        "createIndexes": "users",
        "indexes": [{ "key": { "email": 1 }, "name": "email_1", "unique": true, "background": true }],
    };
    client.default_database().unwrap().run_command(command).await.unwrap();
    Store::connect_mongodb(&address).await.unwrap();
    assert!(users.list_index_names().await.unwrap().contains(&"role_1_status_1".to_owned()));
}

/// What connecting to this database says.
async fn refusal(address: &str) -> String {
    let error = Store::connect_mongodb(address).await.unwrap_err();
    assert!(std::error::Error::source(&error).is_none(), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_documents_contradict_is_told_in_one_sentence() {
    let address = mongod::common().fresh_address();
    let client = Client::with_uri_str(&address).await.unwrap();
    let database = client.default_database().unwrap();
    let twice = [doc! { "email": "ada@example.com" }, doc! { "email": "ada@example.com" }];
    database.collection::<Document>("users").insert_many(twice).await.unwrap();
    let said = refusal(&address).await;
    let known =
        ["cannot build the indexes of users: ", "email_1", "ada@example.com", "(code 11000)"];
    assert!(known.iter().all(|it| said.contains(it)), "{said}");
    assert!(
        said.ends_with("; of the documents with this key leave one, then start again"),
        "{said}"
    );
    assert!(said.len() < 500 && !said.contains("RawDocument"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_in_the_way_is_told_in_one_sentence() {
    let address = mongod::common().fresh_address();
    let client = Client::with_uri_str(&address).await.unwrap();
    let index = doc! { "key": { "name": 1 }, "name": "email_1" };
    let command = doc! { "createIndexes": "users", "indexes": [index] };
    client.default_database().unwrap().run_command(command).await.unwrap();
    let said = refusal(&address).await;
    assert!(said.starts_with("cannot build the indexes of users: "), "{said}");
    assert!(said.contains("email_1") && said.contains("(code 86)"), "{said}");
    assert!(said.ends_with("; drop the index that is in the way, then start again"), "{said}");
    assert!(!said.contains("RawDocument"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_refuses_and_has_done_what_followed() {
    use api::store::{Collection, Insert, Op, StoreError, Update};

    use crate::store::contract::sample::{conversation, id, insert, message, raw, set};

    let address = mongod::common().fresh_address();
    let store = Store::connect_mongodb(&address).await.unwrap();
    insert(&store, Collection::Conversations, &conversation(7, &[8, 9], 10)).await.unwrap();
    let follow_ups = vec![Update {
        collection: Collection::Conversations,
        id: id(7).into(),
        guard: Vec::new(),
        ops: vec![set("lastSeq", 1), Op::Unset("status".into())],
    }];
    let document = raw(&message(1, 7, 1));
    store.insert(Insert { collection: Collection::Messages, document, follow_ups }).await.unwrap();
    store.close().await;
    let refused = store.get(Collection::Conversations, &id(7).into()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    let again = Store::connect_mongodb(&address).await.unwrap();
    let found = again.get(Collection::Conversations, &id(7).into()).await.unwrap().unwrap();
    assert_eq!(found.get_i32("lastSeq").unwrap(), 1);
}
