//! Joining without end.

use serde_json::{Value, json};

use super::Scene;
use crate::chat::{Chat, Packet};
use crate::server::UNLIMITED;

#[test]
fn join_beyond_a_thousand_rooms_is_refused_and_the_connection_goes_on() {
    let mut scene = Scene::set_with(&UNLIMITED);
    let mut chat = scene.hostile_chat();
    // The maker of a conversation joins it.
    let (mut entered, mut refused, mut asked) = (Vec::new(), 0, 0);
    while entered.len() + refused < ROOMS_MAX + BEYOND {
        while asked < ROOMS_MAX + BEYOND && asked < entered.len() + refused + AT_ONCE {
            chat.emit("create_conversation", &[json!({ "subject": format!("number {asked}") })]);
            asked += 1;
        }
        let answer = next_answer(&mut chat);
        if let Some(id) = answer.pointer("/data/conversation/_id").and_then(Value::as_str) {
            entered.push(id.to_owned());
        } else {
            assert_too_many(&answer);
            refused += 1;
        }
    }
    // One room is the person's own.
    assert_eq!((entered.len(), refused), (ROOMS_MAX - 1, BEYOND + 1));
    let others = rooms_of(&mut chat);
    let other = others.iter().find(|id| !entered.contains(id)).expect("made, but not entered");
    for _ in 0..100 {
        assert_too_many(&chat.ask("join_conversation", &[json!(other)]));
    }
    scene.assert_unharmed("too many rooms");
    // One that it is in is no further one; and where one is left, another may be joined.
    let again = chat.ask("join_conversation", &[json!(entered[0])]);
    assert_eq!(again["success"], true, "{again}");
    let left = chat.ask("leave_conversation", &[json!(entered[0])]);
    assert_eq!(left["success"], true, "{left}");
    let joined = chat.ask("join_conversation", &[json!(other)]);
    assert_eq!(joined["success"], true, "{joined}");
    assert_too_many(&chat.ask("join_conversation", &[json!(entered[0])]));
    drop(chat);
    scene.assert_open_for_newcomers("a thousand rooms");
}

/// The next answer, to whatever it is.
fn next_answer(chat: &mut Chat) -> Value {
    loop {
        match chat.hear() {
            Packet::Ack(_, answer) => return answer,
            Packet::Event(..) => {}
            Packet::Closed => panic!("the connection does not go on"),
        }
    }
}

/// The caller's newest conversations.
fn rooms_of(chat: &mut Chat) -> Vec<String> {
    let answer = chat.ask("get_conversations", &[json!({ "limit": 100 })]);
    let list = answer.pointer("/data/conversations").and_then(Value::as_array);
    let list = list.unwrap_or_else(|| panic!("{answer}"));
    list.iter().filter_map(|it| Some(it["_id"].as_str()?.to_owned())).collect()
}

fn assert_too_many(answer: &Value) {
    assert_eq!(answer["error"]["code"], "RATE_LIMITED", "{answer}");
    assert_eq!(answer["error"]["message"], "Too many conversations joined", "{answer}");
}

/// Rooms that one socket may be in.
const ROOMS_MAX: usize = 1_000;

const BEYOND: usize = 20;

const AT_ONCE: usize = 32;
