//! After a commit that failed because the disk is full: the database is opened anew.
//!
//! The engine below gives up its file at the first failure. Opening it anew finds the last commit that
//! is whole, which may be the failed one: its writers were told that nobody knows.
//!
//! Until there is room the old one stays, which still shows what it has in memory; then it is closed
//! for as long as the opening takes.
//!
//! Only a want of room is waited for. Whatever else a disk says, and a sync that failed above all,
//! needs a human: see `disk.rs`.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Files;
use super::disk::Trust;
use super::file::{OpenError, Opened};
use super::writer::Job;

/// Until the first attempt; each that follows waits twice as long, as opening reads the whole file.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Between two attempts at most.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How a disk is asked for room, and the database opened anew.
pub(super) trait Reopen: Send {
    /// Whether the disk takes more.
    fn probe(&self) -> io::Result<()>;

    /// Opens the database.
    fn open(&self, trust: &Trust) -> Result<Opened, OpenError>;
}

/// When the database is opened anew.
pub(super) struct Revival {
    means: Box<dyn Reopen>,
    epoch: String,
    trust: Trust,
    pause_min: Duration,
    pause: Duration,
}

impl Revival {
    pub(super) fn new(opened: &Opened, means: impl Reopen + 'static) -> Self {
        let (epoch, trust) = (opened.epoch.clone(), opened.trust.clone());
        Self { means: Box::new(means), epoch, trust, pause_min: PAUSE_MIN, pause: PAUSE_MIN }
    }

    /// The disk takes writes.
    pub(super) fn rest(&mut self) {
        self.pause = self.pause_min;
    }

    /// Opens the database anew as soon as that goes, and refuses all writes until then; returns at
    /// once where that cannot help, and when the store is closed.
    pub(super) fn revive(&mut self, files: &Files, queue: &Receiver<Job>, error: &redb::Error) {
        let mut may_help = is_want_of_room(error);
        while may_help && !self.trust.is_lost() && self.wait(files, queue) {
            if self.means.probe().is_err() {
                continue;
            }
            // The file is another's to open only when it is closed.
            files.replace(None);
            match self.means.open(&self.trust) {
                Ok(opened) if opened.epoch == self.epoch => {
                    files.replace(Some(opened.database));
                    files.note_revival();
                    files.failed.store(false, Ordering::Release);
                    tracing::info!("the store is open again");
                    return;
                }
                Ok(_) => {
                    tracing::error!("the store was replaced");
                    may_help = false;
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::error!(error, "the store cannot be opened again yet");
                }
            }
        }
        tracing::error!("the store takes no more writes until the server is started anew");
    }

    /// Refuses what comes until it is time for the next attempt; `false` when the store is closed.
    fn wait(&mut self, files: &Files, queue: &Receiver<Job>) -> bool {
        let until = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        loop {
            match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(job) => job.refuse(files.absence()),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Another pause than [`PAUSE_MIN`].
    #[cfg(test)]
    pub(super) fn pausing(self, pause: Duration) -> Self {
        Self { pause_min: pause, pause, ..self }
    }
}

impl fmt::Debug for Revival {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Revival").field("pause", &self.pause).finish_non_exhaustive()
    }
}

/// Whether the disk, the owner's share of it, or what a file may grow to is used up.
fn is_want_of_room(error: &redb::Error) -> bool {
    let redb::Error::Io(error) = error else { return false };
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
