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
use super::session::SessionRequest;
use crate::application::Refusal;
use crate::connection::Adoption;
use crate::fanout::Broadcast;

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
            Self::Session(_) => "Session",
            Self::Quiesce => "Quiesce",
            Self::Drain => "Drain",
        })
    }
}

/// The session, and the rooms that it joins with it; or why not.
pub type Verdict<S> = Result<(S, SmallVec<[Room; 2]>), Refusal>;

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
    pub(crate) shard: ShardHandle<S>,
    pub(crate) socket: SocketId,
    pub(crate) namespace: u8,
}

impl<S> Clone for SocketHandle<S> {
    fn clone(&self) -> Self {
        Self { shard: self.shard.clone(), socket: self.socket, namespace: self.namespace }
    }
}

impl<S> SocketHandle<S> {
    /// Its public id.
    pub const fn id(&self) -> SocketId {
        self.socket
    }

    /// Answers the wish to join a namespace.
    pub async fn admit(&self, verdict: Verdict<S>) {
        let admit = Admit { socket: self.socket, namespace: self.namespace, verdict };
        let _ = self.shard.send(Message::Admit(Box::new(admit))).await;
    }

    /// Tells the socket's shard something.
    pub(crate) async fn send(&self, message: Message<S>) {
        let _ = self.shard.send(message).await;
    }

    /// Does things for the socket.
    pub async fn reply(&self, steps: SmallVec<[Step; 2]>) {
        let reply = Reply { socket: self.socket, namespace: self.namespace, steps };
        let _ = self.shard.send(Message::Reply(Box::new(reply))).await;
    }
}
