//! Guards and changes on one document: what MongoDB would make of them, done here.
//!
//! Paths lead through documents only. A change that a document's shape does not allow (a number
//! added to a text, a field set under a text) is refused, as MongoDB refuses it.

use bson::{Bson, Document, RawDocumentBuf};

use super::key;
use crate::store::{Guard, Op, StoreError};

/// The largest document, MongoDB's limit; a change or an insert beyond it is refused.
pub(super) const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A change that the stored document's shape does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    #[error("a path leads through something that is no document")]
    Path,
    #[error("adding to something that is no whole number, or beyond the greatest")]
    Number,
    #[error("appending to something that is no array")]
    Array,
    #[error("the id of a stored document cannot change")]
    Id,
    #[error("the document has no id")]
    NoId,
    #[error("the document is larger than 16 MiB")]
    Size,
}

impl From<Misfit> for StoreError {
    fn from(misfit: Misfit) -> Self {
        Self::Corrupt(Box::new(misfit))
    }
}

/// Whether all conditions hold.
pub(super) fn holds(guards: &[Guard], document: &Document) -> bool {
    guards.iter().all(|guard| match guard {
        Guard::Equals(path, value) => equals_one(document, path, std::slice::from_ref(value)),
        Guard::OneOf(path, values) => equals_one(document, path, values),
        Guard::Below(path, bound) => is_below(document, path, bound),
    })
}

/// The document with all changes, ready to store.
pub(super) fn apply(ops: &[Op], document: &mut Document) -> Result<RawDocumentBuf, StoreError> {
    for op in ops {
        match op {
            Op::Set(path, value) => set(document, path, value.clone())?,
            Op::Unset(path) => unset(document, path)?,
            Op::Increment(path, by) => increment(document, path, *by)?,
            Op::Max(path, value) => max(document, path, value)?,
            Op::Push { path, item, keep } => push(document, path, item, *keep)?,
        }
    }
    let raw = RawDocumentBuf::try_from(&*document)
        .map_err(|error| StoreError::Corrupt(Box::new(error)))?;
    check_size(raw.as_bytes())?;
    Ok(raw)
}

/// Refuses what MongoDB could not hold.
pub(super) fn check_size(document: &[u8]) -> Result<(), Misfit> {
    if document.len() > DOCUMENT_BYTES_MAX { Err(Misfit::Size) } else { Ok(()) }
}

/// Whether the value at `path`, or one of its items, is one of `values`.
fn equals_one(document: &Document, path: &str, values: &[Bson]) -> bool {
    let stored = found_or_null(document, path);
    let stored_key = key::of(stored);
    values.iter().any(|value| {
        let wanted = key::of(value);
        wanted == stored_key
            || stored
                .as_array()
                .is_some_and(|items| items.iter().any(|item| key::of(item) == wanted))
    })
}

/// Absent, null, or less and of the same kind.
fn is_below(document: &Document, path: &str, bound: &Bson) -> bool {
    let stored = key::of(found_or_null(document, path));
    let bound = key::of(bound);
    stored == key::of(&Bson::Null) || (stored.first() == bound.first() && stored < bound)
}

/// To a condition, what is absent and the deprecated undefined are null.
fn found_or_null<'a>(document: &'a Document, path: &str) -> &'a Bson {
    match find(document, path) {
        None | Some(Bson::Undefined) => &Bson::Null,
        Some(value) => value,
    }
}

fn find<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
    match path.split_once('.') {
        None => document.get(path),
        Some((first, rest)) => find(document.get(first)?.as_document()?, rest),
    }
}

/// The document that holds the last name of `path`, made on the way where absent, and that name.
fn parent<'a, 'p>(
    document: &'a mut Document,
    path: &'p str,
) -> Result<(&'a mut Document, &'p str), Misfit> {
    if path == "_id" || path.starts_with("_id.") {
        return Err(Misfit::Id);
    }
    let mut at = document;
    let mut rest = path;
    while let Some((first, behind)) = rest.split_once('.') {
        let inner = at.entry(first.to_owned()).or_insert_with(|| Bson::Document(Document::new()));
        at = inner.as_document_mut().ok_or(Misfit::Path)?;
        rest = behind;
    }
    Ok((at, rest))
}

fn set(document: &mut Document, path: &str, value: Bson) -> Result<(), Misfit> {
    let (at, name) = parent(document, path)?;
    at.insert(name, value);
    Ok(())
}

fn unset(document: &mut Document, path: &str) -> Result<(), Misfit> {
    if find(document, path).is_some() {
        let (at, name) = parent(document, path)?;
        at.remove(name);
    }
    Ok(())
}

/// The kind stays, but a sum beyond int32 becomes an int64, as a counter's does in MongoDB.
fn increment(document: &mut Document, path: &str, by: i64) -> Result<(), Misfit> {
    let (at, name) = parent(document, path)?;
    #[expect(clippy::cast_precision_loss, reason = "a double counter counts as doubles do")]
    let sum = match at.get(name) {
        None => Bson::Int64(by),
        Some(Bson::Int32(number)) => {
            Bson::Int64(i64::from(*number).checked_add(by).ok_or(Misfit::Number)?)
        }
        Some(Bson::Int64(number)) => Bson::Int64(number.checked_add(by).ok_or(Misfit::Number)?),
        Some(Bson::Double(number)) => Bson::Double(number + by as f64),
        Some(_) => return Err(Misfit::Number),
    };
    at.insert(name, sum);
    Ok(())
}

fn max(document: &mut Document, path: &str, value: &Bson) -> Result<(), Misfit> {
    let (at, name) = parent(document, path)?;
    let greater = at.get(name).is_none_or(|stored| key::of(stored) < key::of(value));
    if greater {
        at.insert(name, value.clone());
    }
    Ok(())
}

fn push(document: &mut Document, path: &str, item: &Bson, keep: usize) -> Result<(), Misfit> {
    let (at, name) = parent(document, path)?;
    let stored = at.entry(name.to_owned()).or_insert_with(|| Bson::Array(Vec::new()));
    let Bson::Array(items) = stored else { return Err(Misfit::Array) };
    items.push(item.clone());
    let surplus = items.len().saturating_sub(keep);
    items.drain(..surplus);
    Ok(())
}
