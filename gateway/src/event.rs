//! The chat as an application on the engine and socket layers.
//!
//! Nothing is decided here: an event is read, handed off, and answered by what `api::service` says.
//!
//! - [`client`]: who a socket is; [`standing`]: what becomes of it
//! - [`allowance`]: how much it may send
//! - [`admission`]: signing in at CONNECT
//! - [`call`]: one event on its way through the services
//! - [`conversation`], [`message`], [`typing`], [`presence`]: the events, by what they are about
//! - [`reply`]: outcomes as acknowledgements and events

pub mod allowance;
pub mod client;

mod admission;
mod call;
mod conversation;
mod message;
mod presence;
mod reply;
pub(crate) mod standing;
mod typing;

use std::cell::RefCell;
use std::sync::Arc;

use api::App;
use api::error::Kind;
use protocol::event::client::EventRefusal;
use protocol::event::server::SessionExpired;
use protocol::event::{ClientEvent, ServerEvent};
use protocol::id::{ConversationId, SocketId, UserId};
use protocol::schema::Parser;

use crate::application::{Admission, Application, Connect, Event, Malformed, Refusal};
use crate::handoff::{Handoff, Lane, Turn};
use crate::relay::Answers;
use crate::table::context::Context;
use allowance::{Allowances, Cost};
use call::Call;
use client::Client;

pub use presence::keep as keep_presence;
pub use typing::expire as expire_typing;

/// Events of one socket that are under way at once; a further one is answered `BUSY`.
const CALLS_PER_SOCKET_MAX: usize = 64;

const TOO_FAST: api::Error =
    api::Error::new(Kind::RateLimited, "Too many events, please slow down");
const TOO_MANY_ROOMS: api::Error =
    api::Error::new(Kind::RateLimited, "Too many conversations joined");
const BUSY: api::Error = api::Error::new(Kind::Busy, "Server is busy, please try again");

/// The chat on one shard.
#[derive(Debug)]
pub struct Chat {
    app: Arc<App>,
    handoff: Handoff,
    answers: Answers,
    allowances: Arc<Allowances>,
    /// Keeps its buffers from event to event.
    parser: RefCell<Parser>,
}

impl Chat {
    /// The chat on a shard that hands its work in here.
    pub fn new(
        app: Arc<App>,
        handoff: Handoff,
        answers: Answers,
        allowances: Arc<Allowances>,
    ) -> Self {
        Self { app, handoff, answers, allowances, parser: RefCell::default() }
    }
}

impl Application for Chat {
    type Session = Client;

    const NAMESPACES: &'static [&'static str] = &[protocol::socket::ROOT];

    fn connect(&self, cx: &mut Context<'_, Client>, request: Connect<'_>) -> Admission<Client> {
        // No session is there yet whose allowance could pay for the look at a token.
        if !cx.take_wish() {
            return Admission::Flood;
        }
        let shown = match admission::shown(&mut self.parser.borrow_mut(), request) {
            Ok(Some(shown)) => shown,
            Ok(None) => return Admission::Refuse(Refusal::new(admission::NO_TOKEN)),
            Err(_) => return Admission::Malformed,
        };
        let (app, allowances) = (Arc::clone(&self.app), Arc::clone(&self.allowances));
        let work = admission::admit(app, allowances, cx.handle(), shown);
        // Where nobody waits, nobody is turned away.
        match self.handoff.submit(None, None, |_| work) {
            Ok(()) => Admission::Later,
            Err(_) => Admission::Overloaded,
        }
    }

    fn event(
        &self,
        cx: &mut Context<'_, Client>,
        client: &mut Client,
        event: Event<'_>,
    ) -> Result<(), Malformed> {
        // No event of the chat has attachments: a placeholder is an object where none is expected.
        let Event { arguments, ack, attachments } = event;
        let bytes = arguments.len() + attachments.iter().map(bytes::Bytes::len).sum::<usize>();
        let decoded = ClientEvent::decode_with(&mut self.parser.borrow_mut(), arguments);
        let decoded = match decoded {
            Ok(event) => Ok(event),
            Err(EventRefusal::Fault(_)) => return Err(Malformed),
            Err(EventRefusal::Invalid(invalid)) => Err(invalid),
        };
        let is_join = decoded.as_ref().is_ok_and(joins);
        let now_us = now_us(&self.app);
        let cost = Cost { bytes, is_join };
        if !self.allowances.admits(&client.notes.allowance, &client.notes.shared, now_us, cost) {
            let (kind, echo) = match decoded {
                Ok(event) => (event.kind(), event.echo()),
                Err(invalid) => (Some(invalid.kind), invalid.echo),
            };
            reply::refuse(cx, kind, ack, &TOO_FAST, echo);
            if client.notes.note_refused() {
                cx.close_as_flood();
            }
            return Ok(());
        }
        client.notes.note_taken();
        match decoded {
            Ok(event) => self.take(cx, client, event, ack),
            Err(invalid) => {
                let error = api::Error::invalid(invalid.violations);
                reply::refuse(cx, Some(invalid.kind), ack, &error, invalid.echo);
            }
        }
        Ok(())
    }

    fn stays_ms(&self, client: &Client) -> Option<u64> {
        Some(standing::left_ms(client.notes.expires_at, self.app.clock.now()))
    }

    fn expired(&self, cx: &mut Context<'_, Client>, _client: &mut Client) {
        let event = SessionExpired { timestamp: self.app.clock.now() };
        let mut arguments = Vec::new();
        ServerEvent::SessionExpired(event).encode(&mut arguments);
        cx.emit(&arguments);
    }

    fn left(&self, socket: SocketId, client: Client) {
        let user_id = client.person.user_id;
        api::service::presence::leave(&self.app, user_id);
        // Under pressure the entries expire by themselves.
        for conversation_id in client.notes.typing {
            let work = typing::leave(Arc::clone(&self.app), user_id, conversation_id, socket);
            let work = async |turn: Turn| {
                if turn.is_ok() {
                    work.await;
                }
            };
            let lane = Some(Lane(conversation_id.0));
            let _ = self.handoff.submit(Some(user_id), lane, work);
        }
    }
}

impl Chat {
    fn take(
        &self,
        cx: &mut Context<'_, Client>,
        client: &mut Client,
        event: ClientEvent,
        ack: Option<u64>,
    ) {
        let kind = event.kind();
        let echo = event.echo();
        // Every call under way holds the person once more.
        if Arc::strong_count(&client.person) > CALLS_PER_SOCKET_MAX {
            return reply::refuse(cx, kind, ack, &BUSY, echo);
        }
        // Its maker joins it; what is refused must not be stored.
        if matches!(event, ClientEvent::CreateConversation(_)) && !cx.has_room_left() {
            return reply::refuse(cx, kind, ack, &TOO_MANY_ROOMS, echo);
        }
        if let ClientEvent::TypingStart(id) = &event {
            client.notes.begin_typing(*id);
        } else if let ClientEvent::TypingStop(id) = &event {
            client.notes.cease_typing(*id);
        }
        let call = Call {
            app: Arc::clone(&self.app),
            person: Arc::clone(&client.person),
            answers: self.answers.clone(),
            socket: cx.socket(),
            shard: cx.handle().shard(),
            kind,
            ack,
            echo: echo.clone(),
        };
        let user_id = client.person.user_id;
        let lane = lane(&event, user_id);
        if self.handoff.submit(Some(user_id), lane, |turn| call.run(event, turn)).is_err() {
            reply::refuse(cx, kind, ack, &BUSY, echo);
        }
    }
}

/// Whether an event puts its socket into a room.
const fn joins(event: &ClientEvent) -> bool {
    matches!(
        event,
        ClientEvent::JoinConversation(_)
            | ClientEvent::JoinRoom(_)
            | ClientEvent::CreateConversation(_)
    )
}

/// Now, for buckets.
fn now_us(app: &App) -> u64 {
    u64::try_from(app.clock.now().0).unwrap_or(0).saturating_mul(1_000)
}

/// What an event must keep its place in: the conversation, or else the message or the person, that it
/// is about.
///
/// Marks need none: of those that are under way at once the furthest counts, and if they came one
/// after the other each would be written.
fn lane(event: &ClientEvent, sender: UserId) -> Option<Lane> {
    let of = |id: ConversationId| Some(Lane(id.0));
    match event {
        ClientEvent::JoinConversation(join) => of(join.conversation_id),
        ClientEvent::SendMessage(message) => of(message.conversation_id),
        ClientEvent::EditMessage { message_id, .. } | ClientEvent::DeleteMessage(message_id) => {
            Some(Lane(message_id.0))
        }
        ClientEvent::LeaveConversation(id)
        | ClientEvent::CloseConversation(id)
        | ClientEvent::TypingStart(id)
        | ClientEvent::TypingStop(id)
        | ClientEvent::GetTypingUsers(id)
        | ClientEvent::JoinRoom(id)
        | ClientEvent::LeaveRoom(id)
        | ClientEvent::UpdateConversation { conversation_id: id, .. }
        | ClientEvent::AssignConversation { conversation_id: id, .. }
        | ClientEvent::GetMessages { conversation_id: id, .. } => of(*id),
        ClientEvent::UpdateStatus(_) | ClientEvent::UpdatePresence(_) => Some(Lane(sender.0)),
        ClientEvent::MarkAsRead(_)
        | ClientEvent::CreateConversation(_)
        | ClientEvent::GetConversations(_)
        | ClientEvent::Ping
        | ClientEvent::Sync(_)
        | ClientEvent::RefreshAuth(_)
        | ClientEvent::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests;
