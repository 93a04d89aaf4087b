use super::ledger::{FAILURES_PER_ACCOUNT_MAX, FAILURES_PER_CLIENT_MAX};
use super::*;

const NOW: Timestamp = Timestamp(10_000);
const HERE: Client = Client::V4([1; 4]);

fn keys(attempts: &Attempts, email: &str) -> Keys {
    attempts.keys(HERE, email)
}

/// An attempt that need not wait.
fn begun<'a>(attempts: &'a Attempts, email: &str) -> Attempt<'a> {
    let keys = keys(attempts, email);
    let admission = attempts.lock().begin(keys, NOW);
    assert!(matches!(admission, Admission::Begun(_)), "{admission:?}");
    Attempt { attempts, keys, begun_at: NOW, verdict: Verdict::Failed }
}

fn end(mut attempt: Attempt<'_>, verdict: Verdict) {
    attempt.verdict = verdict;
}

#[test]
fn attempts_count_by_address_and_account() {
    let attempts = Attempts::default();
    let key = |client, email| attempts.keys(client, email).account;
    let there = Client::V4([2; 4]);
    assert_eq!(key(HERE, " A@b.c"), key(HERE, "a@B.C"));
    assert_ne!(key(HERE, "a@b.c"), key(there, "a@b.c"));
    assert_ne!(key(HERE, "a@b.c"), key(HERE, "d@b.c"));
}

#[test]
fn no_more_are_under_way_than_may_fail() {
    let attempts = Attempts::default();
    for failed in 0..FAILURES_PER_ACCOUNT_MAX {
        let others: Vec<_> =
            (failed..FAILURES_PER_ACCOUNT_MAX).map(|_| begun(&attempts, "a@b.c")).collect();
        let one_more = attempts.lock().begin(keys(&attempts, "a@b.c"), NOW);
        assert!(matches!(one_more, Admission::Full(_)), "{failed}: {one_more:?}");
        let mut others = others.into_iter();
        end(others.next().unwrap(), Verdict::Failed);
        others.for_each(|attempt| end(attempt, Verdict::NotFailed));
    }
    let one_more = attempts.lock().begin(keys(&attempts, "a@b.c"), NOW);
    assert!(matches!(one_more, Admission::Closed(_)), "{one_more:?}");
}

#[test]
fn attempt_that_vanishes_counts_as_failed() {
    let attempts = Attempts::default();
    for _ in 0..FAILURES_PER_ACCOUNT_MAX {
        drop(begun(&attempts, "a@b.c"));
    }
    let one_more = attempts.lock().begin(keys(&attempts, "a@b.c"), NOW);
    assert!(matches!(one_more, Admission::Closed(_)), "{one_more:?}");
}

#[test]
fn only_what_was_judged_fails() {
    for (status, verdict) in [
        (200, Verdict::NotFailed),
        (201, Verdict::NotFailed),
        (400, Verdict::Failed),
        (401, Verdict::Failed),
        (403, Verdict::Failed),
        (409, Verdict::Taken),
        (415, Verdict::Failed),
        (429, Verdict::NotFailed),
        (500, Verdict::NotFailed),
        (503, Verdict::NotFailed),
    ] {
        assert_eq!(Verdict::of(StatusCode::from_u16(status).unwrap()), verdict, "{status}");
    }
}

#[test]
fn taken_e_mail_counts_for_the_address_alone() {
    let attempts = Attempts::default();
    for _ in 0..FAILURES_PER_CLIENT_MAX {
        end(begun(&attempts, "a@b.c"), Verdict::Taken);
    }
    let one_more = attempts.lock().begin(keys(&attempts, "d@b.c"), NOW);
    assert!(matches!(one_more, Admission::Closed(_)), "{one_more:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_goes_on_when_another_has_ended() {
    let attempts = Attempts::default();
    let mut others: Vec<_> =
        (0..FAILURES_PER_CLIENT_MAX).map(|n| begun(&attempts, &n.to_string())).collect();
    let waits = attempts.begin(keys(&attempts, "a@b.c"), || NOW);
    let ends = async { end(others.pop().unwrap(), Verdict::NotFailed) };
    let (waited, ()) = tokio::join!(waits, ends);
    let (_attempt, standing) = waited.unwrap();
    assert_eq!((standing.hits_max, standing.remaining), (FAILURES_PER_ACCOUNT_MAX, 4));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_hears_when_the_last_chance_has_failed() {
    let attempts = Attempts::default();
    let others: Vec<_> = (0..FAILURES_PER_ACCOUNT_MAX).map(|_| begun(&attempts, "a@b.c")).collect();
    let waits = attempts.begin(keys(&attempts, "a@b.c"), || NOW);
    let (waited, ()) = tokio::join!(waits, async { drop(others) });
    assert_eq!(waited.unwrap_err().seconds_left(NOW), 900);
}

#[tokio::test(start_paused = true)]
async fn wait_is_bounded_in_time_and_in_number() {
    let attempts = Attempts::default();
    let _others: Vec<_> =
        (0..FAILURES_PER_ACCOUNT_MAX).map(|_| begun(&attempts, "a@b.c")).collect();
    let begins_at = time::Instant::now();
    let refused = attempts.begin(keys(&attempts, "a@b.c"), || NOW).await.unwrap_err();
    assert_eq!(begins_at.elapsed(), WAIT_MAX);
    assert_eq!((refused.remaining, refused.seconds_left(NOW)), (0, RETRY_BUSY_SECONDS));
    let _places = attempts.places.try_acquire_many(64).unwrap();
    let begins_at = time::Instant::now();
    let refused = attempts.begin(keys(&attempts, "a@b.c"), || NOW).await.unwrap_err();
    assert_eq!(begins_at.elapsed(), Duration::ZERO);
    assert_eq!(refused.seconds_left(NOW), RETRY_BUSY_SECONDS);
    // Nobody else is held up.
    drop(begun(&attempts, "d@b.c"));
}
