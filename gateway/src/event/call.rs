//! One event on its way through the services, and its answer back.

use std::sync::Arc;

use api::App;
use api::auth::Caller;
use api::error::{Error, Kind};
use api::service::session;
use protocol::event::client::{Echo, EventKind};
use protocol::event::server::Pong;
use protocol::event::{ClientEvent, Envelope, Except, ServerEvent};
use protocol::id::SocketId;
use protocol::room::Room;
use serde::Serialize;
use smallvec::{SmallVec, smallvec};
use tokio::sync::oneshot;

use super::{BUSY, TOO_MANY_ROOMS, conversation, message, presence, reply, standing, typing};
use crate::handoff::{Busy, Turn};
use crate::relay::Answers;
use crate::table::inbox::{Message, Reply, Step};

/// An event, who sent it, and where the answer goes.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) person: Arc<Caller>,
    pub(super) answers: Answers,
    pub(super) socket: SocketId,
    /// The shard that holds it.
    pub(super) shard: u8,
    /// `None` for an event that nobody knows.
    pub(super) kind: Option<EventKind>,
    pub(super) ack: Option<u64>,
    pub(super) echo: Echo,
}

/// What an event led to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The room that the socket leaves before it is answered.
    pub(super) leaves: Option<Room>,
    /// What the acknowledgement brings.
    pub(super) data: Option<Box<[u8]>>,
    /// The original's answer, as an event to the sender alone.
    pub(super) event: Option<ServerEvent>,
    /// The room whose events were held until the answer, and up to which message that tells of them.
    pub(super) releases: Option<(Room, Option<i64>)>,
}

impl Outcome {
    /// Nothing but success.
    pub(super) fn done() -> Self {
        Self::default()
    }

    /// Success, with this as the acknowledgement's data.
    pub(super) fn with(data: &impl Serialize) -> Self {
        // INVARIANT: our own wire types have string keys only, and a Vec takes all.
        let data = serde_json::to_vec(data).unwrap_or_default();
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// The same, and this event to the sender.
    pub(super) fn and(mut self, event: ServerEvent) -> Self {
        self.event = Some(event);
        self
    }

    /// The same, once the socket has left this room.
    pub(super) fn leaving(mut self, room: Room) -> Self {
        self.leaves = Some(room);
        self
    }

    /// The same; behind it the socket hears what was held of this room, without the new messages up to
    /// the place that this has told.
    pub(super) fn releasing(mut self, room: Room, told: Option<i64>) -> Self {
        self.releases = Some((room, told));
        self
    }
}

impl Call {
    /// Does what the event asks for when its turn comes, and answers.
    pub(super) async fn run(self, event: ClientEvent, turn: Turn) {
        let outcome = match turn {
            Ok(()) => self.dispatch(event).await,
            Err(Busy) => Err(BUSY),
        };
        let steps = match outcome {
            Ok(outcome) => reply::success(self.ack, outcome),
            Err(error) => reply::failure(self.kind, self.ack, &error, self.echo.clone()),
        };
        self.send(steps).await;
    }

    async fn dispatch(&self, event: ClientEvent) -> Result<Outcome, Error> {
        match event {
            ClientEvent::JoinConversation(join) => conversation::join(self, join).await,
            ClientEvent::LeaveConversation(id) => Ok(conversation::leave(id)),
            ClientEvent::JoinRoom(id) => conversation::join_room(self, id).await,
            ClientEvent::LeaveRoom(id) => Ok(conversation::leave_room(self, id).await),
            ClientEvent::CreateConversation(request) => conversation::create(self, *request).await,
            ClientEvent::UpdateConversation { conversation_id, changes } => {
                conversation::update(self, conversation_id, *changes).await
            }
            ClientEvent::AssignConversation { conversation_id, agent_id } => {
                conversation::assign(self, conversation_id, agent_id).await
            }
            ClientEvent::CloseConversation(id) => conversation::close(self, id).await,
            ClientEvent::GetConversations(list) => conversation::list(self, *list).await,
            ClientEvent::Sync(request) => conversation::sync(self, *request).await,
            ClientEvent::SendMessage(request) => message::send(self, *request).await,
            ClientEvent::EditMessage { message_id, content } => {
                message::edit(self, message_id, content).await
            }
            ClientEvent::DeleteMessage(id) => message::delete(self, id).await,
            ClientEvent::MarkAsRead(up_to) => message::mark_read(self, up_to).await,
            ClientEvent::GetMessages { conversation_id, list } => {
                message::list(self, conversation_id, list).await
            }
            ClientEvent::TypingStart(id) => typing::start(self, id).await,
            ClientEvent::TypingStop(id) => typing::stop(self, id).await,
            ClientEvent::GetTypingUsers(id) => typing::list(self, id).await,
            ClientEvent::Ping => {
                let pong = Pong { timestamp: self.app.clock.now() };
                Ok(Outcome::with(&pong).and(ServerEvent::Pong(pong)))
            }
            ClientEvent::UpdateStatus(to) => presence::say(self, to).await,
            ClientEvent::UpdatePresence(note) => presence::note(self, note).await,
            ClientEvent::RefreshAuth(token) => standing::renew(self, token).await,
            ClientEvent::Unknown(_) => Err(Error::new(Kind::NotFound, "Unknown event")),
        }
    }

    /// Puts the socket into a room, and returns when it is there: whatever is published from then on
    /// reaches it, so that what is read from then on leaves no gap.
    ///
    /// # Errors
    /// The socket is in too many rooms, or its person is not any more who was allowed in.
    pub(super) async fn enter(&self, room: Room) -> Result<(), Error> {
        self.step_in(room, None).await
    }

    /// The same; what the socket would hear there is held until it is released.
    ///
    /// # Errors
    /// The same; then nothing is held.
    pub(super) async fn enter_held(&self, room: Room) -> Result<(), Error> {
        self.step_in(room.clone(), Some(Step::Hold(room))).await
    }

    async fn step_in(&self, room: Room, then: Option<Step>) -> Result<(), Error> {
        let (done, is_in) = oneshot::channel();
        self.send(std::iter::once(Step::Join(room.clone(), done)).chain(then).collect()).await;
        // A socket that is gone hears nothing, and needs no answer either.
        if is_in.await == Ok(false) {
            return Err(TOO_MANY_ROOMS);
        }
        // Who was deposed before the socket was in has left the rooms that it was in then. What
        // comes from here on finds this one too.
        if session::is_current(&self.app, &self.person).await.unwrap_or(false) {
            return Ok(());
        }
        self.send(smallvec![Step::Leave(room)]).await;
        Err(Error::new(Kind::Forbidden, "Insufficient permissions"))
    }

    /// Tells a room, but not this socket, something that is not stored.
    pub(super) async fn tell_others(&self, room: Room, event: ServerEvent) {
        let except = Some(Except::Socket(self.socket));
        self.app.bus.publish(Envelope { rooms: smallvec![room], except, event }).await;
    }

    /// Has the socket take steps, behind everything that was published before.
    pub(super) async fn send(&self, steps: SmallVec<[Step; 2]>) {
        if steps.is_empty() {
            return;
        }
        let reply = Reply { socket: self.socket, namespace: 0, steps };
        self.answers.send(self.shard, Message::Reply(Box::new(reply))).await;
    }
}
