//! Replacing a message's text; the earlier ones are kept.

use std::sync::Arc;

use bson::{Bson, RawBsonRef, RawDocument, doc};
use protocol::event::server::MessageEdited;
use protocol::event::{Envelope, ServerEvent};
use protocol::id::MessageId;
use protocol::rest::resource;
use protocol::room::Room;
use smallvec::smallvec;

use super::NOT_FOUND;
use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::{Message, codec, field, message};
use crate::error::{Error, Kind};
use crate::service::view::{self, Viewer};
use crate::service::{conversation, late, to_the_end};
use crate::store::{Collection, Guard, Op, Update};

/// Earlier texts kept of a message; past it the oldest is forgotten. Source: contract 1.7.
pub const EDITS_KEPT_MAX: usize = 20;

/// Replaces the text of the caller's own message and tells the conversation.
///
/// # Errors
/// [`Kind::NotFound`] when the message is missing, deleted or not visible, [`Kind::Forbidden`] when
/// it is somebody else's.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn edit(
    app: &Arc<App>,
    caller: &Caller,
    id: MessageId,
    content: String,
) -> Result<resource::Message, Error> {
    let found = super::permitted(app, caller, id, Action::EditMessage).await?;
    let conversation_id = found.conversation_id;
    let (app, caller) = (Arc::clone(app), caller.clone());
    to_the_end(async move {
        let _lane = app.lanes.enter(conversation_id).await?;
        let edited = replace(&app, id, content).await?;
        let event = ServerEvent::MessageEdited(MessageEdited {
            message_id: id,
            content: edited.content.clone(),
            edited_at: edited.updated_at,
            conversation_id,
        });
        let rooms = smallvec![Room::Conversation(conversation_id)];
        app.bus.publish(Envelope { rooms, except: None, event }).await;
        let cursors = conversation::read(&app, conversation_id).await?;
        let cursors = cursors.map(|it| it.read_cursors).unwrap_or_default();
        let sender = Some(view::sender_from(&caller));
        Ok(view::message(&edited, sender, &cursors, Viewer::Person(&caller)))
    })
    .await
}

/// One guarded write; the guard is the text that goes into the history, so that no process can put
/// another one there.
async fn replace(app: &App, id: MessageId, content: String) -> Result<Message, Error> {
    for _ in 0..ATTEMPTS_MAX {
        let stored = super::stored(app, id).await?.ok_or(NOT_FOUND)?;
        let before = Message::decode(&stored)?;
        if before.is_deleted {
            return Err(NOT_FOUND);
        }
        let stamp = app.clock.stamp();
        let now = field::date(stamp.timestamp());
        let mut guard = vec![
            // As it is stored: what is no text reads as none.
            Guard::Equals(field::CONTENT, codec::stored(&stored, field::CONTENT)),
            Guard::OneOf(field::IS_DELETED, vec![false.into(), Bson::Null]),
        ];
        let mut ops = vec![
            field::set(field::CONTENT, content.as_str()),
            field::set(field::UPDATED_AT, now.clone()),
            field::max(field::STAMP, stamp.0),
            field::max(field::CHANGE_STAMP, stamp.0),
        ];
        let edit = message::encode_edit(&before.content, stamp.timestamp());
        remember(&stored, edit, now, &mut guard, &mut ops);
        let collection = Collection::Messages;
        let update = Update { collection, id: field::id(id.0), guard, ops };
        // First: a stamp that was raised for nothing does no harm, an edit behind a lower one is never
        // found by who was away.
        super::raise_stamp(app, before.conversation_id, stamp).await?;
        if let Some(document) = app.store.update(update).await? {
            late::restamp(app, before.conversation_id, Some(id), stamp).await;
            return Ok(Message::decode(&document)?);
        }
    }
    Err(Error::new(Kind::Busy, "Server is busy, please try again"))
}

/// The changes that put an earlier text into the history. Where the original's fields have become
/// something that holds none, they are replaced, under the condition that they are so still.
fn remember(
    stored: &RawDocument,
    edit: Bson,
    now: Bson,
    guard: &mut Vec<Guard>,
    ops: &mut Vec<Op>,
) {
    let metadata = stored.get(field::METADATA).ok().flatten();
    let parts = metadata.and_then(RawBsonRef::as_document);
    if metadata.is_some() && parts.is_none() {
        guard.push(Guard::Equals(field::METADATA, codec::stored(stored, field::METADATA)));
        let metadata =
            doc! { "isEdited": true, "editedAt": now, "readBy": [], "editHistory": [edit] };
        ops.push(field::set(field::METADATA, metadata));
        return;
    }
    ops.push(field::set(field::IS_EDITED, true));
    ops.push(field::set(field::EDITED_AT, now));
    let history = parts.and_then(|parts| Some((parts, parts.get("editHistory").ok()??)));
    match history.filter(|(_, history)| history.as_array().is_none()) {
        Some((parts, _)) => {
            guard.push(Guard::Equals(field::EDIT_HISTORY, codec::stored(parts, "editHistory")));
            ops.push(field::set(field::EDIT_HISTORY, vec![edit]));
        }
        None => ops.push(Op::Push {
            path: field::EDIT_HISTORY.to_owned(),
            item: edit,
            keep: EDITS_KEPT_MAX,
        }),
    }
}

/// Edits of other processes in between before we give up with [`Kind::Busy`].
const ATTEMPTS_MAX: usize = 4;
