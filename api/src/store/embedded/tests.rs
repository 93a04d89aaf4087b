//! What a working disk never shows: failed and slow commits, changed declarations.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Condvar;
use std::task::Poll;
use std::time::Duration;

use bson::{RawDocumentBuf, rawdoc};
use redb::StorageBackend;
use redb::backends::FileBackend;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::store::index::USERS_BY_EMAIL;
use crate::store::{Direction, Op};

/// What the disk does with a write or a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Working,
    /// Syncs wait.
    Stuck,
    /// No more is written.
    Full,
    /// Syncs fail, for want of room as they say.
    Lying,
}

/// A disk whose mood is set from outside; counts its syncs.
#[derive(Debug, Clone)]
struct MoodyDisk {
    file: Arc<FileBackend>,
    state: Arc<(Mutex<(Mood, u32)>, Condvar)>,
}

impl MoodyDisk {
    /// On the file at this path, which may be open under the same state no more.
    fn on(path: &Path, state: Arc<(Mutex<(Mood, u32)>, Condvar)>) -> Self {
        let mut options = std::fs::File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path).unwrap();
        Self { file: Arc::new(FileBackend::new(file).unwrap()), state }
    }

    fn set(&self, mood: Mood) {
        let (state, changed) = &*self.state;
        state.lock().unwrap().0 = mood;
        changed.notify_all();
    }

    fn syncs(&self) -> u32 {
        self.state.0.lock().unwrap().1
    }

    /// Fails in this mood.
    fn check(&self, mood: Mood) -> io::Result<()> {
        let is_so = self.state.0.lock().unwrap().0 == mood;
        if is_so { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for MoodyDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check(Mood::Full)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let (state, changed) = &*self.state;
        let stuck = |state: &mut (Mood, u32)| state.0 == Mood::Stuck;
        changed.wait_while(state.lock().unwrap(), stuck).unwrap().1 += 1;
        self.check(Mood::Lying)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check(Mood::Full)?;
        self.file.write(offset, data)
    }
}

/// A store on such a disk, in a folder that goes with it.
fn on_a_moody_disk() -> (Embedded, MoodyDisk, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file::FILE_NAME);
    let disk = MoodyDisk::on(&path, Arc::new((Mutex::new((Mood::Working, 0)), Condvar::new())));
    let opened = open(disk.clone(), &Trust::default()).unwrap();
    layout::make(&opened.database, "epoch").unwrap();
    let revival = Revival::new(&opened, Moody { path, state: Arc::clone(&disk.state) });
    let engine = Embedded::start(opened, revival.pausing(Duration::from_millis(1))).unwrap();
    (engine, disk, folder)
}

/// Such a disk and the file on it.
struct Moody {
    path: PathBuf,
    state: Arc<(Mutex<(Mood, u32)>, Condvar)>,
}

impl Reopen for Moody {
    fn probe(&self) -> io::Result<()> {
        MoodyDisk::on(&self.path, Arc::clone(&self.state)).check(Mood::Full)
    }

    fn open(&self, trust: &Trust) -> Result<file::Opened, OpenError> {
        open(MoodyDisk::on(&self.path, Arc::clone(&self.state)), trust)
    }
}

fn open(file: MoodyDisk, trust: &Trust) -> Result<file::Opened, OpenError> {
    let disk = disk::Disk::new(file, trust);
    let database = Database::builder()
        .create_with_backend(disk)
        .map_err(|error| OpenError::Corrupt { path: "moody".into(), source: Box::new(error) })?;
    Ok(file::Opened { database, epoch: "epoch".into(), trust: trust.clone() })
}

fn user(number: i32) -> Insert {
    let document: RawDocumentBuf = rawdoc! { "_id": number, "email": format!("{number}@example") };
    Insert { collection: Collection::Users, document, follow_ups: Vec::new() }
}

/// The rest of a write that is in the queue.
type Begun<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Polls a write once, which queues it; what is left of it, or its answer if it has one.
async fn begin<T>(
    write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<Begun<T>, Result<T, StoreError>> {
    let mut write: Begun<T> = Box::pin(write);
    let polled = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await;
    match polled {
        Poll::Pending => Ok(write),
        Poll::Ready(answer) => Err(answer),
    }
}

/// Queues the insertion of a user.
async fn begin_user(engine: &Embedded, number: i32) -> Result<Begun<()>, Result<(), StoreError>> {
    let engine = engine.clone();
    begin(async move { engine.insert(user(number)).await }).await
}

/// Writes that many users at once, on a disk that takes none of them.
async fn write_in_vain(engine: &Embedded, numbers: std::ops::Range<i32>) {
    let mut writes = JoinSet::new();
    for number in numbers {
        let engine = engine.clone();
        writes.spawn(async move { engine.insert(user(number)).await });
    }
    for result in writes.join_all().await {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_room_and_leaves_all_or_nothing() {
    let (engine, disk, _folder) = on_a_moody_disk();
    engine.insert(user(1)).await.unwrap();
    let (revived, revivals) = sync_channel(4);
    engine.when_revived(move || revived.try_send(()).unwrap());
    disk.set(Mood::Full);
    write_in_vain(&engine, 2..6).await;
    write_in_vain(&engine, 6..10).await;
    assert!(engine.get(Collection::Users, &1.into()).unwrap().is_some(), "it is still shown");
    assert_eq!(revivals.try_iter().count(), 0);
    disk.set(Mood::Working);
    while let Err(refusal) = engine.insert(user(10)).await {
        assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal:?}");
        tokio::task::yield_now().await;
    }
    assert_eq!(revivals.try_iter().count(), 1);
    engine.ping().unwrap();
    let count = engine.verify().unwrap();
    assert!((3..=11).contains(&count), "{count} documents");
    assert!(engine.get(Collection::Users, &1.into()).unwrap().is_some());
}

#[tokio::test]
async fn a_disk_that_stays_full_does_not_keep_the_store_from_closing() {
    let (engine, disk, _folder) = on_a_moody_disk();
    disk.set(Mood::Full);
    write_in_vain(&engine, 0..10).await;
    engine.close().await;
    let later = engine.insert(user(10)).await;
    assert!(matches!(later, Err(StoreError::Unavailable(_))), "{later:?}");
}

#[tokio::test]
async fn a_sync_that_fails_while_the_store_is_opened_again_is_not_forgotten() {
    let (engine, disk, _folder) = on_a_moody_disk();
    engine.insert(user(1)).await.unwrap();
    disk.set(Mood::Full);
    write_in_vain(&engine, 2..4).await;
    let before = disk.syncs();
    disk.set(Mood::Lying);
    while disk.syncs() == before {
        tokio::task::yield_now().await;
    }
    disk.set(Mood::Working);
    // The writer listens again once it has given up.
    engine.engine.files.failed.store(false, Ordering::Release);
    write_in_vain(&engine, 4..6).await;
    assert!(engine.get(Collection::Users, &1.into()).is_err(), "nothing is believed any more");
}

#[tokio::test]
async fn after_a_failed_sync_only_another_process_may_write() {
    let (engine, disk, folder) = on_a_moody_disk();
    engine.insert(user(1)).await.unwrap();
    disk.set(Mood::Lying);
    write_in_vain(&engine, 2..10).await;
    disk.set(Mood::Working);
    // Whatever there is to try was tried by the time at which the writer listens again.
    engine.engine.files.failed.store(false, Ordering::Release);
    write_in_vain(&engine, 10..12).await;
    assert!(matches!(engine.ping(), Err(StoreError::Unavailable(_))));
    drop((engine, disk));
    let reopened = Embedded::open(folder.path()).unwrap();
    let count = reopened.verify().unwrap();
    assert!((2..=10).contains(&count), "{count} documents");
    reopened.insert(user(10)).await.unwrap();
}

#[tokio::test]
async fn writes_that_wait_share_a_commit() {
    let (engine, disk, _folder) = on_a_moody_disk();
    disk.set(Mood::Stuck);
    let before = disk.syncs();
    let mut writes = JoinSet::new();
    for number in 0..200 {
        writes.spawn(begin_user(&engine, number).await.ok().unwrap());
    }
    disk.set(Mood::Working);
    writes.join_all().await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    // The first write's own, that of all others, and one whenever the file had to grow.
    assert!(disk.syncs() - before <= 4, "{} syncs", disk.syncs() - before);
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let (engine, disk, _folder) = on_a_moody_disk();
    disk.set(Mood::Stuck);
    let (mut accepted, mut refused) = (JoinSet::new(), 0);
    // One batch is in the writer's hands, the queue is full, and some are too many.
    let too_many = i32::try_from(2 * WRITES_WAITING_MAX).unwrap();
    for number in 0..too_many {
        match begin_user(&engine, number).await {
            Ok(begun) => drop(accepted.spawn(begun)),
            Err(Err(StoreError::Busy)) => refused += 1,
            Err(other) => panic!("answered before the disk: {other:?}"),
        }
    }
    assert!(refused > 0 && accepted.len() >= WRITES_WAITING_MAX, "{refused} refused");
    disk.set(Mood::Working);
    let stored = accepted.join_all().await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(engine.verify().unwrap(), stored.len() as u64 + 1);
}

#[tokio::test]
async fn a_changed_declaration_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Embedded::open(folder.path()).unwrap();
    for number in 0..20 {
        engine.insert(user(number)).await.unwrap();
    }
    let ops = vec![Op::Set("indexes.users".into(), "another".into())];
    let update = Update { collection: Collection::Facts, id: "store".into(), guard: vec![], ops };
    engine.update(update).await.unwrap().unwrap();
    tamper(&engine, Collection::Users, |entries| {
        entries.pop_first().unwrap();
        entries.insert([9, 9].as_slice(), 1).unwrap();
    });
    engine.verify().unwrap_err();
    drop(engine);
    let engine = Embedded::open(folder.path()).unwrap();
    assert_eq!(engine.verify().unwrap(), 21);
}

/// Changes index entries behind the engine's back.
fn tamper(engine: &Embedded, collection: Collection, tamper: impl FnOnce(&mut Entries<'_>)) {
    let database = engine.engine.files.database();
    let transaction = database.as_ref().unwrap().begin_write().unwrap();
    tamper(&mut transaction.open_table(table::entries(collection)).unwrap());
    transaction.commit().unwrap();
}

type Entries<'t> = redb::Table<'t, &'static [u8], u32>;

#[tokio::test]
async fn verify_finds_out_what_is_missing_and_what_is_too_much() {
    let (engine, _disk, _folder) = on_a_moody_disk();
    engine.insert(user(1)).await.unwrap();
    let found_out = |engine: &Embedded| match engine.verify() {
        Err(StoreError::Corrupt(error)) => error.to_string(),
        other => panic!("not found out: {other:?}"),
    };
    tamper(&engine, Collection::Messages, |entries| {
        entries.insert([1, 2, 3].as_slice(), 2).unwrap();
    });
    assert_eq!(found_out(&engine), "the indexes of messages hold what no document says");
    tamper(&engine, Collection::Users, |entries| drop(entries.pop_last().unwrap()));
    assert_eq!(found_out(&engine), "the index email_1 of users lacks a document");
}

#[tokio::test]
async fn a_refused_write_does_not_disturb_its_neighbours_in_the_batch() {
    let (engine, disk, _folder) = on_a_moody_disk();
    disk.set(Mood::Stuck);
    let mut writes = JoinSet::new();
    for number in [1, 2, 2, 3] {
        let begun = begin_user(&engine, number).await.ok().unwrap();
        writes.spawn(async move { begun.await.is_ok() });
    }
    let misfit = Op::Increment("email".into(), 1);
    let update =
        Update { collection: Collection::Users, id: 1.into(), guard: vec![], ops: vec![misfit] };
    let other = engine.clone();
    let begun = begin(async move { other.update(update).await }).await.ok().unwrap();
    writes.spawn(async move { begun.await.is_ok() });
    disk.set(Mood::Working);
    let stored = writes.join_all().await.into_iter().filter(|is_ok| *is_ok).count();
    assert_eq!(stored, 3);
    assert_eq!(engine.verify().unwrap(), 4);
    let scan = Scan {
        index: &USERS_BY_EMAIL,
        equals: &[],
        after: &[],
        direction: Direction::Ascending,
        limit: 9,
    };
    assert_eq!(engine.scan(&scan).unwrap().len(), 3);
}
