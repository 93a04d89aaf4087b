//! What comes in through the doors: events, bodies, queries.

use protocol::event::ClientEvent;
use protocol::event::client::ConnectAuth;
use protocol::rest::request::{
    AssignConversation, ConversationChanges, CreateConversation, EditMessage, ListConversations,
    ListMessages, ListUsers, Login, MarkRead, RefreshToken, Register, Request, SendMessage, Sync,
    UpdateUser,
};
use protocol::schema::form::Form;
use protocol::schema::json::{Document, Limits};
use protocol::schema::{Parser, Value};

use super::is_json;

/// An event's argument array, and the same bytes as an auth object.
pub(crate) fn client_event(data: &[u8]) {
    let mut parser = Parser::new();
    // A parser that keeps its buffers is as good as a new one.
    let first = ClientEvent::decode_with(&mut parser, &mut data.to_vec());
    let again = ClientEvent::decode_with(&mut parser, &mut data.to_vec());
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    if let Ok(event) = first {
        let _ = (event.kind(), event.echo());
    }
    let _ = ConnectAuth::decode(&mut parser, &mut data.to_vec());
}

/// A body or a query of each route; the first byte says which, and its high bit whether the rest
/// is a form.
pub(crate) fn rest_request(data: &[u8]) {
    let Some((&head, bytes)) = data.split_first() else { return };
    let decode = DECODERS[usize::from(head & 0x7f) % DECODERS.len()];
    if head < 0x80 {
        let mut text = bytes.to_vec();
        if let Ok(document) = Document::parse(&mut text, Limits::REST) {
            decode(document.root());
        }
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        decode(Form::from_body(text).document().root());
    }
}

const DECODERS: [fn(Value<'_>); 14] = [
    decode::<Register>,
    decode::<Login>,
    decode::<RefreshToken>,
    decode::<UpdateUser>,
    decode::<ListUsers>,
    decode::<CreateConversation>,
    decode::<ConversationChanges>,
    decode::<AssignConversation>,
    decode::<ListConversations>,
    decode::<SendMessage>,
    decode::<EditMessage>,
    decode::<ListMessages>,
    decode::<MarkRead>,
    decode::<Sync>,
];

fn decode<R: Request>(value: Value<'_>) {
    if let Err(violations) = R::decode(value) {
        assert!(!violations.is_empty());
    }
}

/// What is read from JSON, written, is read as the same.
pub(crate) fn schema_json(data: &[u8]) {
    let Some(once) = written(data) else { return };
    let twice = written(&once).expect("what is written is JSON within the same bounds");
    assert_eq!(once, twice);
}

fn written(text: &[u8]) -> Option<Vec<u8>> {
    let mut text = text.to_vec();
    let document = Document::parse(&mut text, Limits::SOCKET).ok()?;
    Some(serde_json::to_vec(&document.root()).expect("a value has a JSON form"))
}

/// A query or a form: always an object, whose JSON can be read.
pub(crate) fn schema_form(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for form in [Form::from_query(text), Form::from_body(text)] {
        let document = form.document();
        assert!(document.root().is_object());
        let json = serde_json::to_vec(&document.root()).expect("texts have a JSON form");
        assert!(is_json(&json));
    }
}
