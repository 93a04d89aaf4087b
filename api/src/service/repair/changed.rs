//! Earlier messages that are not any more what a client has: edited, deleted, newly read.

use protocol::id::ConversationId;

use super::behind;
use crate::app::App;
use crate::domain::conversation::ReadCursor;
use crate::domain::{Conversation, Message, field};
use crate::error::Error;
use crate::service::{message, record};
use crate::store::index::MESSAGES_BY_CHANGE;
use crate::store::{Direction, Scan};

/// Edits and deletions of one conversation in one answer. A join goes on behind them; a sync is
/// answered with a reset, since whoever missed more is better off with the history.
pub const CHANGED_LEN_MAX: usize = 200;

/// Newly read messages that a join shows, the newest. Whoever has read a message has read all before
/// it, so that more would say no more.
pub const READ_SHOWN_MAX: usize = 20;

/// What changed.
#[derive(Debug)]
pub(super) struct Changed {
    /// In the order of `seq`.
    pub(super) messages: Vec<Message>,
    /// The stamp of the last that was looked at, if there are more.
    pub(super) more_behind: Option<i64>,
}

/// Messages up to `last_seq` that were edited or deleted since a stamp, and of those newly read the
/// `read_shown` newest.
pub(super) async fn since(
    app: &App,
    it: &Conversation,
    since: i64,
    last_seq: i64,
    read_shown: usize,
) -> Result<Changed, Error> {
    let mut messages = edited(app, it.id, since).await?;
    let is_more = messages.len() > CHANGED_LEN_MAX;
    messages.truncate(CHANGED_LEN_MAX);
    let more_behind = messages.last().filter(|_| is_more).map(|last| last.change_stamp);
    messages.extend(newly_read(app, it, since, last_seq, read_shown).await?);
    // What lies behind is among the missed ones, as it is now.
    messages.retain(|message| message.seq <= last_seq);
    messages.sort_by_key(|message| message.seq);
    messages.dedup_by_key(|message| message.seq);
    Ok(Changed { messages, more_behind })
}

async fn edited(app: &App, id: ConversationId, since: i64) -> Result<Vec<Message>, Error> {
    let scan = Scan {
        index: &MESSAGES_BY_CHANGE,
        equals: &[field::id(id.0)],
        after: &behind(Some(since)),
        direction: Direction::Ascending,
        limit: CHANGED_LEN_MAX + 1,
    };
    record::scan(app, &scan, Message::decode).await
}

async fn newly_read(
    app: &App,
    it: &Conversation,
    since: i64,
    last_seq: i64,
    read_shown: usize,
) -> Result<Vec<Message>, Error> {
    // A mark's moment is known to the millisecond, and may be any within it.
    let has_moved =
        |cursor: &&ReadCursor| cursor.at.0.saturating_mul(1_000).saturating_add(999) > since;
    let moved: Vec<_> = it.read_cursors.iter().filter(has_moved).collect();
    let Some(newest) = moved.iter().map(|cursor| cursor.seq.min(last_seq)).max() else {
        return Ok(Vec::new());
    };
    let above = newest.saturating_add(1);
    let direction = Direction::Descending;
    let mut read = message::walk(app, it.id, Some(above), direction, read_shown).await?;
    let is_told = |message: &Message, cursor: &&ReadCursor| {
        cursor.seq >= message.seq && cursor.user_id != message.sender_id
    };
    read.retain(|message| moved.iter().any(|cursor| is_told(message, cursor)));
    Ok(read)
}
