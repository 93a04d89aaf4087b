//! Carries out what the [gate](super::gate) says: fetches what is missing, answers those who read,
//! and forgets conversations that nobody is left in.

use std::sync::Arc;
use std::time::Duration;

use api::App;
use api::service::message;
use protocol::event::{Envelope, ServerEvent};
use protocol::id::ConversationId;
use protocol::room::Room;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::ROOT;
use super::gate::{Bell, Gate, Snapshot};
use crate::event::client::Client;
use crate::table::inbox::{Message, ShardHandle};

/// Reads of the store at once, for what is missing; further ones wait.
const FETCHES_MAX: usize = 32;

/// Before a fetch that brought nothing is repeated.
const FETCH_RETRY_DELAY: Duration = Duration::from_millis(250);

/// Answers to fetches and counts that wait for the relay; their tasks wait for a place.
const NEWS_WAITING_MAX: usize = 64;

/// Rooms that the shards are asked about at once: a tenth of a millisecond of a shard's time.
const CENSUS_LEN: usize = 2_048;

/// Somebody who has entered a room and read everything up to a place.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) id: ConversationId,
    pub(super) seq: i64,
    /// Whether what it has read meets what it will hear.
    pub(super) meets: oneshot::Sender<bool>,
}

/// What comes back from a task.
#[derive(Debug)]
pub(super) enum News {
    /// What was missing, as far as it was found.
    Fetched(ConversationId, Vec<Envelope>),
    /// Rooms that were empty when so many had entered.
    Empty(Vec<ConversationId>, u64),
}

/// The gate and what waits for it.
#[derive(Debug)]
pub(super) struct Watch {
    app: Arc<App>,
    shards: Arc<[ShardHandle<Client>]>,
    gate: Gate,
    /// Those whose place has not been passed on yet; as many as joins under way, which are bounded by
    /// whoever hands them in.
    readers: Vec<Reader>,
    news: mpsc::Receiver<News>,
    sender: mpsc::Sender<News>,
    fetches: Arc<Semaphore>,
    /// Up to where the shards were asked.
    counted: Option<ConversationId>,
    is_counting: bool,
}

impl Watch {
    pub(super) fn new(app: Arc<App>, shards: Arc<[ShardHandle<Client>]>) -> Self {
        let (sender, news) = mpsc::channel(NEWS_WAITING_MAX);
        Self {
            app,
            shards,
            gate: Gate::default(),
            readers: Vec::new(),
            news,
            sender,
            fetches: Arc::new(Semaphore::new(FETCHES_MAX)),
            counted: None,
            is_counting: false,
        }
    }

    /// What comes back next.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing is lost.
    pub(super) async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// Somebody enters.
    pub(super) fn enter(&mut self, id: ConversationId) {
        self.gate.enter(id);
    }

    /// Whether an event is to be passed on now.
    pub(super) fn admits(&mut self, event: &ServerEvent) -> bool {
        let Some((id, seq)) = place(event) else { return true };
        match self.gate.bell(id, seq) {
            Bell::Pass => true,
            Bell::Drop | Bell::Wait => false,
            Bell::Fetch(after) => {
                self.fetch(id, after, false);
                false
            }
        }
    }

    /// Tells a reader whether it may go on, at once or when all of what it has read was passed on.
    pub(super) fn meet(&mut self, reader: Reader) {
        let meets = match self.gate.snapshot(reader.id, reader.seq) {
            Snapshot::Meets => true,
            Snapshot::Behind => false,
            Snapshot::Wait => return self.readers.push(reader),
            Snapshot::Fetch(after) => {
                self.fetch(reader.id, after, false);
                return self.readers.push(reader);
            }
        };
        // Whoever asked may be gone.
        let _ = reader.meets.send(meets);
    }

    /// Of what was fetched, what is to be passed on.
    pub(super) fn sift(&mut self, id: ConversationId, fetched: Vec<Envelope>) -> Vec<Envelope> {
        let mut out = fetched;
        out.retain(|it| place(&it.event).is_some_and(|(id, seq)| self.gate.fetched(id, seq)));
        if !out.is_empty() {
            tracing::debug!(conversation = %id, count = out.len(), "passed on what was missing");
        }
        if let Some((after, again)) = self.gate.fetch_ended(id, !out.is_empty()) {
            self.fetch(id, after, again);
        }
        out
    }

    /// Looks again at those who wait for this conversation, once what was fetched is on its way.
    pub(super) fn settle(&mut self, id: ConversationId) {
        let (here, elsewhere) =
            std::mem::take(&mut self.readers).into_iter().partition(|reader| reader.id == id);
        self.readers = elsewhere;
        let here: Vec<Reader> = here;
        for reader in here {
            self.meet(reader);
        }
    }

    /// Asks the shards which of the next rooms are empty, unless they are being asked.
    pub(super) fn count_some(&mut self) {
        if self.is_counting {
            return;
        }
        let ids = self.gate.some_behind(self.counted, CENSUS_LEN);
        self.counted = ids.last().copied();
        if ids.is_empty() {
            return;
        }
        self.is_counting = true;
        let (shards, sender) = (Arc::clone(&self.shards), self.sender.clone());
        let entered = self.gate.entered();
        tokio::spawn(async move {
            let empty = census(&shards, ids).await;
            let _ = sender.send(News::Empty(empty, entered)).await;
        });
    }

    /// Forgets the rooms that are empty, but for those that somebody entered since.
    pub(super) fn evict(&mut self, empty: Vec<ConversationId>, entered: u64) {
        self.is_counting = false;
        for id in empty {
            self.gate.evict(id, entered);
        }
    }

    fn fetch(&self, id: ConversationId, after: i64, is_repeated: bool) {
        let (app, sender) = (Arc::clone(&self.app), self.sender.clone());
        let fetches = Arc::clone(&self.fetches);
        tokio::spawn(async move {
            if is_repeated {
                tokio::time::sleep(FETCH_RETRY_DELAY).await;
            }
            // Never closed: it is this watch's.
            let _place = fetches.acquire().await;
            let fetched = match message::announcements(&app, id, after).await {
                Ok(fetched) => fetched,
                Err(error) => {
                    tracing::warn!(conversation = %id, %error, "cannot fetch what is missing");
                    Vec::new()
                }
            };
            let _ = sender.send(News::Fetched(id, fetched)).await;
        });
    }
}

/// Those of these conversations whose rooms are empty on every shard. Sent behind everything that
/// the relay has sent before.
async fn census(shards: &[ShardHandle<Client>], ids: Vec<ConversationId>) -> Vec<ConversationId> {
    let rooms: Arc<[Room]> = ids.iter().copied().map(Room::Conversation).collect();
    let mut is_empty = vec![true; ids.len()];
    for shard in shards {
        let (answer, answered) = oneshot::channel();
        let census = Message::Census { namespace: ROOT, rooms: Arc::clone(&rooms), answer };
        if shard.send(census).await.is_err() {
            continue;
        }
        // A shard that has ended holds nobody.
        for (all, here) in is_empty.iter_mut().zip(answered.await.unwrap_or_default()) {
            *all &= here;
        }
    }
    ids.into_iter().zip(is_empty).filter(|(_, is_empty)| *is_empty).map(|(id, _)| id).collect()
}

/// The place of a new message. One of another server that gives none is passed on as it comes.
pub(super) fn place(event: &ServerEvent) -> Option<(ConversationId, i64)> {
    if let ServerEvent::NewMessage(new) = event
        && new.message.seq > 0
    {
        Some((new.conversation_id, new.message.seq))
    } else {
        None
    }
}
