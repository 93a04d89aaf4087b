//! The bounded hand-off from shards to the services' runtime.
//!
//! A shard never waits: when too much waits already, it is told so and answers `BUSY`. Of one person
//! so much runs at a time, and the rest waits behind it: however much a client sends at once, the
//! work of others is begun as it comes. A person's work in the same [`Lane`] runs one after the other
//! in the order in which its shard handed it in, so that two messages that a client sends to one
//! conversation are stored in that order. Work that panics ends alone; what waits behind it goes on.

mod line;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::id::{ObjectId, UserId};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

use line::{Entry, Lines};

/// Jobs that wait to be looked at, a shard; one more is refused.
const JOBS_WAITING_MAX: usize = 1_024;

/// Jobs that run, a shard; beyond it no more are looked at, so that [`JOBS_WAITING_MAX`] fills. What
/// waits for its turn runs nothing and does not count.
const JOBS_RUNNING_MAX: usize = 1_024;

/// Jobs of one person that run or wait for their lane, a shard; further ones wait behind them.
const JOBS_PER_PERSON: usize = 8;

/// What must be done in order: all work on one conversation, on one message, or on what somebody says
/// of his own status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane(pub ObjectId);

/// A refusal: too much waits already, and nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// How a job's turn comes: to do its work, or to say that there is no place for it.
pub type Turn = Result<(), Busy>;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Job {
    person: Option<UserId>,
    lane: Option<Lane>,
    begin: Box<dyn FnOnce(Turn) -> Work + Send>,
}

/// What a job keeps others from while it runs.
#[derive(Debug)]
struct Holds {
    person: Option<UserId>,
    lane: Option<Lane>,
}

/// A shard's end of the hand-off.
#[derive(Debug, Clone)]
pub struct Handoff {
    jobs: mpsc::Sender<Job>,
    /// Jobs handed in and not ended.
    pending: Arc<AtomicUsize>,
}

/// A job's note that it is pending, for as long as it lives.
#[derive(Debug)]
struct Pending(Arc<AtomicUsize>);

impl Pending {
    fn note(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { person, lane, .. } = self;
        f.debug_struct("Job").field("person", person).field("lane", lane).finish_non_exhaustive()
    }
}

impl Handoff {
    /// A hand-off, and what must be run on the services' runtime for it to work.
    pub fn new() -> (Self, Dispatcher) {
        let (sender, jobs) = mpsc::channel(JOBS_WAITING_MAX);
        let dispatcher = Dispatcher {
            jobs,
            running: JoinSet::new(),
            holds: HashMap::new(),
            people: Lines::new(JOBS_PER_PERSON),
            lanes: Lines::new(1),
        };
        (Self { jobs: sender, pending: Arc::default() }, dispatcher)
    }

    /// Jobs that were handed in and have not ended.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// Hands in work of somebody, to be done when its turn comes, or given up when that is [`Busy`].
    ///
    /// # Errors
    /// [`Busy`]: the work was dropped.
    pub fn submit<F: Future<Output = ()> + Send + 'static>(
        &self,
        person: Option<UserId>,
        lane: Option<Lane>,
        work: impl FnOnce(Turn) -> F + Send + 'static,
    ) -> Result<(), Busy> {
        let pending = Pending::note(&self.pending);
        let begin = Box::new(move |turn| {
            let work = work(turn);
            let work: Work = Box::pin(async move {
                work.await;
                drop(pending);
            });
            work
        });
        self.jobs.try_send(Job { person, lane, begin }).map_err(|_| Busy)
    }
}

/// The services' end of the hand-off.
pub struct Dispatcher {
    jobs: mpsc::Receiver<Job>,
    running: JoinSet<()>,
    /// What running work keeps others from.
    holds: HashMap<Id, Holds>,
    /// By whose work it is; whoever has its turn there goes on to its lane.
    people: Lines<UserId, Job>,
    lanes: Lines<Lane, Job>,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = self.running.len();
        let waiting = self.people.waiting() + self.lanes.waiting();
        write!(f, "Dispatcher {{ running: {running}, waiting: {waiting} }}")
    }
}

impl Dispatcher {
    /// Runs what is handed in, until the shard is gone and all of it is done.
    pub async fn run(mut self) {
        let mut is_open = true;
        while is_open || !self.running.is_empty() {
            let has_place = self.running.len() < JOBS_RUNNING_MAX;
            tokio::select! {
                Some(ended) = self.running.join_next_with_id() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => {
                            tracing::error!(%error, "work for a client panicked");
                            error.id()
                        }
                    };
                    self.release(id);
                }
                job = self.jobs.recv(), if is_open && has_place => match job {
                    Some(job) => self.take(job),
                    None => is_open = false,
                },
            }
        }
    }

    fn take(&mut self, job: Job) {
        let Some(person) = job.person else { return self.line_up(job) };
        match self.people.enter(person, job) {
            Entry::Turn(job) => self.line_up(job),
            Entry::Waits => {}
            Entry::Full(job) => self.start(Job { person: None, lane: None, ..job }, Err(Busy)),
        }
    }

    fn line_up(&mut self, job: Job) {
        let Some(lane) = job.lane else { return self.start(job, Ok(())) };
        match self.lanes.enter(lane, job) {
            Entry::Turn(job) => self.start(job, Ok(())),
            Entry::Waits => {}
            Entry::Full(job) => self.start(Job { lane: None, ..job }, Err(Busy)),
        }
    }

    fn start(&mut self, job: Job, turn: Turn) {
        let Job { person, lane, begin } = job;
        let id = self.running.spawn(begin(turn)).id();
        self.holds.insert(id, Holds { person, lane });
    }

    /// Starts what waited behind ended work.
    fn release(&mut self, id: Id) {
        let Some(Holds { person, lane }) = self.holds.remove(&id) else { return };
        if let Some(next) = lane.and_then(|lane| self.lanes.leave(&lane)) {
            self.start(next, Ok(()));
        }
        if let Some(next) = person.and_then(|person| self.people.leave(&person)) {
            self.line_up(next);
        }
    }
}

#[cfg(test)]
mod tests;
