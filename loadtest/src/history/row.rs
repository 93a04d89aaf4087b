//! The rows of a history, small enough for millions of them.

use smallvec::SmallVec;

/// The number of a message that no client of the run sent, and of a conversation that none of them
/// knows.
pub const NOBODY: u32 = u32::MAX;

/// A conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// The users who may read it.
    pub members: [u32; 2],
    /// Its newest `seq` before the run; older messages are not looked at.
    pub base: u32,
}

/// A client: one device of a user, over all its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Whose device it is.
    pub user: u32,
    /// The conversations that it joins. One that is its user's; an intruder has none.
    pub rooms: SmallVec<[u32; 2]>,
}

/// A message as its sender knows it. 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Where it was sent.
    pub conversation: u32,
    /// The client that sent it.
    pub client: u32,
    /// The connection of that client on which it left first.
    pub tenure: u32,
    /// What it says, see [`Seen::print`].
    pub print: u64,
    /// The moment of the first attempt.
    pub sent_at: u32,
    /// The moment of the first answer of success; 0 without one: the outcome is unknown.
    pub acked_at: u32,
    /// The place that that answer named.
    pub seq: u32,
    /// How often it was sent, always under the same `clientMessageId`.
    pub attempts: u8,
}

/// A message as somebody saw it. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its place.
    pub seq: u32,
    /// Its number, by its `clientMessageId`; [`NOBODY`] if it is no message of this run.
    pub number: u32,
    /// A hash of its text, its sender and its conversation.
    pub print: u64,
}

/// Something that a client heard. 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Who.
    pub client: u32,
    /// About which conversation.
    pub conversation: u32,
    /// On which connection of the client, counted from 1.
    pub tenure: u32,
    /// What.
    pub event: Event,
}

/// What a client heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Its own message was answered with success, with the message as it was stored. The number is
    /// the one that was asked about.
    Acked {
        /// The message that was sent.
        number: u32,
        /// The message that the answer shows.
        seen: Seen,
    },
    /// It was let into the conversation, whose newest message was said to be at `head`.
    Joined {
        /// The newest `seq`.
        head: u32,
    },
    /// A message came by itself.
    Live(Seen),
    /// A message came because it was asked for: in the answer to a join.
    Caught(Seen),
    /// It has been given the time to hear everything; what it has not heard by now on its own, it
    /// has missed.
    Settled,
}

/// A message that the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Where it was found.
    pub conversation: u32,
    /// What was found.
    pub seen: Seen,
}

const _: () = assert!(size_of::<Heard>() <= 40 && size_of::<Sent>() <= 40);
