//! Changes of a conversation: its state, its agent, its end.

use std::sync::Arc;

use bson::{Bson, RawDocumentBuf};
use protocol::event::server::{ConversationAssigned, ConversationClosed, ConversationUpdated};
use protocol::event::{Envelope, ServerEvent};
use protocol::id::{ConversationId, UserId};
use protocol::rest::request::ConversationChanges;
use protocol::rest::resource;
use protocol::rest::word::ConversationStatus;
use protocol::room::Room;
use protocol::time::Timestamp;
use smallvec::{SmallVec, smallvec};

use super::Membership;
use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::clock::Stamp;
use crate::domain::conversation::{ASSIGNMENTS_KEPT, encode_assignment};
use crate::domain::{Conversation, codec, field};
use crate::error::{Error, Kind};
use crate::service::view::{self, Shape};
use crate::service::{late, presence, to_the_end, user};
use crate::store::{Collection, Guard, Op, Update};

/// Changes state, priority, labels or agent.
///
/// # Errors
/// [`Kind::NotFound`] when it is not visible, [`Kind::Forbidden`] for what only staff may change,
/// [`Kind::Invalid`] when the agent is none, [`Kind::Conflict`] when another agent holds what the
/// caller claims.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn update(
    app: &Arc<App>,
    caller: &Caller,
    id: ConversationId,
    request: ConversationChanges,
) -> Result<resource::Conversation, Error> {
    const NOT_FOUND: Error = Error::new(Kind::NotFound, "Conversation not found or access denied");
    super::permitted(app, caller, id, asked(&request)).await?.ok_or(NOT_FOUND)?;
    if let Some(Some(agent)) = request.assigned_to {
        require_agent(app, agent).await?;
    }
    let mut ops = Vec::new();
    if let Some(status) = request.status {
        ops.push(field::set(field::STATUS, status.as_str()));
    }
    if let Some(priority) = request.priority {
        ops.push(field::set(field::PRIORITY, priority.as_str()));
    }
    if let Some(tags) = &request.tags {
        let tags = tags.iter().map(|tag| Bson::from(tag.as_str())).collect();
        ops.push(field::set(field::TAGS, Bson::Array(tags)));
    }
    if let Some(agent) = request.assigned_to {
        ops.push(field::set(field::ASSIGNED_TO, field::optional_id(agent.map(|agent| agent.0))));
    }
    let change = Change { id, ops, claim: request.assigned_to.flatten() == Some(caller.user_id) };
    run(app, caller, change, move |caller, before, after, timestamp| {
        let updated = ConversationUpdated {
            conversation_id: id,
            updates: request,
            updated_by: caller.actor(),
            timestamp,
        };
        let mut events = vec![Envelope {
            rooms: smallvec![Room::Conversation(id)],
            except: None,
            event: ServerEvent::ConversationUpdated(updated),
        }];
        if before.assigned_to != after.assigned_to {
            events.push(assigned(caller, before, after, timestamp));
        }
        events
    })
    .await
    .map_err(|error| if error.kind() == Kind::NotFound { NOT_FOUND } else { error })
}

/// Gives a conversation to an agent; to itself: claims it.
///
/// # Errors
/// [`Kind::Forbidden`] for users, [`Kind::Invalid`] when the agent is none, [`Kind::NotFound`],
/// [`Kind::Conflict`] when another agent holds what the caller claims.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn assign(
    app: &Arc<App>,
    caller: &Caller,
    id: ConversationId,
    agent: Option<UserId>,
) -> Result<resource::Conversation, Error> {
    caller.require(Action::AssignConversation)?;
    let agent = agent.ok_or(NO_AGENT)?;
    require_agent(app, agent).await?;
    let ops = vec![
        field::set(field::ASSIGNED_TO, field::id(agent.0)),
        // COMPAT: even a closed one becomes pending; pinned by `assigning_makes_pending`.
        field::set(field::STATUS, ConversationStatus::Pending.as_str()),
    ];
    let change = Change { id, ops, claim: agent == caller.user_id };
    run(app, caller, change, |caller, before, after, timestamp| {
        vec![assigned(caller, before, after, timestamp)]
    })
    .await
}

/// Closes a conversation.
///
/// # Errors
/// [`Kind::NotFound`] when it is missing or not visible.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn close(
    app: &Arc<App>,
    caller: &Caller,
    id: ConversationId,
) -> Result<resource::Conversation, Error> {
    let action = Action::CloseConversation;
    super::permitted(app, caller, id, action).await?.ok_or(super::NOT_FOUND)?;
    let ops = vec![
        field::set(field::STATUS, ConversationStatus::Closed.as_str()),
        field::set(field::CLOSED_AT, field::date(app.clock.now())),
        field::set(field::CLOSED_BY, field::id(caller.user_id.0)),
    ];
    run(app, caller, Change { id, ops, claim: false }, move |caller, _, _, timestamp| {
        let closed =
            ConversationClosed { conversation_id: id, closed_by: caller.actor(), timestamp };
        let event = ServerEvent::ConversationClosed(closed);
        vec![Envelope { rooms: smallvec![Room::Conversation(id)], except: None, event }]
    })
    .await
}

/// One guarded write of one conversation.
#[derive(Debug)]
struct Change {
    id: ConversationId,
    ops: Vec<Op>,
    /// Only if no other agent holds it; who is none any more holds nothing.
    claim: bool,
}

/// Stores the change, publishes the events that follow from it, and shows the conversation.
async fn run(
    app: &Arc<App>,
    caller: &Caller,
    change: Change,
    events: impl FnOnce(&Caller, &Conversation, &Conversation, Timestamp) -> Vec<Envelope>
    + Send
    + 'static,
) -> Result<resource::Conversation, Error> {
    let (app, caller) = (Arc::clone(app), caller.clone());
    to_the_end(async move {
        let _lane = app.lanes.enter(change.id).await?;
        let (before, document, stamp) = store(&app, &caller, &change).await?;
        app.memberships.forget(&change.id);
        late::restamp(&app, change.id, None, stamp).await;
        let after = Conversation::decode(&document)?;
        if before.assigned_to != after.assigned_to {
            let agents = before.assigned_to.into_iter().chain(after.assigned_to);
            presence::forget_audience(&app, agents);
        }
        for envelope in events(&caller, &before, &after, stamp.timestamp()) {
            app.bus.publish(envelope).await;
        }
        view::conversation(&app, &after, Shape::Changed).await
    })
    .await
}

/// Makes the change; what was before, what is now, and when it changed. A change of the agent is
/// made only if nobody else made one in between, so that the list of those who held it is whole.
async fn store(
    app: &App,
    caller: &Caller,
    change: &Change,
) -> Result<(Conversation, RawDocumentBuf, Stamp), Error> {
    let assigns = change.ops.iter().any(|op| match op {
        Op::Set(path, _) => path == field::ASSIGNED_TO,
        Op::Unset(_) | Op::Increment(..) | Op::Max(..) | Op::Push { .. } => false,
    });
    for _ in 0..ATTEMPTS_MAX {
        let (before, stored) = super::read_stored(app, change.id).await?.ok_or(super::NOT_FOUND)?;
        // What was permitted before the lane was free may not be any more.
        if !Membership::of(&before).admits(caller) {
            return Err(super::NOT_FOUND);
        }
        let other = before.assigned_to.filter(|holder| change.claim && *holder != caller.user_id);
        if let Some(holder) = other
            && is_agent(app, holder).await?
        {
            return Err(Error::new(Kind::Conflict, "Conversation is assigned to another agent"));
        }
        let stamp = app.clock.stamp();
        let mut ops = change.ops.clone();
        ops.push(field::max(field::STAMP, stamp.0));
        ops.push(field::set(field::UPDATED_AT, field::date(stamp.timestamp())));
        let mut guard = Vec::new();
        if assigns {
            let holder = before.assigned_to;
            // As it is stored: what is no id is nobody, and must be replaceable.
            let holding = codec::stored(&stored, field::ASSIGNED_TO);
            guard.push(Guard::Equals(field::ASSIGNED_TO, holding));
            ops.push(Op::Push {
                path: field::ASSIGNMENTS.to_owned(),
                item: encode_assignment(holder, stamp.0),
                keep: ASSIGNMENTS_KEPT,
            });
        }
        let collection = Collection::Conversations;
        let update = Update { collection, id: field::id(change.id.0), guard, ops };
        if let Some(document) = app.store.update(update).await? {
            return Ok((before, document, stamp));
        }
    }
    Err(Error::new(Kind::Busy, "Server is busy, please try again"))
}

/// What the request amounts to.
fn asked(request: &ConversationChanges) -> Action {
    let triages = request.status == Some(ConversationStatus::Pending)
        || request.priority.is_some()
        || request.tags.is_some()
        || request.assigned_to.is_some();
    if triages { Action::TriageConversation } else { Action::ChangeStatus }
}

async fn require_agent(app: &App, agent: UserId) -> Result<(), Error> {
    if is_agent(app, agent).await? { Ok(()) } else { Err(NO_AGENT) }
}

/// Whether this is somebody who can hold a conversation.
async fn is_agent(app: &App, id: UserId) -> Result<bool, Error> {
    let user = user::find(app, id).await?;
    Ok(user.is_some_and(|user| user.is_active && user.role.is_staff()))
}

/// Heard in the conversation, by its people and its agent, and by staff when it enters or leaves
/// the queue.
fn assigned(
    caller: &Caller,
    before: &Conversation,
    after: &Conversation,
    timestamp: Timestamp,
) -> Envelope {
    let mut rooms: SmallVec<[Room; 2]> = smallvec![Room::Conversation(after.id)];
    let people = after.participants.iter().copied();
    for person in people.chain(before.assigned_to).chain(after.assigned_to) {
        if !rooms.contains(&Room::User(person)) {
            rooms.push(Room::User(person));
        }
    }
    if before.assigned_to.is_none() != after.assigned_to.is_none() {
        rooms.push(Room::Staff);
    }
    let event = ServerEvent::ConversationAssigned(ConversationAssigned {
        conversation_id: after.id,
        assigned_to: after.assigned_to,
        assigned_by: caller.actor(),
        timestamp,
    });
    Envelope { rooms, except: None, event }
}

/// Changes of the agent by other processes in between before we give up with [`Kind::Busy`].
const ATTEMPTS_MAX: usize = 4;

const NO_AGENT: Error = Error::new(Kind::Invalid, "Invalid agent or agent not found");
