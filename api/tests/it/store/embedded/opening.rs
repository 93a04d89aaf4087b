//! Opening and closing: who may, with which rights, on what.

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::Poll;

use api::store::{Collection, Insert, OpenError, Store, StoreError};
use bson::doc;
use tokio::task::JoinSet;

use super::{Fixture, fresh, verify};
use crate::store::contract::sample::{change, id, insert, message, raw};

/// The one file in the data folder.
fn file_of(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let Fixture { store, folder } = fresh().await;
    insert(&store, Collection::Messages, &message(1, 7, 1)).await.unwrap();
    let epoch = store.epoch().to_owned();
    drop(store);
    let store = Store::open_embedded(folder.path()).unwrap();
    assert_eq!(store.epoch(), epoch);
    let found = store.get(Collection::Messages, &id(1).into()).await.unwrap();
    assert_eq!(found, Some(raw(&message(1, 7, 1))));
    assert_eq!(verify(&store), 2);
}

#[tokio::test]
async fn every_store_has_an_epoch_of_its_own() {
    let (one, other) = (fresh().await, fresh().await);
    assert_ne!(one.store.epoch(), other.store.epoch());
    assert_eq!(one.store.epoch().len(), 24);
}

#[tokio::test]
async fn the_folder_and_the_file_are_their_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("made/data");
    let _store = Store::open_embedded(&folder).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&file_of(&folder)), 0o600);
}

#[tokio::test]
async fn a_second_handle_is_told_that_the_folder_is_in_use() {
    let Fixture { store, folder } = fresh().await;
    let second = Store::open_embedded(folder.path());
    assert!(matches!(&second, Err(OpenError::InUse(path)) if path == folder.path()), "{second:?}");
    store.close().await;
    Store::open_embedded(folder.path()).unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told_apart() {
    let parent = tempfile::tempdir().unwrap();
    let in_the_way = parent.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let folder = in_the_way.join("data");
    let result = Store::open_embedded(&folder);
    assert!(
        matches!(&result, Err(OpenError::Folder { path, .. }) if *path == folder),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_store_is_corrupt() {
    let Fixture { store, folder } = fresh().await;
    drop(store);
    let file = file_of(folder.path());
    let whole = fs::read(&file).unwrap();
    for (name, content) in [
        ("text", b"not a database".to_vec()),
        ("zeros", vec![0; 1 << 16]),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("header alone", whole[..512].to_vec()),
    ] {
        fs::write(&file, content).unwrap();
        let result = Store::open_embedded(folder.path());
        assert!(matches!(result, Err(OpenError::Corrupt { .. })), "{name}: {result:?}");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let Fixture { store, folder } = fresh().await;
    let set = api::store::Op::Set("layout".into(), 2.into());
    let update =
        api::store::Update { id: "store".into(), ..change(Collection::Facts, 0, vec![set]) };
    store.update(update).await.unwrap().unwrap();
    drop(store);
    let result = Store::open_embedded(folder.path());
    assert!(matches!(result, Err(OpenError::Newer { found: 2, known: 1, .. })), "{result:?}");
}

#[tokio::test]
async fn dropping_the_last_handle_finishes_the_queued_writes() {
    let Fixture { store, folder } = fresh().await;
    let mut writers = JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        writers.spawn(async move {
            let document = raw(&message(number, 7, number.into()));
            let insert =
                Insert { collection: Collection::Messages, document, follow_ups: Vec::new() };
            // One poll queues the write; then the future is dropped, and with it the answer.
            // The writer's thread may have answered within that poll, if this one stood still.
            let write = pin!(store.insert(insert));
            poll_once(write).await.is_none()
        });
    }
    let queued = writers.join_all().await.into_iter().filter(|is_queued| *is_queued).count();
    assert!(queued > 0);
    drop(store);
    let store = Store::open_embedded(folder.path()).unwrap();
    assert_eq!(verify(&store), 201);
}

/// Polls a future once.
async fn poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    poll_fn(|context| match Pin::new(&mut future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_closed_store_refuses_every_call_on_every_handle() {
    let Fixture { store, .. } = fresh().await;
    let other = store.clone();
    store.ping().await.unwrap();
    store.close().await;
    let get = other.get(Collection::Users, &id(1).into()).await;
    assert!(matches!(get, Err(StoreError::Unavailable(_))), "{get:?}");
    let insert = insert(&other, Collection::Users, &doc! { "_id": id(1) }).await;
    assert!(matches!(insert, Err(StoreError::Unavailable(_))), "{insert:?}");
    assert!(matches!(other.ping().await, Err(StoreError::Unavailable(_))));
    other.close().await;
}
