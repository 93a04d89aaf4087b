//! Accounts: registering, signing in and out, the profile, and managing people. Source: contract
//! 1.3, O1.3.

mod admin;
mod list;
mod update;

use std::sync::Arc;

use protocol::id::UserId;
use protocol::rest::reply::body::{SignedIn, Tokens};
use protocol::rest::request::{Login, Register};
use protocol::rest::resource::{self, Role};
use protocol::rest::word::Availability;

pub use admin::{ADMINS_WALKED_MAX, FirstAdminOutcome, create_admin, create_first_admin};
pub use list::{PEOPLE_WALKED_MAX, UserPage, list};
pub use update::update;

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::auth::role::FORBIDDEN;
use crate::auth::token::TokenPair;
use crate::domain::User;
use crate::domain::user::PasswordHash;
use crate::error::{Error, Kind};
use crate::service::{presence, record, session, to_the_end, user};
use crate::store::index::USERS_BY_EMAIL;
use crate::store::{Collection, Direction, Insert, Scan, StoreError};

/// Makes an account and signs it in. Anybody may register as `user`; `by`, whoever is signed in,
/// must be an admin for more.
///
/// # Errors
/// [`Kind::Forbidden`], [`Kind::Conflict`] when the address is taken, [`Kind::Invalid`] for a
/// password that is too long, [`Kind::Unauthenticated`] when the account was deactivated at once.
///
/// # Cancel safety
/// Dropped while the password is hashed, nothing happened; later, it runs to its end.
pub async fn register(
    app: &Arc<App>,
    request: Register,
    by: Option<&Caller>,
) -> Result<SignedIn, Error> {
    match request.role {
        Role::User => {}
        Role::Agent | Role::Admin => by.ok_or(FORBIDDEN)?.require(Action::AppointStaff)?,
    }
    // Spares the hash; the unique index decides.
    if find_by_email(app, &request.email).await?.is_some() {
        return Err(taken());
    }
    let password = PasswordHash(app.passwords.hash(&request.password).await?);
    let app = Arc::clone(app);
    to_the_end(async move {
        let id = insert(&app, request, password).await?.id;
        let (user, tokens) = session::start(&app, id).await?.ok_or(REFUSED)?;
        Ok(signed_in(&user, tokens))
    })
    .await
}

/// Signs in.
///
/// # Errors
/// [`Kind::Unauthenticated`] for an unknown address, a wrong password and a deactivated account
/// alike, after the same work; also when the account is deactivated before the sign-in has ended.
///
/// # Cancel safety
/// Dropped while the password is checked, nothing happened; later, it runs to its end.
pub async fn login(app: &Arc<App>, request: Login) -> Result<SignedIn, Error> {
    let found = find_by_email(app, &request.email).await?;
    let stored = found.as_ref().map(|user| user.password.0.as_str());
    let matches = app.passwords.verify(&request.password, stored).await?;
    let user = found.filter(|user| matches && user.is_active);
    let id = user.ok_or(REFUSED)?.id;
    let app = Arc::clone(app);
    to_the_end(async move {
        presence::sign_in(&app, id).await?;
        let Some((user, tokens)) = session::start(&app, id).await? else {
            presence::sign_out(&app, id).await?;
            return Err(REFUSED);
        };
        Ok(signed_in(&user, tokens))
    })
    .await
}

/// Signs out: the caller's session ends on every node, its sockets are closed.
///
/// # Errors
/// The store cannot be written.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn logout(app: &Arc<App>, caller: &Caller) -> Result<(), Error> {
    let (app, session_id, user_id) = (Arc::clone(app), caller.session_id, caller.user_id);
    to_the_end(async move {
        session::revoke(&app, session_id, user_id).await?;
        presence::sign_out(&app, user_id).await
    })
    .await
}

/// The caller's account, as its owner sees it.
///
/// # Errors
/// [`Kind::NotFound`] if it vanished meanwhile.
pub async fn profile(app: &App, caller: &Caller) -> Result<resource::User, Error> {
    let user = user::find(app, caller.user_id).await?;
    user.map(|user| user.resource()).ok_or(GONE)
}

/// Makes an account without signing it in, for whoever owns the machine: `admin create`, and
/// `ADMIN_EMAIL` at a start while there is no admin.
///
/// # Errors
/// As [`register`], without the question who asks.
pub async fn create(app: &Arc<App>, request: Register) -> Result<resource::User, Error> {
    let password = PasswordHash(app.passwords.hash(&request.password).await?);
    Ok(insert(app, request, password).await?.resource())
}

/// Whether there is an account with this address; it is compared in lower case.
///
/// # Errors
/// The store cannot be read.
pub async fn exists(app: &App, email: &str) -> Result<bool, Error> {
    Ok(find_by_email(app, &email.to_lowercase()).await?.is_some())
}

async fn insert(app: &App, request: Register, password: PasswordHash) -> Result<User, Error> {
    let now = app.clock.now();
    let user = User {
        id: UserId(app.clock.object_id()),
        name: request.name,
        email: request.email,
        password,
        avatar: None,
        role: request.role,
        status: Availability::Offline.as_str().to_owned(),
        last_seen: now,
        is_active: true,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    let insert =
        Insert { collection: Collection::Users, document: user.encode(), follow_ups: Vec::new() };
    app.store.insert(insert).await.map_err(|error| match error {
        StoreError::Duplicate(_) => taken(),
        StoreError::Unavailable(_) | StoreError::Busy | StoreError::Corrupt(_) => error.into(),
    })?;
    // Not kept in the cache: an admin may have changed it by now.
    Ok(user)
}

async fn find_by_email(app: &App, email: &str) -> Result<Option<User>, Error> {
    let scan = Scan {
        index: &USERS_BY_EMAIL,
        equals: &[email.into()],
        after: &[],
        direction: Direction::Ascending,
        limit: 1,
    };
    Ok(record::scan(app, &scan, User::decode).await?.into_iter().next())
}

fn signed_in(user: &User, tokens: TokenPair) -> SignedIn {
    let tokens = Tokens { access_token: tokens.access, refresh_token: tokens.refresh };
    SignedIn { user: user.resource(), tokens }
}

fn taken() -> Error {
    Error::new(Kind::Conflict, "User already exists with this email")
}

const REFUSED: Error = Error::new(Kind::Unauthenticated, "Invalid credentials");
const GONE: Error = Error::new(Kind::NotFound, "User not found");
