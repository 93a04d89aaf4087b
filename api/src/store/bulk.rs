//! Many small reads in one: what a page of a list wants to know of each of its items.
//!
//! Of partial indexes only: their fields are all there and have one kind each, so a filter says
//! exactly what a walk would meet.

use bson::{Bson, RawDocumentBuf};

use super::{Index, Store, StoreError};

/// A stretch of a partial index, to be counted: the keys that begin with `equals` and go on with a
/// number behind `after`, up to and with `up_to`.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Values of the first fields of the index, the first at least; ids or texts.
    pub equals: Vec<Bson>,
    /// Where it begins, exclusive.
    pub after: i64,
    /// Where it ends, inclusive. It bounds what counting costs.
    pub up_to: i64,
}

#[cfg_attr(
    not(feature = "mongodb"),
    expect(clippy::unused_async, reason = "an engine across a network waits where this one reads")
)]
impl Store {
    /// How many documents each of these stretches of a partial index holds. No two of them have the
    /// same `equals`.
    ///
    /// # Errors
    ///
    /// Unavailable.
    ///
    /// # Cost
    ///
    /// Reads the index alone, one step a document. `MongoDB`: a question for all of them, or for each
    /// hundred.
    pub async fn count_each(
        &self,
        index: &'static Index,
        stretches: &[Stretch],
    ) -> Result<Vec<u64>, StoreError> {
        match self {
            Self::Embedded(engine) => engine.count_each(index, stretches),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.count_each(index, stretches).await,
        }
    }

    /// The documents under any of these values of the first field of a partial index, in no
    /// particular order; at most `limit`.
    ///
    /// # Errors
    ///
    /// Unavailable, or a corrupt document.
    ///
    /// # Cost
    ///
    /// `MongoDB`: one question.
    pub async fn scan_any(
        &self,
        index: &'static Index,
        firsts: &[Bson],
        limit: usize,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        match self {
            Self::Embedded(engine) => engine.scan_any(index, firsts, limit),
            #[cfg(feature = "mongodb")]
            Self::Mongo(engine) => engine.scan_any(index, firsts, limit).await,
        }
    }
}
