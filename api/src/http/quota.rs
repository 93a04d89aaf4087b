//! Whom a request is counted for: whoever proves to be signed in, where the guard asks; else the
//! address. What a token says is no proof: whoever kept one of an ended session could use up what
//! its owner has. Source: contract 1.9.

use std::hash::{BuildHasher as _, RandomState};

use http::HeaderMap;
use protocol::time::Timestamp;

use super::address::Client;
use super::guard;
use super::limit::{Key, Limiter, Policy, Standing};
use crate::app::App;
use crate::auth::Caller;
use crate::error::{Error, Kind};

/// How many requests each has made.
#[derive(Debug)]
pub(super) struct Quota {
    requests: Limiter,
    /// Tokens of ours that opened nothing. Others cost no look into the store.
    refused: Limiter,
    hasher: RandomState,
}

impl Quota {
    /// Nobody has made any.
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            requests: Limiter::new(policy),
            refused: Limiter::new(Policy { hits_max: 1, ..policy }),
            hasher: RandomState::new(),
        }
    }

    /// What requests are held against.
    pub(super) const fn policy(&self) -> Policy {
        self.requests.policy()
    }

    /// Counts a request that anybody may make.
    pub(super) fn count_open(&self, client: Client, now: Timestamp) -> Standing {
        self.requests.hit(Key::Client(client), now)
    }

    /// Finds out who makes a request, and counts it.
    ///
    /// # Cost
    /// As [`session::authenticate`](crate::service::session::authenticate). A token that opened
    /// nothing is not looked up again for an address that may make no more requests.
    pub(super) async fn count_guarded(
        &self,
        app: &App,
        headers: &HeaderMap,
        client: Client,
    ) -> (Result<Caller, Error>, Standing) {
        let now = app.clock.now();
        let address = Key::Client(client);
        let is_hopeless = self.requests.is_spent(&address, now)
            && self.signed_token(app, headers).is_some_and(|it| self.refused.is_spent(&it, now));
        if is_hopeless {
            return (Err(guard::UNKNOWN), self.requests.hit(address, now));
        }
        match guard::caller(app, headers).await {
            Ok(caller) => {
                let key = Key::User(caller.user_id);
                (Ok(caller), self.requests.hit(key, now))
            }
            Err(error) => {
                if error.kind() == Kind::Unauthenticated
                    && let Some(token) = self.signed_token(app, headers)
                {
                    self.refused.hit(token, now);
                }
                (Err(error), self.requests.hit(address, now))
            }
        }
    }

    fn signed_token(&self, app: &App, headers: &HeaderMap) -> Option<Key> {
        guard::signed_token(app, headers).map(|token| Key::Token(self.hasher.hash_one(token)))
    }
}
