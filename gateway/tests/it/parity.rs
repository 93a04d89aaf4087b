//! A write over REST is heard exactly like the same write over a socket: same events, same payloads,
//! same people, same order; and each event has the payload of the contract (O3.5).

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::rest::{self, Person};
use crate::server::{ADMIN, Server};

/// By which way writes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Socket,
    Rest,
}

/// A write, as either door takes it.
struct Write {
    event: &'static str,
    payload: Value,
    method: &'static str,
    path: String,
    body: Option<Value>,
}

/// Who listens: devices by name.
struct Scene {
    server: Server,
    door: Door,
    ada: Person,
    bob: Person,
    agent: Person,
    /// From which writes come over the socket; what it hears beside others is its answers.
    writers: [Chat; 2],
    listeners: Vec<(&'static str, Chat)>,
    heard: Vec<String>,
    ids: Vec<String>,
}

impl Scene {
    fn new(door: Door) -> Self {
        let server = Server::start_with_admin(&[]);
        let address = server.address();
        let admin = rest::sign_in(address, ADMIN);
        let agent = rest::appoint(address, &admin, "Agent", "agent");
        let [ada, bob, eve] = ["Ada", "Bob", "Eve"].map(|name| rest::register(address, name));
        let connect = |person: &Person| Chat::connect(address, &person.token);
        let listeners = vec![
            ("ada in the room", connect(&ada)),
            ("ada elsewhere", connect(&ada)),
            ("bob in the room", connect(&bob)),
            ("bob elsewhere", connect(&bob)),
            ("agent elsewhere", connect(&agent)),
            ("stranger", connect(&eve)),
        ];
        let writers = [connect(&ada), connect(&agent)];
        let (heard, ids) = (Vec::new(), Vec::new());
        Self { server, door, ada, bob, agent, writers, listeners, heard, ids }
    }

    /// Those who listen in the room join it.
    fn join(&mut self, conversation: &str) {
        for (name, chat) in &mut self.listeners {
            if name.ends_with("in the room") {
                let answer = chat.ask("join_conversation", &[json!(conversation)]);
                assert_eq!(answer["success"], true, "{answer}");
            }
        }
    }

    /// Writes, as Ada or as the agent; takes down what everybody hears, and returns the answer's data.
    fn write(&mut self, as_agent: bool, write: Write) -> Value {
        let person = if as_agent { &self.agent } else { &self.ada };
        let mut answer = match self.door {
            Door::Socket => {
                let writer = &mut self.writers[usize::from(as_agent)];
                writer.ask(write.event, &[write.payload])
            }
            Door::Rest => {
                let (address, token) = (self.server.address(), Some(person.token.as_str()));
                rest::request(address, write.method, &write.path, token, write.body.as_ref()).1
            }
        };
        assert_eq!(answer["success"], true, "{}: {answer}", write.event);
        for (name, chat) in &mut self.listeners {
            for (event, payload) in chat.heard() {
                let line = format!("{}: {name} hears {event} {payload}", write.event);
                self.heard.push(plain(&line, &mut self.ids));
            }
        }
        answer["data"].take()
    }
}

/// Ids and dates differ from run to run: ids are numbered as they come, dates are blank. So is who is
/// there: it is settled once a second.
fn plain(line: &str, ids: &mut Vec<String>) -> String {
    let is_hex = |word: &str| word.len() == 24 && word.bytes().all(|it| it.is_ascii_hexdigit());
    let is_date = |word: &str| word.len() == 24 && word.ends_with('Z') && word.contains('T');
    let words = line.split('"').map(|word| match word {
        date if is_date(date) => "a date".to_owned(),
        "online" | "offline" => "there or not".to_owned(),
        id if is_hex(id) => {
            let place = ids.iter().position(|known| known == id).unwrap_or_else(|| {
                ids.push(id.to_owned());
                ids.len() - 1
            });
            format!("id {place}")
        }
        other => other.to_owned(),
    });
    words.collect::<Vec<_>>().join("\"")
}

/// All writes that are heard, one after the other; what was heard of them.
fn run(door: Door) -> Vec<String> {
    let mut scene = Scene::new(door);
    let created = scene.write(false, create(&json!({ "participantId": scene.bob.id })));
    let id = text(&created, "/conversation/_id");
    scene.join(&id);
    let sent = scene.write(false, send(&id, "hello"));
    let message = text(&sent, "/message/_id");
    scene.write(true, mark_read(&message));
    let replied = scene.write(true, send(&id, "how can I help?"));
    scene.write(false, mark_read(&text(&replied, "/message/_id")));
    scene.write(false, edit(&message));
    scene.write(false, delete(&message));
    scene.write(true, update(&id, &json!({ "priority": "high", "tags": ["vip"] })));
    scene.write(false, update(&id, &json!({ "status": "resolved" })));
    scene.write(true, assign(&id, &scene.agent.id));
    scene.write(true, update(&id, &json!({ "assignedTo": null })));
    scene.write(false, close(&id));
    scene.write(false, create(&json!({ "subject": "Anybody?" })));
    scene.heard
}

#[test]
fn writes_over_rest_are_heard_like_writes_over_a_socket() {
    let (socket, rest) = (run(Door::Socket), run(Door::Rest));
    assert_eq!(socket, rest);
    // Who hears what. Source: contract 1.4, 1.5, O3.5.
    let shown: Vec<String> = rest.iter().map(|line| brief(line)).collect();
    let everywhere = ["ada in the room", "ada elsewhere", "bob in the room", "bob elsewhere"];
    let in_room = ["ada in the room", "bob in the room"];
    let mut expected = Vec::new();
    let mut expect = |write: &str, event: &str, listeners: &[&str]| {
        expected.extend(listeners.iter().map(|it| format!("{write}: {it} hears {event}")));
    };
    expect("create_conversation", "conversation_created", &everywhere);
    expect("send_message", "new_message", &in_room);
    // A reader's other devices hear its own marks.
    let readers = ["ada in the room", "bob in the room", "agent elsewhere"];
    expect("mark_as_read", "message_read", &readers);
    expect("send_message", "new_message", &in_room);
    let readers = ["ada in the room", "ada elsewhere", "bob in the room"];
    expect("mark_as_read", "message_read", &readers);
    expect("edit_message", "message_edited", &in_room);
    expect("delete_message", "message_deleted", &in_room);
    expect("update_conversation", "conversation_updated", &in_room);
    expect("update_conversation", "conversation_updated", &in_room);
    let concerned = [&everywhere[..], &["agent elsewhere"]].concat();
    expect("assign_conversation", "conversation_assigned", &concerned);
    for listener in &concerned {
        if listener.ends_with("in the room") {
            expect("update_conversation", "conversation_updated", &[listener]);
        }
        expect("update_conversation", "conversation_assigned", &[listener]);
    }
    expect("close_conversation", "conversation_closed", &in_room);
    let in_queue = ["ada in the room", "ada elsewhere", "agent elsewhere"];
    expect("create_conversation", "conversation_created", &in_queue);
    assert_eq!(shown, expected);
    for line in &rest {
        assert_fits(line);
    }
    // What is left unread is for the reader's own devices.
    let told = rest.iter().filter(|line| line.contains(r#""unreadCount":0"#));
    let told: Vec<_> = told.map(|line| brief(line)).collect();
    let readers = ["agent elsewhere", "ada in the room", "ada elsewhere"];
    assert_eq!(told, readers.map(|it| format!("mark_as_read: {it} hears message_read")));
}

/// That a payload has exactly the fields of the contract.
fn assert_fits(line: &str) {
    let (head, payload) = line.split_once('{').expect("a payload is an object");
    let event = head.trim_end().rsplit(' ').next().expect("a line names its event");
    let payload: Value = serde_json::from_str(&format!("{{{payload}")).expect("still JSON");
    let mut keys: Vec<_> =
        payload.as_object().expect("an object").keys().map(String::as_str).collect();
    if event == "message_read" {
        // Who hears it is looked at as a whole.
        keys.retain(|key| *key != "unreadCount");
    }
    let expected: &[&str] = match event {
        "conversation_created" => &["conversation", "createdBy"],
        "new_message" => &["conversationId", "message"],
        "message_read" => &["conversationId", "messageId", "readAt", "readBy"],
        "message_edited" => &["content", "conversationId", "editedAt", "messageId"],
        "message_deleted" => &["conversationId", "deletedBy", "messageId", "timestamp"],
        "conversation_updated" => &["conversationId", "timestamp", "updatedBy", "updates"],
        "conversation_assigned" => &["assignedBy", "assignedTo", "conversationId", "timestamp"],
        "conversation_closed" => &["closedBy", "conversationId", "timestamp"],
        other => panic!("nobody expects {other}"),
    };
    assert_eq!(keys, expected, "{line}");
    for actor in ["createdBy", "updatedBy", "assignedBy", "closedBy"] {
        if let Some(actor) = payload[actor].as_object() {
            let keys: Vec<_> = actor.keys().map(String::as_str).collect();
            assert_eq!(keys, ["avatar", "name", "role", "userId"], "{line}");
        }
    }
}

fn brief(line: &str) -> String {
    line.split_once(" {").map_or(line, |(brief, _)| brief).to_owned()
}

fn text(data: &Value, pointer: &str) -> String {
    data.pointer(pointer).and_then(Value::as_str).expect("an answer names what it made").to_owned()
}

fn create(body: &Value) -> Write {
    let (event, path) = ("create_conversation", "/api/v1/conversations".to_owned());
    Write { event, payload: body.clone(), method: "POST", path, body: Some(body.clone()) }
}

fn send(id: &str, content: &str) -> Write {
    let body = json!({ "conversationId": id, "content": content, "clientMessageId": content });
    let (event, path) = ("send_message", "/api/v1/messages".to_owned());
    Write { event, payload: body.clone(), method: "POST", path, body: Some(body) }
}

fn mark_read(message: &str) -> Write {
    let path = format!("/api/v1/messages/{message}/read");
    let payload = json!({ "messageId": message });
    Write { event: "mark_as_read", payload, method: "POST", path, body: None }
}

fn edit(message: &str) -> Write {
    let path = format!("/api/v1/messages/{message}");
    let payload = json!({ "messageId": message, "content": "changed" });
    let body = Some(json!({ "content": "changed" }));
    Write { event: "edit_message", payload, method: "PUT", path, body }
}

fn delete(message: &str) -> Write {
    let path = format!("/api/v1/messages/{message}");
    let payload = json!({ "messageId": message });
    Write { event: "delete_message", payload, method: "DELETE", path, body: None }
}

fn update(id: &str, updates: &Value) -> Write {
    let path = format!("/api/v1/conversations/{id}");
    let payload = json!({ "conversationId": id, "updates": updates });
    let body = Some(updates.clone());
    Write { event: "update_conversation", payload, method: "PUT", path, body }
}

fn assign(id: &str, agent: &str) -> Write {
    let path = format!("/api/v1/conversations/{id}/assign");
    let payload = json!({ "conversationId": id, "agentId": agent });
    let body = Some(json!({ "agentId": agent }));
    Write { event: "assign_conversation", payload, method: "POST", path, body }
}

fn close(id: &str) -> Write {
    let path = format!("/api/v1/conversations/{id}/close");
    let payload = json!({ "conversationId": id });
    Write { event: "close_conversation", payload, method: "POST", path, body: None }
}
