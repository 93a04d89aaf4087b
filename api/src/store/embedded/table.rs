//! The tables of the database file, and one batch of writes on them.
//!
//! A collection is two tables: from the key of `_id` to the document, and from the keys of its
//! index entries (`entry.rs`) to the length of the part before `_id`.

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use bson::{Bson, Document, RawDocument, RawDocumentBuf};

use super::{change, entry, key};
use crate::store::{Collection, Guard, Insert, StoreError, Update};

/// A collection's table.
pub(super) type Documents = TableDefinition<'static, &'static [u8], &'static [u8]>;
/// The table of a collection's index entries.
pub(super) type Entries = TableDefinition<'static, &'static [u8], u32>;

/// The table of a collection.
pub(super) const fn documents(collection: Collection) -> Documents {
    TableDefinition::new(collection.name())
}

/// The table of its index entries.
pub(super) const fn entries(collection: Collection) -> Entries {
    TableDefinition::new(match collection {
        Collection::Users => "users/index",
        Collection::Conversations => "conversations/index",
        Collection::Messages => "messages/index",
        Collection::Sessions => "sessions/index",
        Collection::Pairs => "pairs/index",
        Collection::Facts => "facts/index",
    })
}

/// Why a write did not happen.
#[derive(Debug)]
pub(super) enum Fault {
    /// This write is refused; it left no trace and its neighbours go on.
    Write(StoreError),
    /// The engine failed; the whole batch is lost.
    Engine(redb::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Write(error)
    }
}

impl From<change::Misfit> for Fault {
    fn from(misfit: change::Misfit) -> Self {
        Self::Write(misfit.into())
    }
}

impl From<redb::StorageError> for Fault {
    fn from(error: redb::StorageError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<redb::TableError> for Fault {
    fn from(error: redb::TableError) -> Self {
        Self::Engine(error.into())
    }
}

impl Fault {
    /// The cause, where both kinds end the work alike.
    pub(super) fn into_error(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::Write(error) => Box::new(error),
            Self::Engine(error) => Box::new(error),
        }
    }
}

/// The writes of one transaction. Each is checked in full before it touches a table.
pub(super) struct Batch<'t> {
    transaction: &'t WriteTransaction,
    open: Vec<Tables<'t>>,
}

/// The open tables of one collection.
struct Tables<'t> {
    collection: Collection,
    documents: Table<'t, &'static [u8], &'static [u8]>,
    entries: Table<'t, &'static [u8], u32>,
}

/// What a checked write will do to the entries.
#[derive(Default)]
struct Move {
    removed: Vec<Vec<u8>>,
    added: Vec<Vec<u8>>,
}

impl<'t> Batch<'t> {
    pub(super) const fn new(transaction: &'t WriteTransaction) -> Self {
        Self { transaction, open: Vec::new() }
    }

    /// Stores a document, then applies what follows from it. A follow-up that is refused is left
    /// out: it is repairable by contract.
    pub(super) fn insert(&mut self, insert: &Insert) -> Result<(), Fault> {
        let document = &insert.document;
        change::check_size(document.as_bytes())?;
        let id = entry::id_key(document)?.ok_or(change::Misfit::NoId)?;
        let tables = self.tables(insert.collection)?;
        if tables.documents.get(id.as_slice())?.is_some() {
            return Err(StoreError::Duplicate(None).into());
        }
        tables.replace(&id, None, Some(document))?;
        for follow_up in &insert.follow_ups {
            match self.update(follow_up) {
                Ok(_) => {}
                Err(Fault::Write(error)) => {
                    tracing::warn!(
                        collection = follow_up.collection.name(),
                        error = &error as &dyn std::error::Error,
                        "what follows from an insert was refused"
                    );
                }
                Err(Fault::Engine(error)) => return Err(Fault::Engine(error)),
            }
        }
        Ok(())
    }

    /// Changes a document if its guard holds; the document after.
    pub(super) fn update(&mut self, update: &Update) -> Result<Option<RawDocumentBuf>, Fault> {
        let id = key::of(&update.id);
        let tables = self.tables(update.collection)?;
        let Some((before, mut document)) = tables.guarded(&id, &update.guard)? else {
            return Ok(None);
        };
        let after = change::apply(&update.ops, &mut document)?;
        if after != before {
            tables.replace(&id, Some(&before), Some(&after))?;
        }
        Ok(Some(after))
    }

    /// Removes a document if its guard holds.
    pub(super) fn delete(
        &mut self,
        collection: Collection,
        id: &Bson,
        guard: &[Guard],
    ) -> Result<bool, Fault> {
        let id = key::of(id);
        let tables = self.tables(collection)?;
        let Some((before, _)) = tables.guarded(&id, guard)? else { return Ok(false) };
        tables.replace(&id, Some(&before), None)?;
        Ok(true)
    }

    /// Makes the tables of a collection where absent.
    pub(super) fn make(&mut self, collection: Collection) -> Result<(), Fault> {
        self.tables(collection).map(drop)
    }

    /// Files all documents of a collection under its indexes; its table of entries is empty.
    pub(super) fn build(&mut self, collection: Collection) -> Result<(), Fault> {
        let Tables { documents, entries, .. } = self.tables(collection)?;
        for pair in documents.iter()? {
            let (id, document) = pair?;
            let document = RawDocument::from_bytes(document.value()).map_err(entry::corrupt)?;
            for numbered in entry::numbered(collection) {
                for fields in numbered.keys(document)? {
                    if numbered.index.unique && is_held(entries, &fields)? {
                        return Err(StoreError::Duplicate(Some(numbered.index)).into());
                    }
                    put(entries, &fields, id.value())?;
                }
            }
        }
        Ok(())
    }

    fn tables(&mut self, collection: Collection) -> Result<&mut Tables<'t>, Fault> {
        let found = self.open.iter().position(|tables| tables.collection == collection);
        let at = if let Some(at) = found {
            at
        } else {
            self.open.push(Tables::open(self.transaction, collection)?);
            self.open.len() - 1
        };
        Ok(self.open.get_mut(at).expect("found or pushed above"))
    }
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction, collection: Collection) -> Result<Self, Fault> {
        Ok(Self {
            collection,
            documents: transaction.open_table(documents(collection))?,
            entries: transaction.open_table(entries(collection))?,
        })
    }

    /// The document, as stored and decoded, if it exists and the guard holds.
    fn guarded(
        &self,
        id: &[u8],
        guard: &[Guard],
    ) -> Result<Option<(RawDocumentBuf, Document)>, Fault> {
        let Some(stored) = self.documents.get(id)? else { return Ok(None) };
        let raw = RawDocumentBuf::from_bytes(stored.value().to_vec()).map_err(entry::corrupt)?;
        let document = Document::try_from(&raw).map_err(entry::corrupt)?;
        Ok(change::holds(guard, &document).then_some((raw, document)))
    }

    /// Puts `after` in the place of `before`, in the collection and all its indexes, or changes
    /// nothing when a unique index refuses.
    fn replace(
        &mut self,
        id: &[u8],
        before: Option<&RawDocument>,
        after: Option<&RawDocument>,
    ) -> Result<(), Fault> {
        let mut all = Move::default();
        for numbered in entry::numbered(self.collection) {
            let keys = |document: Option<&RawDocument>| {
                document.map_or(Ok(Vec::new()), |document| numbered.keys(document))
            };
            let (mut removed, mut added) = (keys(before)?, keys(after)?);
            removed.retain(|key| match added.binary_search(key) {
                Ok(kept) => {
                    added.remove(kept);
                    false
                }
                Err(_) => true,
            });
            for key in added.iter().filter(|_| numbered.index.unique) {
                if is_held(&self.entries, key)? {
                    return Err(StoreError::Duplicate(Some(numbered.index)).into());
                }
            }
            all.removed.append(&mut removed);
            all.added.append(&mut added);
        }
        for fields in all.removed {
            self.entries.remove([fields.as_slice(), id].concat().as_slice())?;
        }
        for fields in all.added {
            put(&mut self.entries, &fields, id)?;
        }
        match after {
            Some(document) => drop(self.documents.insert(id, document.as_bytes())?),
            None => drop(self.documents.remove(id)?),
        }
        Ok(())
    }
}

/// Whether a document stands under these fields.
fn is_held(
    entries: &Table<'_, &'static [u8], u32>,
    fields: &[u8],
) -> Result<bool, redb::StorageError> {
    let end = key::behind(fields.to_vec());
    Ok(entries.range(fields..end.as_slice())?.next().transpose()?.is_some())
}

fn put(
    entries: &mut Table<'_, &'static [u8], u32>,
    fields: &[u8],
    id: &[u8],
) -> Result<(), redb::StorageError> {
    let fields_len = u32::try_from(fields.len()).expect("a document is at most 16 MiB");
    entries.insert([fields, id].concat().as_slice(), fields_len)?;
    Ok(())
}
