//! Opening: the folder, the file, and what can be wrong with them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageError};

use super::disk::{Disk, Trust};
use super::layout::{self, Fact, LAYOUT};
use crate::store::epoch;

/// The file inside the data folder.
pub(super) const FILE_NAME: &str = "voxora.redb";

/// Its name while it is being made.
const UNFINISHED_NAME: &str = "voxora.redb.new";

/// A file that is written and removed, to see whether that goes.
const PROBE_NAME: &str = "voxora.redb.probe";

/// Its length: more than most commits add.
const PROBE_BYTES: usize = 4 * 1024 * 1024;

/// What the pages of the database may take in memory.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

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
    pub(super) trust: Trust,
}

/// Opens the store in `folder`, making both where absent.
pub(super) fn open(folder: &Path) -> Result<Opened, OpenError> {
    make_folder(folder).map_err(|source| unusable(folder, source))?;
    let path = folder.join(FILE_NAME);
    let existing = open_file(&path, Existing::Only);
    if existing.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return make(folder, &path);
    }
    open_existing(folder, existing.map_err(|source| unusable(folder, source))?, &Trust::default())
}

/// Opens the store in `folder` once more; one that is gone is not made.
pub(super) fn reopen(folder: &Path, trust: &Trust) -> Result<Opened, OpenError> {
    let file = open_file(&folder.join(FILE_NAME), Existing::Only);
    open_existing(folder, file.map_err(|source| unusable(folder, source))?, trust)
}

/// Whether the disk that the folder is on takes more.
pub(super) fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(PROBE_NAME);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0x5a; PROBE_BYTES])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

fn open_existing(folder: &Path, file: File, trust: &Trust) -> Result<Opened, OpenError> {
    let corrupt = |source| OpenError::Corrupt { path: folder.to_owned(), source };
    let database = open_database(folder, file, trust)?;
    let Fact { epoch, layout, indexes } = layout::read(&database).map_err(corrupt)?;
    if layout > LAYOUT {
        let path = folder.to_owned();
        return Err(OpenError::Newer { path, found: layout, known: LAYOUT });
    }
    layout::bring_up_to_date(&database, &indexes).map_err(corrupt)?;
    Ok(Opened { database, epoch, trust: trust.clone() })
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
        let file = open_file(path, Existing::Only).map_err(unusable)?;
        return open_existing(folder, file, &Trust::default());
    }
    file.set_len(0).map_err(unusable)?;
    let trust = Trust::default();
    let database = open_database(folder, file, &trust)?;
    let epoch = epoch::random().map_err(|_| OpenError::Entropy)?;
    layout::make(&database, &epoch)
        .map_err(|source| OpenError::Corrupt { path: folder.to_owned(), source })?;
    fs::rename(&unfinished, path).map_err(unusable)?;
    // Only now is the file's name as durable as what will be in it.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;
    Ok(Opened { database, epoch, trust })
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

fn open_database(folder: &Path, file: File, trust: &Trust) -> Result<Database, OpenError> {
    FileBackend::new(file)
        .and_then(|file| {
            let disk = Disk::new(file, trust);
            Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(disk)
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
