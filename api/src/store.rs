//! The store port: what the rules need of a database, and no more.
//!
//! Documents are raw BSON. A read names a declared [`Index`], so nothing can be fast in one engine
//! and slow in the other. One single-document write decides; what follows it is idempotent and can
//! be repaired: no transaction across documents is assumed.
//!
//! Two engines: [`embedded`] (one machine, durable, nothing installed) and MongoDB. One contract
//! suite runs against each.

pub mod embedded;
pub mod index;

use bson::{Bson, RawDocumentBuf};
use protocol::id::ObjectId;

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
    /// A stored document cannot be read.
    #[error("a stored document cannot be read")]
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
/// `equals` fixes the first fields of the index (for a multikey field: one of its items); the rest
/// are walked in order. `after` is exclusive and gives values for the next fields, in order; fewer
/// values than fields means "past every key that begins so". Ties end in the order of `_id`.
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
#[derive(Debug, Clone)]
pub enum Guard {
    /// The field at this dotted path has this value; `Null` also matches an absent field.
    Equals(&'static str, Bson),
    /// It has one of these.
    OneOf(&'static str, Vec<Bson>),
    /// It is absent, or less than this.
    Below(&'static str, Bson),
}

/// A change to one document.
#[derive(Debug, Clone)]
pub enum Op {
    /// Gives the field at this dotted path this value.
    Set(String, Bson),
    /// Removes it.
    Unset(String),
    /// Adds to a number (absent counts as 0).
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
#[derive(Debug, Clone)]
pub enum Store {
    /// The embedded engine.
    Embedded(embedded::Embedded),
}
