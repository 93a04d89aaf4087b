//! The socket events as TypeScript declarations, for the type parameters of a stock client's
//! `Socket`. Source: socket.io-client 4, "TypeScript".

use serde_json::Value;

use super::{Asked, Catalogue, REFUSED, Told};

/// The declarations: one file that imports nothing.
pub(in crate::http) fn declarations(events: &Catalogue) -> String {
    let mut out = String::from(HEAD);
    for (name, schema) in &events.schemas {
        out.push('\n');
        out.push_str(&component(name, schema));
    }
    out.push_str("\n/** What the server tells. */\nexport interface ServerToClientEvents {\n");
    for told in &events.told {
        out.push_str(&told.declaration());
    }
    out.push_str("}\n\n/** What a client asks. */\nexport interface ClientToServerEvents {\n");
    for asked in &events.asked {
        out.push_str(&asked.declaration());
    }
    out.push_str("}\n");
    out.push_str(TAIL);
    out
}

const HEAD: &str = concat!(
    "// The socket events of voxora ",
    env!("CARGO_PKG_VERSION"),
    r#", made by the server from the tables that it decodes and encodes by.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { ClientToServerEvents, ServerToClientEvents } from "./events";
//
//   const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { auth: { token } });
//   const answer = await socket.emitWithAck("send_message", { conversationId, content });
//   if (answer.success) show(answer.data.message); else explain(answer.error.code);

/** The auth payload of a connection. */
export interface ConnectAuth {
  /** An access token, without `Bearer`. */
  token: string;
  /** Ask for connection-state recovery. */
  recovery?: boolean;
}

/** It is done. */
export interface Done {
  success: true;
}

/** It is done, and this is what it led to. */
export interface Answered<Data> {
  success: true;
  data: Data;
}
"#
);

const TAIL: &str = r"
type WithoutAck<Event> = Event extends (...all: [...infer Payload, infer _Ack]) => void
  ? (...payload: Payload) => void
  : Event;

/** The same, for a client that asks for no acknowledgements and listens for the events of outcomes. */
export type UnacknowledgedEvents = {
  [Name in keyof ClientToServerEvents]: WithoutAck<Required<ClientToServerEvents>[Name]>;
};
";

fn component(name: &str, schema: &Value) -> String {
    let doc = doc(schema, "");
    if schema["properties"].is_object() {
        format!("{doc}export interface {name} {}\n", expression(schema, ""))
    } else {
        format!("{doc}export type {name} = {};\n", expression(schema, ""))
    }
}

impl Told {
    fn declaration(&self) -> String {
        let (doc, audience) = (self.row.doc, self.row.audience);
        let payload = expression(&self.payload, "  ");
        format!(
            "  /** {doc} Heard by: {audience}. */\n  {}: (payload: {payload}) => void;\n",
            self.row.name
        )
    }
}

impl Asked {
    fn declaration(&self) -> String {
        let payload = self.payload.as_ref().map(|schema| expression(schema, "  "));
        let payload = payload.map_or(String::new(), |payload| format!("payload: {payload}, "));
        let answer = match &self.data {
            Some(data) => format!("Answered<{}>", expression(data, "  ")),
            None => "Done".to_owned(),
        };
        let mark = if self.is_awaited { "" } else { "?" };
        format!(
            "  /** {} */\n  {}: ({payload}ack{mark}: (answer: {answer} | {REFUSED}) => void) => void;\n",
            self.kind.doc(),
            self.kind.name(),
        )
    }
}

/// The type that a schema describes; of the keywords those that our schemas use. Bounds and patterns
/// have no counterpart.
fn expression(schema: &Value, indent: &str) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[keyword].as_array() {
            return union(choices.iter().map(|choice| expression(choice, indent)));
        }
    }
    if let Some(word) = schema.get("const") {
        return word.to_string();
    }
    if let Some(words) = schema["enum"].as_array() {
        return union(words.iter().map(Value::to_string));
    }
    match &schema["type"] {
        Value::String(name) => named(name, schema, indent),
        Value::Array(names) => {
            union(names.iter().filter_map(Value::as_str).map(|name| named(name, schema, indent)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "unknown".to_owned(),
    }
}

fn named(name: &str, schema: &Value, indent: &str) -> String {
    match name {
        "integer" => "number".to_owned(),
        "array" => {
            let item = expression(&schema["items"], indent);
            if item.contains(' ') { format!("({item})[]") } else { format!("{item}[]") }
        }
        "object" => object(schema, indent),
        // The others are called alike.
        other => other.to_owned(),
    }
}

fn object(schema: &Value, indent: &str) -> String {
    let Some(properties) = schema["properties"].as_object() else {
        return format!("Record<string, {}>", expression(&schema["additionalProperties"], indent));
    };
    let inner = format!("{indent}  ");
    let mut out = String::from("{\n");
    for (name, property) in properties {
        let is_required =
            schema["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name));
        let mark = if is_required { "" } else { "?" };
        let (doc, value) = (doc(property, &inner), expression(property, &inner));
        out.push_str(&doc);
        out.extend([inner.as_str(), name, mark, ": ", &value, ";\n"]);
    }
    out.push_str(indent);
    out.push('}');
    out
}

/// Each choice once.
fn union(choices: impl Iterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for choice in choices {
        if !distinct.contains(&choice) {
            distinct.push(choice);
        }
    }
    distinct.join(" | ")
}

fn doc(schema: &Value, indent: &str) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { String::new() } else { format!("{indent}/** {text} */\n") }
}
