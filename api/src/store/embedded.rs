//! The embedded engine: one file, one process, durable, nothing installed.
//!
//! Owns the database file and the writer thread. Knows nothing of what the documents mean.
//!
//! - Reads run on the calling thread in short transactions and see what was last committed.
//! - Writes go through a bounded queue to the one writer, which commits what waits together and
//!   answers when it is on the disk.
//! - A full disk refuses writes until there is room again.
//!
//! Read on in `embedded/writer.rs` (group commit), `embedded/table.rs` (what a write does),
//! `embedded/key.rs` (the order of keys) and `embedded/revival.rs` (a full disk).

mod change;
mod disk;
mod entry;
mod file;
mod key;
mod layout;
mod read;
mod revival;
mod table;
mod verify;
mod writer;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use bson::{Bson, RawDocumentBuf};
use redb::Database;
use tokio::sync::oneshot;

pub use file::OpenError;

use super::{Collection, Guard, Index, Insert, Scan, StoreError, Stretch, Update};
use disk::Trust;
use revival::{Reopen, Revival};
use writer::{Job, WRITES_WAITING_MAX};

/// A handle on the embedded engine. The last one to go waits for the writes that were queued and
/// then closes the file.
#[derive(Debug, Clone)]
pub struct Embedded {
    engine: Arc<Engine>,
}

#[derive(Debug)]
struct Engine {
    files: Arc<Files>,
    epoch: String,
    writer: Mutex<Option<Writer>>,
}

/// What readers and the writer have in common.
#[derive(Debug)]
struct Files {
    /// `None` once closed, and while a failed one is opened anew.
    database: RwLock<Option<Database>>,
    /// A commit failed; no more writes until the database is opened anew.
    failed: AtomicBool,
    /// What is done whenever it was.
    when_revived: Mutex<Option<Hook>>,
}

struct Hook(Box<dyn Fn() + Send>);

impl fmt::Debug for Hook {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hook")
    }
}

/// The folder that a store is in.
struct Folder(PathBuf);

impl Reopen for Folder {
    fn probe(&self) -> io::Result<()> {
        file::probe(&self.0)
    }

    fn open(&self, trust: &Trust) -> Result<file::Opened, OpenError> {
        file::reopen(&self.0, trust)
    }
}

/// The writer's thread and the way to it.
#[derive(Debug)]
struct Writer {
    queue: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl Embedded {
    /// Opens the store in `folder`, making both where absent; blocks while it reads the disk
    /// (after a crash: the whole file).
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let opened = file::open(folder)?;
        let path = folder.to_owned();
        let revival = Revival::new(&opened, Folder(path));
        Self::start(opened, revival)
            .map_err(|source| OpenError::Folder { path: folder.to_owned(), source })
    }

    /// Gives the opened database its writer.
    fn start(opened: file::Opened, revival: Revival) -> io::Result<Self> {
        let file::Opened { database, epoch, .. } = opened;
        let database = RwLock::new(Some(database));
        let files = Arc::new(Files {
            database,
            failed: AtomicBool::new(false),
            when_revived: Mutex::default(),
        });
        let (queue, jobs) = sync_channel(WRITES_WAITING_MAX);
        let writer_files = Arc::clone(&files);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer::run(&writer_files, &jobs, revival))?;
        let writer = Mutex::new(Some(Writer { queue, thread }));
        Ok(Self { engine: Arc::new(Engine { files, epoch, writer }) })
    }

    /// Whether every index says what the documents say; reads the whole file. The number of
    /// documents.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] names the first disagreement.
    pub fn verify(&self) -> Result<u64, StoreError> {
        self.read(verify::verify)
    }

    /// Has this done whenever the database was opened anew, instead of what was to be done before.
    pub(super) fn when_revived(&self, act: impl Fn() + Send + 'static) {
        let mut hook =
            self.engine.files.when_revived.lock().unwrap_or_else(PoisonError::into_inner);
        *hook = Some(Hook(Box::new(act)));
    }

    pub(super) fn epoch(&self) -> &str {
        &self.engine.epoch
    }

    pub(super) fn get(
        &self,
        collection: Collection,
        id: &Bson,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        self.read(|database| read::get(database, collection, id))
    }

    pub(super) fn get_many(
        &self,
        collection: Collection,
        ids: &[Bson],
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.read(|database| read::get_many(database, collection, ids))
    }

    pub(super) fn scan(&self, scan: &Scan<'_>) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.read(|database| read::scan(database, scan))
    }

    pub(super) fn count(&self, scan: &Scan<'_>) -> Result<u64, StoreError> {
        self.read(|database| read::count(database, scan))
    }

    pub(super) fn count_each(
        &self,
        index: &'static Index,
        stretches: &[Stretch],
    ) -> Result<Vec<u64>, StoreError> {
        self.read(|database| read::count_each(database, index, stretches))
    }

    pub(super) fn scan_any(
        &self,
        index: &'static Index,
        firsts: &[Bson],
        limit: usize,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.read(|database| read::scan_any(database, index, firsts, limit))
    }

    pub(super) async fn insert(&self, insert: Insert) -> Result<(), StoreError> {
        self.write(|answer| Job::Insert(insert, answer)).await
    }

    pub(super) async fn update(
        &self,
        update: Update,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        self.write(|answer| Job::Update(update, answer)).await
    }

    pub(super) async fn delete(
        &self,
        collection: Collection,
        id: Bson,
        guard: Vec<Guard>,
    ) -> Result<bool, StoreError> {
        self.write(|answer| Job::Delete { collection, id, guard, answer }).await
    }

    /// Whether reads and writes are served.
    pub(super) fn ping(&self) -> Result<(), StoreError> {
        self.engine.check_writer()?;
        self.get(Collection::Facts, &Bson::Null).map(drop)
    }

    pub(super) async fn close(&self) {
        let engine = Arc::clone(&self.engine);
        // Joining and closing wait for the disk. Without a blocking pool (the runtime is going
        // down) the engine's end does the same.
        drop(tokio::task::spawn_blocking(move || engine.shut()).await);
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let files = &self.engine.files;
        read(files.database().as_ref().ok_or_else(|| files.absence())?)
    }

    async fn write<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.engine.queue(job(answer))?;
        answered.await.unwrap_or_else(|_| Err(unavailable(Unanswered)))
    }
}

impl Engine {
    /// Refuses when no write can be served any more.
    fn check_writer(&self) -> Result<(), StoreError> {
        self.files.check_commits()?;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alive = writer.as_ref().is_some_and(|writer| !writer.thread.is_finished());
        if is_alive { Ok(()) } else { Err(closed()) }
    }

    fn queue(&self, job: Job) -> Result<(), StoreError> {
        self.files.check_commits()?;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match writer.as_ref().ok_or_else(closed)?.queue.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(closed()),
        }
    }

    /// Lets the writer finish what is queued, then closes the file.
    fn shut(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Writer { queue, thread }) = writer else { return };
        drop(queue);
        if thread.join().is_err() {
            tracing::error!("the store's writer ended by a panic");
        }
        self.files.replace(None);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shut();
    }
}

impl Files {
    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another database in the place of this one, once nobody reads it any more.
    fn replace(&self, database: Option<Database>) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = database;
    }

    /// A write of which its caller was told that nobody knows may be there after all.
    fn note_revival(&self) {
        let hook = self.when_revived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Hook(act)) = &*hook {
            act();
        }
    }

    /// Refuses after a failed commit.
    fn check_commits(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Acquire) { Err(unavailable(Failed)) } else { Ok(()) }
    }

    /// Why there is no database.
    fn absence(&self) -> StoreError {
        self.check_commits().err().unwrap_or_else(closed)
    }
}

/// The store was closed, or its writer is gone.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
struct Closed;

/// A commit failed earlier, and the database was not opened anew since.
#[derive(Debug, thiserror::Error)]
#[error("an earlier commit failed")]
struct Failed;

/// The writer met a failure at this very write, or ended.
#[derive(Debug, thiserror::Error)]
#[error("the write was not answered")]
struct Unanswered;

fn closed() -> StoreError {
    unavailable(Closed)
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[cfg(test)]
mod tests;
