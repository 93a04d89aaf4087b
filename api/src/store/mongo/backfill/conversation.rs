//! One conversation: its messages in order, then what the conversation says of them.

use std::collections::HashMap;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocument, doc};
use mongodb::options::Hint;
use protocol::id::{self, UserId};
use protocol::rest::word::ConversationStatus;

use super::super::failure::{self, unavailable};
use super::{Work, has, of_conversations, of_messages, unfinished};
use crate::domain::pair::{self, PairKey};
use crate::domain::{Conversation, codec, field};
use crate::store::index::MESSAGES_BY_SEQ;
use crate::store::{Collection, StoreError};

/// Messages that get their places in one command.
const BATCH_LEN: usize = 500;

/// Read cursors of a conversation; past it the marks of those who are not participants are dropped,
/// as the rules do.
const READERS_LEN_MAX: usize = 256;

/// The original's index, whose order is that of the places.
const BY_CREATION: &str = "conversationId_1_createdAt_-1";

/// Fills one conversation; how many messages got a place.
pub(super) async fn fill(work: &Work, id: ObjectId) -> Result<u64, StoreError> {
    let found = work.conversations.find_one(doc! { "_id": id }).await.map_err(of_conversations)?;
    let is_done = found.as_ref().is_some_and(|found| has(found, field::STAMP));
    let conversation = found.as_ref().map(|found| Conversation::decode(found)).transpose()?;
    let last_seq = last_seq(work, id).await?;
    let mut tally = Tally::new(conversation.as_ref(), last_seq, work.now, is_done);
    // The marks of messages that have a place already count too, unless they were counted.
    let filter = if is_done {
        doc! { "conversationId": id, "$or": unfinished() }
    } else {
        doc! { "conversationId": id }
    };
    let find = work
        .messages
        .find(filter)
        .sort(doc! { "createdAt": 1, "_id": 1 })
        .hint(Hint::Name(BY_CREATION.to_owned()))
        .projection(doc! {
            "createdAt": 1, "updatedAt": 1, "seq": 1, "isDeleted": 1, "deletedAt": 1,
            "metadata.readBy.userId": 1, "metadata.readBy.readAt": 1,
        })
        .allow_disk_use(true);
    let mut cursor = find.await.map_err(of_messages)?;
    let mut placed = 0;
    let (mut places, mut mends) = (Vec::new(), Vec::new());
    while cursor.advance().await.map_err(of_messages)? {
        mends.extend(agreement(cursor.current()));
        places.extend(tally.take(cursor.current()));
        if places.len() >= BATCH_LEN {
            placed += run(work, std::mem::take(&mut places)).await?;
        }
        if mends.len() >= BATCH_LEN {
            run(work, std::mem::take(&mut mends)).await?;
        }
    }
    placed += run(work, places).await?;
    run(work, mends).await?;
    if let (Some(found), Some(conversation)) = (found, conversation) {
        note_pair(work, &conversation).await?;
        if conversation.last_message_at.is_none() {
            note_activity(work, id, &found).await?;
        }
        let update = work.conversations.update_one(doc! { "_id": id }, tally.changes());
        update.await.map_err(of_conversations)?;
    }
    Ok(placed)
}

/// The greatest place that is taken.
async fn last_seq(work: &Work, id: ObjectId) -> Result<i64, StoreError> {
    let newest = work
        .messages
        .find_one(doc! { "conversationId": id, field::SEQ: { "$gt": 0 } })
        .sort(doc! { field::SEQ: -1 })
        .projection(doc! { field::SEQ: 1 })
        .hint(Hint::Name(MESSAGES_BY_SEQ.name.to_owned()));
    let newest = newest.await.map_err(of_messages)?;
    let seq = newest.as_ref().and_then(|it| it.get(field::SEQ).ok().flatten());
    Ok(seq.and_then(codec::integer).unwrap_or_default())
}

/// The statement after which `deletedAt` says what `isDeleted` says, if it does not: by the date of
/// deletion the deleted ones are found and counted.
fn agreement(message: &RawDocument) -> Option<Document> {
    let id = message.get_object_id("_id").ok()?;
    let stored = codec::stored(message, field::DELETED_AT);
    if is_deleted(message) {
        let at = moment(message, "updatedAt").or_else(|| moment(message, "createdAt"));
        let at = at.unwrap_or_else(|| id.timestamp());
        let undated = doc! { "_id": id, field::DELETED_AT: { "$not": { "$type": "date" } } };
        let mend = doc! { "$set": { field::DELETED_AT: at } };
        return stored.as_datetime().is_none().then(|| doc! { "q": undated, "u": mend });
    }
    let dated = doc! { "_id": id, field::DELETED_AT: { "$eq": &stored } };
    let mend = doc! { "$set": { field::DELETED_AT: Bson::Null } };
    stored.as_null().is_none().then(|| doc! { "q": dated, "u": mend })
}

fn is_deleted(message: &RawDocument) -> bool {
    message.get(field::IS_DELETED).ok().flatten().is_some_and(codec::is_marked)
}

fn moment(document: &RawDocument, name: &str) -> Option<DateTime> {
    document.get_datetime(name).ok()
}

/// What the messages of a conversation say together.
#[derive(Debug)]
struct Tally {
    /// What has a place was counted by an earlier start.
    is_done: bool,
    /// No stamp is later.
    stamp_max: i64,
    last_seq: i64,
    stamp: i64,
    participants: Vec<UserId>,
    /// The newest place that each person marked, and when.
    cursors: HashMap<ObjectId, (i64, DateTime)>,
    /// The creator, if it does not take part.
    outsider: Option<UserId>,
    /// The newest message that is not deleted.
    shown: Option<ObjectId>,
}

impl Tally {
    fn new(
        conversation: Option<&Conversation>,
        last_seq: i64,
        now: DateTime,
        is_done: bool,
    ) -> Self {
        let stamp_max = now.timestamp_millis().saturating_mul(1_000).max(1);
        Self {
            is_done,
            stamp_max,
            last_seq,
            stamp: conversation.map_or(1, |it| stamp(it.updated_at.0, stamp_max)),
            participants: conversation.map_or_else(Vec::new, |it| it.participants.clone()),
            cursors: HashMap::new(),
            outsider: conversation.and_then(outsider),
            shown: None,
        }
    }

    /// Counts a message; the statement that gives it its place, if it has none.
    fn take(&mut self, message: &RawDocument) -> Option<Document> {
        let id = message.get_object_id("_id").ok()?;
        let stored = message.get(field::SEQ).ok().flatten().and_then(codec::integer);
        if self.is_done && stored.is_some() {
            return None;
        }
        let seq = stored.unwrap_or_else(|| self.last_seq.saturating_add(1));
        self.last_seq = self.last_seq.max(seq);
        let changed = moment(message, "createdAt").max(moment(message, "updatedAt"));
        let stamp = stamp(changed.map_or(0, DateTime::timestamp_millis), self.stamp_max);
        self.stamp = self.stamp.max(stamp);
        if !is_deleted(message) {
            self.shown = Some(id);
        }
        self.count_marks(message, seq);
        let place = doc! { "$set": { field::SEQ: seq, field::STAMP: stamp } };
        stored.is_none().then(|| doc! { "q": { "_id": id, field::SEQ: Bson::Null }, "u": place })
    }

    fn count_marks(&mut self, message: &RawDocument, seq: i64) {
        let metadata = message.get_document("metadata");
        let Ok(marks) = metadata.and_then(|it| it.get_array("readBy")) else { return };
        codec::for_each_item(marks, |mark| {
            let Some(mark) = mark.as_document() else { return };
            let Ok(user) = mark.get_object_id("userId") else { return };
            let at = mark.get_datetime("readAt").unwrap_or(DateTime::from_millis(0));
            let is_member = || self.participants.contains(&user_id(user));
            if self.cursors.len() >= READERS_LEN_MAX
                && !self.cursors.contains_key(&user)
                && !is_member()
            {
                return;
            }
            let cursor = self.cursors.entry(user).or_insert((seq, at));
            *cursor = (cursor.0.max(seq), cursor.1.max(at));
        });
    }

    /// What the conversation then says. Greater is right: nothing here ever falls.
    fn changes(&self) -> Document {
        let mut greater = doc! { field::LAST_SEQ: self.last_seq, field::STAMP: self.stamp };
        for (user, (seq, at)) in &self.cursors {
            greater.insert(field::read_cursor(user_id(*user), "seq"), *seq);
            greater.insert(field::read_cursor(user_id(*user), "at"), *at);
        }
        let mut set = doc! {};
        if let Some(shown) = self.shown {
            set.insert(field::LAST_MESSAGE, shown);
        }
        if let Some(outsider) = self.outsider {
            set.insert(field::OUTSIDER, field::id(outsider.0));
        }
        let mut changes = doc! { "$max": greater };
        if !set.is_empty() {
            changes.insert("$set", set);
        }
        changes
    }
}

/// Of a change at this time; never 0, which would be none.
fn stamp(at_ms: i64, max: i64) -> i64 {
    at_ms.saturating_mul(1_000).clamp(1, max)
}

fn outsider(conversation: &Conversation) -> Option<UserId> {
    let creator = conversation.created_by;
    (!conversation.participants.contains(&creator)).then_some(creator)
}

fn user_id(id: ObjectId) -> UserId {
    UserId(id::ObjectId::from_bytes(id.bytes()))
}

/// Carries the statements out in order and stops at the first that fails: no hole is left. The
/// majority need not have them yet; it will before it has the conversation's stamp.
async fn run(work: &Work, statements: Vec<Document>) -> Result<u64, StoreError> {
    if statements.is_empty() {
        return Ok(0);
    }
    let command = doc! {
        "update": Collection::Messages.name(),
        "updates": statements,
        "ordered": true,
        "writeConcern": { "w": 1 },
    };
    let reply = work.database.run_command(command).await.map_err(of_messages)?;
    if let Some(refused) = reply.get_array("writeErrors").ok().and_then(|errors| errors.first()) {
        let code = refused.as_document().and_then(|it| it.get_i32("code").ok());
        let refusal = failure::by_code(Collection::Messages, code.unwrap_or_default(), "");
        tracing::warn!(%refused, "a message was not filled");
        return Err(refusal.unwrap_or_else(|| unavailable("a message was not filled")));
    }
    Ok(u64::try_from(reply.get_i32("nModified").unwrap_or_default()).unwrap_or_default())
}

/// Gives a conversation without a date of activity that of its newest message, else that of its
/// making, without which lists would not know where it stands.
async fn note_activity(work: &Work, id: ObjectId, found: &RawDocument) -> Result<(), StoreError> {
    let newest = work
        .messages
        .find_one(doc! { "conversationId": id, field::SEQ: { "$gt": 0 } })
        .sort(doc! { field::SEQ: -1 })
        .projection(doc! { "createdAt": 1 })
        .hint(Hint::Name(MESSAGES_BY_SEQ.name.to_owned()));
    let newest = newest.await.map_err(of_messages)?;
    let sent = newest.as_ref().map(|it| {
        let id = it.get_object_id("_id").unwrap_or(id);
        moment(it, "createdAt").unwrap_or_else(|| id.timestamp())
    });
    let at = sent.or_else(|| moment(found, "createdAt")).unwrap_or_else(|| id.timestamp());
    // Unless another process knows better meanwhile.
    let undated = codec::stored(found, field::LAST_MESSAGE_AT);
    let undated = doc! { "_id": id, field::LAST_MESSAGE_AT: { "$eq": undated } };
    let change = doc! { "$set": { field::LAST_MESSAGE_AT: at } };
    let update = work.conversations.update_one(undated, change);
    update.await.map_err(of_conversations)?;
    Ok(())
}

/// Makes this the open conversation of its two people, unless there is one: as the original, which
/// finds the oldest.
async fn note_pair(work: &Work, conversation: &Conversation) -> Result<(), StoreError> {
    let [one, other] = conversation.participants[..] else { return Ok(()) };
    let live = [ConversationStatus::Open.as_str(), ConversationStatus::Pending.as_str()];
    if one == other || !live.contains(&conversation.status.as_str()) {
        return Ok(());
    }
    let pair = doc! { "_id": PairKey::new(one, other).bson() };
    let named = doc! { "$setOnInsert": { pair::CONVERSATION_ID: field::id(conversation.id.0) } };
    let update = work.pairs.update_one(pair, named).upsert(true);
    match update.await.map_err(|error| failure::translate(Collection::Pairs, error)) {
        // Another conversation of the two was first.
        Ok(_) | Err(StoreError::Duplicate(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
