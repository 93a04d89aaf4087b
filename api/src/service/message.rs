//! Messages: sending, changing, reading. Source: contract 1.4, 1.6, 1.7, O1.5.
//!
//! The promise of order stands in `message/send.rs` and `message/head.rs`; the rest follows from it.

mod delete;
mod edit;
mod head;
mod list;
mod mark;
mod read;
mod send;

use bson::RawDocumentBuf;
use protocol::id::{ConversationId, MessageId};

pub use delete::delete;
pub use edit::{EDITS_KEPT_MAX, edit};
pub use list::{DELETED_LEN_MAX, MESSAGES_WALKED_MAX, MessagePage, list};
pub use read::{READERS_LEN_MAX, UNREAD_MAX, mark_read, unread_count};
pub use send::{ANNOUNCED_AGAIN_MAX, Sent, announcements, send};

pub(super) use head::mend;
pub(crate) use head::settle;
pub(crate) use mark::Marks;
pub(super) use read::count_each_unread;

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::{self, Action, Relation, Verdict};
use crate::clock::Stamp;
use crate::domain::message::NOWHERE;
use crate::domain::{Message, NOBODY, field};
use crate::error::{Error, Kind};
use crate::service::{conversation, record};
use crate::store::index::MESSAGES_BY_SEQ;
use crate::store::{Collection, Direction, Scan, Update};

/// `seq` of a conversation's newest message; 0 before the first. Asks nobody whether they may know.
///
/// # Errors
/// The store cannot be read.
pub async fn last_seq(app: &App, id: ConversationId) -> Result<i64, Error> {
    let newest = walk(app, id, None, Direction::Descending, 1).await?;
    Ok(newest.first().map_or(0, |message| message.seq))
}

/// The message, if the caller may do this where it stands.
async fn visible(
    app: &App,
    caller: &Caller,
    id: MessageId,
    action: Action,
) -> Result<Message, Error> {
    let message = find(app, id).await?.ok_or(NOT_FOUND)?;
    let place = message.conversation_id;
    if place == NOWHERE {
        return Err(NOT_FOUND);
    }
    conversation::permitted(app, caller, place, action).await?.ok_or(NOT_FOUND)?;
    Ok(message)
}

/// The message that is not deleted, if the caller may do this with it.
async fn permitted(
    app: &App,
    caller: &Caller,
    id: MessageId,
    action: Action,
) -> Result<Message, Error> {
    let message = visible(app, caller, id, Action::SeeConversation).await?;
    if message.is_deleted {
        return Err(NOT_FOUND);
    }
    match permission::verdict(caller.role, relation(caller, &message), action) {
        Verdict::Allowed => Ok(message),
        Verdict::Forbidden => Err(FORBIDDEN),
        Verdict::Hidden => Err(NOT_FOUND),
    }
}

/// How somebody who sees a message stands to it.
pub(super) fn relation(caller: &Caller, message: &Message) -> Relation {
    let is_mine = message.sender_id == caller.user_id && message.sender_id != NOBODY;
    if is_mine { Relation::Sender } else { Relation::Member }
}

async fn find(app: &App, id: MessageId) -> Result<Option<Message>, Error> {
    let document = stored(app, id).await?;
    Ok(document.map(|document| Message::decode(&document)).transpose()?)
}

async fn stored(app: &App, id: MessageId) -> Result<Option<RawDocumentBuf>, Error> {
    Ok(app.store.get(Collection::Messages, &field::id(id.0)).await?)
}

/// Messages of a conversation along `seq`: those behind `after` (exclusive) in this direction.
pub(super) async fn walk(
    app: &App,
    id: ConversationId,
    after: Option<i64>,
    direction: Direction,
    limit: usize,
) -> Result<Vec<Message>, Error> {
    let after: Vec<_> = after.map(bson::Bson::Int64).into_iter().collect();
    let scan = Scan {
        index: &MESSAGES_BY_SEQ,
        equals: &[field::id(id.0)],
        after: &after,
        direction,
        limit,
    };
    record::scan(app, &scan, Message::decode).await
}

/// Notes on a conversation that something in it changed at `stamp`.
pub(super) async fn raise_stamp(app: &App, id: ConversationId, stamp: Stamp) -> Result<(), Error> {
    let update = Update {
        collection: Collection::Conversations,
        id: field::id(id.0),
        guard: Vec::new(),
        ops: vec![field::max(field::STAMP, stamp.0)],
    };
    app.store.update(update).await?;
    Ok(())
}

/// What decides is stored and must be announced; what follows from it is repaired later.
pub(super) fn note_lost_follow_up(result: Result<(), Error>) {
    if let Err(error) = result {
        tracing::warn!(%error, "a follow-up of a stored change was lost");
    }
}

const NOT_FOUND: Error = Error::new(Kind::NotFound, "Message not found or access denied");
const FORBIDDEN: Error = Error::new(Kind::Forbidden, "Message not found or access denied");
