//! Whether every index says what the documents say.

use bson::RawDocument;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::{entry, table, unavailable};
use crate::store::{Collection, Index, StoreError};

/// An index and the documents disagree.
#[derive(Debug, thiserror::Error)]
#[error("the index {index} of {collection} {problem}")]
struct Disagreement {
    collection: &'static str,
    index: &'static str,
    problem: &'static str,
}

/// Reads everything; the number of documents.
pub(super) fn verify(database: &Database) -> Result<u64, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let mut count = 0;
    for collection in Collection::ALL {
        let documents =
            transaction.open_table(table::documents(collection)).map_err(unavailable)?;
        for index in collection.indexes() {
            let name = table::entries_name(index);
            let entries =
                transaction.open_table(table::Entries::new(&name)).map_err(unavailable)?;
            verify_index(index, &documents, &entries)?;
        }
        count += documents.len().map_err(unavailable)?;
    }
    Ok(count)
}

/// Every key of every document stands in the index, and nothing else does.
fn verify_index(
    index: &'static Index,
    documents: &impl ReadableTable<&'static [u8], &'static [u8]>,
    entries: &impl ReadableTable<&'static [u8], u32>,
) -> Result<(), StoreError> {
    let disagreement = |problem| {
        let collection = index.collection.name();
        StoreError::Corrupt(Box::new(Disagreement { collection, index: index.name, problem }))
    };
    let mut expected = 0;
    for pair in documents.iter().map_err(unavailable)? {
        let (id, document) = pair.map_err(unavailable)?;
        let document = RawDocument::from_bytes(document.value()).map_err(entry::corrupt)?;
        if entry::id_key(document)?.as_deref() != Some(id.value()) {
            return Err(disagreement("covers a document that stands under another id"));
        }
        for fields in entry::keys(index, document)? {
            let key = [fields.as_slice(), id.value()].concat();
            let found = entries.get(key.as_slice()).map_err(unavailable)?;
            if found.is_none_or(|len| usize::try_from(len.value()) != Ok(fields.len())) {
                return Err(disagreement("lacks a document"));
            }
            expected += 1;
        }
    }
    if entries.len().map_err(unavailable)? != expected {
        return Err(disagreement("holds what no document says"));
    }
    let mut before: Option<Vec<u8>> = None;
    for pair in entries.iter().map_err(unavailable)?.filter(|_| index.unique) {
        let (key, fields_len) = pair.map_err(unavailable)?;
        let len = usize::try_from(fields_len.value()).unwrap_or(usize::MAX);
        let fields = key.value().get(..len).map(<[u8]>::to_vec);
        if fields == before {
            return Err(disagreement("holds two documents under one key"));
        }
        before = fields;
    }
    Ok(())
}
