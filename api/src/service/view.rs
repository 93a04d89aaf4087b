//! Stored nouns as the wire shows them: which references are expanded, and what nobody may see.
//!
//! Every answer and every event passes through here, so a deleted text and the history of an edited
//! one cannot leak elsewhere. Source: contract O1.2 and 1.7.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::id::UserId;
use protocol::rest::resource::{
    self, ClientMetadata, MessageMetadata, ReadMark, Reference, UserSummary,
};

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::{self, Action};
use crate::domain::conversation::ReadCursor;
use crate::domain::message::read_mark_id;
use crate::domain::{Conversation, Message, User};
use crate::error::Error;
use crate::service::{message, user};

/// Accounts by id.
pub(crate) type People = HashMap<UserId, Arc<User>>;

/// Which references of a conversation are expanded. Source: the table in contract O1.2.
#[derive(Debug)]
pub(crate) enum Shape {
    /// None: an existing conversation that a creation found.
    Ids,
    /// Participants and the agent: a new or a changed one.
    Changed,
    /// The maker as well: one that was asked for by id.
    Single,
    /// Participants, the agent and the newest message, if there is one; with the count of unread.
    Listed(Option<Box<resource::Message>>, u32),
}

/// Who looks at a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Viewer<'a> {
    /// Everybody in the room.
    Room,
    /// One person.
    Person(&'a Caller),
}

/// A conversation, with the accounts that its shape shows.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn conversation(
    app: &App,
    it: &Conversation,
    shape: Shape,
) -> Result<resource::Conversation, Error> {
    let people = match shape {
        Shape::Ids => People::new(),
        Shape::Changed | Shape::Single | Shape::Listed(..) => {
            user::find_all(app, people_of(it)).await?
        }
    };
    Ok(conversation_with(it, shape, &people))
}

/// Everybody whom a conversation names.
pub(crate) fn people_of(it: &Conversation) -> impl Iterator<Item = UserId> {
    it.participants.iter().copied().chain(it.assigned_to).chain([it.created_by])
}

/// A conversation, with accounts at hand.
pub(crate) fn conversation_with(
    it: &Conversation,
    shape: Shape,
    people: &People,
) -> resource::Conversation {
    let expands = !matches!(shape, Shape::Ids);
    let brief = |id: UserId| people.get(&id).map(|user| Reference::Full(user.summary()));
    let show_agent = |id| if expands { brief(id) } else { Some(Reference::Id(id)) };
    // COMPAT: a participant whose account is gone vanishes where expanded; pinned by
    // `participants_whose_account_is_gone_vanish_where_expanded`.
    let full = |id: UserId| people.get(&id).map(|user| Reference::Full(participant(user)));
    let show = |id: &UserId| if expands { full(*id) } else { Some(Reference::Id(*id)) };
    let created_by = match shape {
        Shape::Single => brief(it.created_by),
        Shape::Ids | Shape::Changed | Shape::Listed(..) => None,
    };
    let last_message_id = it.last_message.map(Reference::Id);
    let (last_message, unread_count) = match shape {
        Shape::Listed(message, unread) => (message.map(Reference::Full), Some(unread)),
        Shape::Ids | Shape::Changed | Shape::Single => (last_message_id, None),
    };
    resource::Conversation {
        id: it.id,
        participants: it.participants.iter().filter_map(show).collect(),
        subject: it.subject.clone(),
        status: it.status.clone(),
        priority: it.priority.clone(),
        assigned_to: it.assigned_to.and_then(show_agent),
        tags: it.tags.clone(),
        last_message,
        last_message_at: it.last_message_at.unwrap_or(it.created_at),
        created_by: created_by.unwrap_or(Reference::Id(it.created_by)),
        closed_at: it.closed_at,
        closed_by: it.closed_by,
        metadata: it.metadata.clone(),
        last_seq: it.last_seq,
        unread_count,
        created_at: it.created_at,
        updated_at: it.updated_at,
        version: it.version,
    }
}

/// A message. Of a deleted one only its place is left; the history of an edited one is for its
/// sender and staff.
pub(crate) fn message(
    it: &Message,
    sender: Option<UserSummary>,
    cursors: &[ReadCursor],
    viewer: Viewer<'_>,
) -> resource::Message {
    let shows_history = match viewer {
        Viewer::Room => false,
        Viewer::Person(caller) => {
            let relation = message::relation(caller, it);
            let action = Action::SeeEditHistory;
            permission::verdict(caller.role, relation, action).is_allowed()
        }
    };
    let edit_history = if shows_history { it.edit_history.clone() } else { Vec::new() };
    let metadata = MessageMetadata {
        is_edited: it.is_edited,
        edited_at: it.edited_at,
        edit_history,
        client: it.client.clone(),
        read_by: read_by(it, cursors),
    };
    let (content, metadata) = if it.is_deleted {
        let client = ClientMetadata::default();
        (String::new(), MessageMetadata { edit_history: Vec::new(), client, ..metadata })
    } else {
        (it.content.clone(), metadata)
    };
    resource::Message {
        id: it.id,
        conversation_id: it.conversation_id,
        seq: it.seq,
        sender_id: sender.map_or(Reference::Id(it.sender_id), Reference::Full),
        client_message_id: it.client_message_id.clone(),
        content,
        kind: it.kind.clone(),
        metadata,
        is_deleted: it.is_deleted,
        deleted_at: it.deleted_at,
        created_at: it.created_at,
        updated_at: it.updated_at,
        version: it.version,
    }
}

/// A sender, as messages show it.
pub(crate) fn sender(user: &User) -> UserSummary {
    UserSummary { role: Some(user.role), ..user.summary() }
}

/// The caller as the sender of its own message.
pub(crate) fn sender_from(caller: &Caller) -> UserSummary {
    UserSummary {
        id: caller.user_id,
        name: caller.name.clone(),
        email: caller.email.clone(),
        avatar: caller.avatar.clone(),
        role: Some(caller.role),
        status: None,
    }
}

fn participant(user: &User) -> UserSummary {
    UserSummary { role: Some(user.role), status: Some(user.status.clone()), ..user.summary() }
}

/// The marks that an old database holds, then those that follow from how far members have read.
fn read_by(it: &Message, cursors: &[ReadCursor]) -> Vec<ReadMark> {
    let mut out = it.read_by.clone();
    for cursor in cursors {
        let covers = it.seq > 0 && cursor.seq >= it.seq && cursor.user_id != it.sender_id;
        if covers && !out.iter().any(|mark| mark.user_id == cursor.user_id) {
            let id = read_mark_id(it.id, cursor.user_id);
            out.push(ReadMark { user_id: cursor.user_id, read_at: cursor.at, id });
        }
    }
    out
}
