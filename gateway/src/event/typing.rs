//! Events about typing. They report nothing that is stored, so they are built here.

use std::sync::Arc;

use api::App;
use api::error::Error;
use api::service::typing;
use protocol::event::server::{Typing, TypingUsers};
use protocol::event::{Envelope, ServerEvent};
use protocol::id::{ConversationId, SocketId, UserId};
use protocol::room::Room;
use smallvec::smallvec;

use super::call::{Call, Outcome};

/// The caller types.
pub(super) async fn start(call: &Call, id: ConversationId) -> Result<Outcome, Error> {
    let told = typing::start(&call.app, &call.person, id, call.socket).await?;
    if let Some(event) = told {
        call.tell_others(Room::Conversation(id), ServerEvent::TypingStart(event)).await;
    }
    Ok(Outcome::done())
}

/// The caller ceases to type.
pub(super) async fn stop(call: &Call, id: ConversationId) -> Result<Outcome, Error> {
    let event = typing::stop(&call.app, &call.person, id).await?;
    call.tell_others(Room::Conversation(id), ServerEvent::TypingStop(event)).await;
    Ok(Outcome::done())
}

/// Who is typing, the caller included.
pub(super) async fn list(call: &Call, id: ConversationId) -> Result<Outcome, Error> {
    let typing_users = typing::list(&call.app, &call.person, id).await?;
    let users = TypingUsers { conversation_id: id, typing_users };
    Ok(Outcome::with(&users).and(ServerEvent::TypingUsers(users)))
}

/// A socket that was typing is gone.
pub(super) async fn leave(app: Arc<App>, person: UserId, id: ConversationId, socket: SocketId) {
    if let Some(event) = typing::leave(&app, person, id, socket) {
        announce(&app, event).await;
    }
}

/// Announces that those have ceased to type who did not renew it in time; to be called every
/// second or so.
pub async fn expire(app: &App) {
    for event in typing::expire(app, app.clock.now()) {
        announce(app, event).await;
    }
}

async fn announce(app: &App, event: Typing) {
    let rooms = smallvec![Room::Conversation(event.conversation_id)];
    let event = ServerEvent::TypingStop(event);
    app.bus.publish(Envelope { rooms, except: None, event }).await;
}
