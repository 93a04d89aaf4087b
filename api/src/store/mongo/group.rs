//! Messages are stored in groups: what waits while one `insertMany` is in flight goes in the next.
//!
//! A group holds at most one message of a conversation. An unordered insert stores what it can: of
//! the places 6 and 7 it might refuse 6 and store 7, and there would be a hole for ever.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bson::oid::ObjectId;
use bson::{RawDocument, RawDocumentBuf};
use mongodb::Collection as Documents;
use mongodb::error::{Error, ErrorKind, InsertManyError};
use tokio::sync::{mpsc, oneshot};

use super::OPERATION_TIMEOUT;
use super::failure::{self, TimedOut, translate, unavailable};
use super::follow_up::FollowUps;
use crate::store::{Collection, StoreError, Update};

/// Messages that wait for a group; a further one is refused as busy.
pub(super) const INSERTS_WAITING_MAX: usize = 4_096;

/// Messages of one group; more wait for the next.
const GROUP_LEN_MAX: usize = 512;

/// Bytes of one group, of which the last message may go over; more wait for the next.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A message to store.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) document: RawDocumentBuf,
    pub(super) follow_ups: Vec<Update>,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// Stores what comes, until nobody is left to send and all of it was answered; then nothing more can
/// follow.
pub(super) async fn run(
    messages: Documents<RawDocumentBuf>,
    mut jobs: mpsc::Receiver<Job>,
    follow_ups: Arc<FollowUps>,
) {
    let mut held = VecDeque::new();
    loop {
        let mut group = Group::default();
        for job in std::mem::take(&mut held) {
            held.extend(group.offer(job));
        }
        if group.jobs.is_empty() {
            let Some(job) = jobs.recv().await else {
                follow_ups.close();
                return;
            };
            held.extend(group.offer(job));
        }
        while held.len() < GROUP_LEN_MAX && group.has_room() {
            let Ok(job) = jobs.try_recv() else { break };
            held.extend(group.offer(job));
        }
        follow_ups.room().await;
        let outcomes = store(&messages, &group.jobs).await;
        for (job, outcome) in group.jobs.into_iter().zip(outcomes) {
            if outcome.is_ok() {
                follow_ups.push(job.follow_ups);
            }
            // Who asked may be gone.
            let _ = job.answer.send(outcome);
        }
    }
}

/// What goes in one insert.
#[derive(Debug, Default)]
struct Group {
    jobs: Vec<Job>,
    conversations: HashSet<Option<ObjectId>>,
    bytes: usize,
}

impl Group {
    const fn has_room(&self) -> bool {
        self.jobs.len() < GROUP_LEN_MAX && self.bytes < GROUP_BYTES_MAX
    }

    /// Takes a message, or hands it back when it must wait for the next group.
    fn offer(&mut self, job: Job) -> Option<Job> {
        if !self.has_room() || !self.conversations.insert(conversation(&job.document)) {
            return Some(job);
        }
        self.bytes = self.bytes.saturating_add(job.document.as_bytes().len());
        self.jobs.push(job);
        None
    }
}

fn conversation(document: &RawDocument) -> Option<ObjectId> {
    document.get_object_id("conversationId").ok()
}

/// Inserts all of them; an outcome for each.
async fn store(messages: &Documents<RawDocumentBuf>, jobs: &[Job]) -> Vec<Result<(), StoreError>> {
    let documents = jobs.iter().map(|job| &job.document);
    let insert = messages.insert_many(documents).ordered(false);
    let error = match tokio::time::timeout(OPERATION_TIMEOUT, insert.into_future()).await {
        Ok(Ok(_)) => return jobs.iter().map(|_| Ok(())).collect(),
        Ok(Err(error)) => error,
        Err(_) => return jobs.iter().map(|_| Err(unavailable(TimedOut))).collect(),
    };
    if let ErrorKind::InsertMany(failed) = &*error.kind {
        return outcomes(jobs.len(), failed, &error);
    }
    jobs.iter().map(|_| Err(translate(Collection::Messages, error.clone()))).collect()
}

/// What an unordered insert did with each document.
fn outcomes(len: usize, failed: &InsertManyError, error: &Error) -> Vec<Result<(), StoreError>> {
    // Stored, but the majority may not have it: unknown, like a lost answer.
    let is_unsure = failed.write_concern_error.is_some();
    let rest = || if is_unsure { Err(unavailable(error.clone())) } else { Ok(()) };
    let mut outcomes: Vec<_> = (0..len).map(|_| rest()).collect();
    for refused in failed.write_errors.iter().flatten() {
        let Some(outcome) = outcomes.get_mut(refused.index) else { continue };
        let word = failure::by_code(Collection::Messages, refused.code, &refused.message);
        *outcome = Err(word.unwrap_or_else(|| unavailable(error.clone())));
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    fn job(conversation: u8) -> Job {
        let document = rawdoc! { "conversationId": ObjectId::from_bytes([conversation; 12]) };
        Job { document, follow_ups: Vec::new(), answer: oneshot::channel().0 }
    }

    #[test]
    fn a_group_holds_one_message_of_a_conversation() {
        let mut group = Group::default();
        assert!(group.offer(job(1)).is_none());
        assert!(group.offer(job(2)).is_none());
        assert!(group.offer(job(1)).is_some());
        assert_eq!(group.jobs.len(), 2);
    }

    #[test]
    fn a_full_group_hands_back() {
        let mut group = Group { bytes: GROUP_BYTES_MAX, ..Group::default() };
        assert!(group.offer(job(1)).is_some());
    }
}
