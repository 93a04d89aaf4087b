//! Which keys a document has in an index.

use bson::{Bson, RawBsonRef, RawDocument};

use super::key;
use crate::store::{Direction, Index, Scan, StoreError};

/// The keys of `document` in `index`, without its `_id`; sorted, each once.
///
/// # Errors
///
/// [`StoreError::Corrupt`]: the bytes are no BSON.
pub(super) fn keys(index: &Index, document: &RawDocument) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut fields = Vec::with_capacity(index.fields.len());
    for (path, _) in index.fields {
        let value = field(document, path)?.unwrap_or(RawBsonRef::Null);
        if index.partial && matches!(value, RawBsonRef::Null | RawBsonRef::Undefined) {
            return Ok(Vec::new());
        }
        fields.push(value);
    }
    let Some((&first, rest)) = fields.split_first() else { return Ok(Vec::new()) };
    let mut keys = Vec::with_capacity(1);
    for_each_item(index, first, |item| {
        let mut key = Vec::with_capacity(48);
        key::push(&mut key, item);
        for value in rest {
            key::push(&mut key, *value);
        }
        keys.push(key);
    })?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// The key of a document's `_id`.
pub(super) fn id_key(document: &RawDocument) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(id) = document.get("_id").map_err(corrupt)? else { return Ok(None) };
    let mut key = Vec::with_capacity(16);
    key::push(&mut key, id);
    Ok(Some(key))
}

/// What a scan walks: from the first bound (inclusive) to the second (exclusive, `None`: the end).
pub(super) fn range(scan: &Scan<'_>) -> (Vec<u8>, Option<Vec<u8>>) {
    let equals = concatenated(scan.equals);
    let end = key::behind(equals.clone());
    if scan.after.is_empty() {
        return (equals, end);
    }
    let after = [equals.as_slice(), &concatenated(scan.after)].concat();
    match scan.direction {
        Direction::Ascending => (key::behind(after).unwrap_or_default(), end),
        Direction::Descending => (equals, Some(after)),
    }
}

/// Wraps what was found to be no BSON.
pub(super) fn corrupt(error: bson::error::Error) -> StoreError {
    StoreError::Corrupt(Box::new(error))
}

fn concatenated(values: &[Bson]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * values.len() + 16);
    for value in values {
        key::push_bson(&mut out, value);
    }
    out
}

fn field<'a>(document: &'a RawDocument, path: &str) -> Result<Option<RawBsonRef<'a>>, StoreError> {
    let Some((first, rest)) = path.split_once('.') else {
        return document.get(path).map_err(corrupt);
    };
    match document.get(first).map_err(corrupt)? {
        Some(RawBsonRef::Document(inner)) => field(inner, rest),
        Some(_) | None => Ok(None),
    }
}

/// Calls `each` with what the first field contributes. An empty array contributes what MongoDB
/// files it under: undefined, which is below null.
fn for_each_item<'a>(
    index: &Index,
    first: RawBsonRef<'a>,
    mut each: impl FnMut(RawBsonRef<'a>),
) -> Result<(), StoreError> {
    let RawBsonRef::Array(items) = first else {
        each(first);
        return Ok(());
    };
    if !index.multikey {
        each(first);
        return Ok(());
    }
    if items.is_empty() && !index.partial {
        each(RawBsonRef::Undefined);
    }
    for item in items {
        each(item.map_err(corrupt)?);
    }
    Ok(())
}
