//! People: the staff's list, and what admins change. Source: contract 1.3.

use protocol::rest::reply::Success;
use protocol::rest::reply::body::{UserBody, UsersBody};

use crate::auth::Caller;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::http::router::Outcome;
use crate::service::account;

/// `GET /users`
pub(super) async fn list(call: Call<'_>, caller: Caller) -> Outcome {
    let page = account::list(call.app(), &caller, call.query()?).await?;
    let body = UsersBody { users: page.users };
    Ok(Reply::ok(&Success::page("Users retrieved successfully", body, page.pagination)))
}

/// `PATCH /users/:id`
pub(super) async fn update(mut call: Call<'_>, caller: Caller) -> Outcome {
    let (id, changes) = (call.id()?, call.body()?);
    let user = account::update(call.app(), &caller, id, changes).await?;
    Ok(Reply::ok(&Success::with("User updated successfully", UserBody { user })))
}
