//! What becomes of an event that cannot be read.

use super::kind::EventKind;
use super::payload::Payload;
use crate::schema::{Value, Violation, text};

/// Why there is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventRefusal {
    /// The packet breaks the protocol: its connection is closed.
    Fault(Fault),
    /// The payload breaks a rule: its sender is told.
    Invalid(Box<InvalidEvent>),
}

impl From<Fault> for EventRefusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// How a packet breaks the protocol. Source: Socket.IO v5 "Packet encoding".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// The payload is not JSON.
    #[error("event payload is not JSON")]
    NotJson,
    /// A CONNECT packet's auth is not an object.
    #[error("auth payload is not an object")]
    NotObject,
    /// It is not an array.
    #[error("event payload is not an array")]
    NotArray,
    /// Its first item is neither a string nor a number.
    #[error("event name is neither a string nor a number")]
    BadName,
    /// The name is one of the reserved ones.
    #[error("event name is reserved")]
    ReservedName,
    /// It nests deeper than [`crate::schema::json::SOCKET_DEPTH_MAX`].
    #[error("event payload is nested too deep")]
    TooDeep,
    /// It holds more values than [`crate::schema::json::VALUES_MAX`].
    #[error("event payload holds too many values")]
    TooMany,
}

/// An event whose payload breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEvent {
    /// Which event.
    pub kind: EventKind,
    /// What is wrong; never empty.
    pub violations: Vec<Violation>,
    /// What the error repeats.
    pub echo: Echo,
}

/// What an error repeats of the request, so that a client knows which one failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Echo {
    /// As the client wrote it.
    pub conversation_id: Option<String>,
    /// As the client wrote it.
    pub message_id: Option<String>,
    /// As the client wrote it.
    pub client_message_id: Option<String>,
}

impl Echo {
    /// Takes from a payload what is a string and not longer than [`ECHO_UNITS_MAX`].
    pub(super) fn read(kind: EventKind, value: Value<'_>) -> Self {
        let owned = |text: &str| text::fits(text, ECHO_UNITS_MAX).then(|| text.to_owned());
        let member = |key| value.get(key).and_then(Value::as_text).and_then(owned);
        let names_conversation = matches!(
            kind.payload(),
            Payload::BareOrObject(schema) if schema.field("conversationId").is_some()
        );
        let bare = value.as_text().filter(|_| names_conversation);
        Self {
            conversation_id: member("conversationId").or_else(|| bare.and_then(owned)),
            message_id: member("messageId"),
            client_message_id: member("clientMessageId"),
        }
    }
}

/// The longest text that an error repeats, in UTF-16 units; a longer one is left out.
pub const ECHO_UNITS_MAX: usize = 64;
