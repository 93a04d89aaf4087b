//! The published document of the socket events: AsyncAPI 3.0, made from the tables of the events,
//! the tables that decode their payloads, and the types of what is answered and told. Nothing in it
//! is written twice.
//!
//! [`Catalogue`] is all of that in one place; [`typescript`] makes declarations of the same.
//!
//! Source: AsyncAPI 3.0.0. Its operations are the server's: it receives what clients send.

pub(super) mod typescript;

use protocol::event::ack::Brings;
use protocol::event::client::{ErrorEvent, EventKind, Payload};
use protocol::event::server::row::{self, Row};
use protocol::rest::reply::Code;
use serde_json::{Map, Value, json};

use super::openapi::generator;
use super::openapi::polish::polish;
use super::openapi::rule::{self, Components};

/// Every event, with its schemas.
#[derive(Debug)]
pub(super) struct Catalogue {
    /// What clients send.
    asked: Vec<Asked>,
    /// What they hear.
    told: Vec<Told>,
    /// The schemas that the others refer to, by name.
    schemas: Components,
}

/// An event that clients send.
#[derive(Debug)]
struct Asked {
    kind: EventKind,
    /// The first argument, unless nothing is read.
    payload: Option<Value>,
    /// Whether that may be left out.
    is_optional: bool,
    /// `data` of the acknowledgement, if there is any.
    data: Option<Value>,
    /// Whether somebody waits for the acknowledgement.
    is_awaited: bool,
}

/// An event that clients hear.
#[derive(Debug)]
struct Told {
    row: &'static Row,
    payload: Value,
}

impl Catalogue {
    /// All that there is.
    pub(super) fn new() -> Self {
        let (mut tables, mut types) = (Components::new(), generator());
        let mut asked = Vec::new();
        for kind in EventKind::ALL {
            let data = match kind.brings() {
                Brings::Sign | Brings::Nothing => None,
                Brings::Data(shape) => Some(shape(&mut types).into()),
            };
            asked.push(Asked {
                kind: *kind,
                payload: payload(kind.payload(), &mut tables),
                is_optional: matches!(kind.payload(), Payload::OptionalObject(_)),
                data,
                is_awaited: !matches!(kind.brings(), Brings::Sign),
            });
        }
        let told = row::TABLE
            .iter()
            .map(|row| Told { row, payload: (row.payload)(&mut types).into() })
            .collect();
        let code = types.subschema_for::<Code>();
        let mut schemas = types.take_definitions(true);
        polish(&mut schemas);
        let mut schemas = rule::join(tables, schemas);
        schemas.insert(REFUSED.to_owned(), refused(&code.into()));
        Self { asked, told, schemas }
    }
}

/// The schema of an event's first argument.
fn payload(payload: Payload, tables: &mut Components) -> Option<Value> {
    let bare = |table: &'static protocol::schema::Schema, tables: &mut Components| {
        table.fields.first().map(|field| rule::field(field, tables))
    };
    match payload {
        Payload::Ignored => None,
        Payload::Object(table) | Payload::OptionalObject(table) => {
            Some(rule::reference(table, tables))
        }
        Payload::Bare(table) => bare(table, tables),
        Payload::BareOrObject(table) => {
            let bare = bare(table, tables);
            Some(json!({ "anyOf": [bare, rule::reference(table, tables)] }))
        }
    }
}

/// The name of the schema of an acknowledgement that says no.
const REFUSED: &str = "Refused";

fn refused(code: &Value) -> Value {
    json!({
        "type": "object",
        "description": "Why it was not done.",
        "properties": {
            "success": { "const": false },
            "error": {
                "type": "object",
                "properties": { "code": code, "message": { "type": "string" } },
                "required": ["code", "message"],
                "additionalProperties": false,
            },
        },
        "required": ["success", "error"],
        "additionalProperties": false,
    })
}

/// The document.
pub(super) fn document(events: &Catalogue) -> Value {
    let (mut messages, mut operations) = (Map::new(), Map::new());
    for asked in &events.asked {
        let name = asked.kind.name();
        messages.insert(name.to_owned(), asked.message());
        messages.insert(ack_of(name), asked.ack());
        operations.insert(name.to_owned(), asked.operation());
    }
    for told in &events.told {
        messages.insert(told.row.name.to_owned(), told.message());
        operations.insert(told.row.name.to_owned(), told.operation());
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Voxora Chat Support events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
        },
        "defaultContentType": "application/json",
        "servers": { "voxora": server() },
        "channels": {
            "chat": {
                "address": "/",
                "summary": "The only namespace.",
                "messages": messages,
            },
        },
        "operations": operations,
        "components": {
            "schemas": events.schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": TOKEN },
            },
        },
    })
}

const INTRODUCTION: &str = "What goes over a Socket.IO connection (protocol 5, or 4 for clients of \
    Socket.IO 2). Each message is one event of that name; its payload is the first argument behind the \
    name. An event of a client may ask for an acknowledgement; a failure is also told in the event that \
    its operation names under `x-failure`. Rooms: a socket is in the one of its person from the start, \
    and in a conversation's after `join_conversation`.";

const TOKEN: &str = "An access token of the REST API, as `token` in the auth payload, or as `Bearer` \
    in the `Authorization` header of the handshake.";

fn server() -> Value {
    json!({
        "host": "{host}",
        "pathname": "/socket.io/",
        "protocol": "ws",
        "protocolVersion": "Socket.IO 5",
        "description": "WebSocket or long polling, as Socket.IO clients choose.",
        "variables": { "host": { "default": "127.0.0.1:3001" } },
        "security": [{ "$ref": "#/components/securitySchemes/token" }],
    })
}

fn channel() -> Value {
    json!({ "$ref": "#/channels/chat" })
}

fn message(key: &str) -> Value {
    json!([{ "$ref": format!("#/channels/chat/messages/{key}") }])
}

/// The key of the acknowledgement of an event.
fn ack_of(name: &str) -> String {
    format!("{name}.ack")
}

impl Asked {
    fn message(&self) -> Value {
        let mut message = json!({ "name": self.kind.name(), "summary": self.kind.doc() });
        if let Some(payload) = &self.payload {
            message["payload"] = payload.clone();
        }
        if self.is_optional {
            message["x-optional"] = json!(true);
        }
        message
    }

    fn ack(&self) -> Value {
        let mut done = json!({
            "type": "object",
            "properties": { "success": { "const": true } },
            "required": ["success"],
            "additionalProperties": false,
        });
        if let Some(data) = &self.data {
            done["properties"]["data"] = data.clone();
            done["required"] = json!(["success", "data"]);
        }
        let refused = json!({ "$ref": format!("#/components/schemas/{REFUSED}") });
        let name = self.kind.name();
        json!({
            "name": ack_of(name),
            "summary": format!("The acknowledgement of `{name}`."),
            "payload": { "oneOf": [done, refused] },
        })
    }

    fn operation(&self) -> Value {
        let name = self.kind.name();
        let event = match self.kind.error_event() {
            ErrorEvent::Message => "message_error",
            ErrorEvent::Conversation => "conversation_error",
        };
        json!({
            "action": "receive",
            "channel": channel(),
            "summary": self.kind.doc(),
            "messages": message(name),
            "reply": { "channel": channel(), "messages": message(&ack_of(name)) },
            "x-failure": { "event": event, "error": self.kind.failure() },
        })
    }
}

impl Told {
    fn message(&self) -> Value {
        json!({ "name": self.row.name, "summary": self.row.doc, "payload": self.payload })
    }

    fn operation(&self) -> Value {
        json!({
            "action": "send",
            "channel": channel(),
            "summary": self.row.doc,
            "messages": message(self.row.name),
            "x-audience": self.row.audience,
        })
    }
}

#[cfg(test)]
mod tests;
