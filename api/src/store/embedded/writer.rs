//! The one writer: a thread that commits whatever waits, together.
//!
//! It takes a write from the queue and all that have gathered behind it, applies them in order
//! inside one transaction, commits with one sync of the disk, and then answers every caller. While
//! the disk syncs, the next batch gathers: the slower the disk, the larger the batches.
//!
//! A failed commit (disk full, I/O error) fails its whole batch as unavailable, and the engine
//! takes no more writes: the disk may or may not hold the batch, and only opening anew can tell,
//! which `revival.rs` does. No batch is ever half applied.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use bson::{Bson, RawDocumentBuf};
use redb::WriteTransaction;
use tokio::sync::oneshot;

use super::revival::Revival;
use super::table::{Batch, Fault};
use super::{Files, unavailable};
use crate::store::{Collection, Guard, Insert, StoreError, Update};

/// Writes that may wait for the writer; one more is refused as busy.
pub(super) const WRITES_WAITING_MAX: usize = 4096;

/// Writes that share a commit; the others wait for the next one.
const WRITES_PER_COMMIT_MAX: usize = 1024;

/// A batch smaller than the last one waits for as many, but at most this part of the time that
/// the last commit took: callers who were just answered are about to write again.
const GATHER_DIVISOR: u32 = 8;

/// Where the answer to a write goes.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// A write and whom to answer.
pub(super) enum Job {
    Insert(Insert, Answer<()>),
    Update(Update, Answer<Option<RawDocumentBuf>>),
    Delete { collection: Collection, id: Bson, guard: Vec<Guard>, answer: Answer<bool> },
}

/// An answer, ready to be sent once the commit is durable.
enum Reply {
    Insert(Result<(), StoreError>, Answer<()>),
    Update(Result<Option<RawDocumentBuf>, StoreError>, Answer<Option<RawDocumentBuf>>),
    Delete(Result<bool, StoreError>, Answer<bool>),
}

/// Why a batch is lost, for each of its callers.
#[derive(Debug, Clone, thiserror::Error)]
#[error("committing a batch of writes")]
struct Lost(#[source] Arc<redb::Error>);

/// Serves the queue until its last sender is gone and it is empty.
pub(super) fn run(files: &Files, queue: &Receiver<Job>, mut revival: Revival) {
    let mut jobs = VecDeque::new();
    let mut gathering = Gathering { batch_len: 1, wait: Duration::ZERO };
    while gathering.fill(queue, &mut jobs) {
        let begun = Instant::now();
        let batch_len = jobs.len();
        match serve(files, &mut jobs) {
            Ok(()) => revival.rest(),
            Err(error) => revival.revive(files, queue, &error),
        }
        gathering = Gathering { batch_len, wait: begun.elapsed() / GATHER_DIVISOR };
    }
}

/// What the last batch teaches about the next one.
struct Gathering {
    batch_len: usize,
    wait: Duration,
}

impl Gathering {
    /// Waits for a write, then for as many as the last batch had, a moment long; `false` when
    /// there will be none any more.
    fn fill(&self, queue: &Receiver<Job>, jobs: &mut VecDeque<Job>) -> bool {
        let Ok(first) = queue.recv() else { return false };
        jobs.push_back(first);
        let until = Instant::now() + self.wait;
        while jobs.len() < WRITES_PER_COMMIT_MAX {
            let patience = if jobs.len() < self.batch_len {
                until.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            match queue.recv_timeout(patience) {
                Ok(job) => jobs.push_back(job),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        true
    }
}

/// Commits the jobs and answers them; what became of all of them if it could not.
fn serve(files: &Files, jobs: &mut VecDeque<Job>) -> Result<(), Arc<redb::Error>> {
    let guard = files.database();
    let Some(database) = guard.as_ref() else {
        for job in jobs.drain(..) {
            job.refuse(files.absence());
        }
        return Ok(());
    };
    let mut replies = Vec::with_capacity(jobs.len());
    let committed = database.begin_write().map_err(redb::Error::from).and_then(|transaction| {
        apply(&transaction, jobs, &mut replies)?;
        transaction.commit().map_err(redb::Error::from)
    });
    let Err(error) = committed else {
        replies.into_iter().for_each(Reply::send);
        return Ok(());
    };
    files.failed.store(true, Ordering::Release);
    tracing::error!(error = &error as &dyn std::error::Error, "the store could not commit");
    let error = Arc::new(error);
    let lost = Lost(Arc::clone(&error));
    for reply in replies {
        reply.refuse(unavailable(lost.clone()));
    }
    for job in jobs.drain(..) {
        job.refuse(unavailable(lost.clone()));
    }
    Err(error)
}

/// Applies each write in order; one that is refused leaves no trace.
fn apply(
    transaction: &WriteTransaction,
    jobs: &mut VecDeque<Job>,
    replies: &mut Vec<Reply>,
) -> Result<(), redb::Error> {
    let mut batch = Batch::new(transaction);
    while let Some(job) = jobs.pop_front() {
        match job {
            Job::Insert(insert, answer) => {
                let result = batch.insert(&insert);
                settle(result, |result| replies.push(Reply::Insert(result, answer)))?;
            }
            Job::Update(update, answer) => {
                let result = batch.update(&update);
                settle(result, |result| replies.push(Reply::Update(result, answer)))?;
            }
            Job::Delete { collection, id, guard, answer } => {
                let result = batch.delete(collection, &id, &guard);
                settle(result, |result| replies.push(Reply::Delete(result, answer)))?;
            }
        }
    }
    Ok(())
}

/// Splits a fault: one of the write is its caller's, one of the engine ends the batch. The dropped
/// answer of the write that met it tells its caller that the store is unavailable.
fn settle<T>(
    result: Result<T, Fault>,
    reply: impl FnOnce(Result<T, StoreError>),
) -> Result<(), redb::Error> {
    match result {
        Ok(done) => reply(Ok(done)),
        Err(Fault::Write(error)) => reply(Err(error)),
        Err(Fault::Engine(error)) => return Err(error),
    }
    Ok(())
}

impl Job {
    pub(super) fn refuse(self, error: StoreError) {
        match self {
            Self::Insert(_, answer) => Reply::Insert(Err(error), answer).send(),
            Self::Update(_, answer) => Reply::Update(Err(error), answer).send(),
            Self::Delete { answer, .. } => Reply::Delete(Err(error), answer).send(),
        }
    }
}

impl Reply {
    /// Answers; a caller who went away is not missed.
    fn send(self) {
        match self {
            Self::Insert(result, answer) => drop(answer.send(result)),
            Self::Update(result, answer) => drop(answer.send(result)),
            Self::Delete(result, answer) => drop(answer.send(result)),
        }
    }

    fn refuse(self, error: StoreError) {
        match self {
            Self::Insert(_, answer) => Self::Insert(Err(error), answer).send(),
            Self::Update(_, answer) => Self::Update(Err(error), answer).send(),
            Self::Delete(_, answer) => Self::Delete(Err(error), answer).send(),
        }
    }
}
