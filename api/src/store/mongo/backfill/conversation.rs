//! One conversation: its messages in order, then what the conversation says of them.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocument, doc};
use mongodb::options::Hint;
use protocol::rest::word::ConversationStatus;

use super::super::failure::{self, unavailable};
use super::tally::Tally;
use super::{Work, is_deleted, moment, of_conversations, of_messages, touched};
use crate::domain::pair::{self, PairKey};
use crate::domain::{Conversation, codec, field};
use crate::store::index::MESSAGES_BY_SEQ;
use crate::store::{Collection, StoreError};

/// Messages that get their places in one command.
const BATCH_LEN: usize = 500;

/// The original's index, whose order is that of the places.
const BY_CREATION: &str = "conversationId_1_createdAt_-1";

/// What filling a conversation changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// Messages that got a place.
    pub(super) placed: u64,
    /// Whether anything was changed.
    pub(super) is_changed: bool,
}

/// Fills one conversation. All of its messages count, those that have a place too: marks and
/// deletions may have come later.
pub(super) async fn fill(work: &Work, id: ObjectId) -> Result<Done, StoreError> {
    let found = work.conversations.find_one(doc! { "_id": id }).await.map_err(of_conversations)?;
    let conversation = found.as_ref().map(|found| Conversation::decode(found)).transpose()?;
    let mut tally = Tally::new(conversation.as_ref(), last_seq(work, id).await?, work.now);
    let find = work
        .messages
        .find(doc! { "conversationId": id })
        .sort(doc! { "createdAt": 1, "_id": 1 })
        .hint(Hint::Name(BY_CREATION.to_owned()))
        .projection(doc! {
            "createdAt": 1, "updatedAt": 1, "seq": 1, "stamp": 1, "isDeleted": 1, "deletedAt": 1,
            "metadata.readBy.userId": 1, "metadata.readBy.readAt": 1,
        })
        .allow_disk_use(true);
    let mut cursor = find.await.map_err(of_messages)?;
    let (mut placed, mut mended) = (0, 0);
    let (mut places, mut mends) = (Vec::new(), Vec::new());
    while cursor.advance().await.map_err(of_messages)? {
        mends.extend(agreement(cursor.current()));
        places.extend(tally.take(cursor.current()));
        if places.len() >= BATCH_LEN {
            placed += run(work, std::mem::take(&mut places)).await?;
        }
        if mends.len() >= BATCH_LEN {
            mended += run(work, std::mem::take(&mut mends)).await?;
        }
    }
    placed += run(work, places).await?;
    mended += run(work, mends).await?;
    if let (Some(found), Some(conversation)) = (&found, &conversation) {
        note_pair(work, conversation).await?;
        mended += note(work, found, conversation, &tally).await?;
    }
    if tally.is_touched {
        mended += restamp(work, id).await?;
    }
    Ok(Done { placed, is_changed: placed + mended > 0 })
}

/// Lets the conversation say what its messages say; how many changes that took. The stamp is last.
async fn note(
    work: &Work,
    found: &RawDocument,
    before: &Conversation,
    tally: &Tally<'_>,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    if let Some(at) = tally.activity() {
        changed += note_activity(work, found, at).await?;
    }
    if let Some(shown) = tally.shown() {
        // Unless a message came meanwhile.
        let stale = codec::stored(found, field::LAST_MESSAGE);
        let stale = doc! { field::LAST_MESSAGE: { "$eq": stale } };
        changed += change(work, found, stale, shown).await?;
    }
    let mut greater = tally.greater();
    let mut set = Document::new();
    if !before.participants.contains(&before.created_by) {
        let outsider = field::id(before.created_by.0);
        if codec::stored(found, field::OUTSIDER) != outsider {
            set.insert(field::OUTSIDER, outsider);
        }
    }
    let is_changed = changed > 0 || !greater.is_empty() || !set.is_empty();
    let Some(stamp) = tally.stamp(is_changed) else { return Ok(changed) };
    greater.insert(field::STAMP, stamp);
    let mut changes = doc! { "$max": greater };
    if !set.is_empty() {
        changes.insert("$set", set);
    }
    Ok(changed + change(work, found, Document::new(), changes).await?)
}

/// Changes the conversation if it still is as described.
async fn change(
    work: &Work,
    found: &RawDocument,
    mut guard: Document,
    change: Document,
) -> Result<u64, StoreError> {
    guard.insert("_id", codec::stored(found, "_id"));
    let update = work.conversations.update_one(guard, change);
    update.await.map(|it| it.modified_count).map_err(of_conversations)
}

/// Stamps what was changed by somebody who does not: so it is told to who was away, and is not found
/// again. Only once the conversation says what followed from it.
async fn restamp(work: &Work, id: ObjectId) -> Result<u64, StoreError> {
    let stamp = work.now.timestamp_millis().saturating_mul(1_000);
    let mut filter = touched(work.now);
    filter.insert("conversationId", id);
    let stamps = doc! { "$max": { field::STAMP: stamp, field::CHANGE_STAMP: stamp } };
    let update = work.messages.update_many(filter, stamps).hint(Hint::Name(BY_CREATION.to_owned()));
    update.await.map(|it| it.modified_count).map_err(of_messages)
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

/// Gives a conversation without a date of activity one, without which lists would not know where it
/// stands.
async fn note_activity(work: &Work, found: &RawDocument, at: DateTime) -> Result<u64, StoreError> {
    // Unless another process knows better meanwhile.
    let undated = codec::stored(found, field::LAST_MESSAGE_AT);
    let undated = doc! { field::LAST_MESSAGE_AT: { "$eq": undated } };
    change(work, found, undated, doc! { "$set": { field::LAST_MESSAGE_AT: at } }).await
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
