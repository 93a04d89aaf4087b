//! Where a document stands in the table of a collection's index entries.
//!
//! All indexes of a collection share one table. The key of an entry is
//!
//! ```text
//! 0, first field, number of the index, other fields, _id     usually
//! number of the index + 1, all fields, _id                   an index that is walked whole
//! ```
//!
//! so the entries of one conversation or person lie side by side, whichever index they are of.
//!
//! PERF: a table an index writes 11.2 pages a send and takes 165 µs of processor time; this layout
//! 7.8 pages and 145 µs (`benches/store`, `send/durable_64_writers`, 5,000 conversations).

use bson::{Bson, RawBsonRef, RawDocument};

use super::key;
use crate::store::{Collection, Direction, Index, Scan, StoreError, Stretch};

/// An index and its number among those of its collection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbered {
    pub(super) index: &'static Index,
    number: u8,
}

/// The indexes of a collection, numbered in the order of the declaration.
pub(super) fn numbered(collection: Collection) -> impl Iterator<Item = Numbered> {
    (0..).zip(collection.indexes()).map(|(number, index)| Numbered { index, number })
}

impl Numbered {
    /// The keys of `document`, without its `_id`; sorted, each once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`]: the bytes are no BSON.
    pub(super) fn keys(self, document: &RawDocument) -> Result<Vec<Vec<u8>>, StoreError> {
        let index = self.index;
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
            let mut key = Vec::with_capacity(KEY_BYTES_USUAL);
            self.begin(&mut key, |key| key::push(key, item));
            for value in rest {
                key::push(&mut key, *value);
            }
            keys.push(key);
        })?;
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// Begins a key, up to and with the first field.
    fn begin(self, key: &mut Vec<u8>, push_first: impl FnOnce(&mut Vec<u8>)) {
        if self.index.whole {
            key.push(self.number + 1);
            push_first(key);
        } else {
            key.push(0);
            push_first(key);
            key.push(self.number);
        }
    }
}

/// The key of a document's `_id`.
pub(super) fn id_key(document: &RawDocument) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(id) = document.get("_id").map_err(corrupt)? else { return Ok(None) };
    let mut key = Vec::with_capacity(16);
    key::push(&mut key, id);
    Ok(Some(key))
}

/// What a scan walks: from the first bound (inclusive) to the second (exclusive).
///
/// # Panics
///
/// If the scan leaves open the first field of an index that is not walked whole.
pub(super) fn range(scan: &Scan<'_>) -> (Vec<u8>, Vec<u8>) {
    let equals = beginning(scan.index, scan.equals);
    let end = key::behind(equals.clone());
    if scan.after.is_empty() {
        return (equals, end);
    }
    let mut after = equals.clone();
    push_all(&mut after, scan.after);
    match scan.direction {
        Direction::Ascending => (key::behind(after), end),
        Direction::Descending => (equals, after),
    }
}

/// What counting a stretch walks: from the first bound (inclusive) to the second (exclusive).
///
/// # Panics
///
/// If the stretch leaves open the first field of the index.
pub(super) fn stretch(index: &'static Index, stretch: &Stretch) -> (Vec<u8>, Vec<u8>) {
    let equals = beginning(index, &stretch.equals);
    let behind = |number: i64| {
        let mut key = equals.clone();
        key::push_bson(&mut key, &number.into());
        key::behind(key)
    };
    (behind(stretch.after), behind(stretch.up_to))
}

/// How the keys of an index begin that have these values first.
fn beginning(index: &'static Index, equals: &[Bson]) -> Vec<u8> {
    let index = numbered(index.collection)
        .find(|numbered| std::ptr::eq(numbered.index, index))
        .expect("only indexes of the table can be named");
    let mut key = Vec::with_capacity(KEY_BYTES_USUAL);
    if let Some((first, rest)) = equals.split_first() {
        index.begin(&mut key, |key| key::push_bson(key, first));
        push_all(&mut key, rest);
    } else {
        assert!(index.index.whole, "a scan of {} fixes its first field", index.index.name);
        index.begin(&mut key, |_| {});
    }
    key
}

/// Wraps what was found to be no BSON.
pub(super) fn corrupt(error: bson::error::Error) -> StoreError {
    StoreError::Corrupt(Box::new(error))
}

fn push_all(key: &mut Vec<u8>, values: &[Bson]) {
    for value in values {
        key::push_bson(key, value);
    }
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

/// What most keys fit in: an id, a tag, a date, another id.
const KEY_BYTES_USUAL: usize = 48;
