//! `join_room` and `leave_room`, from outside: who is told.

use serde_json::json;

use crate::chat::Chat;
use crate::rest;
use crate::server::{ADMIN, Server};

#[test]
fn others_in_the_room_hear_who_comes_and_who_goes_and_nobody_else_does() {
    let server = Server::start_with_admin(&[]);
    let address = server.address();
    let admin = rest::sign_in(address, ADMIN);
    let agent = rest::appoint(address, &admin, "Agent", "agent");
    let (ada, bob) = (rest::register(address, "Ada"), rest::register(address, "Bob"));
    let id = rest::open_conversation(address, &ada, &bob);
    let room = [json!(format!("conversation:{id}"))];
    let connect = |token: &str| Chat::connect(address, token);
    let (mut phone, mut bob, mut agent) =
        (connect(&ada.token), connect(&bob.token), connect(&agent.token));
    // Another device of the same person is one of the others, if it is in the room.
    let (mut desk, mut outside) = (connect(&ada.token), connect(&ada.token));
    for chat in [&mut bob, &mut desk] {
        assert_eq!(chat.ask("join_conversation", &[json!(id)])["success"], true);
    }
    for (event, told) in [("join_room", "user_joined_room"), ("leave_room", "user_left_room")] {
        assert_eq!(phone.ask(event, &room), json!({ "success": true }));
        for chat in [&mut bob, &mut desk] {
            let [(name, member)] = &chat.heard()[..] else { panic!("{told} and no more") };
            assert_eq!(name, told);
            assert!(member["timestamp"].is_string(), "{member}");
            let expected = json!({
                "userId": ada.id, "userName": "Ada", "timestamp": member["timestamp"],
            });
            assert_eq!(*member, expected);
        }
        for chat in [&mut phone, &mut outside, &mut agent] {
            assert_eq!(chat.heard(), [], "{event}");
        }
    }
    let message = json!({ "conversationId": id, "content": "gone?" });
    assert_eq!(bob.ask("send_message", &[message])["success"], true);
    assert_eq!(phone.heard(), [], "it has left");
    assert_eq!(desk.hear_event("new_message")["conversationId"], json!(id));
}

#[test]
fn stranger_who_says_to_leave_is_not_announced() {
    let server = Server::start_with_admin(&[]);
    let address = server.address();
    let [ada, bob, eve] = ["Ada", "Bob", "Eve"].map(|name| rest::register(address, name));
    let id = rest::open_conversation(address, &ada, &bob);
    let [mut bob, mut eve] = [bob, eve].map(|person| Chat::connect(address, &person.token));
    assert_eq!(bob.ask("join_conversation", &[json!(id)])["success"], true);
    let room = [json!(format!("conversation:{id}"))];
    assert_eq!(eve.ask("join_room", &room)["error"]["code"], "NOT_FOUND");
    assert_eq!(eve.ask("leave_room", &room), json!({ "success": true }));
    assert_eq!(bob.heard(), []);
}
