//! All conversations of somebody who was away, and the messages of those that it names.

use std::sync::Arc;

use bson::Bson;
use protocol::id::ConversationId;
use protocol::rest::reply::repair::{Entry, Repaired, Synced};
use protocol::rest::request::Sync;

use super::bookmark::{Bookmark, Progress, Rest};
use super::walk::{Concern, Range};
use super::{MARGIN_MS, MISSED_LEN_MAX, changed};
use crate::app::App;
use crate::auth::Caller;
use crate::domain::{Conversation, Message, field};
use crate::error::Error;
use crate::service::conversation::{self, Membership};
use crate::service::message;
use crate::store::{Collection, Direction};

/// Earlier messages of one answer before it ends and is asked for again; those of the last
/// conversation may go over.
const CHANGED_TOTAL: usize = 400;

/// Newly read messages that are shown of each conversation: the newest says it all.
const READ_SHOWN: usize = 1;

/// Every conversation of the caller, or for staff of the scope, in which something changed since the
/// caller's cursor; without a cursor every conversation. Of those that the caller names and may see,
/// what it missed; others are silently absent, whether they exist or not.
///
/// # Errors
/// [`Kind::Forbidden`](crate::error::Kind::Forbidden) when a user asks for more than its own,
/// [`Kind::Invalid`](crate::error::Kind::Invalid) for a cursor that is none.
///
/// # Cost
/// Two reads, one for each named conversation, another for each of those that changed, and what a
/// list of the changed conversations costs.
pub async fn sync(
    app: &Arc<App>,
    caller: &Caller,
    request: Sync,
) -> Result<Repaired<Synced>, Error> {
    let concern = Concern::new(caller, request.scope)?;
    let epoch = app.store.epoch();
    let cursor = request.cursor.as_deref();
    let Some(bookmark) = Bookmark::of(cursor, epoch, app.clock.now())? else {
        return Ok(Repaired::RESET);
    };
    // Before all else is read: see the head of `repair.rs`.
    let newest = app.horizon.now(app).await?;
    let rest = bookmark.rest_or_begin(super::floor(newest));
    let named = named(app, caller, request.conversations).await?;
    if bookmark.is_ahead(newest) || is_any_ahead(app, &named).await? {
        return Ok(Repaired::RESET);
    }
    let Some(caught_up) = catch_up(app, caller, &named, bookmark.since, rest.named).await? else {
        return Ok(Repaired::RESET);
    };
    let range = Range {
        since: bookmark.since,
        progress: rest.conversations,
        until: rest.floor.saturating_add(MARGIN_MS * 1_000),
    };
    let (found, conversations) = concern.changed(app, range).await?;
    let left = Rest { floor: rest.floor, conversations, named: caught_up.progress };
    let truncated =
        caught_up.is_more || left.conversations != Progress::Done || left.named != Progress::Done;
    let next = if truncated {
        Bookmark { rest: Some(left), ..bookmark }
    } else {
        Bookmark::at(rest.floor)
    };
    Ok(Repaired::Missed(Synced {
        cursor: next.encode(epoch, app.clock.now()),
        epoch: epoch.to_owned(),
        conversations: conversation::show(app, caller, &found).await?,
        messages: caught_up.messages,
        truncated,
    }))
}

/// A conversation that the caller names, and the newest `seq` that it has of it.
struct Named {
    conversation: Conversation,
    last_seq: i64,
}

/// Those that the caller may see, in the order of their ids.
async fn named(
    app: &App,
    caller: &Caller,
    mut wanted: Vec<(ConversationId, i64)>,
) -> Result<Vec<Named>, Error> {
    wanted.sort_unstable();
    wanted.dedup_by_key(|(id, _)| *id);
    let ids: Vec<Bson> = wanted.iter().map(|(id, _)| field::id(id.0)).collect();
    let mut out = Vec::with_capacity(ids.len());
    for document in app.store.get_many(Collection::Conversations, &ids).await? {
        let conversation = Conversation::decode(&document)?;
        let found = wanted.binary_search_by_key(&conversation.id, |(id, _)| *id);
        let last_seq = found.ok().and_then(|index| wanted.get(index)).map(|(_, seq)| *seq);
        if let Some(last_seq) = last_seq
            && Membership::of(&conversation).admits(caller)
        {
            out.push(Named { conversation, last_seq });
        }
    }
    Ok(out)
}

/// Whether the caller has messages that are not there: the store was put back from a backup.
async fn is_any_ahead(app: &App, named: &[Named]) -> Result<bool, Error> {
    for it in named {
        // What the conversation says of its messages may lag behind them.
        if it.last_seq > it.conversation.last_seq
            && it.last_seq > message::last_seq(app, it.conversation.id).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

struct CaughtUp {
    messages: Vec<Entry>,
    /// Of the earlier messages.
    progress: Progress<ConversationId>,
    /// There are more missed ones.
    is_more: bool,
}

/// What was missed of the named conversations; `None` where earlier messages changed too much.
async fn catch_up(
    app: &App,
    caller: &Caller,
    named: &[Named],
    since: Option<i64>,
    progress: Progress<ConversationId>,
) -> Result<Option<CaughtUp>, Error> {
    let mut out = CaughtUp { messages: Vec::new(), progress, is_more: false };
    let mut is_changed_told = false;
    let (mut missed_left, mut changed_len) = (MISSED_LEN_MAX, 0);
    for it in named {
        let mut messages = Vec::new();
        let is_due = match progress {
            Progress::Begin => true,
            Progress::Behind(id) => it.conversation.id > id,
            Progress::Done => false,
        };
        if is_due && !is_changed_told {
            if let Some(since) = since.filter(|since| it.conversation.stamp > *since) {
                let seq = it.last_seq;
                let changed = changed::since(app, &it.conversation, since, seq, READ_SHOWN).await?;
                if changed.more_behind.is_some() {
                    return Ok(None);
                }
                messages = changed.messages;
            }
            changed_len += messages.len();
            out.progress = Progress::Behind(it.conversation.id);
            is_changed_told = changed_len >= CHANGED_TOTAL;
        }
        messages.extend(missed(app, it, &mut missed_left, &mut out.is_more).await?);
        let cursors = &it.conversation.read_cursors;
        out.messages.extend(super::entries(app, caller, &messages, cursors).await?);
    }
    if !is_changed_told {
        out.progress = Progress::Done;
    }
    Ok(Some(out))
}

/// The messages behind the place that the caller has, as many as there is room for.
async fn missed(
    app: &App,
    it: &Named,
    left: &mut usize,
    is_more: &mut bool,
) -> Result<Vec<Message>, Error> {
    let (id, after) = (it.conversation.id, Some(it.last_seq));
    let mut messages = message::walk(app, id, after, Direction::Ascending, *left + 1).await?;
    *is_more |= messages.len() > *left;
    messages.truncate(*left);
    *left -= messages.len();
    if messages.last().is_some_and(|last| last.seq > it.conversation.last_seq) {
        message::note_lost_follow_up(message::mend(app, &it.conversation).await.map(drop));
    }
    Ok(messages)
}
