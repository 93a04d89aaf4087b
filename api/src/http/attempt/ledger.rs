//! What is known of attempts: how many have failed, and how many are under way.
//!
//! Whatever is under way may yet fail. So no more of a key are under way than may fail, and of any
//! number of guesses at once no more are judged than of guesses one after the other.

use std::collections::HashMap;

use http::StatusCode;
use protocol::time::Timestamp;

use crate::http::limit::{Counters, Key, Policy, Standing};

const WINDOW_MS: i64 = 15 * 60 * 1_000;
/// Failures in a window for one account from one address; a further attempt is answered with 429.
pub(super) const FAILURES_PER_ACCOUNT_MAX: u32 = 5;
/// Failures in a window from one address, whatever the account; likewise.
pub(super) const FAILURES_PER_CLIENT_MAX: u32 = 50;

/// The counts of all keys.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Failures.
    by_account: Counters,
    /// Failures.
    by_client: Counters,
    /// Attempts that have begun and not ended, by either key; no more than requests at hand.
    under_way: HashMap<Key, u32>,
}

/// Whom an attempt is counted for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// One account from one address.
    pub(super) account: Key,
    /// The address.
    pub(super) client: Key,
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has begun. Where its account stands, should it fail.
    Begun(Standing),
    /// As many are under way as may still fail.
    Full(Standing),
    /// Too many have failed.
    Closed(Standing),
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It succeeded, or was not judged: too much waits, or the store cannot be reached.
    NotFailed,
    /// It was refused for what it said.
    Failed,
    /// Its e-mail has an account already. Whoever registers tries no password of it, so this counts
    /// for the address alone, which may not ask for many e-mails.
    Taken,
}

impl Verdict {
    /// What this answer says of the attempt.
    pub(super) fn of(status: StatusCode) -> Self {
        if status == StatusCode::CONFLICT {
            Self::Taken
        } else if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
            Self::Failed
        } else {
            Self::NotFailed
        }
    }
}

impl Default for Ledger {
    fn default() -> Self {
        let counters = |hits_max| Counters::new(Policy { hits_max, window_ms: WINDOW_MS });
        Self {
            by_account: counters(FAILURES_PER_ACCOUNT_MAX),
            by_client: counters(FAILURES_PER_CLIENT_MAX),
            under_way: HashMap::new(),
        }
    }
}

impl Ledger {
    /// Begins an attempt if one may.
    pub(super) fn begin(&mut self, keys: Keys, now: Timestamp) -> Admission {
        let mut client = self.by_client.standing(&keys.client, now);
        let mut account = self.by_account.standing(&keys.account, now);
        for standing in [client, account] {
            if standing.remaining == 0 {
                return Admission::Closed(standing);
            }
        }
        for (key, standing) in [(keys.client, &mut client), (keys.account, &mut account)] {
            let under_way = self.under_way.get(&key).copied().unwrap_or_default();
            standing.remaining = standing.remaining.saturating_sub(under_way);
            if standing.remaining == 0 {
                return Admission::Full(*standing);
            }
        }
        for key in [keys.client, keys.account] {
            *self.under_way.entry(key).or_default() += 1;
        }
        account.remaining -= 1;
        Admission::Begun(account)
    }

    /// Ends an attempt. A failure counts for the window in which it began.
    pub(super) fn end(&mut self, keys: Keys, begun_at: Timestamp, verdict: Verdict) {
        for key in [keys.client, keys.account] {
            if let Some(under_way) = self.under_way.get_mut(&key) {
                *under_way -= 1;
                if *under_way == 0 {
                    self.under_way.remove(&key);
                }
            }
        }
        match verdict {
            Verdict::NotFailed => {}
            Verdict::Taken => {
                self.by_client.hit(keys.client, begun_at);
            }
            Verdict::Failed => {
                self.by_client.hit(keys.client, begun_at);
                self.by_account.hit(keys.account, begun_at);
            }
        }
    }
}
