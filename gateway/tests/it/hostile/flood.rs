//! Clients that send more than they may: they are told, then put out, and nobody else notices.

use serde_json::{Value, json};

use super::Scene;
use crate::chat::{Chat, Packet};
use crate::rest;
use crate::server::Server;

#[test]
fn flood_is_refused_then_closed_while_everybody_else_is_answered() {
    let mut scene = Scene::set();
    let mut flooding = scene.hostile_chat();
    for _ in 0..EVENTS {
        flooding.emit("ping", &[]);
    }
    // What the healthy client asks now stands behind the flood.
    for _ in 0..50 {
        assert_eq!(scene.healthy.ask("ping", &[])["success"], true);
    }
    let (mut answered, mut too_fast) = (0, 0);
    loop {
        match flooding.hear() {
            Packet::Ack(_, answer) if is_too_fast(&answer) => too_fast += 1,
            Packet::Ack(..) => answered += 1,
            Packet::Event(..) => {}
            Packet::Closed => break,
        }
    }
    assert!(answered > 0, "nothing of the burst was served");
    assert!(too_fast >= 400, "{too_fast} were refused before the end");
    assert!(answered + too_fast < EVENTS, "the rest was not read");
    scene.assert_unharmed("a flood of events");
}

#[test]
fn joins_and_bytes_are_counted_apart_and_a_refusal_says_what_it_is_about() {
    let server = Server::start_with_admin(&[
        ("SOCKET_JOINS_PER_SECOND", "1"),
        ("SOCKET_BYTES_PER_SECOND", "1000"),
    ]);
    let address = server.address();
    let (ada, bob) = (rest::register(address, "Ada"), rest::register(address, "Bob"));
    let id = rest::open_conversation(address, &ada, &bob);
    let mut chat = Chat::connect(address, &ada.token);
    let joins: Vec<_> = (0..70).map(|_| chat.ask("join_conversation", &[json!(id)])).collect();
    assert!(joins[..50].iter().all(|answer| answer["success"] == true), "{joins:?}");
    assert!(joins[50..].iter().any(is_too_fast), "{joins:?}");
    assert_eq!(chat.ask("typing_start", &[json!({ "conversationId": id })])["success"], true);

    let mut chat = Chat::connect(address, &bob.token);
    let refused = (0..20).find(|n| {
        let message = json!({
            "conversationId": id, "content": "x".repeat(2_000), "clientMessageId": n.to_string(),
        });
        let answer = chat.ask("send_message", &[message]);
        is_too_fast(&answer)
    });
    let refused = refused.expect("sixteen seconds' worth at once is too much");
    assert!(refused >= 3, "what a pause has saved is served: {refused}");
    let message =
        json!({ "conversationId": id, "content": "x".repeat(2_000), "clientMessageId": "again" });
    chat.emit_unasked("send_message", &[message]);
    let error = chat.hear_event("message_error");
    assert_eq!(error["code"], "RATE_LIMITED", "{error}");
    assert_eq!(error["conversationId"], json!(id), "{error}");
}

#[test]
fn devices_of_a_person_share_what_a_few_of_them_may_send() {
    let server = Server::start_with_admin(&[("SOCKET_EVENTS_PER_SECOND", "2")]);
    let address = server.address();
    let (ada, bob) = (rest::register(address, "Ada"), rest::register(address, "Bob"));
    let mut served = 0;
    for _ in 0..8 {
        let mut device = Chat::connect(address, &ada.token);
        served += (0..20).filter(|_| device.ask("ping", &[])["success"] == true).count();
    }
    // 80 at once, and 8 a second: all eight devices would have had 160.
    assert!((80..140).contains(&served), "{served}");
    let answer = Chat::connect(address, &bob.token).ask("ping", &[]);
    assert_eq!(answer["success"], true, "{answer}");
}

fn is_too_fast(answer: &Value) -> bool {
    answer["error"]["code"] == "RATE_LIMITED"
}

/// More than the burst and all refusals that are borne.
const EVENTS: usize = 3_000;
