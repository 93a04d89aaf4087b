//! Passwords: bcrypt, on threads of its own.
//!
//! A hash of cost 12 takes a core for about 300 ms. It runs on at most half of the cores, and what
//! waits is bounded, so that a storm of sign-ins slows sign-ins and nothing else.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io, thread};

use protocol::schema::Violation;
use tokio::sync::oneshot;

use crate::error::{Error, Kind};

/// The cost of new hashes. Source: contract O6.4.
pub const COST: u32 = 12;
/// Stored hashes of a higher cost are not tried: one would hold a thread for seconds, or days.
pub const COST_MAX: u32 = 15;
/// bcrypt reads no further; a longer new password is refused instead of being cut.
pub const PASSWORD_BYTES_MAX: usize = 72;
/// Jobs that may wait for each thread, about 10 s of work; one more is answered with
/// [`Kind::Busy`].
pub const JOBS_WAITING_PER_THREAD_MAX: usize = 32;

/// Hashes and verifies; made once at start. Its threads end when it is dropped.
pub struct Passwords {
    jobs: SyncSender<Job>,
    cost: u32,
    /// What a password is compared with when there is no account: as dear, and never equal.
    nobody: String,
}

enum Job {
    Hash { password: Box<str>, cost: u32, answer: oneshot::Sender<Result<String, Error>> },
    Verify { password: Box<[u8]>, stored: Box<str>, answer: oneshot::Sender<Result<bool, Error>> },
}

impl Passwords {
    /// A pool whose new hashes have this cost: [`COST`], or 4 and more in tests.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn new(cost: u32) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_bounds(cost, (cores / 2).max(1), JOBS_WAITING_PER_THREAD_MAX)
    }

    fn with_bounds(cost: u32, threads: usize, waiting_per_thread_max: usize) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(threads.saturating_mul(waiting_per_thread_max));
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(format!("password-{index}")).spawn(move || work(&queue))?;
        }
        // All zeroes, in bcrypt's alphabet: 22 characters of salt, 31 of hash.
        let nobody = format!("$2b${cost:02}${:.>53}", "");
        Ok(Self { jobs, cost, nobody })
    }

    /// The hash to store.
    ///
    /// # Errors
    /// The password is too long; [`Kind::Busy`] when too much waits.
    ///
    /// # Cancel safety
    /// When dropped, a job that still waits is not done.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let password = checked(password)?;
        let (answer, answered) = oneshot::channel();
        self.submit(Job::Hash { password, cost: self.cost, answer })?;
        answered.await.map_err(|_| broken())?
    }

    /// Whether the password is the one that was hashed. `None`, for an account that does not exist,
    /// takes as long and is false.
    ///
    /// COMPAT: the original cut new passwords at [`PASSWORD_BYTES_MAX`] without a word, so only so
    /// much of a longer one is compared; pinned by `long_password_of_the_original_still_opens`.
    ///
    /// # Errors
    /// [`Kind::Busy`] when too much waits.
    ///
    /// # Cancel safety
    /// When dropped, a job that still waits is not done.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, Error> {
        let password = password.as_bytes();
        let password = password.get(..PASSWORD_BYTES_MAX).unwrap_or(password).into();
        let known = stored.filter(|hash| is_usable(hash));
        if stored.is_some() && known.is_none() {
            tracing::warn!("a stored password hash is not bcrypt or too dear; nobody can use it");
        }
        let (answer, answered) = oneshot::channel();
        let stored = known.unwrap_or(&self.nobody).into();
        self.submit(Job::Verify { password, stored, answer })?;
        Ok(answered.await.map_err(|_| broken())?? && known.is_some())
    }

    fn submit(&self, job: Job) -> Result<(), Error> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::new(Kind::Busy, "Server is busy, please try again"),
            TrySendError::Disconnected(_) => broken(),
        })
    }
}

fn checked(password: &str) -> Result<Box<str>, Error> {
    if password.len() <= PASSWORD_BYTES_MAX {
        return Ok(password.into());
    }
    let message = format!("\"password\" must not be longer than {PASSWORD_BYTES_MAX} bytes");
    Err(Error::invalid(vec![Violation { field: "password".into(), message }]))
}

/// Whether this is a bcrypt hash that may be tried. `$2y$` is PHP's name for the same function.
fn is_usable(hash: &str) -> bool {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix));
    known && hash.parse::<bcrypt::HashParts>().is_ok_and(|parts| parts.get_cost() <= COST_MAX)
}

/// One thread's life: take a job, do it, until the pool is gone.
fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(Job::Hash { password, cost, answer }) => {
                if !answer.is_closed() {
                    let _ = answer.send(bcrypt::hash(&*password, cost).map_err(|_| broken()));
                }
            }
            Ok(Job::Verify { password, stored, answer }) => {
                if !answer.is_closed() {
                    let _ = answer.send(bcrypt::verify(&*password, &stored).map_err(|_| broken()));
                }
            }
            Err(_) => return,
        }
    }
}

const fn broken() -> Error {
    Error::new(Kind::Internal, "Something went wrong!")
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("cost", &self.cost).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `correct horse` and `pässwörd`, hashed by the original's library.
    const ORIGINALS: [(&str, &str); 2] = [
        ("correct horse", "$2a$04$QflYodOGHPTlWhOQXGR1QOHHTiU2YleH85YIWv52lHZ5tXRCQ9ODa"),
        ("pässwörd", "$2a$04$2AciZCqAdDmMX4aktx7EZObl.VO11hSkqIyPnSo9wG5lza13LUVSS"),
    ];

    /// 71 times `x`, then `ä and more`, hashed by the original's library.
    const LONG_ORIGINAL: &str = "$2a$04$ua/NcG1a1FFnlPESB8OP.uyytlgytdosTSswuMEuv2dEzmaayzE12";

    fn pool() -> Passwords {
        Passwords::new(4).unwrap()
    }

    #[tokio::test]
    async fn hash_verifies_and_only_with_its_password() {
        let pool = pool();
        let hash = pool.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$2b$04$"));
        assert!(pool.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!pool.verify("correct horsf", Some(&hash)).await.unwrap());
        assert!(!pool.verify("", Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn hashes_of_the_original_verify() {
        let pool = pool();
        for (password, stored) in ORIGINALS {
            assert!(pool.verify(password, Some(stored)).await.unwrap());
            assert!(!pool.verify("other", Some(stored)).await.unwrap());
        }
    }

    #[tokio::test]
    async fn nobody_has_a_password() {
        let pool = pool();
        assert!(is_usable(&pool.nobody), "it must cost as much as a real one");
        for password in ["", "correct horse", "."] {
            assert!(!pool.verify(password, None).await.unwrap());
        }
    }

    #[tokio::test]
    async fn all_of_72_bytes_count_and_73_are_refused() {
        let pool = pool();
        let longest = "ä".repeat(36);
        let hash = pool.hash(&longest).await.unwrap();
        assert!(pool.verify(&longest, Some(&hash)).await.unwrap());
        let other = format!("{}a\u{7f}", "ä".repeat(35));
        assert!(!pool.verify(&other, Some(&hash)).await.unwrap());
        let longer = format!("{longest}x");
        let error = pool.hash(&longer).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        let message = &error.violations()[0].message;
        assert_eq!(message, "\"password\" must not be longer than 72 bytes");
    }

    #[tokio::test]
    async fn long_password_of_the_original_still_opens() {
        let pool = pool();
        // The 72nd byte stands within a character.
        let long = format!("{}ä and more", "x".repeat(71));
        assert!(pool.verify(&long, Some(LONG_ORIGINAL)).await.unwrap());
        assert!(!pool.verify(&long[..71], Some(LONG_ORIGINAL)).await.unwrap());
        assert!(!pool.verify(&long, None).await.unwrap());
    }

    #[tokio::test]
    async fn stored_rubbish_and_dear_hashes_are_nobodys_password() {
        let pool = pool();
        let dear = pool.nobody.replacen("$04$", "$31$", 1);
        for stored in ["", "plain", "$2b$04$", "$1$abcdefgh", "$2b$99$ää", &dear, "$2x$04$"] {
            assert!(!pool.verify("plain", Some(stored)).await.unwrap(), "{stored}");
        }
    }

    #[tokio::test]
    async fn full_queue_is_busy_at_once() {
        let (jobs, queue) = sync_channel(1);
        let pool = Passwords { jobs, cost: 4, nobody: String::new() };
        let mut first = std::pin::pin!(pool.hash("first"));
        // Polled once, so that it stands in the queue that nobody serves.
        assert!(tokio::time::timeout(std::time::Duration::ZERO, &mut first).await.is_err());
        assert_eq!(pool.hash("second").await.unwrap_err().kind(), Kind::Busy);
        drop(queue);
        assert_eq!(first.await.unwrap_err().kind(), Kind::Internal);
        assert_eq!(pool.hash("third").await.unwrap_err().kind(), Kind::Internal);
    }

    #[tokio::test]
    async fn job_whose_asker_left_is_not_done() {
        let (jobs, queue) = sync_channel(2);
        let pool = Passwords { jobs, cost: 31, nobody: String::new() };
        assert!(tokio::time::timeout(std::time::Duration::ZERO, pool.hash("x")).await.is_err());
        drop(pool);
        // Returns at once: a hash of cost 31 would take days.
        work(&Mutex::new(queue));
    }
}
