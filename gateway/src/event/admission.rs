//! Signing in at CONNECT. Source: contract O3.2 and 1.5.

use std::collections::HashSet;
use std::sync::Arc;

use api::App;
use api::auth::Caller;
use api::error::Kind;
use api::service::session::{self, AuthError, Authenticated};
use api::service::{conversation, presence};
use protocol::event::client::Token;
use protocol::event::client::auth::ConnectAuth;
use protocol::event::client::refusal::Fault;
use protocol::room::Room;
use protocol::schema::Parser;
use smallvec::smallvec;

use super::allowance::Allowances;
use super::client::Client;
use super::standing;
use crate::application::{Admitted, Connect, Refusal};
use crate::recovery::{Recovery, Wish};
use crate::table::inbox::{SocketHandle, Step};

/// Clients match on the part before the colon.
pub(super) const NO_TOKEN: &str = "Authentication error: No token provided";
const INVALID_USER: &str = "Authentication error: Invalid user";
const INVALID_TOKEN: &str = "Authentication error: Invalid token";
const UNAVAILABLE: &str = "Service temporarily unavailable";

/// What a client shows when it joins.
#[derive(Debug)]
pub(super) struct Shown {
    /// Who it is.
    token: Token,
    /// The session that it wishes to go on with; `None` where it does not ask for recovery.
    wish: Option<Wish>,
}

/// What a client shows: in the auth payload, or else its token in the header of its handshake.
///
/// # Errors
/// The auth payload is no JSON object.
pub(super) fn shown(parser: &mut Parser, request: Connect<'_>) -> Result<Option<Shown>, Fault> {
    let auth = request.auth.map(|auth| ConnectAuth::decode(parser, auth)).transpose()?;
    let wish = auth.as_ref().filter(|auth| auth.recovery).map(Wish::of);
    let shown = || {
        let opening = request.opening?;
        let shown = opening.bearer.as_deref().or(opening.query_token.as_deref());
        shown.map(|token| Token(token.to_owned()))
    };
    let token = auth.and_then(|auth| auth.token).or_else(shown);
    Ok(token.map(|token| Shown { token, wish }))
}

/// Finds out who shows a token, and tells the socket's shard.
pub(super) async fn admit(
    app: Arc<App>,
    allowances: Arc<Allowances>,
    socket: SocketHandle<Client>,
    shown: Shown,
) {
    let Shown { token, wish } = shown;
    let mut admitted = None;
    let verdict = match session::authenticate(&app, &token.0).await {
        Ok(shown) => {
            let user_id = shown.caller.user_id;
            admitted = Some((user_id, shown.caller.role));
            let rooms = standing::rooms(&shown.caller);
            // Whatever becomes of the socket, it is told as having left.
            presence::arrive(&app, user_id);
            let recovery = match &wish {
                Some(wish) => recall(&app, &socket, wish, &shown.caller, &rooms).await,
                None => Recovery::Off,
            };
            let allowance = allowances.of(user_id, super::now_us(&app));
            Ok(Admitted { session: Client::new(shown, allowance), rooms, recovery })
        }
        Err(AuthError::UnknownUser) => Err(Refusal::new(INVALID_USER)),
        // COMPAT: a token that is there but empty is invalid; what JavaScript calls false is none.
        Err(AuthError::Missing | AuthError::Invalid | AuthError::Expired) => {
            Err(Refusal::new(INVALID_TOKEN))
        }
        Err(AuthError::Unknown(error)) => {
            tracing::warn!(%error, "cannot sign a socket in");
            // Whoever hears it need not sign in anew, but try again.
            let data = serde_json::json!({ "code": error.kind().code() });
            Err(Refusal::new(UNAVAILABLE).with(data.to_string()))
        }
    };
    socket.admit(verdict).await;
    // What ended or changed the session between the look and the admission has found no socket. What
    // does from here on will.
    let Some((user_id, role)) = admitted else { return };
    match session::authenticate(&app, &token.0).await {
        Ok(Authenticated { caller, .. }) if caller.role == role => {}
        Ok(Authenticated { caller, .. }) => {
            socket.send(standing::change(&app, user_id, caller.role)).await;
        }
        Err(error) => socket.reply(smallvec![ending(&error)]).await,
    }
}

/// What becomes of a socket whose right to be there was not confirmed. Whoever cannot be judged now
/// is not out for good.
pub(super) const fn ending(error: &AuthError) -> Step {
    match error {
        AuthError::Missing | AuthError::Invalid | AuthError::Expired | AuthError::UnknownUser => {
            Step::Kick
        }
        AuthError::Unknown(_) => Step::Reconnect,
    }
}

/// The session that a client wishes to go on with, if it is this caller's; in those of its rooms
/// where the caller may still be.
async fn recall(
    app: &App,
    socket: &SocketHandle<Client>,
    wish: &Wish,
    caller: &Caller,
    granted: &[Room],
) -> Recovery {
    // Nobody else is ever in this room, and nobody leaves it.
    let holder = Room::User(caller.user_id);
    let Some(rooms) = socket.look(wish, Some(&holder)).await else { return Recovery::On };
    let mut allowed = HashSet::with_capacity(rooms.len());
    for room in rooms {
        match may_stay(app, caller, granted, &room).await {
            Ok(true) => drop(allowed.insert(room)),
            Ok(false) => {}
            // To come back without a room, and without being told, would be worse than to begin anew.
            Err(_) => return Recovery::On,
        }
    }
    match socket.recall(wish, Some(&holder)).await {
        Some(mut recalled) => {
            recalled.retain_rooms(|room| allowed.contains(room));
            Recovery::Resume(Box::new(recalled))
        }
        None => Recovery::On,
    }
}

/// Whether a caller may still be in a room that it was in.
async fn may_stay(
    app: &App,
    caller: &Caller,
    granted: &[Room],
    room: &Room,
) -> Result<bool, api::Error> {
    match room {
        Room::User(_) | Room::Staff => Ok(granted.contains(room)),
        Room::Conversation(id) => match conversation::authorize(app, caller, *id).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == Kind::NotFound => Ok(false),
            Err(error) => Err(error),
        },
        Room::Named(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::application::Opening;

    fn token_of(auth: Option<&str>, bearer: Option<&str>) -> Option<String> {
        let opening = Opening {
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            bearer: bearer.map(Into::into),
            query_token: None,
            seat: None,
        };
        let mut auth = auth.map(|auth| auth.as_bytes().to_vec());
        let request = Connect { auth: auth.as_deref_mut(), opening: Some(&opening) };
        shown(&mut Parser::new(), request).unwrap().map(|shown| shown.token.0)
    }

    #[test]
    fn the_auth_payload_comes_before_the_header() {
        assert_eq!(token_of(Some(r#"{"token":"a"}"#), Some("b")).as_deref(), Some("a"));
        assert_eq!(token_of(Some(r#"{"other":1}"#), Some("b")).as_deref(), Some("b"));
        assert_eq!(token_of(None, Some("b")).as_deref(), Some("b"));
        assert_eq!(token_of(None, None), None);
    }
}
