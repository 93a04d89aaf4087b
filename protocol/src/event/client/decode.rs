//! From the JSON text of a payload to a [`ClientEvent`].

use super::kind::EventKind;
use super::payload::Payload;
use super::refusal::{Echo, EventRefusal, Fault, InvalidEvent};
use super::{ClientEvent, Join, NAME_CHARS_MAX, PresenceNote, ReadUpTo, Token, fault_of};
use crate::id::ConversationId;
use crate::rest::request::message::content;
use crate::rest::request::{
    ConversationChanges, CreateConversation, ListConversations, ListMessages, Request as _,
    SendMessage, Sync,
};
use crate::rest::word::Availability;
use crate::schema::json::{Limits, Shape};
use crate::schema::{Checked, Parser, Value, Violation, check};
use crate::socket::RESERVED_EVENTS;

pub(super) fn decode(parser: &mut Parser, payload: &mut [u8]) -> Result<ClientEvent, EventRefusal> {
    if payload.is_empty() {
        return Ok(ClientEvent::Unknown(String::new()));
    }
    parser.parse(payload, Limits::SOCKET, read_event).map_err(fault_of)?
}

fn read_event(root: Value<'_>) -> Result<ClientEvent, EventRefusal> {
    let Shape::Array(mut items) = root.shape() else { return Err(Fault::NotArray.into()) };
    let name = match items.next().unwrap_or(Value::NULL).shape() {
        Shape::Text(name) => name,
        Shape::Integer(name) => return Ok(ClientEvent::Unknown(name.to_string())),
        Shape::Float(name) => return Ok(ClientEvent::Unknown(format!("{name:e}"))),
        Shape::Null | Shape::Boolean(_) | Shape::Array(_) | Shape::Object(_) => {
            return Err(Fault::BadName.into());
        }
    };
    if RESERVED_EVENTS.contains(&name) {
        return Err(Fault::ReservedName.into());
    }
    let Some(kind) = EventKind::from_name(name) else {
        return Ok(ClientEvent::Unknown(name.chars().take(NAME_CHARS_MAX).collect()));
    };
    let value = items.next().unwrap_or(Value::NULL);
    read_payload(kind, value).map_err(|violations| {
        EventRefusal::Invalid(Box::new(InvalidEvent {
            kind,
            violations,
            echo: Echo::read(kind, value),
        }))
    })
}

fn read_payload(kind: EventKind, value: Value<'_>) -> Result<ClientEvent, Vec<Violation>> {
    let checked = match kind.payload() {
        Payload::Ignored => return Ok(ClientEvent::Ping),
        Payload::OptionalObject(schema) if value.is_null() => {
            check::check(schema, Value::EMPTY_OBJECT)?
        }
        Payload::Object(schema) | Payload::OptionalObject(schema) => check::check(schema, value)?,
        Payload::BareOrObject(schema) if value.is_object() => check::check(schema, value)?,
        Payload::Bare(schema) | Payload::BareOrObject(schema) => check::check_bare(schema, value)?,
    };
    if kind == EventKind::MarkAsRead {
        return read_up_to(&checked).map(ClientEvent::MarkAsRead);
    }
    let event = read_checked(kind, &checked, value);
    event.ok_or_else(|| vec![Violation::new("value", "is not allowed")])
}

/// `None` only if an event's table and its type disagree.
fn read_checked(kind: EventKind, checked: &Checked<'_>, value: Value<'_>) -> Option<ClientEvent> {
    let conversation = || checked.id::<ConversationId>("conversationId");
    let room = || checked.text("room")?.strip_prefix("conversation:")?.parse().ok();
    Some(match kind {
        EventKind::JoinConversation => ClientEvent::JoinConversation(Join {
            conversation_id: conversation()?,
            last_seq: checked.integer("lastSeq"),
            cursor: checked.text("cursor").map(str::to_owned),
        }),
        EventKind::LeaveConversation => ClientEvent::LeaveConversation(conversation()?),
        EventKind::UpdateStatus => {
            ClientEvent::UpdateStatus(Availability::from_word(checked.text("status")?)?)
        }
        EventKind::SendMessage => ClientEvent::SendMessage(Box::new(SendMessage::read(checked)?)),
        EventKind::EditMessage => ClientEvent::EditMessage {
            message_id: checked.id("messageId")?,
            content: content(checked)?,
        },
        EventKind::DeleteMessage => ClientEvent::DeleteMessage(checked.id("messageId")?),
        EventKind::MarkAsRead => ClientEvent::MarkAsRead(read_up_to(checked).ok()?),
        EventKind::CreateConversation => {
            ClientEvent::CreateConversation(Box::new(CreateConversation::read(checked)?))
        }
        EventKind::UpdateConversation => ClientEvent::UpdateConversation {
            conversation_id: conversation()?,
            changes: Box::new(ConversationChanges::read(&checked.object("updates")?)?),
        },
        EventKind::AssignConversation => ClientEvent::AssignConversation {
            conversation_id: conversation()?,
            agent_id: checked.id("agentId"),
        },
        EventKind::CloseConversation => ClientEvent::CloseConversation(conversation()?),
        EventKind::TypingStart => ClientEvent::TypingStart(conversation()?),
        EventKind::TypingStop => ClientEvent::TypingStop(conversation()?),
        EventKind::GetTypingUsers => ClientEvent::GetTypingUsers(conversation()?),
        EventKind::GetMessages => ClientEvent::GetMessages {
            conversation_id: conversation()?,
            list: ListMessages::read(checked)?,
        },
        EventKind::GetConversations => {
            ClientEvent::GetConversations(Box::new(ListConversations::read(checked)?))
        }
        EventKind::UpdatePresence => {
            ClientEvent::UpdatePresence(PresenceNote(serde_json::value::to_raw_value(&value).ok()?))
        }
        EventKind::JoinRoom => ClientEvent::JoinRoom(room()?),
        EventKind::LeaveRoom => ClientEvent::LeaveRoom(room()?),
        EventKind::Ping => ClientEvent::Ping,
        EventKind::Sync => ClientEvent::Sync(Box::new(Sync::read(checked)?)),
        EventKind::RefreshAuth => {
            ClientEvent::RefreshAuth(Token(checked.text("token")?.to_owned()))
        }
    })
}

/// A message names its place itself; without one, conversation and place are both needed.
fn read_up_to(checked: &Checked<'_>) -> Result<ReadUpTo, Vec<Violation>> {
    let conversation = checked.id("conversationId");
    match (checked.id("messageId"), conversation, checked.integer("seq")) {
        (Some(message_id), _, _) => Ok(ReadUpTo::Message(message_id)),
        (None, Some(conversation_id), Some(seq)) => Ok(ReadUpTo::Place { conversation_id, seq }),
        (None, Some(_), None) => Err(vec![Violation::new("seq", "is required")]),
        (None, None, _) => Err(vec![Violation::new("messageId", "is required")]),
    }
}
