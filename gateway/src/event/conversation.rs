//! Events about conversations.

use api::error::Error;
use api::service::{conversation, repair};
use protocol::event::ServerEvent;
use protocol::event::client::Join;
use protocol::event::server::{ConversationCreated, ConversationsLoaded, RoomMember};
use protocol::id::{ConversationId, UserId};
use protocol::rest::request::{ConversationChanges, CreateConversation, ListConversations, Sync};
use protocol::rest::resource::Conversation;
use protocol::room::Room;
use serde::Serialize;

use super::call::{Call, Outcome};

/// Puts the socket into the conversation's room, and brings what it missed.
pub(super) async fn join(call: &Call, join: Join) -> Result<Outcome, Error> {
    let id = join.conversation_id;
    conversation::authorize(&call.app, &call.person, id).await?;
    // In the room first: what comes while the history is read is heard live.
    call.enter(Room::Conversation(id)).await?;
    Ok(Outcome::with(&repair::join(&call.app, &call.person, &join).await?))
}

/// Brings what the client missed while it was away.
pub(super) async fn sync(call: &Call, request: Sync) -> Result<Outcome, Error> {
    Ok(Outcome::with(&repair::sync(&call.app, &call.person, request).await?))
}

/// Takes the socket out of the conversation's room.
pub(super) fn leave(id: ConversationId) -> Outcome {
    Outcome::done().leaving(Room::Conversation(id))
}

/// `join_conversation` by the name of the room; the others are told.
pub(super) async fn join_room(call: &Call, id: ConversationId) -> Result<Outcome, Error> {
    conversation::authorize(&call.app, &call.person, id).await?;
    call.enter(Room::Conversation(id)).await?;
    call.tell_others(Room::Conversation(id), ServerEvent::UserJoinedRoom(member(call))).await;
    Ok(Outcome::done())
}

/// `leave_conversation` by the name of the room; the others are told, if the caller may be there.
pub(super) async fn leave_room(call: &Call, id: ConversationId) -> Outcome {
    if conversation::authorize(&call.app, &call.person, id).await.is_ok() {
        call.tell_others(Room::Conversation(id), ServerEvent::UserLeftRoom(member(call))).await;
    }
    leave(id)
}

fn member(call: &Call) -> RoomMember {
    RoomMember {
        user_id: call.person.user_id,
        user_name: call.person.name.clone(),
        timestamp: call.app.clock.now(),
    }
}

/// Opens a conversation, or finds the open one, and joins it.
pub(super) async fn create(call: &Call, request: CreateConversation) -> Result<Outcome, Error> {
    let created = conversation::create(&call.app, &call.person, request).await?;
    call.enter(Room::Conversation(created.conversation.id)).await?;
    let outcome = Outcome::with(&Changed { conversation: &created.conversation });
    if created.is_new {
        // All sockets of its participants have been told, this one among them.
        return Ok(outcome);
    }
    let (conversation, created_by) = (created.conversation, created.created_by);
    let event = ConversationCreated { conversation, created_by };
    Ok(outcome.and(ServerEvent::ConversationCreated(Box::new(event))))
}

/// What a change is acknowledged with.
#[derive(Serialize)]
struct Changed<'a> {
    conversation: &'a Conversation,
}

/// Changes state, agent, priority or labels.
pub(super) async fn update(
    call: &Call,
    id: ConversationId,
    changes: ConversationChanges,
) -> Result<Outcome, Error> {
    let conversation = conversation::update(&call.app, &call.person, id, changes).await?;
    Ok(Outcome::with(&Changed { conversation: &conversation }))
}

/// Gives a conversation to an agent.
pub(super) async fn assign(
    call: &Call,
    id: ConversationId,
    agent: Option<UserId>,
) -> Result<Outcome, Error> {
    let conversation = conversation::assign(&call.app, &call.person, id, agent).await?;
    Ok(Outcome::with(&Changed { conversation: &conversation }))
}

/// Closes a conversation.
pub(super) async fn close(call: &Call, id: ConversationId) -> Result<Outcome, Error> {
    let conversation = conversation::close(&call.app, &call.person, id).await?;
    Ok(Outcome::with(&Changed { conversation: &conversation }))
}

/// Brings a page of conversations.
pub(super) async fn list(call: &Call, request: ListConversations) -> Result<Outcome, Error> {
    let page = conversation::list(&call.app, &call.person, request).await?;
    let loaded =
        ConversationsLoaded { conversations: page.conversations, pagination: page.pagination };
    Ok(Outcome::with(&loaded).and(ServerEvent::ConversationsLoaded(Box::new(loaded))))
}
