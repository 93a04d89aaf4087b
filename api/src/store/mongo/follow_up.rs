//! What follows from a stored document: changes elsewhere, done after it and together.
//!
//! A follow-up is queued before its insert is answered, and done in order, many in one command. Of
//! those of different inserts that say the same with newer values only the last is done. A failed
//! command is repeated; a refused change is left out.
//!
//! Who reads or changes a document for which follow-ups wait, waits for them: within a process the
//! store looks as if they had happened with the insert. Another process sees them a little later.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::Database;
use mongodb::error::Error;
use tokio::sync::{Notify, watch};

use super::{OPERATION_TIMEOUT, change};
use crate::store::{Collection, Guard, Op, Update};

/// Follow-ups that wait; while there are more, no message is stored, and its sender waits.
const WAITING_MAX: usize = 8_192;

/// Follow-ups of one command.
const BATCH_LEN_MAX: usize = 500;

/// Between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Attempts at one batch while the store is open; then it is given up, and whoever asked for it
/// must repair it. A minute at least.
const ATTEMPTS_MAX: u32 = 240;

/// Attempts at one batch once the store is being closed.
const ATTEMPTS_AT_CLOSE_MAX: u32 = 3;

/// The queue; its [`Runner`] empties it.
#[derive(Debug)]
pub(super) struct FollowUps {
    state: Mutex<State>,
    /// There is something to do, or it is time to end.
    wake: Notify,
    /// The number of the last follow-up that was done or given up.
    done: watch::Sender<u64>,
    /// How long a reader waits for the follow-ups of what it reads; then it reads what is there.
    reader_waits_max: Duration,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiting>,
    /// The number of the newest follow-up that waits for a document or is being done.
    by_document: HashMap<(Collection, Vec<u8>), u64>,
    by_collection: HashMap<Collection, u64>,
    last: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    update: Update,
}

impl FollowUps {
    pub(super) fn new(database: Database, reader_waits_max: Duration) -> (Arc<Self>, Runner) {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            wake: Notify::new(),
            done: watch::Sender::new(0),
            reader_waits_max,
        });
        (Arc::clone(&queue), Runner { queue, database })
    }

    /// Queues what follows from one insert.
    pub(super) fn push(&self, updates: Vec<Update>) {
        if updates.is_empty() {
            return;
        }
        let mut state = self.lock();
        for update in updates {
            state.last += 1;
            let number = state.last;
            state.by_document.insert((update.collection, key_of(&update.id)), number);
            state.by_collection.insert(update.collection, number);
            state.queue.push_back(Waiting { number, update });
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Waits until there is room for more.
    pub(super) async fn room(&self) {
        let mut done = self.done.subscribe();
        while self.lock().queue.len() >= WAITING_MAX {
            if done.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits for what was queued for a document.
    pub(super) async fn wait_for_document(&self, collection: Collection, id: &Bson) {
        let number = {
            let state = self.lock();
            if state.by_document.is_empty() {
                return;
            }
            state.by_document.get(&(collection, key_of(id))).copied()
        };
        self.wait(number).await;
    }

    /// Waits for what was queued for any document of a collection.
    pub(super) async fn wait_for_collection(&self, collection: Collection) {
        let number = self.lock().by_collection.get(&collection).copied();
        self.wait(number).await;
    }

    async fn wait(&self, number: Option<u64>) {
        let Some(number) = number else { return };
        let mut done = self.done.subscribe();
        let reached = done.wait_for(|done| *done >= number);
        if tokio::time::timeout(self.reader_waits_max, reached).await.is_err() {
            tracing::debug!("read without waiting for follow-ups any longer");
        }
    }

    /// Lets the runner end once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves the state whole, whatever panics in between.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Empties the queue.
#[derive(Debug)]
pub(super) struct Runner {
    queue: Arc<FollowUps>,
    database: Database,
}

impl Runner {
    /// Does what is queued until the queue is closed and empty.
    pub(super) async fn run(self) {
        loop {
            let (batch, is_closed) = {
                let mut state = self.queue.lock();
                let len = state.queue.len().min(BATCH_LEN_MAX);
                (state.queue.drain(..len).collect::<Vec<_>>(), state.is_closed)
            };
            let Some(last) = batch.last().map(|waiting| waiting.number) else {
                if is_closed {
                    return;
                }
                self.queue.wake.notified().await;
                continue;
            };
            self.carry_out(batch).await;
            let mut state = self.queue.lock();
            state.by_document.retain(|_, number| *number > last);
            state.by_collection.retain(|_, number| *number > last);
            drop(state);
            self.queue.done.send_replace(last);
        }
    }

    async fn carry_out(&self, batch: Vec<Waiting>) {
        let mut by_collection: HashMap<Collection, Vec<Update>> = HashMap::new();
        for Waiting { update, number: _ } in batch {
            by_collection.entry(update.collection).or_default().push(update);
        }
        for (collection, updates) in by_collection {
            let updates = coalesce(updates);
            let mut attempts = 0;
            while let Err(error) = self.attempt(collection, &updates).await {
                attempts += 1;
                let is_closed = self.queue.lock().is_closed;
                let most = if is_closed { ATTEMPTS_AT_CLOSE_MAX } else { ATTEMPTS_MAX };
                if attempts >= most {
                    let count = updates.len();
                    tracing::error!(%error, count, "gave up changes that follow from inserts");
                    break;
                }
                if attempts == 1 {
                    tracing::warn!(%error, "changes that follow from inserts failed, trying again");
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }

    /// One command. Its changes happen in order, and a refused one does not stop the others.
    async fn attempt(&self, collection: Collection, updates: &[Update]) -> Result<(), Failed> {
        let statements: Vec<Document> = updates
            .iter()
            .map(|it| {
                doc! { "q": change::filter(&it.id, &it.guard), "u": change::update(&it.ops) }
            })
            .collect();
        let command = doc! {
            "update": collection.name(),
            "updates": statements,
            "ordered": false,
            "writeConcern": { "w": "majority", "j": true, "wtimeout": 5_000 },
        };
        let command = self.database.run_command(command).into_future();
        let reply = tokio::time::timeout(OPERATION_TIMEOUT, command).await??;
        for refused in reply.get_array("writeErrors").into_iter().flatten() {
            tracing::warn!(%refused, "a change that follows from an insert was refused");
        }
        match reply.get("writeConcernError") {
            Some(error) => Err(Failed::NotAcknowledged(error.to_string())),
            None => Ok(()),
        }
    }
}

/// Why a command must be repeated.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("MongoDB did not answer in time")]
    TimedOut(#[from] tokio::time::error::Elapsed),
    #[error(transparent)]
    Driver(#[from] Error),
    #[error("the majority did not acknowledge: {0}")]
    NotAcknowledged(String),
}

/// Leaves out those that a later one makes superfluous.
fn coalesce(updates: Vec<Update>) -> Vec<Update> {
    let mut kept: Vec<Option<Update>> = Vec::with_capacity(updates.len());
    let mut by_document: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for update in updates {
        let earlier = by_document.entry(key_of(&update.id)).or_default();
        earlier.retain(|&position| {
            let is_covered = kept[position].as_ref().is_some_and(|it| covers(&update, it));
            if is_covered {
                kept[position] = None;
            }
            !is_covered
        });
        earlier.push(kept.len());
        kept.push(Some(update));
    }
    kept.into_iter().flatten().collect()
}

/// Whether `later` leaves nothing of `earlier`: both say the same of the same document, under the
/// same condition or one that reaches further, and what they say replaces.
fn covers(later: &Update, earlier: &Update) -> bool {
    let same_guards = later.guard.len() == earlier.guard.len()
        && later.guard.iter().zip(&earlier.guard).all(|pair| match pair {
            (Guard::Equals(path, value), Guard::Equals(other, old)) => {
                path == other && value == old
            }
            (Guard::Below(path, Bson::Int64(bound)), Guard::Below(other, Bson::Int64(old))) => {
                path == other && bound >= old
            }
            (Guard::Equals(..) | Guard::OneOf(..) | Guard::Below(..), _) => false,
        });
    let same_changes = later.ops.len() == earlier.ops.len()
        && later.ops.iter().zip(&earlier.ops).all(|pair| match pair {
            (Op::Set(path, _), Op::Set(other, _)) | (Op::Unset(path), Op::Unset(other)) => {
                path == other
            }
            (Op::Max(path, Bson::Int64(value)), Op::Max(other, Bson::Int64(old))) => {
                path == other && value >= old
            }
            (Op::Set(..) | Op::Unset(_) | Op::Increment(..) | Op::Max(..) | Op::Push { .. }, _) => {
                false
            }
        });
    same_guards && same_changes
}

/// An id as a key of a map.
pub(super) fn key_of(id: &Bson) -> Vec<u8> {
    match id.as_object_id() {
        Some(id) => id.bytes().to_vec(),
        None => RawDocumentBuf::try_from(&doc! { "": id })
            .map_or_else(|_| Vec::new(), RawDocumentBuf::into_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(id: i32, seq: i64) -> Update {
        Update {
            collection: Collection::Conversations,
            id: id.into(),
            guard: vec![Guard::Below("lastSeq", seq.into())],
            ops: vec![
                Op::Set("lastSeq".into(), seq.into()),
                Op::Max("stamp".into(), (seq * 1_000).into()),
            ],
        }
    }

    fn reopened(id: i32) -> Update {
        Update {
            guard: vec![Guard::Equals("status", "closed".into())],
            ops: vec![Op::Set("status".into(), "open".into())],
            ..newest(id, 0)
        }
    }

    #[test]
    fn of_many_messages_of_a_conversation_the_last_is_noted() {
        let updates = vec![
            newest(1, 1),
            reopened(1),
            newest(2, 9),
            newest(1, 2),
            reopened(1),
            newest(1, 3),
            reopened(1),
        ];
        let kept = coalesce(updates);
        let seqs: Vec<_> = kept.iter().map(|it| format!("{} {:?}", it.id, it.guard)).collect();
        let expected = [newest(2, 9), newest(1, 3), reopened(1)];
        let expected: Vec<_> =
            expected.iter().map(|it| format!("{} {:?}", it.id, it.guard)).collect();
        assert_eq!(seqs, expected);
    }

    #[test]
    fn what_does_not_replace_is_kept() {
        let add = || Update { ops: vec![Op::Increment("n".into(), 1)], ..newest(1, 1) };
        assert_eq!(coalesce(vec![add(), add()]).len(), 2);
        let lower = vec![newest(1, 3), newest(1, 2)];
        assert_eq!(coalesce(lower).len(), 2);
        let other = Update { ops: vec![Op::Set("other".into(), 1.into())], ..newest(1, 3) };
        assert_eq!(coalesce(vec![newest(1, 2), other]).len(), 2);
    }
}
