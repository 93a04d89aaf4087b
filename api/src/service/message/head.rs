//! The head of a conversation: its newest message, as the index of messages tells it.
//!
//! What the conversation's own document says about it (`lastSeq`, `lastMessage`, `stamp`) follows
//! from a message that is stored already, and can be lost in a crash. It is repaired when the
//! conversation is first written to after a start, at the start itself where it is recent, or when somebody catches up with it.

use bson::Bson;
use protocol::id::ConversationId;

use crate::app::App;
use crate::domain::{Conversation, Message, field};
use crate::error::{Error, Kind};
use crate::service::lane::Lane;
use crate::service::{conversation, record};
use crate::store::index::MESSAGES_BY_CHANGE;
use crate::store::{Collection, Direction, Guard, Scan, Update};

/// `seq` of the newest message; 0 before the first. Reads it, and repairs what should have followed
/// from it, if this lane's holder does not know it.
///
/// # Errors
/// The conversation is missing, or the store cannot be read or written.
pub(super) async fn last_seq(app: &App, lane: &mut Lane, id: ConversationId) -> Result<i64, Error> {
    if let Some(last_seq) = lane.last_seq {
        return Ok(last_seq);
    }
    let conversation = conversation::read(app, id).await?;
    let conversation = conversation
        .ok_or(Error::new(Kind::NotFound, "Conversation not found or access denied"))?;
    let last_seq = mend(app, &conversation).await?;
    lane.last_seq = Some(last_seq);
    Ok(last_seq)
}

/// Makes up for what should have followed from stored messages and did not; `seq` of the newest.
/// What it mends gets a new stamp, so that it is found by who was away.
///
/// # Errors
/// The store cannot be read or written.
pub(in crate::service) async fn mend(app: &App, it: &Conversation) -> Result<i64, Error> {
    let newest = super::walk(app, it.id, None, Direction::Descending, 1).await?;
    let newest = newest.first();
    let last_seq = newest.map_or(0, |message| message.seq);
    let changed = newest_change(app, it.id).await?;
    let known = changed.max(newest.map_or(0, |message| message.stamp));
    app.clock.observe(known);
    if it.last_seq >= last_seq && it.stamp >= known {
        return Ok(last_seq);
    }
    let mut guard = Vec::new();
    let mut ops = vec![field::max(field::STAMP, app.clock.stamp().0)];
    if it.last_seq < last_seq {
        guard.push(Guard::Below(field::LAST_SEQ, Bson::Int64(last_seq)));
        ops.push(field::set(field::LAST_SEQ, last_seq));
        if let Some(shown) = newest_shown(app, it.id).await? {
            ops.push(field::set(field::LAST_MESSAGE, field::id(shown.id.0)));
            ops.push(field::set(field::LAST_MESSAGE_AT, field::date(shown.created_at)));
        }
    }
    let collection = Collection::Conversations;
    app.store.update(Update { collection, id: field::id(it.id.0), guard, ops }).await?;
    tracing::info!(conversation = %it.id, last_seq, "repaired a conversation's head");
    Ok(last_seq)
}

/// Makes up for what a process that died has left undone: its last messages are stored, and perhaps
/// nobody was told.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) async fn settle(app: &App) -> Result<(), Error> {
    for id in app.store.unsettled().await? {
        if let Some(conversation) = conversation::read(app, id).await? {
            mend(app, &conversation).await?;
        }
    }
    Ok(())
}

/// The stamp of the newest edit or deletion; 0 where there was none.
async fn newest_change(app: &App, id: ConversationId) -> Result<i64, Error> {
    let newest = Scan {
        index: &MESSAGES_BY_CHANGE,
        equals: &[field::id(id.0)],
        after: &[],
        direction: Direction::Descending,
        limit: 1,
    };
    let message = record::scan(app, &newest, Message::decode).await?;
    Ok(message.first().map_or(0, |message| message.change_stamp))
}

/// The newest message that is not deleted, among the newest [`DELETED_RUN_MAX`].
pub(super) async fn newest_shown(app: &App, id: ConversationId) -> Result<Option<Message>, Error> {
    let mut below = None;
    for _ in 0..DELETED_RUN_MAX / BATCH_LEN {
        let batch = super::walk(app, id, below, Direction::Descending, BATCH_LEN).await?;
        let is_last = batch.len() < BATCH_LEN;
        below = batch.last().map(|message| message.seq);
        let shown = batch.into_iter().find(|message| !message.is_deleted);
        if shown.is_some() || is_last {
            return Ok(shown);
        }
    }
    Ok(None)
}

/// Deleted messages at a conversation's end that are looked past for one to show; behind more of
/// them it shows none until the next message.
const DELETED_RUN_MAX: usize = 1_000;
const BATCH_LEN: usize = 20;
