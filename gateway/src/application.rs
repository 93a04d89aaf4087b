//! What an application is to the engine and socket layers. The chat is one; the conformance
//! example's echo is another.
//!
//! Everything here runs on a shard and must not block: what takes time is handed off, and its
//! result comes back through a [`SocketHandle`](crate::table::inbox::SocketHandle).

use std::borrow::Cow;
use std::net::IpAddr;

use api::http::connection::crowd::Seat;
use bytes::Bytes;
use protocol::id::SocketId;
use protocol::room::Room;
use protocol::websocket::message::Payload;

use smallvec::SmallVec;

use crate::recovery::Recovery;
use crate::table::context::Context;

/// What is known of a connection from its opening HTTP request.
#[derive(Debug)]
pub struct Opening {
    /// The client's address.
    pub peer: IpAddr,
    /// The token of an `Authorization: Bearer` header.
    pub bearer: Option<Box<str>>,
    /// The token of the query, for clients that have no auth payload. Never logged.
    pub query_token: Option<Box<str>>,
    /// Its place among what its client has that has not signed in; given back with this, when the
    /// first namespace is joined.
    pub seat: Option<Seat>,
}

/// A wish to join a namespace.
#[derive(Debug)]
pub struct Connect<'b> {
    /// The auth object, as raw JSON text that begins with `{`, not validated.
    pub auth: Option<&'b mut [u8]>,
    /// How the connection was opened; kept until its first namespace is joined.
    pub opening: Option<&'b Opening>,
}

/// Why a wish to join is not granted: what the client's `connect_error` brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it says; `err.message` in JavaScript.
    pub message: Cow<'static, str>,
    /// What it says to a program, as JSON text; `err.data` in JavaScript, and absent without one. A
    /// client of revision 3 is told this alone where there is any.
    pub data: Option<Cow<'static, str>>,
}

impl Refusal {
    /// A refusal in words.
    pub const fn new(message: &'static str) -> Self {
        Self { message: Cow::Borrowed(message), data: None }
    }

    /// The same, with this JSON text for programs.
    #[must_use]
    pub fn with(self, data: impl Into<Cow<'static, str>>) -> Self {
        Self { data: Some(data.into()), ..self }
    }
}

/// The answer to a [`Connect`].
#[derive(Debug)]
pub enum Admission<S> {
    /// Joined, with the state that the application keeps for it.
    Accept(S),
    /// Refused, and why; the connection stays usable.
    Refuse(Refusal),
    /// A [`SocketHandle`](crate::table::inbox::SocketHandle) will say.
    Later,
    /// The auth object is none: the connection is closed.
    Malformed,
    /// Nothing can be found out now: the connection is closed, and its client comes back.
    Overloaded,
    /// It asks far more often than it may: the connection is closed.
    Flood,
}

/// What a client joins with that had to wait for it.
#[derive(Debug)]
pub struct Admitted<S> {
    /// The state that the application keeps for it.
    pub session: S,
    /// The rooms that it is in from the beginning.
    pub rooms: SmallVec<[Room; 2]>,
    /// Whether it can come back, or has.
    pub recovery: Recovery,
}

/// An event of a joined client.
#[derive(Debug)]
pub struct Event<'b> {
    /// The argument array, as raw JSON text that begins with `[`, not validated.
    pub arguments: &'b mut [u8],
    /// The id under which the client waits for an answer.
    pub ack: Option<u64>,
    /// What the placeholders in the arguments stand for, by number; mostly nothing.
    pub attachments: &'b [Bytes],
}

/// The arguments of an event cannot be what they must be; the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// An application on the engine and socket layers. One value serves one shard.
pub trait Application: Sized + 'static {
    /// What it keeps for each joined client.
    type Session: Send + 'static;

    /// The namespaces that exist, root first; a client's wish for another is refused.
    const NAMESPACES: &'static [&'static str];

    /// A client wishes to join.
    fn connect(
        &self,
        cx: &mut Context<'_, Self::Session>,
        request: Connect<'_>,
    ) -> Admission<Self::Session>;

    /// A client has joined. The answer that tells it so is queued; what this emits comes next, and
    /// what the client sent early after that.
    fn joined(&self, cx: &mut Context<'_, Self::Session>, session: &mut Self::Session) {
        let _ = (cx, session);
    }

    /// A joined client sent an event.
    ///
    /// # Errors
    /// [`Malformed`] closes the connection; a wrong payload is answered instead.
    fn event(
        &self,
        cx: &mut Context<'_, Self::Session>,
        session: &mut Self::Session,
        event: Event<'_>,
    ) -> Result<(), Malformed>;

    /// How long a joined client may stay, in milliseconds; `None`: as long as it likes. Asked again at
    /// every heartbeat, so an answer may change.
    fn stays_ms(&self, session: &Self::Session) -> Option<u64> {
        let _ = session;
        None
    }

    /// A joined client may stay no longer; it is put out when this returns.
    fn expired(&self, cx: &mut Context<'_, Self::Session>, session: &mut Self::Session) {
        let _ = (cx, session);
    }

    /// A joined client is gone. Nothing can be sent to it any more.
    fn left(&self, socket: SocketId, session: Self::Session) {
        let _ = (socket, session);
    }

    /// A message on a connection that speaks Engine.IO alone; closes by default.
    ///
    /// # Errors
    /// [`Malformed`] closes the connection.
    fn engine_message(
        &self,
        cx: &mut Context<'_, Self::Session>,
        message: Payload<'_>,
        binary: bool,
    ) -> Result<(), Malformed> {
        let _ = (cx, message, binary);
        Err(Malformed)
    }

    /// A message on a bare WebSocket; closes by default.
    ///
    /// # Errors
    /// [`Malformed`] closes the connection.
    fn raw_message(
        &self,
        cx: &mut Context<'_, Self::Session>,
        message: Payload<'_>,
        binary: bool,
    ) -> Result<(), Malformed> {
        let _ = (cx, message, binary);
        Err(Malformed)
    }
}
