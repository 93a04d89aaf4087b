//! A chat server in a few lines, for the history checker to look at: users, conversations of two,
//! joins that bring what was missed, messages with places, and pages over REST. It keeps its
//! promises, or breaks one of them now and then.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tungstenite::Message;

use crate::socket::{self, End, Writer};

/// The promise that it breaks, with every fifth message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaks {
    /// None.
    Nothing,
    /// It acknowledges and announces without storing; the place is given again.
    Storing,
    /// It stores the message a second time.
    StoringOnce,
    /// It stores another text.
    Text,
    /// It announces twice.
    AnnouncingOnce,
    /// It announces after the next one.
    Order,
    /// It does not announce.
    Announcing,
    /// It announces to everybody.
    Privacy,
    /// It lets everybody in.
    Doors,
    /// It does not announce, and has nothing for whoever asks later.
    Catching,
}

#[derive(Debug, Default)]
struct Conversation {
    members: [u64; 2],
    log: Vec<Value>,
    /// Announced after the next one.
    held: Option<Value>,
}

#[derive(Debug)]
struct Listener {
    writer: Writer,
    conversation: String,
}

#[derive(Debug, Default)]
struct State {
    users: u64,
    messages: u64,
    sockets: Vec<Writer>,
    conversations: HashMap<String, Conversation>,
    listeners: Vec<Listener>,
}

struct Chatter {
    breaks: Breaks,
    state: Mutex<State>,
}

/// Starts one on a free port; it lives as long as the test program.
pub(crate) fn start(breaks: Breaks) -> SocketAddr {
    let chatter = Chatter { breaks, state: Mutex::default() };
    socket::listen(move |stream| chatter.serve(stream))
}

impl Chatter {
    fn serve(&self, mut stream: TcpStream) -> End {
        let mut head = vec![0; 64 * 1024];
        loop {
            let seen = stream.peek(&mut head)?;
            if seen == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&head[..seen]).into_owned();
            let Some((request, _)) = text.split_once("\r\n\r\n") else { continue };
            if request.contains("Upgrade: websocket") {
                return self.serve_socket(stream);
            }
            let len = request.len() + 4;
            stream.read_exact(&mut head[..len])?;
            let field = |name: &str| request.lines().find_map(|line| line.strip_prefix(name));
            let body_len = field("Content-Length: ").map_or(0, |len| len.parse().unwrap());
            let mut body = vec![0; body_len];
            stream.read_exact(&mut body)?;
            let user = field("Authorization: Bearer ").map(user_of);
            let (status, answer) = self.answer(request, user);
            let answer = answer.to_string();
            write!(
                stream,
                "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{answer}",
                answer.len()
            )?;
        }
    }

    fn answer(&self, request: &str, user: Option<u64>) -> (u16, Value) {
        let mut state = self.state.lock().unwrap();
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path == "/api/v1/auth/register" {
            state.users += 1;
            return (201, json!({ "data": { "tokens": { "accessToken": token(state.users) } } }));
        }
        let id = path.trim_start_matches("/api/v1/messages/conversation/");
        let (id, query) = id.split_once('?').unwrap_or((id, ""));
        let after = query.split('&').find_map(|pair| pair.strip_prefix("afterSeq="));
        let after: usize = after.map_or(0, |after| after.parse().unwrap());
        match state.conversations.get(id) {
            Some(room) if user.is_some_and(|user| room.members.contains(&user)) => {
                let page: Vec<&Value> = room.log.iter().skip(after).take(100).collect();
                (200, json!({ "data": { "messages": page } }))
            }
            Some(_) | None => (404, json!({ "message": "no" })),
        }
    }

    fn serve_socket(&self, stream: TcpStream) -> End {
        let (mut reader, writer) = socket::open(stream)?;
        let mut user = 0;
        while let Ok(message) = reader.read() {
            let Message::Text(text) = message else { continue };
            if let Some(hello) = text.strip_prefix("40") {
                let hello: Value = serde_json::from_str(hello)?;
                user = user_of(hello["token"].as_str().unwrap_or_default());
                self.state.lock().unwrap().sockets.push(Arc::clone(&writer));
                say(&writer, r#"40{"sid":"x"}"#);
            } else if let Some(event) = text.strip_prefix("42") {
                let (ack, event) = event.split_at(event.find('[').unwrap_or_default());
                let answer = self.hear(&writer, user, &serde_json::from_str(event)?);
                say(&writer, &format!("43{ack}{}", json!([answer])));
            }
        }
        let mut state = self.state.lock().unwrap();
        state.sockets.retain(|other| !Arc::ptr_eq(other, &writer));
        state.listeners.retain(|other| !Arc::ptr_eq(&other.writer, &writer));
        Ok(())
    }

    fn hear(&self, writer: &Writer, user: u64, event: &Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let payload = &event[1];
        let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
        if event[0] == "create_conversation" {
            let id = format!("{:024x}", 1 + state.conversations.len());
            let other = u64::from_str_radix(&text("participantId"), 16).unwrap();
            let room = Conversation { members: [user, other], ..Conversation::default() };
            state.conversations.insert(id.clone(), room);
            return json!({ "success": true, "data": { "conversation": { "_id": id } } });
        }
        let id = text("conversationId");
        let is_open = self.breaks == Breaks::Doors;
        let Some(room) = state.conversations.get(&id) else { return refusal() };
        if !is_open && !room.members.contains(&user) {
            return refusal();
        }
        if event[0] == "join_conversation" {
            let last = payload["lastSeq"].as_u64().unwrap_or(u64::MAX);
            let missed = room.log.iter().filter(|message| {
                let due = message["seq"].as_u64() > Some(last);
                due && !(self.breaks == Breaks::Catching && message["bad"] == true)
            });
            let answer =
                json!({ "lastSeq": room.log.len(), "messages": missed.collect::<Vec<_>>() });
            let listener = Listener { writer: Arc::clone(writer), conversation: id };
            state.listeners.push(listener);
            return json!({ "success": true, "data": answer });
        }
        let message = json!({
            "conversationId": id, "senderId": { "_id": format!("{user:024x}") },
            "content": payload["content"], "clientMessageId": payload["clientMessageId"],
        });
        json!({ "success": true, "data": { "message": self.send(&mut state, &id, message) } })
    }

    /// Stores and announces a message; returns it with its place.
    fn send(&self, state: &mut State, id: &str, mut message: Value) -> Value {
        let State { messages, conversations, .. } = &mut *state;
        let room = conversations.get_mut(id).unwrap();
        let same = |other: &&Value| other["clientMessageId"] == message["clientMessageId"];
        if let Some(first) = room.log.iter().find(same) {
            return first.clone();
        }
        *messages += 1;
        let bad = *messages % 5 == 0 && self.breaks != Breaks::Nothing;
        message["seq"] = json!(room.log.len() + 1);
        message["bad"] = json!(bad);
        let mut stored = message.clone();
        if bad && self.breaks == Breaks::Text {
            stored["content"] = json!("something else");
        }
        if !(bad && self.breaks == Breaks::Storing) {
            room.log.push(stored.clone());
        }
        let mut announced = vec![message.clone()];
        if bad {
            match self.breaks {
                Breaks::StoringOnce => {
                    stored["seq"] = json!(room.log.len() + 1);
                    room.log.push(stored.clone());
                    announced.push(stored);
                }
                Breaks::AnnouncingOnce => announced.push(message.clone()),
                Breaks::Order => room.held = announced.pop(),
                Breaks::Announcing | Breaks::Catching => announced.clear(),
                Breaks::Nothing
                | Breaks::Storing
                | Breaks::Text
                | Breaks::Privacy
                | Breaks::Doors => {}
            }
        } else {
            announced.extend(room.held.take());
        }
        let to_all = bad && self.breaks == Breaks::Privacy;
        for message in announced {
            let packet = format!("42{}", json!(["new_message", { "message": message }]));
            let joined = state.listeners.iter().filter(|listener| listener.conversation == id);
            if to_all {
                state.sockets.iter().for_each(|writer| say(writer, &packet));
            } else {
                joined.for_each(|listener| say(&listener.writer, &packet));
            }
        }
        message
    }
}

fn refusal() -> Value {
    json!({ "success": false, "error": { "code": "NOT_FOUND", "message": "no" } })
}

/// A token that says who it is for and no more.
fn token(user: u64) -> String {
    let claims = json!({ "userId": format!("{user:024x}") }).to_string();
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn user_of(token: &str) -> u64 {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = serde_json::from_slice(&claims.unwrap_or_default()).unwrap_or_default();
    u64::from_str_radix(claims["userId"].as_str().unwrap_or_default(), 16).unwrap_or_default()
}

/// Whoever has gone away does not listen, which is no fault of ours.
fn say(writer: &Writer, text: &str) {
    socket::say(writer, text).ok();
}
