//! History, by page or by place.
//!
//! Pages are counted from the newest message back and leave deleted ones out; inside a page the
//! oldest comes first. By place (`afterSeq`, `beforeSeq`) a deleted message is there without its
//! text, so that a client sees no hole. Source: contract 1.6, 1.7, O1.5.

use bson::Bson;
use protocol::id::ConversationId;
use protocol::rest::request::ListMessages;
use protocol::rest::resource::{self, Pagination};
use protocol::time::Timestamp;

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::conversation::ReadCursor;
use crate::domain::{Message, field};
use crate::error::{Error, Kind};
use crate::service::cursor::{self, HistoryPlace};
use crate::service::view::{self, Viewer};
use crate::service::{conversation, record, user};
use crate::store::index::MESSAGES_BY_DELETION;
use crate::store::{Direction, Scan};

/// Deleted messages of a conversation that pages are counted with; behind more of them, deep pages
/// overlap.
pub const DELETED_LEN_MAX: usize = 10_000;

/// Messages that one page looks at; behind so many, of which all but a few are deleted, it is shorter
/// than it might be, perhaps empty, and its cursor goes on.
pub const MESSAGES_WALKED_MAX: usize = 10_000;

/// A page of history.
#[derive(Debug, Clone)]
pub struct MessagePage {
    /// Oldest first.
    pub messages: Vec<resource::Message>,
    /// Its place.
    pub pagination: Pagination,
}

/// A page of a conversation's history.
///
/// # Errors
/// [`Kind::NotFound`] when the conversation is missing or not visible, [`Kind::Invalid`] for a cursor
/// that is none.
pub async fn list(
    app: &App,
    caller: &Caller,
    id: ConversationId,
    request: ListMessages,
) -> Result<MessagePage, Error> {
    const NOT_FOUND: Error = Error::new(Kind::NotFound, "Conversation not found or access denied");
    let action = Action::SeeConversation;
    conversation::permitted(app, caller, id, action).await?.ok_or(NOT_FOUND)?;
    let cursors = conversation::read(app, id).await?.ok_or(NOT_FOUND)?.read_cursors;
    let end = super::last_seq(app, id).await?.saturating_add(1);
    let place = request.page.cursor.as_deref().map(HistoryPlace::decode).transpose()?;
    let (messages, pagination) = match (request.after_seq, place) {
        (after, Some(HistoryPlace::After(place))) => {
            behind(app, id, place.max(after.unwrap_or(place)), &request, end).await?
        }
        (Some(after), None) => behind(app, id, after, &request, end).await?,
        // It was given to a walk the other way.
        (Some(_), Some(HistoryPlace::Before(_))) => return Err(cursor::refused()),
        (None, Some(HistoryPlace::Before(place))) => {
            before(app, id, &request, Some(place), end).await?
        }
        (None, None) => before(app, id, &request, None, end).await?,
    };
    let messages = show(app, caller, &messages, &cursors).await?;
    Ok(MessagePage { messages, pagination })
}

/// Everything behind a place, in order.
async fn behind(
    app: &App,
    id: ConversationId,
    after: i64,
    request: &ListMessages,
    end: i64,
) -> Result<(Vec<Message>, Pagination), Error> {
    let limit = request.page.limit;
    let wanted = (limit as usize).saturating_add(1);
    let mut messages = super::walk(app, id, Some(after), Direction::Ascending, wanted).await?;
    messages.retain(|message| request.before_seq.is_none_or(|before| message.seq < before));
    let has_more = messages.len() == wanted;
    messages.truncate(limit as usize);
    let next = messages.last().filter(|_| has_more).map(|last| HistoryPlace::After(last.seq));
    let total = total(app, id, end).await?;
    Ok((messages, Pagination::new(1, limit, total, next.map(HistoryPlace::encode))))
}

/// A page that ends before a place, a moment, or at the newest message.
async fn before(
    app: &App,
    id: ConversationId,
    request: &ListMessages,
    place: Option<i64>,
    end: i64,
) -> Result<(Vec<Message>, Pagination), Error> {
    let (page, limit) = (request.page.page, request.page.limit);
    let by_place = request.before_seq.is_some();
    let mut bound = request.before_seq.map_or(end, |before| before.clamp(1, end));
    if let Some(moment) = request.before {
        bound = bound.min(first_since(app, id, moment, bound).await?);
    }
    let is_first_page = page <= 1 && bound == end && place.is_none();
    let (start, total) = if is_first_page {
        (bound, total(app, id, end).await?)
    } else {
        let deleted = deleted_seqs(app, id).await?;
        let gone = deleted.iter().filter(|&&seq| seq < bound).count();
        let total = u64::try_from(bound.saturating_sub(1)).unwrap_or_default();
        let start = match place {
            Some(place) => place.clamp(1, bound),
            None => skip(bound, i64::from(page.saturating_sub(1)) * i64::from(limit), &deleted),
        };
        (start, total.saturating_sub(gone as u64))
    };
    let (mut messages, next) = collect(app, id, start, limit as usize, by_place).await?;
    messages.reverse();
    let next = next.map(|seq| HistoryPlace::Before(seq).encode());
    Ok((messages, Pagination::new(page, limit, total, next)))
}

/// The newest `limit` messages before `start`, newest first, and before which place there may be more.
async fn collect(
    app: &App,
    id: ConversationId,
    start: i64,
    limit: usize,
    shows_deleted: bool,
) -> Result<(Vec<Message>, Option<i64>), Error> {
    let mut out = Vec::with_capacity(limit.saturating_add(1));
    let (mut below, mut walked, mut wanted) = (start, 0, limit.saturating_add(1));
    while walked < MESSAGES_WALKED_MAX {
        let batch = super::walk(app, id, Some(below), Direction::Descending, wanted).await?;
        let is_last = batch.len() < wanted;
        walked += batch.len();
        below = batch.last().map_or(below, |message| message.seq);
        out.extend(batch.into_iter().filter(|message| shows_deleted || !message.is_deleted));
        if out.len() > limit {
            out.truncate(limit);
            below = out.last().map_or(below, |message| message.seq);
            break;
        }
        if is_last {
            return Ok((out, None));
        }
        // Where some are deleted, many are.
        wanted = wanted.max(BATCH_LEN);
    }
    Ok((out, Some(below)))
}

/// Messages that are not deleted; counted on the indexes alone.
async fn total(app: &App, id: ConversationId, end: i64) -> Result<u64, Error> {
    let equals = [field::id(id.0)];
    let deleted = app.store.count(&deletions(&equals)).await?;
    Ok(u64::try_from(end.saturating_sub(1)).unwrap_or_default().saturating_sub(deleted))
}

/// Places of the deleted messages, greatest first.
async fn deleted_seqs(app: &App, id: ConversationId) -> Result<Vec<i64>, Error> {
    let deleted = deleted(app, id).await?;
    let mut out: Vec<_> = deleted.iter().map(|message| message.seq).collect();
    out.sort_unstable_by(|a, b| b.cmp(a));
    Ok(out)
}

/// The deleted messages of a conversation, of those with a date of deletion; at most
/// [`DELETED_LEN_MAX`].
pub(super) async fn deleted(app: &App, id: ConversationId) -> Result<Vec<Message>, Error> {
    let equals = [field::id(id.0)];
    let mut deleted = record::scan(app, &deletions(&equals), Message::decode).await?;
    deleted.retain(|message| message.is_deleted);
    Ok(deleted)
}

/// The deleted messages of these conversations, in no particular order; at most [`DELETED_LEN_MAX`]
/// of each.
pub(super) async fn deleted_of_any(
    app: &App,
    ids: &[ConversationId],
) -> Result<Vec<Message>, Error> {
    let firsts: Vec<Bson> = ids.iter().map(|id| field::id(id.0)).collect();
    let found = app.store.scan_any(&MESSAGES_BY_DELETION, &firsts, DELETED_LEN_MAX).await?;
    if found.len() < DELETED_LEN_MAX {
        let legible = found.iter().filter_map(|it| record::legible(it, Message::decode));
        return Ok(legible.filter(|message| message.is_deleted).collect());
    }
    // So many that some may have been left out.
    let mut all = Vec::new();
    for id in ids {
        all.extend(deleted(app, *id).await?);
    }
    Ok(all)
}

fn deletions(equals: &[Bson; 1]) -> Scan<'_> {
    Scan {
        index: &MESSAGES_BY_DELETION,
        equals,
        after: &[],
        direction: Direction::Descending,
        limit: DELETED_LEN_MAX,
    }
}

/// The place before which `count` messages that are not deleted lie between it and `bound`.
fn skip(bound: i64, count: i64, deleted: &[i64]) -> i64 {
    let mut start = bound.saturating_sub(count);
    for &seq in deleted.iter().filter(|&&seq| seq < bound) {
        if seq < start {
            break;
        }
        start = start.saturating_sub(1);
    }
    start.max(1)
}

/// The place of the first message that was not sent before `moment`; at most `end`. Places are in
/// the order of time.
async fn first_since(
    app: &App,
    id: ConversationId,
    moment: Timestamp,
    end: i64,
) -> Result<i64, Error> {
    let (mut low, mut high) = (1, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = super::walk(app, id, Some(middle - 1), Direction::Ascending, 1).await?;
        match found.first() {
            Some(message) if message.created_at < moment => low = message.seq.saturating_add(1),
            Some(_) | None => high = middle,
        }
    }
    Ok(low.min(end))
}

async fn show(
    app: &App,
    caller: &Caller,
    messages: &[Message],
    cursors: &[ReadCursor],
) -> Result<Vec<resource::Message>, Error> {
    let people = user::find_all(app, messages.iter().map(|message| message.sender_id)).await?;
    let shown = messages.iter().map(|message| {
        let sender = people.get(&message.sender_id).map(|user| view::sender(user));
        view::message(message, sender, cursors, Viewer::Person(caller))
    });
    Ok(shown.collect())
}

const BATCH_LEN: usize = 200;

#[cfg(test)]
mod tests {
    use super::skip;

    #[test]
    fn skipping_passes_deleted_places_for_nothing() {
        assert_eq!(skip(11, 0, &[]), 11);
        assert_eq!(skip(11, 3, &[]), 8);
        // 10 9 8 7 6: two are gone, so three shown ones are 10, 8 and 6.
        assert_eq!(skip(11, 3, &[9, 7]), 6);
        assert_eq!(skip(11, 3, &[7, 2]), 8);
        assert_eq!(skip(11, 100, &[9, 7]), 1);
        assert_eq!(skip(8, 1, &[9, 7]), 6);
    }
}
