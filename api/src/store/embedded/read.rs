//! Reads: short transactions on the caller's thread, on what was last committed.

use bson::{Bson, RawDocumentBuf};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase};

use super::{entry, key, table, unavailable};
use crate::store::{Collection, Direction, Index, Scan, StoreError, Stretch};

/// The document with this id.
pub(super) fn get(
    database: &Database,
    collection: Collection,
    id: &Bson,
) -> Result<Option<RawDocumentBuf>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let documents = transaction.open_table(table::documents(collection)).map_err(unavailable)?;
    fetch(&documents, &key::of(id))
}

/// Those of the documents that exist, in the order of their ids.
pub(super) fn get_many(
    database: &Database,
    collection: Collection,
    ids: &[Bson],
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let documents = transaction.open_table(table::documents(collection)).map_err(unavailable)?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(fetch(&documents, &key::of(id))?);
    }
    Ok(found)
}

/// The documents that a scan walks over.
pub(super) fn scan(
    database: &Database,
    scan: &Scan<'_>,
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let documents = table::documents(scan.index.collection);
    let documents = transaction.open_table(documents).map_err(unavailable)?;
    let mut found = Vec::new();
    walk(&transaction, scan, |id| {
        found.push(fetch(&documents, id)?.ok_or_else(|| dangling(scan))?);
        Ok(())
    })?;
    Ok(found)
}

/// How many documents a scan would walk over; reads the index alone.
pub(super) fn count(database: &Database, scan: &Scan<'_>) -> Result<u64, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let mut count = 0;
    walk(&transaction, scan, |_| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// How many documents each of these stretches holds; reads the index alone.
pub(super) fn count_each(
    database: &Database,
    index: &'static Index,
    stretches: &[Stretch],
) -> Result<Vec<u64>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let entries = transaction.open_table(table::entries(index.collection)).map_err(unavailable)?;
    let mut counts = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        let (from, to) = entry::stretch(index, stretch);
        let mut count = 0;
        if from < to {
            for entry in entries.range(from.as_slice()..to.as_slice()).map_err(unavailable)? {
                entry.map_err(unavailable)?;
                count += 1;
            }
        }
        counts.push(count);
    }
    Ok(counts)
}

/// The documents under any of these values of the first field, up to a limit.
pub(super) fn scan_any(
    database: &Database,
    index: &'static Index,
    firsts: &[Bson],
    limit: usize,
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let documents = table::documents(index.collection);
    let documents = transaction.open_table(documents).map_err(unavailable)?;
    let mut found = Vec::new();
    for first in firsts {
        let scan = Scan {
            index,
            equals: std::slice::from_ref(first),
            after: &[],
            direction: Direction::Ascending,
            limit: limit - found.len(),
        };
        walk(&transaction, &scan, |id| {
            found.push(fetch(&documents, id)?.ok_or_else(|| dangling(&scan))?);
            Ok(())
        })?;
    }
    Ok(found)
}

/// Calls `each` with the `_id` key of every entry, in the scan's order, up to its limit.
fn walk(
    transaction: &ReadTransaction,
    scan: &Scan<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let entries = table::entries(scan.index.collection);
    let entries = transaction.open_table(entries).map_err(unavailable)?;
    let (from, to) = entry::range(scan);
    if from >= to {
        return Ok(());
    }
    let mut range = entries.range(from.as_slice()..to.as_slice()).map_err(unavailable)?;
    for _ in 0..scan.limit {
        let next = match scan.direction {
            Direction::Ascending => range.next(),
            Direction::Descending => range.next_back(),
        };
        let Some(pair) = next else { break };
        let (key, fields_len) = pair.map_err(unavailable)?;
        let fields_len = usize::try_from(fields_len.value()).unwrap_or(usize::MAX);
        each(key.value().get(fields_len..).ok_or_else(|| dangling(scan))?)?;
    }
    Ok(())
}

fn fetch(
    documents: &ReadOnlyTable<&'static [u8], &'static [u8]>,
    id: &[u8],
) -> Result<Option<RawDocumentBuf>, StoreError> {
    let Some(stored) = documents.get(id).map_err(unavailable)? else { return Ok(None) };
    RawDocumentBuf::from_bytes(stored.value().to_vec()).map(Some).map_err(entry::corrupt)
}

fn dangling(scan: &Scan<'_>) -> StoreError {
    #[derive(Debug, thiserror::Error)]
    #[error("the index {0} leads to no document")]
    struct Dangling(&'static str);

    StoreError::Corrupt(Box::new(Dangling(scan.index.name)))
}
