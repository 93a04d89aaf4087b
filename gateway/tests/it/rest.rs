//! A REST client of one request a connection.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::peer;
use crate::server::PASSWORD;

/// A registered person.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// `data.user._id`
    pub(crate) id: String,
    /// `data.tokens.accessToken`
    pub(crate) token: String,
}

/// Registers a person called `name`.
///
/// # Panics
/// When the server refuses.
pub(crate) fn register(address: SocketAddr, name: &str) -> Person {
    let body = json!({ "name": name, "email": email(name), "password": PASSWORD });
    signed_in(&succeed(address, "POST", "/api/v1/auth/register", None, Some(&body)))
}

/// Registers somebody in this role, as an admin may.
///
/// # Panics
/// When the server refuses.
pub(crate) fn appoint(address: SocketAddr, admin: &Person, name: &str, role: &str) -> Person {
    let body = json!({ "name": name, "email": email(name), "password": PASSWORD, "role": role });
    let token = Some(admin.token.as_str());
    signed_in(&succeed(address, "POST", "/api/v1/auth/register", token, Some(&body)))
}

/// Signs somebody in once more.
///
/// # Panics
/// When the server refuses.
pub(crate) fn sign_in(address: SocketAddr, email: &str) -> Person {
    let body = json!({ "email": email, "password": PASSWORD });
    signed_in(&succeed(address, "POST", "/api/v1/auth/login", None, Some(&body)))
}

/// The e-mail of a registered person.
pub(crate) fn email(name: &str) -> String {
    format!("{}@example.com", name.to_lowercase())
}

/// One request that must succeed.
///
/// # Panics
/// When it does not.
pub(crate) fn succeed(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Value {
    let (status, answer) = request(address, method, path, token, body);
    assert!(matches!(status, 200 | 201), "{method} {path}: {status} {answer}");
    answer
}

fn signed_in(answer: &Value) -> Person {
    let text = |pointer| {
        let found = answer.pointer(pointer).and_then(Value::as_str);
        found.expect("signing in answers with the person and its tokens").to_owned()
    };
    Person { id: text("/data/user/_id"), token: text("/data/tokens/accessToken") }
}

/// Opens a conversation of `caller` with `participant` and returns its id.
///
/// # Panics
/// When the server refuses.
pub(crate) fn open_conversation(
    address: SocketAddr,
    caller: &Person,
    participant: &Person,
) -> String {
    let body = json!({ "participantId": participant.id });
    let (status, answer) =
        request(address, "POST", "/api/v1/conversations", Some(&caller.token), Some(&body));
    assert_eq!(status, 201, "{answer}");
    let id = answer.pointer("/data/conversation/_id").and_then(Value::as_str);
    id.expect("a creation answers with the conversation").to_owned()
}

/// The whole history of a conversation, oldest first.
///
/// # Panics
/// When the server refuses.
pub(crate) fn history(address: SocketAddr, caller: &Person, conversation: &str) -> Vec<Value> {
    let mut history = Vec::new();
    for page in 1.. {
        let path =
            format!("/api/v1/messages/conversation/{conversation}?page={page}&limit={PAGE_ITEMS}");
        let (status, mut answer) = request(address, "GET", &path, Some(&caller.token), None);
        assert_eq!(status, 200, "{answer}");
        let found = answer.pointer_mut("/data/messages").and_then(Value::as_array_mut);
        let mut messages = std::mem::take(found.expect("a page of history is a list"));
        let is_last = messages.len() < PAGE_ITEMS;
        messages.append(&mut history);
        history = messages;
        if is_last {
            break;
        }
    }
    history
}

/// One request, and its status and JSON body.
///
/// # Panics
/// When the answer is not HTTP with a JSON body.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let authorization =
        token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
    let content = match body.len() {
        0 => String::new(),
        len => format!("Content-Type: application/json\r\nContent-Length: {len}\r\n"),
    };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}{content}"
    );
    let mut stream = peer::connect(address);
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).expect("the server takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers in full");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"));
    (status.expect("an answer has a status"), body)
}

/// As many as the server gives at once.
const PAGE_ITEMS: usize = 100;
