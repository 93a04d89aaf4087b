//! MongoDB: a replica set or a sharded cluster, for what one machine cannot hold.
//!
//! Owns the driver's client and two tasks: `mongo/group.rs` stores messages in groups,
//! `mongo/follow_up.rs` does what follows from them. Knows nothing of what the documents mean,
//! beyond which messages stand in one conversation.
//!
//! Every write is acknowledged by the majority and its journals, every read sees only what is. All
//! waits have a bound; past it the answer is [`StoreError::Unavailable`].
//!
//! Read on in `mongo/connect.rs` (what the driver is told), `mongo/read.rs` and `mongo/scan.rs` (a walk
//! along an index) and `mongo/failure.rs` (errors).

mod backfill;
mod bulk;
mod change;
mod connect;
mod failure;
mod follow_up;
mod group;
mod index;
mod read;
mod scan;
mod unsettled;

use std::future::IntoFuture;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::{Bson, RawDocumentBuf, doc};
use mongodb::error::Error;
use mongodb::options::ReturnDocument;
use mongodb::{Client, Database};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

pub use backfill::{Filled, Reach};
pub use connect::ConnectError;

use super::{Collection, Guard, Insert, StoreError, Update};
use failure::{TimedOut, translate, unavailable};
use follow_up::{FollowUps, Runner};

/// How long one operation may take, waiting for a connection and for other nodes included; then it
/// is unavailable, and a write may or may not have happened.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// Operations under way at once, waiting for a connection included; a further one is refused as
/// busy. Grouped messages do not count: they have a queue of their own.
const OPERATIONS_MAX: usize = 1_024;

/// The largest document that the server takes; one beyond it is refused.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A handle on the MongoDB engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Mongo {
    engine: Arc<Engine>,
}

#[derive(Debug)]
struct Engine {
    client: Client,
    database: Database,
    epoch: String,
    places: Semaphore,
    follow_ups: Arc<FollowUps>,
    workers: Mutex<Option<Workers>>,
    is_closed: AtomicBool,
}

/// The tasks and the way to them.
#[derive(Debug)]
struct Workers {
    inserts: mpsc::Sender<group::Job>,
    inserting: JoinHandle<()>,
    following: JoinHandle<()>,
}

impl Mongo {
    /// Connects to the database that this address names, builds missing indexes, and gives a new
    /// store its name. Must be called on a tokio runtime, on which the engine's tasks then run.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(address: &str) -> Result<Self, ConnectError> {
        let connect::Connected { client, database, epoch, patience } =
            connect::connect(address).await?;
        let (follow_ups, runner) = FollowUps::new(database.clone(), patience);
        let (inserts, jobs) = mpsc::channel(group::INSERTS_WAITING_MAX);
        let messages = database.collection(Collection::Messages.name());
        let workers = Workers {
            inserts,
            inserting: tokio::spawn(group::run(messages, jobs, Arc::clone(&follow_ups))),
            following: tokio::spawn(Runner::run(runner)),
        };
        let engine = Engine {
            client,
            database,
            epoch,
            places: Semaphore::new(OPERATIONS_MAX),
            follow_ups,
            workers: Mutex::new(Some(workers)),
            is_closed: AtomicBool::new(false),
        };
        Ok(Self { engine: Arc::new(engine) })
    }

    pub(super) fn epoch(&self) -> &str {
        &self.engine.epoch
    }

    /// Adds to a database of the original what the rules need of it. Before anything is served from
    /// it, and while no server of the original writes to it.
    ///
    /// # Errors
    /// Unavailable; what was added stays, and the next attempt goes on there.
    ///
    /// # Cancel safety
    /// As for an error.
    pub async fn back_fill(&self, reach: Reach) -> Result<Filled, StoreError> {
        self.check_open()?;
        backfill::run(&self.engine.database, reach).await
    }

    /// Whether there is a node that takes writes.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.check_open()?;
        run(Collection::Facts, self.engine.database.run_command(doc! { "ping": 1 })).await.map(drop)
    }

    pub(super) async fn insert(&self, insert: Insert) -> Result<(), StoreError> {
        let Insert { collection, document, follow_ups } = insert;
        check(&document)?;
        if collection == Collection::Messages {
            return self.insert_grouped(document, follow_ups).await;
        }
        let _place = self.enter()?;
        run(collection, self.collection(collection).insert_one(document)).await?;
        self.engine.follow_ups.room().await;
        self.engine.follow_ups.push(follow_ups);
        Ok(())
    }

    async fn insert_grouped(
        &self,
        document: RawDocumentBuf,
        follow_ups: Vec<Update>,
    ) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = group::Job { document, follow_ups, answer };
        let inserts = {
            let workers = self.engine.workers.lock().unwrap_or_else(PoisonError::into_inner);
            workers.as_ref().ok_or_else(closed)?.inserts.clone()
        };
        inserts.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        drop(inserts);
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    pub(super) async fn update(
        &self,
        update: Update,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_document(update.collection, &update.id).await;
        let documents = self.collection(update.collection);
        let change = documents
            .find_one_and_update(
                change::filter(&update.id, &update.guard),
                change::update(&update.ops),
            )
            .return_document(ReturnDocument::After);
        run(update.collection, change).await
    }

    pub(super) async fn delete(
        &self,
        collection: Collection,
        id: &Bson,
        guard: &[Guard],
    ) -> Result<bool, StoreError> {
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_document(collection, id).await;
        let documents = self.collection(collection);
        let delete = documents.delete_one(change::filter(id, guard));
        Ok(run(collection, delete).await?.deleted_count == 1)
    }

    pub(super) async fn close(&self) {
        self.engine.is_closed.store(true, Ordering::Release);
        let workers = self.engine.workers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Workers { inserts, inserting, following }) = workers else { return };
        drop(inserts);
        let inserted = inserting.await;
        // Says so itself, unless it panicked.
        self.engine.follow_ups.close();
        if inserted.and(following.await).is_err() {
            tracing::error!("a task of the store ended by a panic");
        }
        self.engine.client.clone().shutdown().await;
    }

    fn collection(&self, collection: Collection) -> mongodb::Collection<RawDocumentBuf> {
        self.engine.database.collection(collection.name())
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.engine.is_closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    fn enter(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.check_open()?;
        self.engine.places.try_acquire().map_err(|_| StoreError::Busy)
    }
}

/// Refuses what the server could not hold, in the port's words.
fn check(document: &RawDocumentBuf) -> Result<(), StoreError> {
    #[derive(Debug, thiserror::Error)]
    enum Unfit {
        #[error("the document has no id")]
        NoId,
        #[error("the document is larger than 16 MiB")]
        Size,
    }

    if document.as_bytes().len() > DOCUMENT_BYTES_MAX {
        return Err(StoreError::Corrupt(Box::new(Unfit::Size)));
    }
    match document.get("_id") {
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(_) => Err(StoreError::Corrupt(Box::new(Unfit::NoId))),
    }
}

/// Runs an operation within its time.
async fn run<T>(
    collection: Collection,
    operation: impl IntoFuture<Output = Result<T, Error>>,
) -> Result<T, StoreError> {
    within(operation.into_future()).await?.map_err(|error| translate(collection, error))
}

async fn within<T>(operation: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(OPERATION_TIMEOUT, operation).await.map_err(|_| unavailable(TimedOut))
}

/// The store was closed.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
struct Closed;

fn closed() -> StoreError {
    unavailable(Closed)
}
