//! From the bus to the shards: events to rooms, notices to sessions, and answers behind the events
//! that they answer for.
//!
//! An answer must not overtake its event: a sender hears `new_message` before `message_sent`. The
//! event is on the bus when the answer is handed in, so whoever takes an answer first empties the
//! bus. New messages go through the `gate`: each conversation's once and in order. Runs on the services' runtime; waits when a shard's inbox is full, and the services wait
//! for it.

mod gate;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use api::App;
use api::bus::{Delivery, Notice};
use protocol::event::{Envelope, ServerEvent};
use protocol::id::{ConversationId, UserId};
use protocol::room::Room;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::event::client::Client;
use crate::event::standing;
use crate::fanout::Broadcast;
use crate::recovery::Timeline;
use crate::runtime::Inboxes;
use crate::table::inbox::{Message, ShardHandle, Step};
use watch::{News, Reader, Watch};

/// Answers that wait for the relay; services wait for a place.
const ANSWERS_WAITING_MAX: usize = 1_024;

/// Joins that wait for the relay; services wait for a place.
const READERS_WAITING_MAX: usize = 256;

/// How often it is looked whether anybody is left in some of the rooms.
const CENSUS_INTERVAL: Duration = Duration::from_secs(1);

/// Answers taken at once.
const ANSWERS_PER_TURN: usize = 128;

/// The index of the namespace that the chat lives in.
const ROOT: u8 = 0;

/// Where services hand in what they have to say to one socket.
#[derive(Debug, Clone)]
pub struct Answers(mpsc::Sender<(u8, Message<Client>)>, mpsc::Sender<Reader>);

impl Answers {
    /// Hands in an answer to a socket of this shard; it comes behind everything that is on the bus now.
    pub(crate) async fn send(&self, shard: u8, message: Message<Client>) {
        // Without a relay there are no shards either, and nobody to hear it.
        let _ = self.0.send((shard, message)).await;
    }

    /// For somebody who has entered a conversation's room and then read everything up to this place:
    /// waits until all of that has been passed on to the room, so that no announcement of it comes
    /// later. False if what follows it may have been passed on before they entered: then they must
    /// read again.
    pub(crate) async fn meets(&self, id: ConversationId, seq: i64) -> bool {
        let (meets, answer) = oneshot::channel();
        // Without a relay nothing is passed on.
        let _ = self.1.send(Reader { id, seq, meets }).await;
        answer.await.unwrap_or(true)
    }

    /// Has every shard close its connections, behind all answers that were handed in before.
    pub(crate) async fn drain(&self, shards: usize) {
        for shard in 0..u8::try_from(shards).unwrap_or(u8::MAX) {
            self.send(shard, Message::Drain).await;
        }
    }
}

/// The relay of a process.
#[derive(Debug)]
pub struct Relay {
    app: Arc<App>,
    shards: Arc<[ShardHandle<Client>]>,
    deliveries: mpsc::Receiver<Delivery>,
    answers: mpsc::Receiver<(u8, Message<Client>)>,
    readers: mpsc::Receiver<Reader>,
    watch: Watch,
    timeline: Arc<Timeline>,
}

impl Relay {
    /// A relay to these shards; it hears the bus from now on.
    pub fn new(app: Arc<App>, inboxes: &Inboxes<Client>) -> (Answers, Self) {
        let (sender, answers) = mpsc::channel(ANSWERS_WAITING_MAX);
        let (reading, readers) = mpsc::channel(READERS_WAITING_MAX);
        let deliveries = app.bus.subscribe();
        let (shards, timeline) = (inboxes.handles(), inboxes.timeline());
        let watch = Watch::new(Arc::clone(&app), Arc::clone(&shards));
        let relay = Self { app, shards, deliveries, answers, readers, watch, timeline };
        (Answers(sender, reading), relay)
    }

    /// Relays until nobody is left who could hand anything in.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(ANSWERS_PER_TURN);
        let mut census = tokio::time::interval(CENSUS_INTERVAL);
        census.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut reader = None;
            tokio::select! {
                delivery = self.deliveries.recv() => match delivery {
                    Some(delivery) => self.forward(delivery).await,
                    None => return,
                },
                count = self.answers.recv_many(&mut batch, ANSWERS_PER_TURN) => {
                    if count == 0 {
                        return;
                    }
                }
                Some(found) = self.readers.recv() => reader = Some(found),
                Some(news) = self.watch.news() => self.hear(news).await,
                _ = census.tick() => self.watch.count_some(),
            }
            // Exactly what was there when the last answer was taken: more may come for ever.
            for _ in 0..self.deliveries.len() {
                let Ok(delivery) = self.deliveries.try_recv() else { break };
                self.forward(delivery).await;
            }
            if let Some(reader) = reader {
                self.watch.meet(reader);
            }
            for (shard, message) in batch.drain(..) {
                self.note_entering(&message);
                if let Some(shard) = self.shards.get(usize::from(shard)) {
                    let _ = shard.send(message).await;
                }
            }
        }
    }

    /// Whoever enters a room is there before anything that is passed on later.
    fn note_entering(&mut self, message: &Message<Client>) {
        let Message::Reply(reply) = message else { return };
        for step in &reply.steps {
            if let Step::Join(Room::Conversation(id), _) = step {
                self.watch.enter(*id);
            }
        }
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Fetched(id, fetched) => {
                for envelope in self.watch.sift(id, fetched) {
                    self.pass_on(&envelope).await;
                }
                self.watch.settle(id);
            }
            News::Empty(rooms, entered) => self.watch.evict(rooms, entered),
        }
    }

    async fn pass_on(&self, envelope: &Envelope) {
        // Here, and nowhere else, broadcasts are put in the order in which all shards hear them.
        let broadcast = Arc::new(broadcast(envelope).placed(&self.timeline));
        for shard in &*self.shards {
            let _ = shard.send(Message::Broadcast(Arc::clone(&broadcast))).await;
        }
    }

    async fn forward(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Event(envelope) => {
                if self.watch.admits(&envelope.event) {
                    self.pass_on(&envelope).await;
                }
            }
            Delivery::Notice(notice) => {
                self.app.heed(&notice);
                self.act(notice).await;
            }
        }
    }

    /// Puts out the sockets of a session or an account that has ended; those of an account that has
    /// changed become what it is now.
    async fn act(&self, notice: Notice) {
        for shard in &*self.shards {
            let message = match notice {
                Notice::SessionRevoked { session_id, user_id } => {
                    put_out(user_id, move |client| client.person.session_id == session_id)
                }
                Notice::UserChanged { user_id, role, is_active: true } => {
                    standing::change(&self.app, user_id, role)
                }
                Notice::UserChanged { user_id, role: _, is_active: false } => {
                    put_out(user_id, |_| true)
                }
            };
            let _ = shard.send(message).await;
        }
    }
}

fn put_out(user_id: UserId, ends: impl Fn(&Client) -> bool + Send + 'static) -> Message<Client> {
    Message::Kick { namespace: ROOT, room: Room::User(user_id), ends: Box::new(ends) }
}

fn broadcast(envelope: &Envelope) -> Broadcast {
    let mut arguments = Vec::with_capacity(512);
    envelope.event.encode(&mut arguments);
    let broadcast = Broadcast::new(ROOT, envelope.rooms.clone(), arguments.into());
    let seq = watch::place(&envelope.event).map(|(_, seq)| seq);
    let broadcast = broadcast.except(envelope.except.clone()).of_message(seq);
    if is_ephemeral(&envelope.event) { broadcast.ephemeral() } else { broadcast }
}

/// Whether a client can do without it. Source: contract 1.6.6.
const fn is_ephemeral(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::TypingStart(_)
            | ServerEvent::TypingStop(_)
            | ServerEvent::UserStatus(_)
            | ServerEvent::PresenceUpdate(_)
            | ServerEvent::UserJoinedRoom(_)
            | ServerEvent::UserLeftRoom(_)
    )
}

#[cfg(test)]
mod tests;
