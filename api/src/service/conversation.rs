//! Conversations: who may see them, and what may be done with them. Source: contract 1.4, O1.4.

mod change;
mod create;
mod list;

use std::sync::Arc;

use bson::RawDocumentBuf;
use protocol::id::{ConversationId, UserId};
use protocol::rest::resource;

pub use change::{assign, close, update};
pub use create::{Created, create};
pub(super) use list::show;
pub use list::{CONVERSATIONS_WALKED_MAX, ConversationPage, list};

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::{self, Action, Relation, Verdict};
use crate::auth::role::FORBIDDEN;
use crate::domain::{Conversation, NOBODY, field};
use crate::error::{Error, Kind};
use crate::service::view::{self, Shape};
use crate::store::Collection;

/// Who belongs to a conversation: what every request about it is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its members; the creator first.
    pub participants: Vec<UserId>,
    /// Who made it.
    pub created_by: UserId,
    /// The agent in charge.
    pub assigned_to: Option<UserId>,
}

impl Membership {
    pub(super) fn of(conversation: &Conversation) -> Self {
        Self {
            participants: conversation.participants.clone(),
            created_by: conversation.created_by,
            assigned_to: conversation.assigned_to,
        }
    }

    /// How the caller stands to the conversation.
    pub fn relation(&self, caller: &Caller) -> Relation {
        let me = caller.user_id;
        let created = self.created_by == me && self.created_by != NOBODY;
        if created || self.participants.contains(&me) {
            Relation::Member
        } else {
            Relation::Stranger
        }
    }

    /// Whether the caller may do this with the conversation.
    pub fn verdict(&self, caller: &Caller, action: Action) -> Verdict {
        permission::verdict(caller.role, self.relation(caller), action)
    }

    /// Whether the caller may see the conversation, and so read, write and type in it.
    pub fn admits(&self, caller: &Caller) -> bool {
        self.verdict(caller, Action::SeeConversation).is_allowed()
    }
}

/// Passes those who may see this conversation.
///
/// # Errors
/// [`Kind::NotFound`] when it is missing or not visible to the caller.
///
/// # Cost
/// A cache look-up; the store is read only for what the cache lacks.
pub async fn authorize(
    app: &App,
    caller: &Caller,
    id: ConversationId,
) -> Result<Arc<Membership>, Error> {
    permitted(app, caller, id, Action::SeeConversation).await?.ok_or(NOT_FOUND)
}

/// The conversation, with everybody in it expanded.
///
/// # Errors
/// [`Kind::NotFound`] when it is missing or not visible to the caller.
pub async fn get(
    app: &App,
    caller: &Caller,
    id: ConversationId,
) -> Result<resource::Conversation, Error> {
    let conversation = read(app, id).await?.ok_or(NOT_FOUND)?;
    if !Membership::of(&conversation).admits(caller) {
        return Err(NOT_FOUND);
    }
    view::conversation(app, &conversation, Shape::Single).await
}

/// Who belongs to the conversation, if the caller may do this with it; `None` when it is missing or
/// hidden from the caller.
///
/// # Errors
/// [`Kind::Forbidden`] when it is visible, but not for this.
pub(super) async fn permitted(
    app: &App,
    caller: &Caller,
    id: ConversationId,
    action: Action,
) -> Result<Option<Arc<Membership>>, Error> {
    let membership = match app.memberships.get(&id, app.clock.now()) {
        Ok(membership) => membership,
        Err(ticket) => {
            let Some(conversation) = read(app, id).await? else { return Ok(None) };
            let membership = Arc::new(Membership::of(&conversation));
            app.memberships.fill(id, Arc::clone(&membership), ticket, app.clock.now());
            membership
        }
    };
    match membership.verdict(caller, action) {
        Verdict::Allowed => Ok(Some(membership)),
        Verdict::Forbidden => Err(FORBIDDEN),
        Verdict::Hidden => Ok(None),
    }
}

/// The stored conversation.
pub(super) async fn read(app: &App, id: ConversationId) -> Result<Option<Conversation>, Error> {
    Ok(read_stored(app, id).await?.map(|(conversation, _)| conversation))
}

/// The conversation, and its document.
async fn read_stored(
    app: &App,
    id: ConversationId,
) -> Result<Option<(Conversation, RawDocumentBuf)>, Error> {
    let document = app.store.get(Collection::Conversations, &field::id(id.0)).await?;
    let Some(document) = document else { return Ok(None) };
    let conversation = Conversation::decode(&document)?;
    app.clock.observe(conversation.stamp);
    Ok(Some((conversation, document)))
}

const NOT_FOUND: Error = Error::new(Kind::NotFound, "Conversation not found");
