//! A database of the original, made ready: places, stamps, read cursors, pairs.
//!
//! The one part of the store that knows what documents mean, because only here there are some that
//! this program did not write. It adds fields and changes none of the original's but what
//! contradicts the rest: a `lastMessage` that was deleted or is not the newest, a `lastMessageAt`
//! that is no date or before the newest message, a `deletedAt` that says another thing than
//! `isDeleted`.
//!
//! - Messages of a conversation get `seq` in the order of `(createdAt, _id)`, behind those that have
//!   one, strictly one after the other: killed anywhere, it leaves no hole and goes on there.
//! - `stamp` of a conversation is written last, by a majority, and so says that all of it is done.
//! - What is done is not done again, whoever asks and how often.
//!
//! Memory: [`CONVERSATIONS_AT_ONCE`] conversations, a batch of messages of each.

mod conversation;
mod tally;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::Database;
use mongodb::error::Error;
use mongodb::options::Hint;
use tokio::task::JoinSet;

use super::failure::{translate, unavailable};
use crate::domain::{codec, field};
use crate::store::index::{CONVERSATIONS_BY_ACTIVITY, CONVERSATIONS_BY_STAMP};
use crate::store::{Collection, StoreError};

/// Conversations filled at the same time; their writes share the journal.
const CONVERSATIONS_AT_ONCE: usize = 16;

/// Conversations listed at once.
const LIST_LEN: i64 = 1_000;

/// Newest messages among which a start looks for one that the original sent or touched.
const NEWEST_LEN: i64 = 100;

/// How often progress is logged.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Attempts at one conversation before the start gives up, and the time between them: longer than
/// an election.
const ATTEMPTS_MAX: u32 = 20;
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How far one looks for what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Conversations without a stamp or a date of activity, and, where one of the newest messages
    /// has no place or was touched since, all messages that are so. Costs a few small reads where
    /// nothing is missing.
    Usual,
    /// All conversations with all their messages, each read once: also finds what was touched by
    /// hand, or long before the newest messages.
    Whole,
}

/// What was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filled {
    /// Conversations of which, or of whose messages, something was missing.
    pub conversations: u64,
    /// Messages that got a place.
    pub messages: u64,
}

/// Adds what is missing.
pub(super) async fn run(database: &Database, reach: Reach) -> Result<Filled, StoreError> {
    let work = Arc::new(Work {
        conversations: database.collection(Collection::Conversations.name()),
        messages: database.collection(Collection::Messages.name()),
        pairs: database.collection(Collection::Pairs.name()),
        database: database.clone(),
        now: now(database).await?,
        conversations_done: AtomicU64::new(0),
        messages_done: AtomicU64::new(0),
    });
    let mut pool = Pool { work: Arc::clone(&work), running: JoinSet::new(), said: Instant::now() };
    let mut after = None;
    loop {
        let listed = work.listed(reach, after).await?;
        let Some(last) = listed.last() else { break };
        after = Some(*last);
        for id in listed {
            pool.fill(id).await?;
        }
    }
    pool.finish().await?;
    for (least, greatest) in no_dates() {
        let mut found = work.active_within(least, greatest).await.map_err(of_conversations)?;
        while found.advance().await.map_err(of_conversations)? {
            if let Ok(id) = found.current().get_object_id("_id") {
                pool.fill(id).await?;
            }
        }
    }
    pool.finish().await?;
    if reach == Reach::Whole || work.newest_is_unfinished().await? {
        let mut found = work.with_unfinished_messages().await.map_err(of_messages)?;
        while found.advance().await.map_err(of_messages)? {
            if let Ok(id) = found.current().get_object_id("_id") {
                pool.fill(id).await?;
            }
        }
        pool.finish().await?;
    }
    let filled = work.filled();
    if filled != Filled::default() {
        let Filled { conversations, messages } = filled;
        tracing::info!(conversations, messages, "back-filled a database of the original");
    }
    Ok(filled)
}

/// What the tasks have in common.
#[derive(Debug)]
struct Work {
    database: Database,
    /// The server's clock. What was stored with a later date must not set ours forward.
    now: DateTime,
    conversations: mongodb::Collection<RawDocumentBuf>,
    messages: mongodb::Collection<RawDocumentBuf>,
    pairs: mongodb::Collection<RawDocumentBuf>,
    conversations_done: AtomicU64,
    messages_done: AtomicU64,
}

impl Work {
    fn filled(&self) -> Filled {
        Filled {
            conversations: self.conversations_done.load(Ordering::Relaxed),
            messages: self.messages_done.load(Ordering::Relaxed),
        }
    }

    /// Some conversations, of the usual reach those that were never filled, in the order of their
    /// ids.
    async fn listed(
        &self,
        reach: Reach,
        after: Option<ObjectId>,
    ) -> Result<Vec<ObjectId>, StoreError> {
        // Greater than the least id: those whose id is of another type are none of ours.
        let after = doc! { "$gt": after.unwrap_or(ObjectId::from_bytes([0; 12])) };
        let (filter, index) = match reach {
            Reach::Usual => {
                (doc! { "stamp": Bson::Null, "_id": after }, CONVERSATIONS_BY_STAMP.name)
            }
            Reach::Whole => (doc! { "_id": after }, "_id_"),
        };
        let find = self
            .conversations
            .find(filter)
            .sort(doc! { "_id": 1 })
            .projection(doc! { "_id": 1 })
            .hint(Hint::Name(index.to_owned()))
            .limit(LIST_LEN);
        let mut found = Vec::new();
        let mut cursor = find.await.map_err(of_conversations)?;
        while cursor.advance().await.map_err(of_conversations)? {
            found.extend(cursor.current().get_object_id("_id").ok());
        }
        Ok(found)
    }

    /// Those whose activity lies within a part of its index.
    async fn active_within(
        &self,
        least: Bson,
        greatest: Bson,
    ) -> Result<mongodb::Cursor<RawDocumentBuf>, Error> {
        let (at, index) = (field::LAST_MESSAGE_AT, CONVERSATIONS_BY_ACTIVITY.name);
        self.conversations
            .find(doc! {})
            .projection(doc! { "_id": 1 })
            .hint(Hint::Name(index.to_owned()))
            .min(doc! { at: least, "_id": Bson::MinKey })
            .max(doc! { at: greatest, "_id": Bson::MaxKey })
            .await
    }

    /// Whether the original wrote lately: its ids rise with time, as ours do.
    async fn newest_is_unfinished(&self) -> Result<bool, StoreError> {
        let find = self
            .messages
            .find(doc! {})
            .sort(doc! { "_id": -1 })
            .projection(doc! { "seq": 1, "conversationId": 1, "stamp": 1, "updatedAt": 1 })
            .limit(NEWEST_LEN);
        let mut cursor = find.await.map_err(of_messages)?;
        while cursor.advance().await.map_err(of_messages)? {
            let message = cursor.current();
            // What stands in no conversation never gets a place.
            let stands = message.get_object_id("conversationId").is_ok();
            if stands && (!has(message, field::SEQ) || is_touched(message, self.now)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The ids of conversations that hold messages without a place, with a contradiction, or
    /// touched since.
    async fn with_unfinished_messages(&self) -> Result<mongodb::Cursor<RawDocumentBuf>, Error> {
        let pipeline = [
            doc! { "$match": {
                "_id": { "$type": "objectId" },
                "conversationId": { "$type": "objectId" },
                "$or": unfinished(self.now),
            } },
            doc! { "$group": { "_id": "$conversationId" } },
        ];
        let found = self.messages.aggregate(pipeline).allow_disk_use(true);
        found.with_type::<RawDocumentBuf>().await
    }

    async fn fill(&self, id: ObjectId) -> Result<(), StoreError> {
        for attempt in 1.. {
            match conversation::fill(self, id).await {
                Ok(done) => {
                    let changed = u64::from(done.is_changed);
                    self.conversations_done.fetch_add(changed, Ordering::Relaxed);
                    self.messages_done.fetch_add(done.placed, Ordering::Relaxed);
                    break;
                }
                Err(error) if attempt < ATTEMPTS_MAX => {
                    tracing::warn!(conversation = %id, %error, "back-filling failed, trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The tasks that run.
struct Pool {
    work: Arc<Work>,
    running: JoinSet<Result<(), StoreError>>,
    said: Instant,
}

impl Pool {
    /// Begins with a conversation, once there is a place for it.
    async fn fill(&mut self, id: ObjectId) -> Result<(), StoreError> {
        while self.running.len() >= CONVERSATIONS_AT_ONCE {
            self.one().await?;
        }
        let work = Arc::clone(&self.work);
        self.running.spawn(async move { work.fill(id).await });
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        while !self.running.is_empty() {
            self.one().await?;
        }
        Ok(())
    }

    async fn one(&mut self) -> Result<(), StoreError> {
        let Some(done) = self.running.join_next().await else { return Ok(()) };
        done.map_err(unavailable)??;
        if self.said.elapsed() >= PROGRESS_INTERVAL {
            self.said = Instant::now();
            let Filled { conversations, messages } = self.work.filled();
            tracing::info!(conversations, messages, "back-filling a database of the original");
        }
        Ok(())
    }
}

/// Messages without a place, those of which `isDeleted` and `deletedAt` say different things, and
/// those that were touched.
fn unfinished(now: DateTime) -> Vec<Document> {
    let shown = [Bson::Boolean(false), Bson::Null];
    vec![
        doc! { field::SEQ: Bson::Null },
        doc! { field::IS_DELETED: { "$nin": &shown[..] }, field::DELETED_AT: { "$not": { "$type": "date" } } },
        doc! { field::IS_DELETED: { "$in": &shown[..] }, field::DELETED_AT: { "$ne": Bson::Null } },
        touched(now),
    ]
}

/// Messages that were changed after they were stamped: the original marks, edits and deletes without
/// a stamp, and dates it. A date that is still to come says nothing.
fn touched(now: DateTime) -> Document {
    let at_ms = doc! { "$convert": {
        "input": "$updatedAt", "to": "long", "onError": Bson::Null, "onNull": Bson::Null,
    } };
    let is_later = doc! { "$gt": [{ "$multiply": [at_ms, 1_000_i64] }, "$stamp"] };
    doc! { field::UPDATED_AT: { "$type": "date", "$lte": now }, "$expr": is_later }
}

/// Whether a message is [`touched`].
fn is_touched(message: &RawDocument, now: DateTime) -> bool {
    let at = moment(message, field::UPDATED_AT).filter(|at| *at <= now);
    let at_us = at.map(|at| at.timestamp_millis().saturating_mul(1_000));
    at_us.is_some_and(|at_us| match stamp_of(message) {
        Some(stamp) => at_us > stamp,
        None => !has(message, field::STAMP),
    })
}

fn stamp_of(document: &RawDocument) -> Option<i64> {
    document.get(field::STAMP).ok().flatten().and_then(codec::integer)
}

fn is_deleted(message: &RawDocument) -> bool {
    message.get(field::IS_DELETED).ok().flatten().is_some_and(codec::is_marked)
}

fn moment(document: &RawDocument, name: &str) -> Option<DateTime> {
    document.get_datetime(name).ok()
}

/// The two parts of an index of dates in which none lie.
fn no_dates() -> [(Bson, Bson); 2] {
    let behind = bson::Timestamp { time: 0, increment: 0 };
    [(Bson::MinKey, DateTime::MIN.into()), (behind.into(), Bson::MaxKey)]
}

async fn now(database: &Database) -> Result<DateTime, StoreError> {
    let hello = database.run_command(doc! { "hello": 1 }).await.map_err(unavailable)?;
    hello.get_datetime("localTime").copied().map_err(unavailable)
}

/// Whether a field is there and not null.
fn has(document: &RawDocument, name: &str) -> bool {
    document.get(name).ok().flatten().is_some_and(|value| value.as_null().is_none())
}

fn of_messages(error: Error) -> StoreError {
    translate(Collection::Messages, error)
}

fn of_conversations(error: Error) -> StoreError {
    translate(Collection::Conversations, error)
}
