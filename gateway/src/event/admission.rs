//! Signing in at CONNECT. Source: contract O3.2 and 1.5.

use std::sync::Arc;

use api::App;
use api::service::presence;
use api::service::session::{self, AuthError, Authenticated};
use protocol::event::client::Token;
use protocol::event::client::auth::ConnectAuth;
use protocol::event::client::refusal::Fault;
use protocol::schema::Parser;
use smallvec::smallvec;

use super::allowance::Allowances;
use super::client::Client;
use super::standing;
use crate::application::{Connect, Refusal};
use crate::table::inbox::{SocketHandle, Step};

/// Clients match on the part before the colon.
pub(super) const NO_TOKEN: &str = "Authentication error: No token provided";
const INVALID_USER: &str = "Authentication error: Invalid user";
const INVALID_TOKEN: &str = "Authentication error: Invalid token";
const UNAVAILABLE: &str = "Service temporarily unavailable";

/// The token that a client shows: in the auth payload, or else in the header of its handshake.
///
/// # Errors
/// The auth payload is no JSON object.
pub(super) fn token(parser: &mut Parser, request: Connect<'_>) -> Result<Option<Token>, Fault> {
    let auth = request.auth.map(|auth| ConnectAuth::decode(parser, auth)).transpose()?;
    let shown = || {
        let opening = request.opening?;
        let shown = opening.bearer.as_deref().or(opening.query_token.as_deref());
        shown.map(|token| Token(token.to_owned()))
    };
    Ok(auth.and_then(|auth| auth.token).or_else(shown))
}

/// Finds out who shows a token, and tells the socket's shard.
pub(super) async fn admit(
    app: Arc<App>,
    allowances: Arc<Allowances>,
    socket: SocketHandle<Client>,
    token: Token,
) {
    let mut admitted = None;
    let verdict = match session::authenticate(&app, &token.0).await {
        Ok(shown) => {
            let user_id = shown.caller.user_id;
            admitted = Some((user_id, shown.caller.role));
            let rooms = standing::rooms(&shown.caller);
            // Whatever becomes of the socket, it is told as having left.
            presence::arrive(&app, user_id);
            Ok((Client::new(shown, allowances.of(user_id, super::now_us(&app))), rooms))
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
        Err(_) => socket.reply(smallvec![Step::Kick]).await,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::application::Opening;

    fn shown(auth: Option<&str>, bearer: Option<&str>) -> Option<String> {
        let opening = Opening {
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            bearer: bearer.map(Into::into),
            query_token: None,
        };
        let mut auth = auth.map(|auth| auth.as_bytes().to_vec());
        let request = Connect { auth: auth.as_deref_mut(), opening: Some(&opening) };
        token(&mut Parser::new(), request).unwrap().map(|token| token.0)
    }

    #[test]
    fn the_auth_payload_comes_before_the_header() {
        assert_eq!(shown(Some(r#"{"token":"a"}"#), Some("b")).as_deref(), Some("a"));
        assert_eq!(shown(Some(r#"{"other":1}"#), Some("b")).as_deref(), Some("b"));
        assert_eq!(shown(None, Some("b")).as_deref(), Some("b"));
        assert_eq!(shown(None, None), None);
    }
}
