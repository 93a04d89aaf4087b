//! What a socket's person has become since it joined: another role, a newer token.
//!
//! A socket's standing is changed on its shard, in one step with the rooms that follow from the role
//! alone. Which conversations somebody may no longer hear, the rules must be asked; then the socket
//! leaves them. Source: contract 1.3, 1.5.

use std::sync::Arc;

use api::App;
use api::auth::Caller;
use api::error::{Error, Kind};
use api::service::conversation;
use api::service::session::{self, AuthError, Authenticated};
use protocol::event::client::Token;
use protocol::id::{ConversationId, UserId};
use protocol::rest::resource::Role;
use protocol::room::Room;
use protocol::time::Timestamp;
use smallvec::{SmallVec, smallvec};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::admission;
use super::call::{Call, Outcome};
use super::client::Client;
use crate::table::context::Context;
use crate::table::inbox::{Message, SocketHandle, Step};

/// Times that a renewal looks again because the role changed meanwhile; then the socket is put out.
const LOOKS_MAX: usize = 8;

/// Keeps the connection beyond the expiry of its token: the same person shows a newer one.
///
/// # Errors
/// The token is none, expired, or somebody else's; the socket goes on as it was.
pub(super) async fn renew(call: &Call, token: Token) -> Result<Outcome, Error> {
    let mut shown = session::authenticate(&call.app, &token.0).await.map_err(refusal)?;
    if shown.caller.user_id != call.person.user_id {
        return Err(Error::new(Kind::Forbidden, "Token belongs to another user"));
    }
    for _ in 0..LOOKS_MAX {
        adopt(call, shown.clone()).await;
        // What ended or changed the session between the look and the adoption has not found this
        // socket to be of it; what does from here on will.
        match session::authenticate(&call.app, &token.0).await {
            Ok(again) if again.caller == shown.caller => return Ok(Outcome::done()),
            Ok(again) => shown = again,
            Err(error) => {
                call.send(smallvec![admission::ending(&error)]).await;
                return Err(refusal(error));
            }
        }
    }
    call.send(smallvec![Step::Reconnect]).await;
    Err(Error::new(Kind::Busy, "Server is busy, please try again"))
}

/// Has the socket be of this session, and returns when it is, or is gone.
async fn adopt(call: &Call, shown: Authenticated) {
    let (done, is_done) = oneshot::channel();
    let (socket, app, services) = (call.socket, Arc::clone(&call.app), Handle::current());
    let room = Room::User(shown.caller.user_id);
    let mut once = Some((shown, done));
    let visit = move |cx: &mut Context<'_, Client>, client: &mut Client| {
        if cx.socket() != socket {
            return;
        }
        if let Some((Authenticated { caller, expires_at }, done)) = once.take() {
            client.notes.expires_at = expires_at;
            turn_into(&app, &services, cx, client, caller);
            let _ = done.send(());
        }
    };
    let message = Message::Visit { namespace: 0, room, visit: Box::new(visit) };
    call.answers.send(call.shard, message).await;
    let _ = is_done.await;
}

/// Has all sockets of an account on a shard be what it has become. To be called on the services'
/// runtime.
pub(crate) fn change(app: &Arc<App>, user_id: UserId, role: Role) -> Message<Client> {
    let (app, services) = (Arc::clone(app), Handle::current());
    let visit = move |cx: &mut Context<'_, Client>, client: &mut Client| {
        if client.person.role != role {
            let caller = Caller { role, ..(*client.person).clone() };
            turn_into(&app, &services, cx, client, caller);
        }
    };
    Message::Visit { namespace: 0, room: Room::User(user_id), visit: Box::new(visit) }
}

/// The rooms that somebody is in from the beginning.
pub(super) fn rooms(caller: &Caller) -> SmallVec<[Room; 2]> {
    let mut rooms: SmallVec<[Room; 2]> = smallvec![Room::User(caller.user_id)];
    if caller.is_staff() {
        rooms.push(Room::Staff);
    }
    rooms
}

fn turn_into(
    app: &Arc<App>,
    services: &Handle,
    cx: &mut Context<'_, Client>,
    client: &mut Client,
    caller: Caller,
) {
    let was_staff = client.person.is_staff();
    client.person = Arc::new(caller);
    if client.person.is_staff() {
        cx.join(&Room::Staff);
        return;
    }
    cx.leave(&Room::Staff);
    if was_staff {
        let conversations = cx.rooms().into_iter().filter_map(|room| match room {
            Room::Conversation(id) => Some(id),
            Room::User(_) | Room::Staff | Room::Named(_) => None,
        });
        let conversations: Vec<ConversationId> = conversations.collect();
        let (app, person) = (Arc::clone(app), Arc::clone(&client.person));
        // One task a socket of somebody who was deposed: a rare event, and bounded by its sockets.
        services.spawn(leave_hidden(app, cx.handle(), person, conversations));
    }
}

/// Takes a socket out of the conversations that its person may not hear, or of which that cannot be
/// found out.
async fn leave_hidden(
    app: Arc<App>,
    socket: SocketHandle<Client>,
    person: Arc<Caller>,
    conversations: Vec<ConversationId>,
) {
    for id in conversations {
        if conversation::authorize(&app, &person, id).await.is_err() {
            socket.reply(smallvec![Step::Leave(Room::Conversation(id))]).await;
        }
    }
}

/// When a socket's token ends.
pub(super) fn left_ms(expires_at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(expires_at.0.saturating_sub(now.0)).unwrap_or(0)
}

fn refusal(error: AuthError) -> Error {
    match error {
        AuthError::Missing | AuthError::Invalid | AuthError::UnknownUser => {
            Error::new(Kind::Unauthenticated, "Invalid or expired token")
        }
        AuthError::Expired => Error::new(Kind::TokenExpired, "Invalid or expired token"),
        AuthError::Unknown(error) => error,
    }
}
