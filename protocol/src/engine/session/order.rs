//! What a session wants done: the words of its answers.

/// How a poll is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With what waits, as one payload; what does not fit is output still.
    Output,
    /// With `6`.
    Noop,
    /// With what waits, as far as it fits, then `1`; the session is over.
    Close,
    /// With `6` and `1`: nothing waits any more, and the session is over.
    Farewell,
}

/// What becomes of a GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Get {
    /// It waits until there is something to say.
    Park,
    /// It is answered now.
    Answer(Answer),
    /// It is answered 400 without a body: another one is parked. The session is over.
    Overlap(Orders),
    /// It is answered 400 with code 3: the session is not on polling.
    Mismatch,
}

/// What becomes of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// Its body is read, its packets taken, and it is answered `ok`.
    Read,
    /// It is answered `ok`, and its packets are dropped: the session is closing.
    Discard,
    /// It is answered 400 without a body: another one is under way. The session is over.
    Overlap(Orders),
    /// It is answered 400 with code 3: the session is not on polling.
    Mismatch,
}

/// What becomes of a WebSocket that names an open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocket {
    /// It may probe; its packets go to
    /// [`Session::handle_probe_packet`](super::Session::handle_probe_packet).
    Probe,
    /// Its opening handshake is completed, and it is closed. (The reference does so too; a
    /// refused handshake would be an error event where its clients expect a close.)
    CloseAtOnce,
}

/// What a packet of a probing WebSocket leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probing {
    /// What the WebSocket is told.
    pub reply: ProbeReply,
    /// How the parked poll is answered.
    pub poll: Option<Answer>,
}

/// What a probing WebSocket is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeReply {
    /// `3probe`.
    Pong,
    /// Everything that waits: it carries the session now.
    Swap,
    /// It is closed; the session polls on.
    Abort,
}

/// Where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// To the poll that was parked, as [`Answer::Output`].
    AnswerPoll,
    /// To the WebSocket.
    Write,
    /// Nowhere yet.
    Wait,
    /// Nowhere any more.
    Drop,
}

/// What is to be done when something has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orders {
    /// How the parked poll is answered.
    pub poll: Option<Answer>,
    /// Whether the WebSocket, the session's own or a probing one, is to be closed.
    pub close_websocket: bool,
    /// Whether the session ended just now: its sid is forgotten.
    pub over: bool,
}

impl Orders {
    /// Nothing.
    pub(super) const NONE: Self = Self { poll: None, close_websocket: false, over: false };
}

/// What was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// The poll that was parked is answered with [`Answer::Noop`].
    Noop,
    /// The probing WebSocket is closed; the session polls on.
    UpgradeTimedOut {
        /// How the parked poll is answered.
        poll: Option<Answer>,
    },
    /// Nobody came to be told that the session is closed; its sid is forgotten.
    Forgotten,
}
