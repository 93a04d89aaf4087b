//! Attempts to register or sign in: only those that fail count. Source: contract 1.9, O6.2.

mod ledger;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use protocol::rest::reply::Code;
use protocol::time::Timestamp;
use tokio::sync::{Notify, Semaphore};
use tokio::time;

use super::address::Client;
use super::call::Call;
use super::limit::{Key, Standing};
use super::reply::{RETRY_BUSY_SECONDS, Reply};
use super::router::Outcome;
use ledger::{Admission, Keys, Ledger, Verdict};

/// Attempts that wait at once until others have ended; a further one is answered with 429 and may
/// come again in a second.
const WAITING_MAX: usize = 64;
/// For how long one waits; then likewise.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How often attempts have failed lately, and which are under way.
#[derive(Debug)]
pub(super) struct Attempts {
    ledger: Mutex<Ledger>,
    /// Says that an attempt has ended, to those who wait for it.
    ended: Notify,
    /// The places of those who wait.
    places: Semaphore,
    hasher: RandomState,
}

/// An attempt under way; when dropped, it has ended.
#[derive(Debug)]
struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: Keys,
    begun_at: Timestamp,
    verdict: Verdict,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            ledger: Mutex::default(),
            ended: Notify::new(),
            places: Semaphore::new(WAITING_MAX),
            hasher: RandomState::new(),
        }
    }
}

impl Attempts {
    fn keys(&self, client: Client, email: &str) -> Keys {
        let account = self.hasher.hash_one(email.trim().to_lowercase());
        Keys { account: Key::SignIn(client, account), client: Key::Client(client) }
    }

    /// Begins an attempt, as soon as those under way leave room for it.
    ///
    /// # Errors
    /// Where the key stands that allows none.
    ///
    /// # Cancel safety
    /// When dropped, nothing has begun.
    async fn begin(
        &self,
        keys: Keys,
        now: impl Fn() -> Timestamp,
    ) -> Result<(Attempt<'_>, Standing), Standing> {
        let gives_up_at = time::Instant::now() + WAIT_MAX;
        let mut place = None;
        loop {
            // Hears of every end from here on, so of none too late.
            let ended = self.ended.notified();
            let begun_at = now();
            let admission = self.lock().begin(keys, begun_at);
            let mut full = match admission {
                Admission::Begun(standing) => {
                    let verdict = Verdict::Failed;
                    return Ok((Attempt { attempts: self, keys, begun_at, verdict }, standing));
                }
                Admission::Closed(standing) => return Err(standing),
                Admission::Full(standing) => standing,
            };
            place = place.or_else(|| self.places.try_acquire().ok());
            if place.is_none() || time::timeout_at(gives_up_at, ended).await.is_err() {
                let wait_ms = i64::from(RETRY_BUSY_SECONDS) * 1_000;
                full.resets_at = Timestamp(now().0.saturating_add(wait_ms));
                return Err(full);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Every critical section leaves the ledger whole, whatever panics in between.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.attempts.lock().end(self.keys, self.begun_at, self.verdict);
        self.attempts.ended.notify_waiters();
    }
}

/// Makes an attempt, unless too many have failed. `email` is the account's, whatever its case, or
/// empty where the body does not say.
///
/// Of a thousand at once no more are let through than may still fail; the others wait for the end
/// of those.
///
/// # Cancel safety
/// When dropped, an attempt that has begun counts as failed.
pub(super) async fn make(
    call: &Call<'_>,
    email: &str,
    attempt: impl Future<Output = Outcome>,
) -> Outcome {
    let attempts = &call.door.attempts;
    let keys = attempts.keys(call.client, email);
    let (mut begun, standing) = match attempts.begin(keys, || call.now()).await {
        Ok(begun) => begun,
        Err(standing) => return Ok(refusal(standing, call.now())),
    };
    let mut reply = match attempt.await {
        Ok(reply) => reply,
        Err(refusal) => Reply::refusal(&refusal),
    };
    begun.verdict = Verdict::of(reply.status());
    describe(standing, reply.headers_mut());
    Ok(reply)
}

/// The answer to an attempt that is not made.
fn refusal(standing: Standing, now: Timestamp) -> Reply {
    let text = "Too many authentication attempts, please try again later.";
    let mut reply = Reply::failure(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, text)
        .retry_after(standing.seconds_left(now));
    describe(standing, reply.headers_mut());
    reply
}

/// Writes a standing as the headers that the original's clients read.
fn describe(standing: Standing, headers: &mut HeaderMap) {
    headers.insert("x-ratelimit-limit", standing.hits_max.into());
    headers.insert("x-ratelimit-remaining", standing.remaining.into());
    let Timestamp(resets_at_ms) = standing.resets_at;
    headers.insert("x-ratelimit-reset", (resets_at_ms.saturating_add(999) / 1_000).into());
}

#[cfg(test)]
mod tests;
