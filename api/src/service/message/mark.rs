//! Read marks of one person in one conversation: one is written at a time.
//!
//! A client marks every message that it shows, and of marks only the furthest counts. So those that
//! come while one is written wait for it and become one mark, written next; whoever made them is
//! answered when it is. What is written and told only ever advances.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::id::{ConversationId, MessageId, SocketId, UserId};
use tokio::sync::oneshot;

use crate::error::{Error, Kind};
use crate::service::to_the_end;

/// Whose marks, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Reader {
    pub(super) user_id: UserId,
    pub(super) conversation_id: ConversationId,
}

/// Everything up to here is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) message_id: MessageId,
    /// The message's place in the conversation.
    pub(super) seq: i64,
    /// The device that knows already.
    pub(super) origin: Option<SocketId>,
}

/// The readers whose marks are being written, and what waits meanwhile. How much may wait is bounded
/// by whoever hands requests to the rules.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    readers: Mutex<HashMap<Reader, Option<Waiting>>>,
}

/// Marks that wait, as the one that they have become.
#[derive(Debug)]
struct Waiting {
    furthest: Mark,
    makers: Vec<oneshot::Sender<Result<(), Error>>>,
}

impl Marks {
    /// Has `write` write this mark or one further on, and returns when it is written.
    ///
    /// # Errors
    /// Those of `write`.
    ///
    /// # Cancel safety
    /// Runs to its end even if dropped.
    pub(super) async fn make<F>(
        self: &Arc<Self>,
        reader: Reader,
        mark: Mark,
        write: impl Fn(Mark) -> F + Send + 'static,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let (maker, written) = oneshot::channel();
        if self.note(reader, mark, maker) {
            let marks = Arc::clone(self);
            tokio::spawn(async move { marks.write_all(reader, write).await });
        }
        written.await.unwrap_or_else(|_| Err(Error::new(Kind::Internal, "Something went wrong!")))
    }

    /// Lets a mark wait; whether nobody is writing, so that the caller must see to it.
    fn note(&self, reader: Reader, mark: Mark, maker: oneshot::Sender<Result<(), Error>>) -> bool {
        let mut readers = self.lock();
        let (waiting, is_idle) = match readers.entry(reader) {
            Entry::Occupied(place) => (place.into_mut(), false),
            Entry::Vacant(place) => (place.insert(None), true),
        };
        let waiting = waiting.get_or_insert(Waiting { furthest: mark, makers: Vec::new() });
        if mark.seq > waiting.furthest.seq {
            waiting.furthest = mark;
        }
        waiting.makers.push(maker);
        is_idle
    }

    async fn write_all<F>(&self, reader: Reader, write: impl Fn(Mark) -> F)
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        while let Some(Waiting { furthest, makers }) = self.take(reader) {
            let outcome = to_the_end(write(furthest)).await;
            for maker in makers {
                let same = |error: &Error| Error::new(error.kind(), error.message());
                // Whoever left needs no answer.
                let _ = maker.send(outcome.as_ref().copied().map_err(same));
            }
        }
    }

    /// What is to be written next; if nothing is, nobody writes any more.
    fn take(&self, reader: Reader) -> Option<Waiting> {
        let mut readers = self.lock();
        let waiting = readers.get_mut(&reader).and_then(Option::take);
        if waiting.is_none() {
            readers.remove(&reader);
        }
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Reader, Option<Waiting>>> {
        // The map is whole after every step, whatever panics in between.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::ObjectId;
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    const ID: ObjectId = ObjectId::from_bytes([7; 12]);
    const READER: Reader = Reader { user_id: UserId(ID), conversation_id: ConversationId(ID) };

    fn mark(seq: i64) -> Mark {
        Mark { message_id: MessageId(ID), seq, origin: None }
    }

    /// A store that takes one write for every permit of the gate.
    #[derive(Clone)]
    struct Slow {
        gate: Arc<Semaphore>,
        begun: mpsc::Sender<i64>,
    }

    impl Slow {
        fn new() -> (Self, mpsc::Receiver<i64>) {
            let (begun, writes) = mpsc::channel(64);
            (Self { gate: Arc::new(Semaphore::new(0)), begun }, writes)
        }

        async fn write(self, mark: Mark) -> Result<(), Error> {
            self.begun.send(mark.seq).await.unwrap();
            self.gate.acquire().await.unwrap().forget();
            match mark.seq {
                13 => Err(Error::new(Kind::Busy, "busy")),
                14 => panic!("planted"),
                _ => Ok(()),
            }
        }
    }

    fn make(
        marks: &Arc<Marks>,
        seq: i64,
        slow: &Slow,
    ) -> tokio::task::JoinHandle<Result<(), Error>> {
        let (marks, slow) = (Arc::clone(marks), slow.clone());
        let write = move |mark| slow.clone().write(mark);
        tokio::spawn(async move { marks.make(READER, mark(seq), write).await })
    }

    #[tokio::test]
    async fn marks_that_come_while_one_is_written_become_one() {
        let marks = Arc::<Marks>::default();
        let (slow, mut writes) = Slow::new();
        let first = make(&marks, 1, &slow);
        assert_eq!(writes.recv().await, Some(1));
        let later: Vec<_> = [4, 50, 2, 49].map(|seq| make(&marks, seq, &slow)).into();
        let all_wait = || marks.lock()[&READER].as_ref().is_some_and(|it| it.makers.len() == 4);
        while !all_wait() {
            tokio::task::yield_now().await;
        }
        slow.gate.add_permits(1);
        first.await.unwrap().unwrap();
        assert_eq!(writes.recv().await, Some(50));
        assert!(later.iter().all(|it| !it.is_finished()), "answered before it is written");
        slow.gate.add_permits(1);
        for it in later {
            it.await.unwrap().unwrap();
        }
        assert!(writes.is_empty(), "one write for all that waited");
        while !marks.lock().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn write_that_fails_fails_for_all_its_makers_and_holds_up_none_after_it() {
        for (seq, kind) in [(13, Kind::Busy), (14, Kind::Internal)] {
            let marks = Arc::<Marks>::default();
            let (slow, mut writes) = Slow::new();
            let both = [make(&marks, seq, &slow), make(&marks, seq - 1, &slow)];
            assert_eq!(writes.recv().await, Some(seq));
            let next = make(&marks, 20, &slow);
            slow.gate.add_permits(2);
            for it in both {
                assert_eq!(it.await.unwrap().unwrap_err().kind(), kind);
            }
            next.await.unwrap().unwrap();
        }
    }
}
