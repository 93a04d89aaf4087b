//! Conversations. Source: contract O1.4, 1.4.

use protocol::rest::reply::Success;
use protocol::rest::reply::body::{ConversationBody, ConversationsBody};
use protocol::rest::request::AssignConversation;

use crate::auth::Caller;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::http::router::Outcome;
use crate::service::{conversation, repair};

/// `POST /conversations`
pub(super) async fn create(mut call: Call<'_>, caller: Caller) -> Outcome {
    let created = conversation::create(call.app(), &caller, call.body()?).await?;
    let body = ConversationBody { conversation: created.conversation };
    Ok(Reply::created(&Success::with("Conversation created successfully", body)))
}

/// `GET /conversations`
pub(super) async fn list(call: Call<'_>, caller: Caller) -> Outcome {
    let page = conversation::list(call.app(), &caller, call.query()?).await?;
    let body = ConversationsBody { conversations: page.conversations };
    let text = "Conversations retrieved successfully";
    Ok(Reply::ok(&Success::page(text, body, page.pagination)))
}

/// `POST /sync`
pub(super) async fn sync(mut call: Call<'_>, caller: Caller) -> Outcome {
    let missed = repair::sync(call.app(), &caller, call.body_or_empty()?).await?;
    Ok(Reply::ok(&Success::with("Changes retrieved successfully", missed)))
}

/// `GET /conversations/:id`
pub(super) async fn get(call: Call<'_>, caller: Caller) -> Outcome {
    let conversation = conversation::get(call.app(), &caller, call.id()?).await?;
    let body = ConversationBody { conversation };
    Ok(Reply::ok(&Success::with("Conversation retrieved successfully", body)))
}

/// `PUT /conversations/:id`
pub(super) async fn update(mut call: Call<'_>, caller: Caller) -> Outcome {
    let (id, changes) = (call.id()?, call.body_or_empty()?);
    let conversation = conversation::update(call.app(), &caller, id, changes).await?;
    let body = ConversationBody { conversation };
    Ok(Reply::ok(&Success::with("Conversation updated successfully", body)))
}

/// `POST /conversations/:id/assign`
pub(super) async fn assign(mut call: Call<'_>, caller: Caller) -> Outcome {
    let (id, AssignConversation { agent_id }) = (call.id()?, call.body_or_empty()?);
    let conversation = conversation::assign(call.app(), &caller, id, agent_id).await?;
    let body = ConversationBody { conversation };
    Ok(Reply::ok(&Success::with("Conversation assigned successfully", body)))
}

/// `POST /conversations/:id/close`
pub(super) async fn close(call: Call<'_>, caller: Caller) -> Outcome {
    let conversation = conversation::close(call.app(), &caller, call.id()?).await?;
    let body = ConversationBody { conversation };
    Ok(Reply::ok(&Success::with("Conversation closed successfully", body)))
}
