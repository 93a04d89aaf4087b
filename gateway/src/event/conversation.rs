//! Events about conversations.

use api::error::Error;
use api::service::{conversation, message, repair};
use protocol::event::ServerEvent;
use protocol::event::client::Join;
use protocol::event::server::{ConversationCreated, ConversationsLoaded, RoomMember};
use protocol::id::{ConversationId, UserId};
use protocol::rest::reply::repair::{Entry, Joined, Repaired};
use protocol::rest::request::{ConversationChanges, CreateConversation, ListConversations, Sync};
use protocol::rest::resource::Conversation;
use protocol::room::Room;
use serde::Serialize;
use smallvec::smallvec;

use super::BUSY;
use super::call::{Call, Outcome};
use crate::table::inbox::Step;

/// Puts the socket into the conversation's room, and brings what it missed: first that, then what
/// was announced while it was read.
pub(super) async fn join(call: &Call, join: Join) -> Result<Outcome, Error> {
    let room = Room::Conversation(join.conversation_id);
    conversation::authorize(&call.app, &call.person, join.conversation_id).await?;
    // In the room first: what comes while the history is read is heard live.
    if join.last_seq.is_none() {
        call.enter(room).await?;
        return Ok(Outcome::with(&missed(call, &join).await?));
    }
    call.enter_held(room.clone()).await?;
    match missed(call, &join).await {
        Ok(repaired) => Ok(Outcome::with(&repaired).releasing(room, told(&repaired))),
        Err(error) => {
            call.send(smallvec![Step::Release(room, None)]).await;
            Err(error)
        }
    }
}

/// What was missed, up to what was passed on to the room since the socket is in there.
async fn missed(call: &Call, join: &Join) -> Result<Repaired<Joined>, Error> {
    for _ in 0..READS_MAX {
        let repaired = repair::join(&call.app, &call.person, join).await?;
        let last_seq = match &repaired {
            Repaired::Missed(joined) => joined.last_seq,
            Repaired::Reset(_) => message::last_seq(&call.app, join.conversation_id).await?,
        };
        if call.answers.meets(join.conversation_id, last_seq).await {
            return Ok(repaired);
        }
    }
    Err(BUSY)
}

/// Up to which message an answer has told of new ones.
fn told(repaired: &Repaired<Joined>) -> Option<i64> {
    match repaired {
        Repaired::Missed(joined) => {
            Some(joined.messages.last().map_or(joined.last_seq, Entry::seq))
        }
        Repaired::Reset(_) => None,
    }
}

/// Puts the socket into the conversation's room.
async fn attend(call: &Call, id: ConversationId) -> Result<(), Error> {
    call.enter(Room::Conversation(id)).await?;
    for _ in 0..READS_MAX {
        let last_seq = message::last_seq(&call.app, id).await?;
        if call.answers.meets(id, last_seq).await {
            return Ok(());
        }
    }
    Err(BUSY)
}

/// Reads of somebody who enters while others do, before we give up with `BUSY`. The second is as new
/// as theirs.
const READS_MAX: usize = 4;

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
    attend(call, id).await?;
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
    let attended = attend(call, created.conversation.id).await;
    let outcome = Outcome::with(&Changed { conversation: &created.conversation });
    if created.is_new {
        // All sockets of its participants have been told, this one among them. It is stored, whatever
        // came of joining it: whoever heard of a failure would make another.
        return Ok(outcome);
    }
    attended?;
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
