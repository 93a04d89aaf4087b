//! What other threads tell a shard, and how.
//!
//! The inbox is bounded. A service waits for a place in it; a shard never waits for another shard:
//! what it has to say is ephemeral, and dropped when there is no place.

use std::fmt;
use std::sync::Arc;

use protocol::id::SocketId;
use protocol::room::Room;
use smallvec::SmallVec;
use tokio::sync::{mpsc, oneshot};

use super::context::Context;
use super::recovering::{Question, Recall};
use super::session::SessionRequest;
use crate::application::{Admitted, Refusal};
use crate::connection::Adoption;
use crate::fanout::Broadcast;
use crate::recovery::{Recalled, Wish};

/// Messages that wait for one shard.
pub(crate) const INBOX_MESSAGES_MAX: usize = 16 * 1024;

/// What is done with each session of a room. A shard calls it: it must not block.
pub(crate) type Visit<S> = Box<dyn FnMut(&mut Context<'_, S>, &mut S) + Send>;

/// Whether a session is among those that a [`Message::Kick`] is for.
pub(crate) type Ends<S> = Box<dyn Fn(&S) -> bool + Send>;

/// A message to a shard.
pub(crate) enum Message<S> {
    /// A socket to take over.
    Adopt(Box<Adoption>),
    /// The application's answer to a wish to join a namespace.
    Admit(Box<Admit<S>>),
    /// Something for one socket.
    Reply(Box<Reply>),
    /// Something for rooms.
    Broadcast(Arc<Broadcast>),
    /// Put out the sockets in a room whose sessions end.
    Kick {
        /// Index of the room's namespace.
        namespace: u8,
        /// Where they are.
        room: Room,
        /// Which of them.
        ends: Ends<S>,
    },
    /// Do something with every session in a room.
    Visit {
        /// Index of the room's namespace.
        namespace: u8,
        /// Where they are.
        room: Room,
        /// What.
        visit: Visit<S>,
    },
    /// Say in which of these rooms nobody is.
    Census {
        /// Index of the rooms' namespace.
        namespace: u8,
        /// Which rooms.
        rooms: Arc<[Room]>,
        /// For each whether it is empty.
        answer: oneshot::Sender<Vec<bool>>,
    },
    /// Something for rooms, to be put in order by the first shard.
    Order(Box<Broadcast>),
    /// A question for a session that may go on elsewhere.
    Recall(Box<Recall>),
    /// A request of a session on long polling, or for one.
    Session(SessionRequest),
    /// Read nothing more.
    Quiesce,
    /// Close everything, a few connections a turn, then end.
    Drain,
}

impl<S> fmt::Debug for Message<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adopt(_) => "Adopt",
            Self::Admit(_) => "Admit",
            Self::Reply(_) => "Reply",
            Self::Broadcast(_) => "Broadcast",
            Self::Kick { .. } => "Kick",
            Self::Visit { .. } => "Visit",
            Self::Census { .. } => "Census",
            Self::Order(_) => "Order",
            Self::Recall(_) => "Recall",
            Self::Session(_) => "Session",
            Self::Quiesce => "Quiesce",
            Self::Drain => "Drain",
        })
    }
}

/// What a client is admitted with; or why it is not.
pub type Verdict<S> = Result<Admitted<S>, Refusal>;

/// The application's answer to a wish to join a namespace.
#[derive(Debug)]
pub(crate) struct Admit<S> {
    /// Who asked.
    pub(crate) socket: SocketId,
    /// For which namespace.
    pub(crate) namespace: u8,
    /// What it is.
    pub(crate) verdict: Verdict<S>,
}

/// Things to do for one socket, in order.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Which.
    pub(crate) socket: SocketId,
    /// In which namespace.
    pub(crate) namespace: u8,
    /// What.
    pub(crate) steps: SmallVec<[Step; 2]>,
}

/// One thing to do for a socket.
#[derive(Debug)]
pub enum Step {
    /// Put it into a room, and say whether it is in there: not when it is in too many.
    Join(Room, oneshot::Sender<bool>),
    /// Take it out of a room.
    Leave(Room),
    /// Hold what it hears of a room that it is in.
    Hold(Room),
    /// Pass that on, without the new messages up to this place.
    Release(Room, Option<i64>),
    /// Answer its event: the id it waits under and the argument array.
    Ack(u64, Box<[u8]>),
    /// Emit to it alone: the argument array.
    Emit(Box<[u8]>),
    /// Put it out of the namespace; its client does not come back by itself.
    Kick,
    /// Close its connection; its client comes back by itself, and is asked anew who it is.
    Reconnect,
}

/// Where a shard is reached.
#[derive(Debug)]
pub struct ShardHandle<S>(mpsc::Sender<Message<S>>);

impl<S> Clone for ShardHandle<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A shard that has ended takes no more messages; its connections are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended;

impl<S> ShardHandle<S> {
    /// A handle, and the end that its shard keeps.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Message<S>>) {
        let (sender, receiver) = mpsc::channel(INBOX_MESSAGES_MAX);
        (Self(sender), receiver)
    }

    /// Waits for a place in the inbox.
    ///
    /// # Errors
    /// The shard has ended.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing was sent.
    pub(crate) async fn send(&self, message: Message<S>) -> Result<(), Ended> {
        self.0.send(message).await.map_err(|_| Ended)
    }

    /// Sends if there is a place. Returns whether there was.
    pub(crate) fn offer(&self, message: Message<S>) -> bool {
        self.0.try_send(message).is_ok()
    }
}

/// One socket, from any thread. It may be gone by the time something reaches it; then that is
/// dropped.
#[derive(Debug)]
pub struct SocketHandle<S> {
    pub(crate) shards: Arc<[ShardHandle<S>]>,
    pub(crate) shard: u8,
    pub(crate) socket: SocketId,
    pub(crate) namespace: u8,
}

impl<S> Clone for SocketHandle<S> {
    fn clone(&self) -> Self {
        let shards = Arc::clone(&self.shards);
        Self { shards, shard: self.shard, socket: self.socket, namespace: self.namespace }
    }
}

impl<S> SocketHandle<S> {
    /// The number of its shard.
    pub(crate) const fn shard(&self) -> u8 {
        self.shard
    }

    /// Its public id.
    pub const fn id(&self) -> SocketId {
        self.socket
    }

    /// Answers the wish to join a namespace.
    pub async fn admit(&self, verdict: Verdict<S>) {
        let admit = Admit { socket: self.socket, namespace: self.namespace, verdict };
        self.send(Message::Admit(Box::new(admit))).await;
    }

    /// The rooms of the session that this socket wishes to go on with, if there is one and it is in
    /// the room `holder`, where only its user ever is.
    pub async fn look(&self, wish: &Wish, holder: Option<&Room>) -> Option<Vec<Room>> {
        self.recall_by(wish, holder, Question::Look).await
    }

    /// Takes that session: a connection that still has it is closed. It is lost unless the socket is
    /// admitted with it.
    pub async fn recall(&self, wish: &Wish, holder: Option<&Room>) -> Option<Recalled> {
        let saved = self.recall_by(wish, holder, Question::Take).await?;
        Some(Recalled::new(saved, wish))
    }

    /// Asks the shard where the session began, and then the others, to which it may have moved.
    async fn recall_by<T>(
        &self,
        wish: &Wish,
        holder: Option<&Room>,
        question: impl Fn(oneshot::Sender<Option<T>>) -> Question,
    ) -> Option<T> {
        let pid = wish.pid.filter(|pid| pid.node() == self.socket.node())?;
        let first = self.shards.get(usize::from(pid.shard()));
        let others = self.shards.iter().enumerate();
        let others = others.filter(|(shard, _)| *shard != usize::from(pid.shard()));
        for shard in first.into_iter().chain(others.map(|(_, shard)| shard)) {
            let (reply, found) = oneshot::channel();
            let (namespace, holder) = (self.namespace, holder.cloned());
            let recall = Recall { pid, namespace, holder, question: question(reply) };
            if shard.send(Message::Recall(Box::new(recall))).await.is_ok()
                && let Ok(Some(found)) = found.await
            {
                return Some(found);
            }
        }
        None
    }

    /// Tells the socket's shard something.
    pub(crate) async fn send(&self, message: Message<S>) {
        if let Some(shard) = self.shards.get(usize::from(self.shard)) {
            let _ = shard.send(message).await;
        }
    }

    /// Does things for the socket.
    pub async fn reply(&self, steps: SmallVec<[Step; 2]>) {
        let reply = Reply { socket: self.socket, namespace: self.namespace, steps };
        self.send(Message::Reply(Box::new(reply))).await;
    }
}
