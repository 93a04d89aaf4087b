//! Messages. Source: contract O1.5, 1.6, 1.7.

use protocol::event::client::ReadUpTo;
use protocol::rest::reply::Success;
use protocol::rest::reply::body::{MessageBody, MessagesBody, UnreadBody};
use protocol::rest::request::{EditMessage, MarkRead};

use crate::auth::Caller;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::http::router::Outcome;
use crate::service::message;

/// `POST /messages`
pub(super) async fn send(mut call: Call<'_>, caller: Caller) -> Outcome {
    let sent = message::send(call.app(), &caller, call.body()?).await?;
    let body = MessageBody { message: sent.message };
    Ok(Reply::created(&Success::with("Message sent successfully", body)))
}

/// `GET /messages/conversation/:id`
pub(super) async fn list(call: Call<'_>, caller: Caller) -> Outcome {
    let page = message::list(call.app(), &caller, call.id()?, call.query()?).await?;
    let body = MessagesBody { messages: page.messages };
    Ok(Reply::ok(&Success::page("Messages retrieved successfully", body, page.pagination)))
}

/// `PUT /messages/:id`
pub(super) async fn edit(mut call: Call<'_>, caller: Caller) -> Outcome {
    let (id, EditMessage { content }) = (call.id()?, call.body()?);
    let message = message::edit(call.app(), &caller, id, content).await?;
    Ok(Reply::ok(&Success::with("Message edited successfully", MessageBody { message })))
}

/// `DELETE /messages/:id`
pub(super) async fn delete(call: Call<'_>, caller: Caller) -> Outcome {
    message::delete(call.app(), &caller, call.id()?).await?;
    Ok(Reply::ok(&Success::bare("Message deleted successfully")))
}

/// `POST /messages/:id/read`
pub(super) async fn read(call: Call<'_>, caller: Caller) -> Outcome {
    message::mark_read(call.app(), &caller, ReadUpTo::Message(call.id()?), None).await?;
    Ok(Reply::ok(&Success::bare("Message marked as read")))
}

/// `POST /messages/conversation/:id/read`
pub(super) async fn read_up_to(mut call: Call<'_>, caller: Caller) -> Outcome {
    let (conversation_id, MarkRead { seq }) = (call.id()?, call.body()?);
    let place = ReadUpTo::Place { conversation_id, seq };
    message::mark_read(call.app(), &caller, place, None).await?;
    Ok(Reply::ok(&Success::bare("Messages marked as read")))
}

/// `GET /messages/conversation/:id/unread-count`
pub(super) async fn unread_count(call: Call<'_>, caller: Caller) -> Outcome {
    let unread_count = message::unread_count(call.app(), &caller, call.id()?).await?;
    let text = "Unread count retrieved successfully";
    Ok(Reply::ok(&Success::with(text, UnreadBody { unread_count })))
}
