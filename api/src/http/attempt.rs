//! Attempts to register or sign in: only those that fail count. Source: contract 1.9, O6.2.

use http::{HeaderMap, StatusCode};
use protocol::rest::reply::Code;
use protocol::time::Timestamp;

use super::call::Call;
use super::limit::{Key, Limiter, Policy, Standing};
use super::reply::Reply;
use super::router::Outcome;

const WINDOW_MS: i64 = 15 * 60 * 1_000;
/// Failures in a window for one account from one address; a further attempt is answered with 429.
const FAILURES_PER_ACCOUNT_MAX: u32 = 5;
/// Failures in a window from one address, whatever the account; likewise.
const FAILURES_PER_CLIENT_MAX: u32 = 50;

/// How often attempts have failed lately.
#[derive(Debug)]
pub(super) struct Attempts {
    by_account: Limiter,
    by_client: Limiter,
}

impl Default for Attempts {
    fn default() -> Self {
        let limiter = |hits_max| Limiter::new(Policy { hits_max, window_ms: WINDOW_MS });
        Self {
            by_account: limiter(FAILURES_PER_ACCOUNT_MAX),
            by_client: limiter(FAILURES_PER_CLIENT_MAX),
        }
    }
}

/// Makes an attempt, unless too many have failed. `email` is the account's, or empty where the
/// body does not say.
///
/// Each attempt counts as failed until it has succeeded, so that a thousand at once are not all
/// let through.
///
/// # Cancel safety
/// When dropped, the attempt stays counted.
pub(super) async fn make(
    call: &Call<'_>,
    email: &str,
    attempt: impl Future<Output = Outcome>,
) -> Outcome {
    let Attempts { by_account, by_client } = &call.door.attempts;
    let now = call.now();
    let keys = (by_account.sign_in_key(call.client, email), Key::Client(call.client));
    let standings = (by_account.hit(keys.0, now), by_client.hit(keys.1, now));
    let standing = if standings.1.is_over { standings.1 } else { standings.0 };
    if standing.is_over {
        let text = "Too many authentication attempts, please try again later.";
        let mut reply = Reply::failure(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, text)
            .retry_after(standing.seconds_left(now));
        describe(standing, reply.headers_mut());
        return Ok(reply);
    }
    let mut reply = match attempt.await {
        Ok(reply) => reply,
        Err(refusal) => Reply::refusal(&refusal),
    };
    if !reply.status().is_client_error() {
        by_account.forgive(keys.0, call.now());
        by_client.forgive(keys.1, call.now());
    }
    describe(standing, reply.headers_mut());
    Ok(reply)
}

/// Writes a standing as the headers that the original's clients read.
fn describe(standing: Standing, headers: &mut HeaderMap) {
    headers.insert("x-ratelimit-limit", standing.hits_max.into());
    headers.insert("x-ratelimit-remaining", standing.remaining.into());
    let Timestamp(resets_at_ms) = standing.resets_at;
    headers.insert("x-ratelimit-reset", (resets_at_ms.saturating_add(999) / 1_000).into());
}
