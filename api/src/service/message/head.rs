//! The head of a conversation: its newest message, as the index of messages tells it.
//!
//! What the conversation's own document says about it (`lastSeq`, `lastMessage`, `stamp`) follows
//! from a message that is stored already, and can be lost in a crash. It is repaired when the
//! conversation is first written to after a start.

use bson::Bson;
use protocol::id::ConversationId;

use crate::app::App;
use crate::domain::{Conversation, Message, field};
use crate::error::{Error, Kind};
use crate::service::conversation;
use crate::service::lane::Lane;
use crate::store::index::MESSAGES_BY_STAMP;
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
    let last_seq = super::last_seq(app, id).await?;
    repair(app, &conversation, last_seq).await?;
    lane.last_seq = Some(last_seq);
    Ok(last_seq)
}

async fn repair(app: &App, conversation: &Conversation, last_seq: i64) -> Result<(), Error> {
    if conversation.last_seq < last_seq {
        let mut ops = vec![field::set(field::LAST_SEQ, last_seq)];
        if let Some(shown) = newest_shown(app, conversation.id).await? {
            ops.push(field::set(field::LAST_MESSAGE, field::id(shown.id.0)));
            ops.push(field::set(field::LAST_MESSAGE_AT, field::date(shown.created_at)));
        }
        let update = Update {
            collection: Collection::Conversations,
            id: field::id(conversation.id.0),
            guard: vec![Guard::Below(field::LAST_SEQ, Bson::Int64(last_seq))],
            ops,
        };
        app.store.update(update).await?;
        tracing::info!(conversation = %conversation.id, last_seq, "repaired a conversation's head");
    }
    let newest_change = Scan {
        index: &MESSAGES_BY_STAMP,
        equals: &[field::id(conversation.id.0)],
        after: &[],
        direction: Direction::Descending,
        limit: 1,
    };
    for document in app.store.scan(&newest_change).await? {
        let message = Message::decode(&document)?;
        app.clock.observe(message.stamp);
        if message.stamp > conversation.stamp {
            super::raise_stamp(app, conversation.id, app.clock.stamp()).await?;
        }
    }
    Ok(())
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
