//! Every event of the contract with every kind of payload.

use serde_json::{Value, json};

use super::Scene;
use crate::chat::Chat;

#[test]
fn event_with_any_payload_costs_its_sender_an_answer_at_most() {
    let mut scene = Scene::set();
    let mut chat = scene.hostile_chat();
    for event in EVENTS {
        for (kind, arguments) in payloads() {
            let id = chat.emit(event, &arguments);
            match chat.hear_ack(id) {
                Some(answer) => assert_is_answer(event, kind, &answer),
                // A breach of the limits may cost the connection; a wrong payload alone does not.
                None => chat = scene.hostile_chat(),
            }
        }
        scene.assert_unharmed(event);
    }
}

#[test]
fn event_with_a_wrong_payload_leaves_the_connection_open() {
    let mut scene = Scene::set();
    for event in EVENTS {
        let mut chat = scene.hostile_chat();
        for wrong in [json!(null), json!(7), json!("x"), json!([]), json!({ "a": 1 })] {
            chat.emit_unasked(event, &[wrong]);
        }
        chat.emit_unasked(event, &[]);
        let answer = chat.ask("ping", &[]);
        assert_eq!(answer["success"], true, "after {event}: {answer}");
    }
    scene.assert_unharmed("wrong payloads without an ack");
}

#[test]
fn event_with_a_megabyte_is_refused_and_the_next_is_served() {
    let mut scene = Scene::set();
    for event in EVENTS {
        let mut chat = scene.hostile_chat();
        let id = chat.emit(event, &[json!({ "content": "x".repeat(JUST_UNDER_THE_MAXIMUM) })]);
        if let Some(answer) = chat.hear_ack(id) {
            assert_is_answer(event, "a megabyte", &answer);
        }
        let mut chat = scene.hostile_chat();
        let id = chat.emit(event, &[json!("x".repeat(1_100_000))]);
        assert_eq!(chat.hear_ack(id), None, "{event} over the maximum");
        scene.assert_unharmed(event);
    }
}

#[test]
fn event_of_any_name_is_survived() {
    let mut scene = Scene::set();
    let long = "n".repeat(100_000);
    let names = ["", "nobody", "__proto__", "constructor", "new_message", "auth", "\u{0}", &long];
    let mut chat = scene.hostile_chat();
    for name in names {
        chat.emit_unasked(name, &[json!({})]);
    }
    still_served(&mut chat);
    scene.assert_open_for_newcomers("names");
}

#[test]
fn event_with_a_broken_text_or_a_foreign_id_is_refused() {
    let mut scene = Scene::set();
    let mut chat = scene.hostile_chat();
    let ids =
        ["", "x", "0", "ZZZZZZZZZZZZZZZZZZZZZZZZ", "000000000000000000000000", "../../etc", "👋"];
    for id in ids {
        for (event, payload) in [
            ("join_conversation", json!(id)),
            ("send_message", json!({ "conversationId": id, "content": "hello" })),
            ("edit_message", json!({ "messageId": id, "content": "hello" })),
            ("typing_start", json!({ "conversationId": id })),
            ("create_conversation", json!({ "participantId": id })),
        ] {
            let answer = chat.ask(event, &[payload]);
            assert_eq!(answer["success"], false, "{event} {id:?}: {answer}");
        }
    }
    scene.assert_unharmed("foreign ids");
}

fn still_served(chat: &mut Chat) {
    let answer = chat.ask("ping", &[]);
    assert_eq!(answer["success"], true, "{answer}");
}

fn assert_is_answer(event: &str, kind: &str, answer: &Value) {
    let sound = match answer["success"] {
        Value::Bool(true) => true,
        Value::Bool(false) => {
            answer["error"]["code"].is_string() && answer["error"]["message"].is_string()
        }
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            false
        }
    };
    assert!(sound, "{event} with {kind}: {answer}");
}

fn payloads() -> Vec<(&'static str, Vec<Value>)> {
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    vec![
        ("no payload", vec![]),
        ("null", vec![json!(null)]),
        ("a boolean", vec![json!(true)]),
        ("a number", vec![json!(-1.5e300)]),
        ("a string", vec![json!("x")]),
        ("an empty string", vec![json!("")]),
        ("an array", vec![json!([1, "2", null])]),
        ("an empty object", vec![json!({})]),
        ("objects where texts belong", vec![all_fields(&json!({ "$gt": "" }))]),
        ("arrays where texts belong", vec![all_fields(&json!([]))]),
        ("numbers where texts belong", vec![all_fields(&json!(9_007_199_254_740_993_u64))]),
        ("nulls where texts belong", vec![all_fields(&json!(null))]),
        ("a deep array", vec![nested]),
        ("many arguments", vec![json!({}); 1000]),
    ]
}

/// An object with every field name of the contract, all with this value.
fn all_fields(value: &Value) -> Value {
    let names = [
        "conversationId",
        "messageId",
        "participantId",
        "agentId",
        "content",
        "type",
        "metadata",
        "clientMessageId",
        "subject",
        "priority",
        "tags",
        "updates",
        "page",
        "limit",
        "status",
        "lastSeq",
        "cursor",
        "token",
        "seq",
        "scope",
        "conversations",
    ];
    names.iter().map(|name| ((*name).to_owned(), value.clone())).collect()
}

/// Every event that a client may send. Source: contract O3.4, O3.6, 1.5, 1.6.
const EVENTS: [&str; 22] = [
    "join_conversation",
    "leave_conversation",
    "update_status",
    "send_message",
    "edit_message",
    "delete_message",
    "mark_as_read",
    "create_conversation",
    "update_conversation",
    "assign_conversation",
    "close_conversation",
    "typing_start",
    "typing_stop",
    "get_typing_users",
    "get_messages",
    "get_conversations",
    "update_presence",
    "join_room",
    "leave_room",
    "ping",
    "sync",
    "refresh_auth",
];

/// With its surroundings this is still a legal message.
const JUST_UNDER_THE_MAXIMUM: usize = 999_900;
