//! Events about messages.

use api::error::Error;
use api::service::message;
use protocol::event::ServerEvent;
use protocol::event::client::ReadUpTo;
use protocol::event::server::{MessageSent, MessagesLoaded};
use protocol::id::{ConversationId, MessageId};
use protocol::rest::request::{ListMessages, SendMessage};
use protocol::rest::resource::Message;
use serde::Serialize;

use super::call::{Call, Outcome};

/// What a sending or an editing is acknowledged with.
#[derive(Serialize)]
struct Written<'a> {
    message: &'a Message,
}

/// Stores a message; its conversation has been told before the sender is.
pub(super) async fn send(call: &Call, request: SendMessage) -> Result<Outcome, Error> {
    let sent = message::send(&call.app, &call.person, request).await?;
    let confirmation = MessageSent {
        message_id: sent.message.id,
        conversation_id: sent.message.conversation_id,
        timestamp: call.app.clock.now(),
    };
    let outcome = Outcome::with(&Written { message: &sent.message });
    Ok(outcome.and(ServerEvent::MessageSent(confirmation)))
}

/// Replaces a message's text.
pub(super) async fn edit(call: &Call, id: MessageId, content: String) -> Result<Outcome, Error> {
    let message = message::edit(&call.app, &call.person, id, content).await?;
    Ok(Outcome::with(&Written { message: &message }))
}

/// Deletes a message.
pub(super) async fn delete(call: &Call, id: MessageId) -> Result<Outcome, Error> {
    message::delete(&call.app, &call.person, id).await?;
    Ok(Outcome::done())
}

/// Marks everything up to a message as read.
pub(super) async fn mark_read(call: &Call, up_to: ReadUpTo) -> Result<Outcome, Error> {
    message::mark_read(&call.app, &call.person, up_to, Some(call.socket)).await?;
    Ok(Outcome::done())
}

/// Brings a page of history.
pub(super) async fn list(
    call: &Call,
    id: ConversationId,
    request: ListMessages,
) -> Result<Outcome, Error> {
    let page = message::list(&call.app, &call.person, id, request).await?;
    let loaded = MessagesLoaded {
        conversation_id: id,
        messages: page.messages,
        pagination: page.pagination,
    };
    Ok(Outcome::with(&loaded).and(ServerEvent::MessagesLoaded(Box::new(loaded))))
}
