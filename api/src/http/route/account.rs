//! Registering, signing in and out. Source: contract O1.3, 1.3.

use protocol::rest::reply::Success;
use protocol::rest::reply::body::{Profile, ProfileBody, Refreshed, Tokens};
use protocol::rest::request::{Login, RefreshToken, Register};
use protocol::rest::resource::Role;

use crate::auth::Caller;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::http::router::Outcome;
use crate::http::{attempt, guard};
use crate::service::{account, session};

/// `POST /auth/register`
pub(super) async fn register(mut call: Call<'_>) -> Outcome {
    let (request, email) = call.body_and_text::<Register>("email");
    let registers = async {
        let request = request?;
        // A customer's registration asks for no token, so a stale one does no harm.
        let by = match request.role {
            Role::User => None,
            Role::Agent | Role::Admin => guard::caller_if_any(call.app(), call.headers()).await?,
        };
        let signed_in = account::register(call.app(), request, by.as_ref()).await?;
        Ok(Reply::created(&Success::with("User registered successfully", signed_in)))
    };
    attempt::make(&call, &email, registers).await
}

/// `POST /auth/login`
pub(super) async fn login(mut call: Call<'_>) -> Outcome {
    let (request, email) = call.body_and_text::<Login>("email");
    let signs_in = async {
        let signed_in = account::login(call.app(), request?).await?;
        Ok(Reply::ok(&Success::with("Login successful", signed_in)))
    };
    attempt::make(&call, &email, signs_in).await
}

/// `POST /auth/refresh-token`
pub(super) async fn refresh(mut call: Call<'_>) -> Outcome {
    let RefreshToken { refresh_token } = call.body_or_empty()?;
    let pair = session::refresh(call.app(), &refresh_token).await?;
    let tokens = Tokens { access_token: pair.access, refresh_token: pair.refresh };
    Ok(Reply::ok(&Success::with("Token refreshed successfully", Refreshed { tokens })))
}

/// `POST /auth/logout`
pub(super) async fn logout(call: Call<'_>, caller: Caller) -> Outcome {
    account::logout(call.app(), &caller).await?;
    Ok(Reply::ok(&Success::bare("Logout successful")))
}

/// `GET /auth/profile`
pub(super) async fn profile(call: Call<'_>, caller: Caller) -> Outcome {
    let user = account::profile(call.app(), &caller).await?;
    let body = ProfileBody { user: Profile { user_id: user.id, user } };
    Ok(Reply::ok(&Success::with("Profile retrieved successfully", body)))
}
