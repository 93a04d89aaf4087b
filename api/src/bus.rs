//! The bus port: what a process tells all others, itself included.
//!
//! Two kinds of [`Delivery`] share one queue per subscriber, so that their order is kept: events for
//! sockets, and notices for the processes. Publishing waits while a subscriber's queue is full:
//! whoever writes faster than the gateway relays is slowed down, nothing is dropped and nothing
//! grows. The bus is a bell, the store is the log: what a subscriber missed can be read there.
//!
//! One engine so far: [`local`], within this process.

pub mod local;

use std::sync::Arc;

use protocol::event::Envelope;
use protocol::id::{SessionId, UserId};
use protocol::rest::resource::Role;
use tokio::sync::mpsc;

/// What arrives at a subscriber.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// An event for sockets.
    Event(Arc<Envelope>),
    /// A fact that processes act on.
    Notice(Notice),
}

/// A fact that processes act on: caches forget, sockets are closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A session was signed out or found stolen: its sockets are closed.
    SessionRevoked {
        /// Which.
        session_id: SessionId,
        /// Whose.
        user_id: UserId,
    },
    /// What an account may do changed, or whether it may sign in.
    UserChanged {
        /// Whose.
        user_id: UserId,
        /// What it may do: its sockets leave what they may not hear any more.
        role: Role,
        /// False once deactivated: all its sockets are closed.
        is_active: bool,
    },
}

/// A handle on the bus; cheap to clone.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Within this process.
    Local(Arc<local::Local>),
}

impl Bus {
    /// A bus within this process.
    pub fn local() -> Self {
        Self::Local(Arc::default())
    }

    /// Sends an event to every subscriber. Two calls one after the other arrive in that order.
    ///
    /// # Cancel safety
    /// Dropped while it waits, some subscribers have the event and others have not.
    ///
    /// # Cost
    /// One shared envelope, a handle for each subscriber.
    pub async fn publish(&self, envelope: Envelope) {
        self.deliver(Delivery::Event(Arc::new(envelope))).await;
    }

    /// Tells every process. As [`publish`](Self::publish).
    pub async fn announce(&self, notice: Notice) {
        self.deliver(Delivery::Notice(notice)).await;
    }

    /// A queue of all that is published from now on. It must be drained: see the head of this file.
    /// Dropping the receiver ends the subscription.
    pub fn subscribe(&self) -> mpsc::Receiver<Delivery> {
        match self {
            Self::Local(local) => local.subscribe(),
        }
    }

    async fn deliver(&self, delivery: Delivery) {
        match self {
            Self::Local(local) => local.deliver(delivery).await,
        }
    }
}
