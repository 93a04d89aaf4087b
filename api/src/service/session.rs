//! Staying signed in: sessions, their tokens, and who is calling.
//!
//! A session is one stored document, found by the `sid` claim; when it is deleted, its tokens open
//! nothing any more. Source: contract 1.3.

use std::sync::Arc;

use bson::Bson;
use protocol::id::{SessionId, UserId};
use protocol::time::Timestamp;

use crate::app::App;
use crate::auth::Caller;
use crate::auth::token::{LEGACY_SESSION, RefreshClaims, Subject, TokenError, TokenId, TokenPair};
use crate::bus::Notice;
use crate::domain::session::{self, Issue};
use crate::domain::{Session, User, field};
use crate::error::{Error, Kind};
use crate::service::{to_the_end, user};
use crate::store::index::SESSIONS_BY_USER;
use crate::store::{Collection, Direction, Guard, Scan, Update};

/// Sessions of one user; a sign-in past it ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 100;
/// Sessions that are read at once.
const SESSIONS_READ_MAX: usize = 2 * SESSIONS_PER_USER_MAX;
/// For so long after the first use of a refresh token the same token gets the same pair again.
pub const REFRESH_RETRY_MS: i64 = 10_000;
/// Exchanged tokens that a session remembers; of more within [`REFRESH_RETRY_MS`] the oldest is
/// forgotten, and counts as exchanged too long ago.
pub const REPLACED_MAX: usize = 32;

/// Somebody who showed a valid access token.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who.
    pub caller: Caller,
    /// When the token ends; a socket opened with it must not outlive it.
    pub expires_at: Timestamp,
}

/// Why a token opens nothing. Both doors have texts of their own for it. Source: contract O2.3, O3.2.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No token was shown.
    #[error("no token")]
    Missing,
    /// The token is not one of ours, or its session was revoked.
    #[error("invalid token")]
    Invalid,
    /// The token's time is over.
    #[error("expired token")]
    Expired,
    /// The account is gone or deactivated.
    #[error("no active account")]
    UnknownUser,
    /// The answer could not be found out.
    #[error("cannot check the token")]
    Unknown(#[source] Error),
}

/// Who shows this access token.
///
/// # Errors
/// See [`AuthError`].
///
/// # Cost
/// A signature check and two cache look-ups; the store is read only for what the caches lack.
pub async fn authenticate(app: &App, token: &str) -> Result<Authenticated, AuthError> {
    if token.is_empty() {
        return Err(AuthError::Missing);
    }
    let claims = app.tokens.verify_access(token, app.clock.now()).map_err(|error| match error {
        TokenError::Expired => AuthError::Expired,
        TokenError::Invalid => AuthError::Invalid,
    })?;
    if claims.session_id != LEGACY_SESSION {
        let session = find(app, claims.session_id).await.map_err(AuthError::Unknown)?;
        if session.is_none_or(|session| session.user_id != claims.user_id) {
            return Err(AuthError::Invalid);
        }
    }
    let user = user::find(app, claims.user_id).await.map_err(AuthError::Unknown)?;
    let user = user.filter(|user| user.is_active).ok_or(AuthError::UnknownUser)?;
    Ok(Authenticated {
        caller: Caller {
            user_id: user.id,
            session_id: claims.session_id,
            name: user.name.clone(),
            email: user.email.clone(),
            avatar: user.avatar.clone(),
            role: user.role,
        },
        expires_at: claims.expires_at,
    })
}

/// Whether somebody may still do what they could when they were authenticated: the account is
/// active, and in the same role.
///
/// # Errors
/// The store cannot be read.
pub async fn is_current(app: &App, caller: &Caller) -> Result<bool, Error> {
    let user = user::find(app, caller.user_id).await?;
    Ok(user.is_some_and(|user| user.is_active && user.role == caller.role))
}

/// Begins a session for somebody who proved to be this user, and tells what the account is then.
/// `None`, and no session, where it may not sign in any more.
///
/// A sign-in and a deactivation that meet, in whatever processes: the one stores its session and
/// then reads the account, the other stores the account and then reads the sessions
/// ([`account::update`](super::account::update), [`revoke_all`]). Each write is acknowledged before
/// the read behind it begins, and a read sees all that was acknowledged, in the embedded engine as
/// in MongoDB (`majority`, both ways, of the primary). So whichever write comes second, the read
/// behind it sees the first, and the session goes. A check that only comes before the write would
/// not do: both could read before either writes. The account is read from the store for the same
/// reason; what a cache holds may be older than the session.
///
/// The pair leaves here after that look, so that a session which is left behind when the look fails
/// opens nothing. A refresh needs no look of its own: it never makes a session, and the write that
/// moves one on finds nothing once it was deleted. Neither does a change of role: what somebody may
/// do is asked of the account with each request, never of a session or of the role in a token.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) async fn start(app: &App, user_id: UserId) -> Result<Option<(User, TokenPair)>, Error> {
    let now = app.clock.now();
    let token_id = TokenId::random()?;
    let session = Session {
        id: SessionId(app.clock.object_id()),
        user_id,
        current: Issue { token_id: token_id.bytes(), at: now },
        replaced: Vec::new(),
        expires_at: app.tokens.refresh_lifetime().after(now),
        created_at: now,
    };
    let insert = crate::store::Insert {
        collection: Collection::Sessions,
        document: session.encode(),
        follow_ups: Vec::new(),
    };
    // Not kept in the cache: it may be deleted again before this goes on.
    app.store.insert(insert).await?;
    let Some(user) = user::read(app, user_id).await?.filter(|user| user.is_active) else {
        revoke(app, session.id, user_id).await?;
        return Ok(None);
    };
    prune(app, user_id).await?;
    let pair = sign(app, &user, session.id, session.current);
    Ok(Some((user, pair)))
}

/// Exchanges a refresh token for the next pair.
///
/// The write that moves the session on is guarded by the token's id, so of two uses at once one
/// decides and the other repeats its answer, however often the session has moved on in between. A
/// token that was exchanged longer than [`REFRESH_RETRY_MS`] ago is in two hands: the whole session
/// ends.
///
/// # Errors
/// [`Kind::Unauthenticated`] for anything wrong with the token.
pub async fn refresh(app: &Arc<App>, token: &str) -> Result<TokenPair, Error> {
    let now = app.clock.now();
    let claims = app.tokens.verify_refresh(token, now).map_err(|_| refused())?;
    let user = user::find(app, claims.user_id).await?.filter(|user| user.is_active);
    let user = user.ok_or_else(refused)?;
    let app = Arc::clone(app);
    to_the_end(async move {
        let Some(session) = read(&app, claims.session_id).await? else { return Err(refused()) };
        if session.user_id != user.id {
            return Err(refused());
        }
        let Some(issue) = rotate(&app, &claims, session, now).await? else {
            revoke(&app, claims.session_id, user.id).await?;
            return Err(refused());
        };
        Ok(sign(&app, &user, claims.session_id, issue))
    })
    .await
}

/// What this use of the token gives; `None` if the token was used before, too long ago.
async fn rotate(
    app: &App,
    claims: &RefreshClaims,
    session: Session,
    now: Timestamp,
) -> Result<Option<Issue>, Error> {
    let used = claims.token_id.bytes();
    if session.current.token_id != used {
        return Ok(repeated(used, &session, now));
    }
    let next = Issue { token_id: TokenId::random()?.bytes(), at: now };
    let expires_at = app.tokens.refresh_lifetime().after(now);
    let replaced = replaced(&session, now).map(Issue::bson).collect();
    let update = Update {
        collection: Collection::Sessions,
        id: field::id(session.id.0),
        guard: vec![Guard::Equals(session::CURRENT_TOKEN_ID, session::token_id(used))],
        ops: vec![
            field::set(session::REPLACED, Bson::Array(replaced)),
            field::set(session::CURRENT, next.bson()),
            field::set(session::EXPIRES_AT, field::date(expires_at)),
        ],
    };
    if app.store.update(update).await?.is_some() {
        return Ok(Some(next));
    }
    // Somebody was faster with the same token, or the session is gone.
    match read(app, session.id).await? {
        Some(session) => Ok(repeated(used, &session, now)),
        None => Err(refused()),
    }
}

/// What the session remembers once its pair is exchanged: the pairs whose token may be shown again.
fn replaced(session: &Session, now: Timestamp) -> impl Iterator<Item = &Issue> {
    let surplus = (session.replaced.len() + 1).saturating_sub(REPLACED_MAX);
    let may_repeat = move |issue: &&Issue| repeated(issue.token_id, session, now).is_some();
    session.replaced.iter().skip(surplus).filter(may_repeat).chain([&session.current])
}

/// What this token was exchanged for, if that was just now.
fn repeated(used: [u8; 16], session: &Session, now: Timestamp) -> Option<Issue> {
    let successor = session.successor(used);
    successor.filter(|next| now.0.saturating_sub(next.at.0) <= REFRESH_RETRY_MS)
}

/// Ends a session: its tokens open nothing any more, its sockets are closed.
///
/// # Errors
/// The store cannot be written.
pub(crate) async fn revoke(app: &App, id: SessionId, user_id: UserId) -> Result<(), Error> {
    app.store.delete(Collection::Sessions, &field::id(id.0), &[]).await?;
    app.sessions.forget(&id);
    app.bus.announce(Notice::SessionRevoked { session_id: id, user_id }).await;
    Ok(())
}

/// Ends all sessions of a user. Those that begin meanwhile are not its business: see [`start`].
///
/// # Errors
/// The store cannot be read or written.
pub(crate) async fn revoke_all(app: &App, user_id: UserId) -> Result<(), Error> {
    loop {
        let sessions = all(app, user_id).await?;
        for session in &sessions {
            revoke(app, session.id, user_id).await?;
        }
        // Each turn but the last deletes as many as fit in one, and few are made meanwhile.
        if sessions.len() < SESSIONS_READ_MAX {
            return Ok(());
        }
    }
}

/// The session with this id, from the cache where it knows it; `None` once revoked.
async fn find(app: &App, id: SessionId) -> Result<Option<Arc<Session>>, Error> {
    let ticket = match app.sessions.get(&id, app.clock.now()) {
        Ok(session) => return Ok(Some(session)),
        Err(ticket) => ticket,
    };
    let Some(session) = read(app, id).await? else { return Ok(None) };
    let session = Arc::new(session);
    app.sessions.fill(id, Arc::clone(&session), ticket, app.clock.now());
    Ok(Some(session))
}

async fn read(app: &App, id: SessionId) -> Result<Option<Session>, Error> {
    let document = app.store.get(Collection::Sessions, &field::id(id.0)).await?;
    Ok(document.map(|document| Session::decode(&document)).transpose()?)
}

/// Ends what is over its time, and the oldest sessions past [`SESSIONS_PER_USER_MAX`].
async fn prune(app: &App, user_id: UserId) -> Result<(), Error> {
    let sessions = all(app, user_id).await?;
    let surplus = sessions.len().saturating_sub(SESSIONS_PER_USER_MAX);
    let now = app.clock.now();
    for (position, session) in sessions.iter().enumerate() {
        if position < surplus || session.expires_at <= now {
            revoke(app, session.id, user_id).await?;
        }
    }
    Ok(())
}

/// A user's sessions, oldest first, of which one call reads [`SESSIONS_READ_MAX`]. Each sign-in
/// prunes, so there are hardly more than [`SESSIONS_PER_USER_MAX`]; what simultaneous sign-ins leave
/// over that goes with the next one.
async fn all(app: &App, user_id: UserId) -> Result<Vec<Session>, Error> {
    let scan = Scan {
        index: &SESSIONS_BY_USER,
        equals: &[field::id(user_id.0)],
        after: &[],
        direction: Direction::Ascending,
        limit: SESSIONS_READ_MAX,
    };
    let documents = app.store.scan(&scan).await?;
    documents.iter().map(|document| Ok(Session::decode(document)?)).collect()
}

fn sign(app: &App, user: &User, session_id: SessionId, issue: Issue) -> TokenPair {
    let subject = Subject { user_id: user.id, email: &user.email, role: user.role, session_id };
    app.tokens.sign_pair(&subject, TokenId::from_bytes(issue.token_id), issue.at)
}

fn refused() -> Error {
    Error::new(Kind::Unauthenticated, "Invalid refresh token")
}
