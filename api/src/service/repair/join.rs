//! One conversation, for somebody who begins to hear it.

use std::sync::Arc;

use protocol::event::client::Join;
use protocol::id::ConversationId;
use protocol::rest::reply::repair::{Joined, Repaired};

use super::bookmark::{Bookmark, Joined as Place};
use super::changed::{self, Changed};
use super::{MISSED_LEN_MAX, READ_SHOWN_MAX};
use crate::app::App;
use crate::auth::Caller;
use crate::domain::Message;
use crate::error::{Error, Kind};
use crate::service::{conversation, message};
use crate::store::Direction;

/// What the caller missed of a conversation: the messages behind its `last_seq`, and the earlier
/// ones that changed since its cursor. To be asked once the caller hears the conversation: whatever
/// is not in here is announced after.
///
/// # Errors
/// [`Kind::NotFound`] when the conversation is missing or not visible, [`Kind::Invalid`] for a cursor
/// that is none.
///
/// # Cost
/// Three small reads; another for a `last_seq`, and two for a `cursor`.
pub async fn join(
    app: &Arc<App>,
    caller: &Caller,
    request: &Join,
) -> Result<Repaired<Joined>, Error> {
    const NOT_FOUND: Error = Error::new(Kind::NotFound, "Conversation not found");
    let id = request.conversation_id;
    conversation::authorize(app, caller, id).await?;
    let epoch = app.store.epoch();
    let cursor = request.cursor.as_deref();
    let Some(bookmark) = Bookmark::of(cursor, epoch, app.clock.now())? else {
        return Ok(Repaired::RESET);
    };
    let newest = app.horizon.recent(app).await?;
    let place = bookmark.in_conversation(id);
    let conversation = conversation::read(app, id).await?.ok_or(NOT_FOUND)?;
    let missed = missed(app, id, request.last_seq).await?;
    if bookmark.is_ahead(newest) || request.last_seq.is_some_and(|seq| seq > missed.last_seq) {
        return Ok(Repaired::RESET);
    }
    if missed.last_seq > conversation.last_seq {
        message::note_lost_follow_up(message::mend(app, &conversation).await.map(drop));
    }
    // Whoever read a message out of the store may be ahead of the event that announces it.
    drop(app.lanes.enter(id).await?);
    let changed = match place {
        Some(Place { since, .. }) => {
            let known = request.last_seq.unwrap_or(missed.last_seq).min(missed.last_seq);
            changed::since(app, &conversation, since, known, READ_SHOWN_MAX).await?
        }
        None => Changed { messages: Vec::new(), more_behind: None },
    };
    let cursors = &conversation.read_cursors;
    let next = next(bookmark, id, super::floor(newest), changed.more_behind);
    Ok(Repaired::Missed(Joined {
        last_seq: missed.last_seq,
        messages: super::entries(app, caller, &missed.messages, cursors).await?,
        changed: super::entries(app, caller, &changed.messages, cursors).await?,
        cursor: next.encode(epoch, app.clock.now()),
        epoch: epoch.to_owned(),
        truncated: missed.is_more || changed.more_behind.is_some(),
    }))
}

/// Where to go on. Without a cursor the client has begun with the lists a moment ago.
fn next(bookmark: Bookmark, id: ConversationId, floor: i64, more_behind: Option<i64>) -> Bookmark {
    let floor = bookmark.in_conversation(id).and_then(|place| place.floor).unwrap_or(floor);
    let place = match more_behind {
        // Not behind that very stamp: another process may have given it too.
        Some(stamp) => Place { id, since: stamp.saturating_sub(1), floor: Some(floor) },
        None => Place { id, since: floor, floor: None },
    };
    if bookmark == Bookmark::NOTHING {
        return Bookmark::at(floor);
    }
    Bookmark { joined: Some(place), ..bookmark }
}

struct Missed {
    messages: Vec<Message>,
    /// The newest of the conversation.
    last_seq: i64,
    is_more: bool,
}

/// Everything behind a place, or nothing if none is given.
async fn missed(app: &App, id: ConversationId, behind: Option<i64>) -> Result<Missed, Error> {
    // Before the messages: a place that was taken after them would promise one that is not there.
    let last_seq = message::last_seq(app, id).await?;
    let mut messages = match behind {
        Some(_) => message::walk(app, id, behind, Direction::Ascending, MISSED_LEN_MAX + 1).await?,
        None => Vec::new(),
    };
    let is_more = messages.len() > MISSED_LEN_MAX;
    messages.truncate(MISSED_LEN_MAX);
    let newest = messages.last().map_or(0, |last| last.seq);
    Ok(Missed { messages, last_seq: last_seq.max(newest), is_more })
}
