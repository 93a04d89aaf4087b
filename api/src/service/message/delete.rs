//! Deleting a message: its place stays, its text is gone from every answer.

use std::sync::Arc;

use bson::Bson;
use protocol::event::server::MessageDeleted;
use protocol::event::{Envelope, ServerEvent};
use protocol::id::MessageId;
use protocol::room::Room;
use smallvec::smallvec;

use super::{NOT_FOUND, head};
use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::clock::Stamp;
use crate::domain::{Message, field};
use crate::error::Error;
use crate::service::{late, to_the_end};
use crate::store::{Collection, Guard, Op, Update};

/// Deletes a message of the caller's own, or as staff any, and tells the conversation.
///
/// # Errors
/// [`Kind::NotFound`](crate::error::Kind::NotFound) when the message is missing, deleted or not
/// visible, [`Kind::Forbidden`](crate::error::Kind::Forbidden) when it is somebody else's.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn delete(app: &Arc<App>, caller: &Caller, id: MessageId) -> Result<(), Error> {
    let found = super::permitted(app, caller, id, Action::DeleteMessage).await?;
    let (app, user_id) = (Arc::clone(app), caller.user_id);
    to_the_end(async move {
        let _lane = app.lanes.enter(found.conversation_id).await?;
        let stamp = app.clock.stamp();
        // First: a stamp that was raised for nothing does no harm, a deletion behind a lower one is
        // never found by who was away.
        super::raise_stamp(&app, found.conversation_id, stamp).await?;
        mark(&app, id, stamp).await?;
        late::restamp(&app, found.conversation_id, Some(id), stamp).await;
        super::note_lost_follow_up(show_what_is_left(&app, &found).await);
        let event = ServerEvent::MessageDeleted(MessageDeleted {
            message_id: id,
            deleted_by: user_id,
            timestamp: stamp.timestamp(),
            conversation_id: found.conversation_id,
        });
        let rooms = smallvec![Room::Conversation(found.conversation_id)];
        app.bus.publish(Envelope { rooms, except: None, event }).await;
        Ok(())
    })
    .await
}

/// The write that decides who of several deleted it.
async fn mark(app: &App, id: MessageId, stamp: Stamp) -> Result<(), Error> {
    let now = field::date(stamp.timestamp());
    let update = Update {
        collection: Collection::Messages,
        id: field::id(id.0),
        guard: vec![Guard::OneOf(field::IS_DELETED, vec![false.into(), Bson::Null])],
        ops: vec![
            field::set(field::IS_DELETED, true),
            field::set(field::DELETED_AT, now.clone()),
            field::set(field::UPDATED_AT, now),
            field::max(field::STAMP, stamp.0),
            field::max(field::CHANGE_STAMP, stamp.0),
        ],
    };
    app.store.update(update).await?.map(drop).ok_or(NOT_FOUND)
}

/// The conversation shows the newest message that is left.
async fn show_what_is_left(app: &App, deleted: &Message) -> Result<(), Error> {
    let op = match head::newest_shown(app, deleted.conversation_id).await? {
        Some(shown) if shown.seq > deleted.seq => return Ok(()),
        Some(shown) => field::set(field::LAST_MESSAGE, field::id(shown.id.0)),
        None => Op::Unset(field::LAST_MESSAGE.to_owned()),
    };
    let update = Update {
        collection: Collection::Conversations,
        id: field::id(deleted.conversation_id.0),
        guard: vec![Guard::Equals(field::LAST_MESSAGE, field::id(deleted.id.0))],
        ops: vec![op],
    };
    app.store.update(update).await?;
    Ok(())
}
