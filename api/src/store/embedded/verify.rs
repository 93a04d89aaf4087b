//! Whether every index says what the documents say.

use bson::RawDocument;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::{entry, key, table, unavailable};
use crate::store::{Collection, StoreError};

/// An index and the documents disagree.
#[derive(Debug, thiserror::Error)]
enum Disagreement {
    #[error("a document of {0} stands under another id")]
    Id(&'static str),
    #[error("the index {1} of {0} lacks a document")]
    Missing(&'static str, &'static str),
    #[error("the index {1} of {0} holds two documents under one key")]
    Twice(&'static str, &'static str),
    #[error("the indexes of {0} hold what no document says")]
    Surplus(&'static str),
}

impl From<Disagreement> for StoreError {
    fn from(disagreement: Disagreement) -> Self {
        Self::Corrupt(Box::new(disagreement))
    }
}

/// Reads everything; the number of documents.
pub(super) fn verify(database: &Database) -> Result<u64, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let mut count = 0;
    for collection in Collection::ALL {
        let documents =
            transaction.open_table(table::documents(collection)).map_err(unavailable)?;
        let entries = transaction.open_table(table::entries(collection)).map_err(unavailable)?;
        let mut expected = 0;
        for pair in documents.iter().map_err(unavailable)? {
            let (id, document) = pair.map_err(unavailable)?;
            let document = RawDocument::from_bytes(document.value()).map_err(entry::corrupt)?;
            expected += verify_document(collection, id.value(), document, &entries)?;
        }
        if entries.len().map_err(unavailable)? != expected {
            return Err(Disagreement::Surplus(collection.name()).into());
        }
        count += documents.len().map_err(unavailable)?;
    }
    Ok(count)
}

/// Every key of the document stands in its index, alone if it is unique; how many they are.
fn verify_document(
    collection: Collection,
    id: &[u8],
    document: &RawDocument,
    entries: &impl ReadableTable<&'static [u8], u32>,
) -> Result<u64, StoreError> {
    if entry::id_key(document)?.as_deref() != Some(id) {
        return Err(Disagreement::Id(collection.name()).into());
    }
    let mut count = 0;
    for numbered in entry::numbered(collection) {
        let name = numbered.index.name;
        for fields in numbered.keys(document)? {
            let key = [fields.as_slice(), id].concat();
            let found = entries.get(key.as_slice()).map_err(unavailable)?;
            if found.is_none_or(|len| usize::try_from(len.value()) != Ok(fields.len())) {
                return Err(Disagreement::Missing(collection.name(), name).into());
            }
            let end = key::behind(fields.clone());
            let alike = entries.range(fields.as_slice()..end.as_slice()).map_err(unavailable)?;
            if numbered.index.unique && alike.take(2).count() != 1 {
                return Err(Disagreement::Twice(collection.name(), name).into());
            }
            count += 1;
        }
    }
    Ok(count)
}
