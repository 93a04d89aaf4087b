//! What the store says of itself: its epoch, the version of its layout, the indexes it holds.

use bson::{Bson, Document, RawDocumentBuf, doc};
use redb::Database;

use super::read as stored;
use super::table::{self, Batch, Fault};
use crate::store::epoch::STORE_FACT;
use crate::store::{Collection, Index, Insert, Op, Update};

/// The version of the layout of keys and tables that this program writes. The declared indexes do
/// not count: where they changed they are built anew.
pub(super) const LAYOUT: i32 = 1;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// The document that describes the store.
pub(super) struct Fact {
    pub(super) epoch: String,
    pub(super) layout: i32,
    /// By collection, the declaration that its table of entries was built to.
    pub(super) indexes: Document,
}

/// What the store says.
pub(super) fn read(database: &Database) -> Result<Fact, BoxedError> {
    let fact = stored::get(database, Collection::Facts, &STORE_FACT.into())?
        .ok_or("the database does not say that it is a store")?;
    Ok(Fact {
        epoch: fact.get_str("epoch")?.to_owned(),
        layout: fact.get_i32("layout")?,
        indexes: Document::try_from(fact.get_document("indexes")?)?,
    })
}

/// Makes the tables of a new store and lets it say what it is.
pub(super) fn make(database: &Database, epoch: &str) -> Result<(), BoxedError> {
    let indexes: Document = Collection::ALL
        .into_iter()
        .map(|collection| (collection.name().to_owned(), Bson::String(declaration(collection))))
        .collect();
    let fact = doc! { "_id": STORE_FACT, "epoch": epoch, "layout": LAYOUT, "indexes": indexes };
    let document = RawDocumentBuf::try_from(&fact)?;
    let transaction = database.begin_write()?;
    let mut batch = Batch::new(&transaction);
    for collection in Collection::ALL {
        batch.make(collection).map_err(Fault::into_error)?;
    }
    let insert = Insert { collection: Collection::Facts, document, follow_ups: Vec::new() };
    batch.insert(&insert).map_err(Fault::into_error)?;
    drop(batch);
    transaction.commit()?;
    Ok(())
}

/// Builds the entries of each collection whose declared indexes are not those it was built to;
/// all in one commit.
///
/// # Cost
///
/// Nothing when the declaration is the same; else it reads all documents of the collection.
pub(super) fn bring_up_to_date(database: &Database, built: &Document) -> Result<(), BoxedError> {
    let is_stale = |collection: &Collection| {
        built.get_str(collection.name()).ok() != Some(declaration(*collection).as_str())
    };
    let stale: Vec<_> = Collection::ALL.into_iter().filter(is_stale).collect();
    if stale.is_empty() {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    let mut ops = Vec::new();
    for &collection in &stale {
        tracing::info!(collection = collection.name(), "building indexes anew");
        transaction.delete_table(table::entries(collection))?;
        let path = format!("indexes.{}", collection.name());
        ops.push(Op::Set(path, declaration(collection).into()));
    }
    let mut batch = Batch::new(&transaction);
    for collection in stale {
        batch.make(collection).map_err(Fault::into_error)?;
        batch.build(collection).map_err(Fault::into_error)?;
    }
    let update =
        Update { collection: Collection::Facts, id: STORE_FACT.into(), guard: Vec::new(), ops };
    batch.update(&update).map_err(Fault::into_error)?;
    drop(batch);
    transaction.commit()?;
    Ok(())
}

/// All that a collection's entries depend on.
fn declaration(collection: Collection) -> String {
    let words: Vec<_> = collection.indexes().map(describe).collect();
    words.join(", ")
}

fn describe(index: &Index) -> String {
    let Index { name, collection: _, fields, unique, partial, multikey, whole } = index;
    let paths: Vec<_> = fields.iter().map(|(path, _)| *path).collect();
    let traits =
        [(unique, "unique"), (partial, "partial"), (multikey, "multikey"), (whole, "whole")];
    let traits: Vec<_> = traits.iter().filter(|(has, _)| **has).map(|(_, word)| *word).collect();
    format!("{name} ({}) {}", paths.join(" "), traits.join(" "))
}
