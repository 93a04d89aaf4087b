//! Whether the process is there, and whether it can serve. Source: contract O1.6, 1.10.

use http::StatusCode;
use protocol::rest::reply::body::{Health, Root};
use protocol::rest::reply::{Code, Success};

use crate::http::call::Call;
use crate::http::reply::{RETRY_UNAVAILABLE_SECONDS, Reply};
use crate::http::router::Outcome;

/// `GET /`
pub(super) async fn root(call: Call<'_>) -> Outcome {
    Ok(Reply::json(StatusCode::OK, &Root::new(call.now())))
}

/// `GET /api/v1/health`: always 200, looks at nothing.
pub(super) async fn health(call: Call<'_>) -> Outcome {
    Ok(Reply::json(StatusCode::OK, &Health::new(call.now())))
}

/// `GET /healthz`: the process answers.
pub(super) async fn alive(_: Call<'_>) -> Outcome {
    Ok(Reply::ok(&Success::bare("Alive")))
}

/// `GET /readyz`: it may be sent requests.
pub(super) async fn ready(call: Call<'_>) -> Outcome {
    let reason = if call.is_draining() {
        "Shutting down"
    } else if let Err(error) = call.app().store.ping().await {
        tracing::warn!(%error, "not ready");
        "The store cannot be reached"
    } else {
        return Ok(Reply::ok(&Success::bare("Ready")));
    };
    Ok(Reply::failure(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, reason)
        .retry_after(RETRY_UNAVAILABLE_SECONDS))
}
