//! The bounded hand-off from shards to the services' runtime.
//!
//! A shard never waits: when too much waits already, it is told so and answers `BUSY`. Work with the
//! same [`Lane`] runs one after the other in the order in which its shard handed it in, so that two
//! messages that a client sends to one conversation are stored in that order; all else runs side by
//! side. Work that panics ends alone; its lane goes on.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::id::ObjectId;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

/// Jobs that wait to be looked at, a shard; one more is refused.
const JOBS_WAITING_MAX: usize = 1_024;

/// Jobs that run or wait for their lane, a shard; beyond it no more are looked at, so that
/// [`JOBS_WAITING_MAX`] fills.
const JOBS_TAKEN_MAX: usize = 1_024;

/// What must be done in order: all work on one conversation, or on one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane(pub ObjectId);

/// A refusal: too much waits already, and nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Job {
    lane: Option<Lane>,
    work: Work,
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
        f.debug_struct("Job").field("lane", &self.lane).finish_non_exhaustive()
    }
}

impl Handoff {
    /// A hand-off, and what must be run on the services' runtime for it to work.
    pub fn new() -> (Self, Dispatcher) {
        let (sender, jobs) = mpsc::channel(JOBS_WAITING_MAX);
        let dispatcher = Dispatcher {
            jobs,
            running: JoinSet::new(),
            lanes: HashMap::new(),
            owners: HashMap::new(),
            waiting: 0,
        };
        (Self { jobs: sender, pending: Arc::default() }, dispatcher)
    }

    /// Jobs that were handed in and have not ended.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// Hands work in.
    ///
    /// # Errors
    /// [`Busy`]: the work was dropped.
    pub fn submit(
        &self,
        lane: Option<Lane>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Busy> {
        let pending = Pending::note(&self.pending);
        let work = Box::pin(async move {
            work.await;
            drop(pending);
        });
        self.jobs.try_send(Job { lane, work }).map_err(|_| Busy)
    }
}

/// The services' end of the hand-off.
pub struct Dispatcher {
    jobs: mpsc::Receiver<Job>,
    running: JoinSet<()>,
    /// Lanes in which work runs, and what waits behind it.
    lanes: HashMap<Lane, VecDeque<Work>>,
    /// The lane of running work that has one.
    owners: HashMap<Id, Lane>,
    /// Work that waits in lanes.
    waiting: usize,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (running, waiting) = (self.running.len(), self.waiting);
        write!(f, "Dispatcher {{ running: {running}, waiting: {waiting} }}")
    }
}

impl Dispatcher {
    /// Runs what is handed in, until the shard is gone and all of it is done.
    pub async fn run(mut self) {
        let mut is_open = true;
        while is_open || !self.running.is_empty() {
            let has_place = self.running.len() + self.waiting < JOBS_TAKEN_MAX;
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
        let Some(lane) = job.lane else {
            self.running.spawn(job.work);
            return;
        };
        if let Some(queue) = self.lanes.get_mut(&lane) {
            self.waiting += 1;
            queue.push_back(job.work);
            return;
        }
        self.lanes.insert(lane, VecDeque::new());
        self.start(lane, job.work);
    }

    fn start(&mut self, lane: Lane, work: Work) {
        let id = self.running.spawn(work).id();
        self.owners.insert(id, lane);
    }

    /// Starts what waited behind ended work.
    fn release(&mut self, id: Id) {
        let Some(lane) = self.owners.remove(&id) else { return };
        match self.lanes.get_mut(&lane).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.waiting -= 1;
                self.start(lane, next);
            }
            None => {
                self.lanes.remove(&lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Notify;

    use super::*;

    const FIRST: Option<Lane> = Some(Lane(ObjectId::from_bytes([1; 12])));
    const SECOND: Option<Lane> = Some(Lane(ObjectId::from_bytes([2; 12])));

    #[tokio::test]
    async fn a_lane_keeps_its_order_and_holds_up_no_other() {
        let (handoff, dispatcher) = Handoff::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let gate = Arc::new(Notify::new());
        for number in 0..3 {
            let (seen, gate) = (Arc::clone(&seen), Arc::clone(&gate));
            let work = async move {
                gate.notified().await;
                seen.lock().unwrap().push(number);
            };
            handoff.submit(FIRST, work).unwrap();
        }
        let opened = Arc::clone(&gate);
        let other = Arc::clone(&seen);
        let work = async move {
            other.lock().unwrap().push(9);
            for _ in 0..3 {
                opened.notify_one();
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            }
            opened.notify_one();
        };
        handoff.submit(SECOND, work).unwrap();
        drop(handoff);
        tokio::time::timeout(std::time::Duration::from_secs(30), dispatcher.run()).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [9, 0, 1, 2]);
    }

    #[tokio::test]
    async fn work_that_panics_releases_its_lane() {
        let (handoff, dispatcher) = Handoff::new();
        let done = Arc::new(Mutex::new(false));
        handoff.submit(FIRST, async { panic!("planted") }).unwrap();
        let after = Arc::clone(&done);
        handoff.submit(FIRST, async move { *after.lock().unwrap() = true }).unwrap();
        let watched = Arc::clone(&handoff.pending);
        drop(handoff);
        dispatcher.run().await;
        assert!(*done.lock().unwrap());
        assert_eq!(watched.load(Ordering::Acquire), 0, "what has ended, however, is not pending");
    }

    #[tokio::test]
    async fn what_finds_no_place_is_refused_at_once() {
        let (handoff, _dispatcher) = Handoff::new();
        for _ in 0..JOBS_WAITING_MAX {
            handoff.submit(None, async {}).unwrap();
        }
        assert_eq!(handoff.submit(None, async {}), Err(Busy));
        assert_eq!(handoff.pending(), JOBS_WAITING_MAX);
    }
}
