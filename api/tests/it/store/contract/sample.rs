//! Documents to store, and short words for storing and scanning them.

use api::store::{Collection, Direction, Index, Insert, Op, Scan, Store, StoreError, Update};
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

/// An id that reads as its number.
pub(crate) fn id(number: u32) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

pub(crate) fn at(millis: i64) -> DateTime {
    DateTime::from_millis(millis)
}

pub(crate) fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

/// A conversation of these people, last active then.
pub(crate) fn conversation(number: u32, participants: &[u32], last: i64) -> Document {
    let participants: Vec<_> = participants.iter().map(|&one| id(one)).collect();
    doc! {
        "_id": id(number), "participants": participants, "status": "open",
        "lastMessageAt": at(last), "stamp": last * 1000,
    }
}

/// The `seq`-th message of a conversation.
pub(crate) fn message(number: u32, conversation: u32, seq: i64) -> Document {
    doc! {
        "_id": id(number), "conversationId": id(conversation), "senderId": id(1),
        "seq": seq, "stamp": seq * 1000, "content": format!("message {number}"),
    }
}

pub(crate) async fn insert(
    store: &Store,
    collection: Collection,
    document: &Document,
) -> Result<(), StoreError> {
    let document = raw(document);
    store.insert(Insert { collection, document, follow_ups: Vec::new() }).await
}

pub(crate) async fn insert_all(
    store: &Store,
    collection: Collection,
    documents: impl IntoIterator<Item = Document>,
) {
    for document in documents {
        insert(store, collection, &document).await.unwrap();
    }
}

pub(crate) fn set(path: &str, value: impl Into<Bson>) -> Op {
    Op::Set(path.to_owned(), value.into())
}

/// An unguarded change.
pub(crate) fn change(collection: Collection, number: u32, ops: Vec<Op>) -> Update {
    Update { collection, id: id(number).into(), guard: Vec::new(), ops }
}

pub(crate) async fn stored(store: &Store, collection: Collection, number: u32) -> Document {
    let found = store.get(collection, &id(number).into()).await.unwrap().unwrap();
    Document::try_from(&found).unwrap()
}

/// A scan in words: where, what is fixed, which way; from the beginning, up to 1000.
pub(crate) fn along<'a>(
    index: &'static Index,
    equals: &'a [Bson],
    direction: Direction,
) -> Scan<'a> {
    Scan { index, equals, after: &[], direction, limit: 1000 }
}

/// The numbers of the documents that a scan finds.
pub(crate) async fn numbers(store: &Store, scan: &Scan<'_>) -> Vec<u32> {
    let found = store.scan(scan).await.unwrap();
    assert_eq!(store.count(scan).await.unwrap(), found.len() as u64);
    found.iter().map(|document| number(document)).collect()
}

fn number(document: &bson::RawDocument) -> u32 {
    let bytes = document.get_object_id("_id").unwrap().bytes();
    u32::from_be_bytes(bytes[8..].try_into().unwrap())
}
