//! Who is there, over sockets: what it says and to whom.

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::rest::{self, Person};
use crate::server::{ADMIN, Server};

/// People who hear of Ada, and one who must not.
struct Cast {
    server: Server,
    ada: Person,
    bob: Chat,
    agent: Chat,
    stranger: Chat,
}

impl Cast {
    fn new() -> Self {
        let server = Server::start_with_admin(&[]);
        let address = server.address();
        let admin = rest::sign_in(address, ADMIN);
        let agent = rest::appoint(address, &admin, "Agent", "agent");
        let people = ["Ada", "Bob", "Eve"].map(|name| rest::register(address, name));
        let [ada, bob, eve] = people;
        rest::open_conversation(address, &ada, &bob);
        let connect = |person: &Person| Chat::connect(address, &person.token);
        let (bob, agent, stranger) = (connect(&bob), connect(&agent), connect(&eve));
        Self { server, ada, bob, agent, stranger }
    }

    fn ada(&self) -> Chat {
        Chat::connect(self.server.address(), &self.ada.token)
    }

    /// The next status of Ada that each of these hears.
    fn status(&mut self) -> [Value; 2] {
        let Self { ada, bob, agent, .. } = self;
        [bob, agent].map(|chat| status_of(chat, &ada.id))
    }
}

/// The next status of this person that somebody hears.
fn status_of(chat: &mut Chat, id: &str) -> Value {
    loop {
        let event = chat.hear_event("user_status_update");
        if event["userId"] == id {
            let keys: Vec<_> = event.as_object().expect("an object").keys().collect();
            assert_eq!(keys, ["status", "timestamp", "userId"]);
            return event["status"].clone();
        }
    }
}

#[test]
fn status_reaches_all_devices_of_those_concerned_and_nobody_else() {
    let mut cast = Cast::new();
    let (mut phone, mut desk) = (cast.ada(), cast.ada());
    assert_eq!(cast.status(), ["online", "online"]);
    for payload in [json!("busy"), json!({ "status": "away" })] {
        let word = payload.as_str().unwrap_or("away").to_owned();
        let ack = phone.emit("update_status", &[payload]);
        for chat in [&mut phone, &mut desk] {
            // They may have come early enough to hear of their own arrival.
            while status_of(chat, &cast.ada.id) != json!(word) {}
        }
        assert_eq!(phone.hear_ack(ack), Some(json!({ "success": true })));
        assert_eq!(cast.status(), [word.as_str(); 2]);
    }
    let answer = phone.ask("update_status", &[json!("asleep")]);
    assert_eq!(answer["error"]["code"], "VALIDATION_FAILED", "{answer}");
    // One device goes: she is still there. Then the other: she is not.
    drop(phone);
    assert_eq!(desk.ask("update_status", &[json!("busy")])["success"], true);
    assert_eq!(cast.status(), ["busy", "busy"]);
    drop(desk);
    assert_eq!(cast.status(), ["offline", "offline"]);
    // Behind all of it.
    let id = cast.stranger.emit("ping", &[]);
    loop {
        match cast.stranger.hear() {
            crate::chat::Packet::Ack(answered, _) if answered == id => break,
            crate::chat::Packet::Event(name, arguments) => {
                let about_ada = arguments[0]["userId"] == cast.ada.id;
                assert!(!about_ada, "a stranger heard {name}: {arguments:?}");
            }
            crate::chat::Packet::Ack(..) => {}
            crate::chat::Packet::Closed => panic!("the stranger was put out"),
        }
    }
}

#[test]
fn words_about_presence_are_passed_on_to_everybody_else_concerned() {
    let mut cast = Cast::new();
    let (mut phone, mut desk) = (cast.ada(), cast.ada());
    for presence in [json!({ "mood": "fine", "n": [1, null] }), json!("here"), json!(null)] {
        assert_eq!(
            phone.ask("update_presence", std::slice::from_ref(&presence)),
            json!({ "success": true })
        );
        for chat in [&mut desk, &mut cast.bob, &mut cast.agent] {
            let mut event = chat.hear_event("presence_update");
            assert!(event["timestamp"].take().is_string());
            let expected =
                json!({ "userId": cast.ada.id, "presence": presence, "timestamp": null });
            assert_eq!(event, expected);
        }
        assert_eq!(phone.heard(), [], "not her own");
        assert_eq!(cast.stranger.heard(), []);
    }
    let answer = phone.ask("update_presence", &[json!("x".repeat(1_025))]);
    assert_eq!(answer["error"]["code"], "VALIDATION_FAILED", "{answer}");
}

#[test]
fn what_one_socket_says_at_once_is_told_in_its_order_and_the_last_word_holds() {
    let mut cast = Cast::new();
    let mut phone = cast.ada();
    assert_eq!(cast.status(), ["online", "online"]);
    let words: Vec<Value> = (0..AT_ONCE).map(|n| json!({ "n": n })).collect();
    for word in &words {
        phone.emit("update_presence", std::slice::from_ref(word));
    }
    for chat in [&mut cast.bob, &mut cast.agent] {
        let told = words.iter().map(|_| chat.hear_event("presence_update")["presence"].clone());
        let told: Vec<Value> = told.collect();
        assert_eq!(told, words);
    }
    let said: Vec<&str> = ["away", "busy"].into_iter().cycle().take(AT_ONCE).collect();
    let acks: Vec<u64> = said.iter().map(|it| phone.emit("update_status", &[json!(it)])).collect();
    for word in &said {
        assert_eq!(cast.status(), [*word; 2]);
    }
    for ack in acks {
        assert_eq!(phone.hear_ack(ack), Some(json!({ "success": true })));
    }
    let token = Some(cast.ada.token.as_str());
    let profile = rest::succeed(cast.server.address(), "GET", "/api/v1/auth/profile", token, None);
    assert_eq!(profile.pointer("/data/user/status"), said.last().map(|it| json!(it)).as_ref());
}

/// Fewer than one socket may have under way.
const AT_ONCE: usize = 40;
