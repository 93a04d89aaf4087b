//! The store port: what the rules need of a database, and no more.
//!
//! Documents are raw BSON. A read names a declared [`Index`], so nothing can be fast in one engine
//! and slow in the other. One single-document write decides; what follows it is idempotent and can
//! be repaired: no transaction across documents is assumed.
//!
//! Two engines: [`embedded`] (one machine, durable, nothing installed) and `mongo` (the feature
//! `mongodb`). One contract suite runs against each.

mod bulk;
pub mod embedded;
mod epoch;
pub mod index;
#[cfg(feature = "mongodb")]
pub mod mongo;

use std::path::Path;

use bson::{Bson, RawDocumentBuf};
use protocol::id::{ConversationId, ObjectId};

pub use bulk::Stretch;
pub use embedded::OpenError;
pub use index::{Collection, Index};

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another document holds the same key of this unique index (`None`: the same `_id`).
    #[error("another document holds the same key")]
    Duplicate(Option<&'static Index>),
    /// The engine cannot serve now; the write may or may not have happened.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The queue of waiting writes is full; the write did not happen.
    #[error("the store is busy")]
    Busy,
    /// A stored document cannot be read, or a change does not fit its shape (a number added to a
    /// text, a field set under a text, no `_id`, more than 16 MiB); nothing happened.
    #[error("a stored document cannot be read or changed")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Which way a scan walks its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Ascending,
    /// Greatest key first.
    Descending,
}

/// A read along one index.
///
/// `equals` fixes the first fields of the index (the first always, unless the index may be walked
/// whole; of an array, one of the items); the rest are walked in order. `after` is exclusive and gives values for the next
/// fields, in order; fewer values than fields means "past every key that begins so". Ties end in
/// the order of `_id`; descending, all of it is reversed. Absent fields count as null; numbers
/// compare by value whatever their type; otherwise MongoDB's order.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// Which index.
    pub index: &'static Index,
    /// Values of its first fields.
    pub equals: &'a [Bson],
    /// Where to begin, exclusive: values of the fields behind `equals`, then optionally the `_id`.
    pub after: &'a [Bson],
    /// Which way.
    pub direction: Direction,
    /// At most this many documents.
    pub limit: usize,
}

/// A condition on the stored document; a guarded write happens only if all hold.
///
/// A dotted path leads through documents. Where it leads to an array, one equal item is enough.
#[derive(Debug, Clone)]
pub enum Guard {
    /// The field at this dotted path has this value; `Null` also matches an absent field.
    Equals(&'static str, Bson),
    /// It has one of these.
    OneOf(&'static str, Vec<Bson>),
    /// It is absent or null, or of the same kind as this and less.
    Below(&'static str, Bson),
}

/// A change to one document. Paths lead through documents, which are made where absent; no two
/// changes of one update touch the same path or one below the other.
#[derive(Debug, Clone)]
pub enum Op {
    /// Gives the field at this dotted path this value.
    Set(String, Bson),
    /// Removes it.
    Unset(String),
    /// Adds to a number (absent counts as 0); an int32 becomes an int64.
    Increment(String, i64),
    /// Keeps the greater of the stored and the given value.
    Max(String, Bson),
    /// Appends to an array and keeps only its newest `keep` items.
    Push {
        /// Dotted path of the array; made when absent.
        path: String,
        /// What is appended.
        item: Bson,
        /// How many items stay.
        keep: usize,
    },
}

/// A guarded change of one document.
#[derive(Debug, Clone)]
pub struct Update {
    /// Where.
    pub collection: Collection,
    /// Which document.
    pub id: Bson,
    /// Under which conditions.
    pub guard: Vec<Guard>,
    /// What changes; applied in order, all or none.
    pub ops: Vec<Op>,
}

/// A document to store, and what follows from it.
#[derive(Debug, Clone)]
pub struct Insert {
    /// Where.
    pub collection: Collection,
    /// The document, `_id` included.
    pub document: RawDocumentBuf,
    /// Idempotent changes elsewhere that should happen once the document is stored. The embedded
    /// engine does them in the same commit; MongoDB soon after, and after a crash perhaps never:
    /// the caller must be able to repair them.
    pub follow_ups: Vec<Update>,
}

/// A BSON id of one of ours.
pub fn bson_id(id: ObjectId) -> Bson {
    Bson::ObjectId(bson::oid::ObjectId::from_bytes(id.bytes()))
}

/// A handle on the store; cheap to clone.
///
/// # Cancel safety
///
/// A read that is dropped did nothing. A write whose future is dropped may still happen.
#[derive(Debug, Clone)]
pub enum Store {
    /// The embedded engine.
    Embedded(embedded::Embedded),
    /// MongoDB.
    #[cfg(feature = "mongodb")]
    Mongo(mongo::Mongo),
}

impl Store {
    /// Opens the embedded engine in this folder, making it where absent. Blocks while it reads the
    /// disk.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open_embedded(folder: &Path) -> Result<Self, OpenError> {
        embedded::Embedded::open(folder).map(Self::Embedded)
    }

    /// Connects to the MongoDB at this address (`mongodb://…`), on a tokio runtime, and builds the
    /// indexes that are missing.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`](mongo::ConnectError).
    #[cfg(feature = "mongodb")]
    pub async fn connect_mongodb(address: &str) -> Result<Self, mongo::ConnectError> {
        mongo::Mongo::connect(address).await.map(Self::Mongo)
    }

    /// Has this done whenever writes may have happened of which nobody was told: after a full disk.
    /// On MongoDB what is remembered ages instead.
    pub(crate) fn when_revived(&self, act: impl Fn() + Send + 'static) {
        match self {
            Self::Embedded(engine) => engine.when_revived(act),
            #[cfg(feature = "mongodb")]
            Self::Mongo(_) => drop(act),
        }
    }

    /// The name of this store's history: made with the store, made anew by a restore.
    pub fn epoch(&self) -> &str {
        match self {
            Self::Embedded(engine) => engine.epoch(),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.epoch(),
        }
    }
}

#[cfg_attr(
    not(feature = "mongodb"),
    expect(clippy::unused_async, reason = "an engine across a network waits where this one reads")
)]
impl Store {
    /// The document with this id.
    ///
    /// # Errors
    ///
    /// Unavailable, or a corrupt document.
    pub async fn get(
        &self,
        collection: Collection,
        id: &Bson,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        match self {
            Self::Embedded(engine) => engine.get(collection, id),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.get(collection, id).await,
        }
    }

    /// The documents with these ids, in their order; missing ones are left out.
    ///
    /// # Errors
    ///
    /// Unavailable, or a corrupt document.
    pub async fn get_many(
        &self,
        collection: Collection,
        ids: &[Bson],
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        match self {
            Self::Embedded(engine) => engine.get_many(collection, ids),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.get_many(collection, ids).await,
        }
    }

    /// The documents that a walk along an index meets, in its order.
    ///
    /// # Errors
    ///
    /// Unavailable, or a corrupt document.
    ///
    /// # Panics
    ///
    /// If `equals` is empty and the index is not to be walked whole.
    pub async fn scan(&self, scan: &Scan<'_>) -> Result<Vec<RawDocumentBuf>, StoreError> {
        match self {
            Self::Embedded(engine) => engine.scan(scan),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.scan(scan).await,
        }
    }

    /// How many documents the walk would meet; stops counting at the limit.
    ///
    /// # Errors
    ///
    /// Unavailable.
    ///
    /// # Panics
    ///
    /// If `equals` is empty and the index is not to be walked whole.
    ///
    /// # Cost
    ///
    /// Reads the index alone, one step a document.
    pub async fn count(&self, scan: &Scan<'_>) -> Result<u64, StoreError> {
        match self {
            Self::Embedded(engine) => engine.count(scan),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.count(scan).await,
        }
    }

    /// Conversations that may not know of their newest message, because a process died between a
    /// message and what follows from it. None in the embedded engine, where both are one commit. To
    /// be asked at a start; what other processes are about to note may be among them.
    ///
    /// # Errors
    ///
    /// Unavailable.
    ///
    /// # Cost
    ///
    /// `MongoDB`: reads the newest 8,192 messages.
    pub async fn unsettled(&self) -> Result<Vec<ConversationId>, StoreError> {
        match self {
            Self::Embedded(_) => Ok(Vec::new()),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => {
                let found = engine.unsettled().await?;
                let id = |it: bson::oid::ObjectId| ObjectId::from_bytes(it.bytes());
                Ok(found.into_iter().map(id).map(ConversationId).collect())
            }
        }
    }

    /// Whether the store serves reads and writes now.
    ///
    /// # Errors
    ///
    /// Unavailable.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(engine) => engine.ping(),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.ping().await,
        }
    }
}

impl Store {
    /// Stores a new document; durable when it returns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Duplicate`] names the unique index, `None` for the `_id`.
    pub async fn insert(&self, insert: Insert) -> Result<(), StoreError> {
        match self {
            Self::Embedded(engine) => engine.insert(insert).await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.insert(insert).await,
        }
    }

    /// Changes one document; durable when it returns. The document after the change; `None` when
    /// there is none or the guard does not hold.
    ///
    /// # Errors
    ///
    /// [`StoreError::Duplicate`] when the change would take another document's unique key.
    pub async fn update(&self, update: Update) -> Result<Option<RawDocumentBuf>, StoreError> {
        match self {
            Self::Embedded(engine) => engine.update(update).await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.update(update).await,
        }
    }

    /// Removes one document; durable when it returns. `false` when there is none or the guard does
    /// not hold.
    ///
    /// # Errors
    ///
    /// Busy or unavailable.
    pub async fn delete(
        &self,
        collection: Collection,
        id: &Bson,
        guard: &[Guard],
    ) -> Result<bool, StoreError> {
        match self {
            Self::Embedded(engine) => engine.delete(collection, id.clone(), guard.to_vec()).await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.delete(collection, id, guard).await,
        }
    }

    /// Finishes the writes that were accepted and lets go of the database; every later call, on
    /// any handle, is refused as unavailable.
    pub async fn close(&self) {
        match self {
            Self::Embedded(engine) => engine.close().await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.close().await,
        }
    }
}
