//! Who types, from outside: how it ends for those who do not say so.

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::rest::{self, Person};
use crate::server::Server;

/// Ada, who types, and Bob, who is in the conversation and sees it.
struct Scene {
    server: Server,
    ada: Person,
    bob: Chat,
    about: Value,
}

impl Scene {
    fn set() -> Self {
        let server = Server::start_with_admin(&[]);
        let address = server.address();
        let (ada, bob) = (rest::register(address, "Ada"), rest::register(address, "Bob"));
        let id = rest::open_conversation(address, &ada, &bob);
        let mut bob = Chat::connect(address, &bob.token);
        assert_eq!(bob.ask("join_conversation", &[json!(id)])["success"], true);
        Self { server, ada, bob, about: json!({ "conversationId": id }) }
    }

    /// A device of Ada's that is in the conversation.
    fn device(&self) -> Chat {
        let mut device = Chat::connect(self.server.address(), &self.ada.token);
        let joined = device.ask("join_conversation", &[self.about["conversationId"].clone()]);
        assert_eq!(joined["success"], true, "{joined}");
        device
    }

    fn say(&self, device: &mut Chat, event: &str) {
        let answer = device.ask(event, std::slice::from_ref(&self.about));
        assert_eq!(answer, json!({ "success": true }), "{event}");
    }

    /// What Bob hears of Ada's typing next.
    fn assert_told(&mut self, event: &str) {
        let told = self.bob.hear_event(event);
        self.assert_about_ada(&told);
    }

    fn assert_about_ada(&self, told: &Value) {
        assert!(told["timestamp"].is_string(), "{told}");
        let expected = json!({
            "conversationId": self.about["conversationId"],
            "userId": self.ada.id,
            "userName": "Ada",
            "timestamp": told["timestamp"],
        });
        assert_eq!(*told, expected);
    }

    /// Who types, as Bob is told when he asks.
    fn typists(&mut self) -> Vec<Value> {
        let answer = self.bob.ask("get_typing_users", std::slice::from_ref(&self.about));
        let users = answer.pointer("/data/typingUsers").and_then(Value::as_array);
        let users = users.expect("an answer lists who types");
        users.iter().map(|user| user["userId"].clone()).collect()
    }
}

#[test]
fn typing_that_is_not_renewed_ends_and_the_whole_room_is_told_the_typist_too() {
    let mut scene = Scene::set();
    let mut ada = scene.device();
    scene.say(&mut ada, "typing_start");
    scene.assert_told("user_typing_start");
    assert_eq!(scene.typists(), [json!(scene.ada.id)]);
    scene.assert_told("user_typing_stop");
    assert!(scene.typists().is_empty());
    let told = ada.hear_event("user_typing_stop");
    scene.assert_about_ada(&told);
    assert_eq!(scene.bob.heard(), [], "once");
}

#[test]
fn typing_ends_when_the_last_device_on_which_somebody_types_is_gone() {
    let mut scene = Scene::set();
    let address = scene.server.address();
    let eve = rest::register(address, "Eve");
    let elsewhere = json!(rest::open_conversation(address, &scene.ada, &eve));
    let mut eve = Chat::connect(address, &eve.token);
    assert_eq!(eve.ask("join_conversation", std::slice::from_ref(&elsewhere))["success"], true);
    let (mut phone, mut desk) = (scene.device(), scene.device());
    for device in [&mut phone, &mut desk] {
        scene.say(device, "typing_start");
    }
    scene.assert_told("user_typing_start");
    let about = json!({ "conversationId": elsewhere });
    assert_eq!(phone.ask("typing_start", &[about])["success"], true);
    eve.hear_event("user_typing_start");
    drop(phone);
    // Where the desk does not type, this is the end: so it is known here when the phone has left.
    assert_eq!(eve.hear_event("user_typing_stop")["conversationId"], elsewhere);
    let told = scene.bob.heard();
    assert!(
        told.iter().all(|(event, _)| event != "user_typing_stop"),
        "the desk goes on: {told:?}"
    );
    assert_eq!(scene.typists(), [json!(scene.ada.id)]);
    drop(desk);
    scene.assert_told("user_typing_stop");
    assert!(scene.typists().is_empty());
}

#[test]
fn typing_stop_holds_for_all_devices_until_one_goes_on() {
    let mut scene = Scene::set();
    let (mut phone, mut desk) = (scene.device(), scene.device());
    for device in [&mut phone, &mut desk] {
        scene.say(device, "typing_start");
    }
    scene.assert_told("user_typing_start");
    scene.say(&mut phone, "typing_stop");
    scene.assert_told("user_typing_stop");
    assert!(scene.typists().is_empty());
    scene.say(&mut desk, "typing_start");
    scene.assert_told("user_typing_start");
    assert_eq!(scene.typists(), [json!(scene.ada.id)]);
}
