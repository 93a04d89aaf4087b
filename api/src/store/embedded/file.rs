//! Opening: the folder, the file, its layout, its facts.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use bson::{RawDocumentBuf, rawdoc};
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageError, TableHandle};
use ring::rand::SecureRandom;

use super::read;
use super::table::{self, Batch, Fault};
use crate::store::{Collection, Insert};

/// The file inside the data folder.
pub(super) const FILE_NAME: &str = "voxora.redb";

/// Its name while it is being made.
const UNFINISHED_NAME: &str = "voxora.redb.new";

/// What the pages of the database may take in memory.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The version of the layout of keys and tables that this program writes. Indexes do not count:
/// they are built anew when their declaration changes.
const LAYOUT: i32 = 1;

/// The `_id` of the document in `facts` that describes the store.
const STORE_FACT: &str = "store";

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the file cannot be made, read or written.
    #[error("cannot use the data folder {}", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process, or another handle of this one, has it open.
    #[error("the data folder {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The file is damaged, or is no store.
    #[error("the store in {} is damaged", path.display())]
    Corrupt {
        /// Which folder.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer version of this program made it.
    #[error("the store in {} has layout {found}, this version reads up to {known}", path.display())]
    Newer {
        /// Which folder.
        path: PathBuf,
        /// Its layout.
        found: i32,
        /// The newest that this program reads.
        known: i32,
    },
    /// The system has no random numbers to name the store's history with.
    #[error("the system gives no random numbers")]
    Entropy,
}

/// An opened database and the name of its history.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) epoch: String,
}

/// Opens the store in `folder`, making both where absent.
pub(super) fn open(folder: &Path) -> Result<Opened, OpenError> {
    make_folder(folder).map_err(|source| unusable(folder, source))?;
    let path = folder.join(FILE_NAME);
    let existing = open_file(&path, Existing::Only);
    if existing.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return make(folder, &path);
    }
    open_existing(folder, existing.map_err(|source| unusable(folder, source))?)
}

fn open_existing(folder: &Path, file: File) -> Result<Opened, OpenError> {
    let corrupt = |source| OpenError::Corrupt { path: folder.to_owned(), source };
    let database = open_database(folder, file)?;
    let Fact { epoch, layout } = stored_fact(&database).map_err(corrupt)?;
    if layout > LAYOUT {
        let path = folder.to_owned();
        return Err(OpenError::Newer { path, found: layout, known: LAYOUT });
    }
    bring_up_to_date(&database, None).map_err(corrupt)?;
    Ok(Opened { database, epoch })
}

/// Makes a store under another name and gives it its own when it is whole: a process killed on the
/// way leaves nothing that looks like a damaged store.
///
/// Of several processes one holds the lock of the unfinished file. Whoever gets it looks again:
/// the file may have become the store in the meantime.
fn make(folder: &Path, path: &Path) -> Result<Opened, OpenError> {
    let unusable = |source| unusable(folder, source);
    let unfinished = folder.join(UNFINISHED_NAME);
    let file = open_file(&unfinished, Existing::OrNew).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    if path.try_exists().map_err(unusable)? {
        drop(file);
        return open_existing(folder, open_file(path, Existing::Only).map_err(unusable)?);
    }
    file.set_len(0).map_err(unusable)?;
    let database = open_database(folder, file)?;
    let epoch = random_name()?;
    bring_up_to_date(&database, Some(&epoch))
        .map_err(|source| OpenError::Corrupt { path: folder.to_owned(), source })?;
    fs::rename(&unfinished, path).map_err(unusable)?;
    // Only now is the file's name as durable as what will be in it.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;
    Ok(Opened { database, epoch })
}

/// Makes the folder, for its owner alone; one that exists keeps its mode.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether a file must be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Only,
    OrNew,
}

fn open_file(path: &Path, existing: Existing) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(existing == Existing::OrNew).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn open_database(folder: &Path, file: File) -> Result<Database, OpenError> {
    FileBackend::new(file)
        .and_then(|backend| {
            Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)
        })
        .map_err(|error| explain(folder, error))
}

fn unusable(folder: &Path, source: io::Error) -> OpenError {
    OpenError::Folder { path: folder.to_owned(), source }
}

fn explain(folder: &Path, error: DatabaseError) -> OpenError {
    let path = folder.to_owned();
    if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
        return OpenError::InUse(path);
    }
    if let DatabaseError::Storage(StorageError::Io(source)) = error {
        // The engine's word for a file that is no database.
        if source.kind() == io::ErrorKind::InvalidData {
            return OpenError::Corrupt { path, source: Box::new(source) };
        }
        return OpenError::Folder { path, source };
    }
    OpenError::Corrupt { path, source: Box::new(error) }
}

/// The document that describes the store.
struct Fact {
    epoch: String,
    layout: i32,
}

pub(super) type BoxedError = Box<dyn std::error::Error + Send + Sync>;

fn stored_fact(database: &Database) -> Result<Fact, BoxedError> {
    let fact = read::get(database, Collection::Facts, &STORE_FACT.into())?
        .ok_or("the database does not say that it is a store")?;
    Ok(Fact { epoch: fact.get_str("epoch")?.to_owned(), layout: fact.get_i32("layout")? })
}

/// Makes missing tables, builds missing indexes, drops indexes that are declared no more, and
/// gives a new store its fact, all in one commit.
pub(super) fn bring_up_to_date(
    database: &Database,
    new_epoch: Option<&str>,
) -> Result<(), BoxedError> {
    let transaction = database.begin_write()?;
    let present: Vec<_> = transaction.list_tables()?.collect();
    let is_present = |name: &str| present.iter().any(|table| table.name() == name);
    let mut expected: Vec<String> = Collection::ALL.iter().map(|c| c.name().to_owned()).collect();
    let mut unbuilt = Vec::new();
    for index in Collection::ALL.into_iter().flat_map(Collection::indexes) {
        let name = table::entries_name(index);
        if !is_present(&name) {
            unbuilt.push(index);
        }
        expected.push(name);
    }
    let changed = unbuilt.len() + usize::from(new_epoch.is_some());
    for table in present.iter().filter(|table| !expected.iter().any(|name| name == table.name())) {
        transaction.delete_table(table.clone())?;
    }
    let mut batch = Batch::new(&transaction);
    for collection in Collection::ALL {
        batch.touch(collection).map_err(Fault::into_error)?;
    }
    for index in unbuilt {
        batch.build(index).map_err(Fault::into_error)?;
    }
    if let Some(epoch) = new_epoch {
        batch.insert(&fact(epoch)).map_err(Fault::into_error)?;
    }
    drop(batch);
    if changed == 0 && present.len() == expected.len() {
        transaction.abort()?;
    } else {
        transaction.commit()?;
    }
    Ok(())
}

fn fact(epoch: &str) -> Insert {
    let document: RawDocumentBuf = rawdoc! { "_id": STORE_FACT, "epoch": epoch, "layout": LAYOUT };
    Insert { collection: Collection::Facts, document, follow_ups: Vec::new() }
}

/// 24 random hex digits.
fn random_name() -> Result<String, OpenError> {
    let mut bytes = [0; 12];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| OpenError::Entropy)?;
    Ok(protocol::id::ObjectId::from_bytes(bytes).to_string())
}
