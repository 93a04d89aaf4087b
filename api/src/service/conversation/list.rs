//! Lists of conversations, the lately active first.
//!
//! A list walks one index or several at once (`list/query.rs`) and sifts what no index narrows. Up to
//! [`CONVERSATIONS_WALKED_MAX`] are looked at. Where that ends a walk, the page is shorter than it
//! might be, perhaps empty, and its cursor goes on behind what was looked at: who follows cursors
//! meets everything once, and the end. Source: contract 1.4, 1.7.

mod query;

use std::collections::HashMap;

use bson::Bson;
use protocol::id::{ConversationId, MessageId};
use protocol::rest::request::ListConversations;
use protocol::rest::resource::{self, Pagination};

use self::query::Query;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::{Conversation, Message, field};
use crate::error::Error;
use crate::service::cursor::ConversationPlace;
use crate::service::view::{self, Shape, Viewer};
use crate::service::{message, record, user};
use crate::store::Collection;

/// Conversations that one request looks at along each index; `total` counts no further where no index
/// tells it, and a cursor goes on behind them.
pub const CONVERSATIONS_WALKED_MAX: usize = 10_000;

/// A page of conversations.
#[derive(Debug, Clone)]
pub struct ConversationPage {
    /// The lately active first.
    pub conversations: Vec<resource::Conversation>,
    /// Its place.
    pub pagination: Pagination,
}

/// A page of the conversations that the caller asks for and may list.
///
/// # Errors
/// [`Kind::Forbidden`](crate::error::Kind::Forbidden) when a user asks for more than its own, [`Kind::Invalid`](crate::error::Kind::Invalid) for a cursor that is
/// none.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: ListConversations,
) -> Result<ConversationPage, Error> {
    let (page, limit) = (request.page.page, request.page.limit as usize);
    let after = request.page.cursor.as_deref().map(ConversationPlace::decode).transpose()?;
    let query = Query::new(caller, request)?;
    let skipped = if after.is_some() { 0 } else { (page.saturating_sub(1) as usize) * limit };
    let wanted = skipped.saturating_add(limit).saturating_add(1);
    let (walk, total) = query.walk_and_count(app, after, wanted).await?;
    let has_more = walk.found.len() > skipped.saturating_add(limit);
    let shown: Vec<Conversation> = walk.found.into_iter().skip(skipped).take(limit).collect();
    let end = if has_more { shown.last().map(place) } else { walk.end };
    let next = end.map(ConversationPlace::encode);
    let conversations = show(app, caller, &shown).await?;
    let pagination = Pagination::new(page, u32::try_from(limit).unwrap_or(u32::MAX), total, next);
    Ok(ConversationPage { conversations, pagination })
}

/// What a walk met.
#[derive(Debug)]
struct Walk {
    /// In order, each once, and none missing between the first and the last.
    found: Vec<Conversation>,
    /// How many passed, of which `found` may leave out the last.
    count: u64,
    /// What was looked at last, where the walk has not come to an end.
    end: Option<ConversationPlace>,
}

impl Query {
    /// As [`walk`](Self::walk), and how many there are.
    async fn walk_and_count(
        &self,
        app: &App,
        after: Option<ConversationPlace>,
        wanted: usize,
    ) -> Result<(Walk, u64), Error> {
        if after.is_none() && !self.is_countable() {
            let whole = self.walk(app, None, usize::MAX).await?;
            let total = whole.count;
            return Ok((whole, total));
        }
        let walk = self.walk(app, after, wanted).await?;
        if after.is_none() && walk.end.is_none() {
            let total = walk.count;
            return Ok((walk, total));
        }
        let total = match self.count(app).await? {
            Some(total) => total,
            None => self.walk(app, None, usize::MAX).await?.count,
        };
        Ok((walk, total))
    }

    /// Walks from behind a place until `wanted` are found, or as far as one may look.
    async fn walk(
        &self,
        app: &App,
        after: Option<ConversationPlace>,
        wanted: usize,
    ) -> Result<Walk, Error> {
        let mut found: HashMap<ConversationId, Conversation> = HashMap::new();
        // Of the places where sources were left, the first in the order of the list: behind it one
        // of them may hold what belongs between the others' finds.
        let mut end: Option<ConversationPlace> = None;
        for source in &self.sources {
            let (mut from, mut place) = (after.map_or_else(Vec::new, behind), after);
            let (mut walked, mut matched) = (0, 0);
            let is_told = self.filter.passes_all_of(source);
            let is_whole = loop {
                if walked >= CONVERSATIONS_WALKED_MAX || matched >= wanted {
                    break false;
                }
                // Where all pass, no more than are wanted.
                let left = if is_told { wanted.saturating_sub(matched) } else { usize::MAX };
                let batch_len = BATCH_LEN.min(left);
                let scan = source.scan(&from, batch_len);
                let documents = app.store.scan(&scan).await?;
                let read =
                    documents.iter().filter_map(|it| record::legible(it, Conversation::decode));
                for it in read {
                    place = Some(self::place(&it));
                    if self.filter.passes(&it) {
                        matched += 1;
                        found.insert(it.id, it);
                    }
                }
                walked += documents.len();
                match documents.last().filter(|_| documents.len() >= batch_len) {
                    Some(last) => from = record::place(&scan, last),
                    None => break true,
                }
            };
            if !is_whole {
                end = end.max(place);
            }
        }
        let count = found.len() as u64;
        let mut found: Vec<Conversation> =
            found.into_values().filter(|it| end.is_none_or(|end| place(it) >= end)).collect();
        found.sort_unstable_by_key(|it| std::cmp::Reverse(place(it)));
        Ok(Walk { found, count, end })
    }
}

fn place(it: &Conversation) -> ConversationPlace {
    ConversationPlace { at: it.last_message_at, id: it.id }
}

/// A place as indexes hold it. Where no date is stored, null is, or nothing.
fn behind(it: ConversationPlace) -> Vec<Bson> {
    vec![it.at.map_or(Bson::Null, field::date), field::id(it.id.0)]
}

/// Conversations as lists show them: with the newest message and the caller's unread count.
///
/// # Errors
/// The store cannot be read.
pub(in crate::service) async fn show(
    app: &App,
    caller: &Caller,
    listed: &[Conversation],
) -> Result<Vec<resource::Conversation>, Error> {
    let people = user::find_all(app, listed.iter().flat_map(view::people_of)).await?;
    let mut newest = newest_messages(app, listed).await?;
    let unread = message::count_each_unread(app, caller.user_id, listed).await?;
    let mut out = Vec::with_capacity(listed.len());
    for (it, unread) in listed.iter().zip(unread) {
        let message = it.last_message.and_then(|id| newest.remove(&id));
        // One that stands elsewhere is not for those who see this conversation.
        let message = message.filter(|message| message.conversation_id == it.id).map(|message| {
            let viewer = Viewer::Person(caller);
            Box::new(view::message(&message, None, &it.read_cursors, viewer))
        });
        out.push(view::conversation_with(it, Shape::Listed(message, unread), &people));
    }
    Ok(out)
}

/// The newest messages by id, without those that were deleted while nobody noted it.
async fn newest_messages(
    app: &App,
    listed: &[Conversation],
) -> Result<HashMap<MessageId, Message>, Error> {
    let ids: Vec<Bson> =
        listed.iter().filter_map(|it| it.last_message).map(|id| field::id(id.0)).collect();
    let mut out = HashMap::new();
    for document in app.store.get_many(Collection::Messages, &ids).await? {
        let message = Message::decode(&document)?;
        if !message.is_deleted {
            out.insert(message.id, message);
        }
    }
    Ok(out)
}

const BATCH_LEN: usize = 200;
