//! Joining without end.

use serde_json::{Value, json};

use super::Scene;
use crate::chat::{Chat, Packet};
use crate::rest;
use crate::server::UNLIMITED;

#[test]
fn join_beyond_a_thousand_rooms_is_refused_and_the_connection_goes_on() {
    let mut scene = Scene::set_with(&UNLIMITED);
    let mut chat = scene.hostile_chat();
    // The maker of a conversation joins it. One room is the person's own.
    let mut entered = Vec::new();
    let mut asked = 0;
    while entered.len() < ROOMS_MAX - 1 {
        while asked < (ROOMS_MAX - 1).min(entered.len() + AT_ONCE) {
            chat.emit("create_conversation", &[json!({ "subject": format!("number {asked}") })]);
            asked += 1;
        }
        entered.push(made(&next_answer(&mut chat)).expect("there is room for it"));
    }
    for number in 0..BEYOND {
        let subject = format!("too many, by {number}");
        assert_too_many(&chat.ask("create_conversation", &[json!({ "subject": subject })]));
    }
    assert_eq!(stored(&mut chat), entered.len(), "what is refused is not stored");
    let other = rest::register(scene.server.address(), "Other");
    let other = rest::open_conversation(scene.server.address(), &scene.hostile, &other);
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
    // Of several that are made at once where there is room for one, none is stored and refused.
    let left = chat.ask("leave_conversation", &[json!(other)]);
    assert_eq!(left["success"], true, "{left}");
    let before = stored(&mut chat);
    for number in 0..AT_ONCE {
        let subject = format!("at once, {number}");
        chat.emit("create_conversation", &[json!({ "subject": subject })]);
    }
    let answers: Vec<Value> = (0..AT_ONCE).map(|_| next_answer(&mut chat)).collect();
    let (successes, refusals): (Vec<&Value>, Vec<&Value>) =
        answers.iter().partition(|answer| made(answer).is_some());
    refusals.into_iter().for_each(assert_too_many);
    assert!(!successes.is_empty());
    assert_eq!(stored(&mut chat), before + successes.len());
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

/// The conversation that was made, if one was.
fn made(answer: &Value) -> Option<String> {
    answer.pointer("/data/conversation/_id")?.as_str().map(str::to_owned)
}

/// How many conversations the caller has.
fn stored(chat: &mut Chat) -> usize {
    let answer = chat.ask("get_conversations", &[json!({ "limit": 1 })]);
    let total = answer.pointer("/data/pagination/total").and_then(Value::as_u64);
    usize::try_from(total.unwrap_or_else(|| panic!("{answer}"))).expect("a few")
}

fn assert_too_many(answer: &Value) {
    assert_eq!(answer["error"]["code"], "RATE_LIMITED", "{answer}");
    assert_eq!(answer["error"]["message"], "Too many conversations joined", "{answer}");
}

/// Rooms that one socket may be in.
const ROOMS_MAX: usize = 1_000;

const BEYOND: usize = 20;

const AT_ONCE: usize = 32;
