//! Read marks, from outside: what of many that come at once is told.

use serde_json::{Value, json};

use crate::chat::{Chat, Packet};
use crate::rest;
use crate::server::Server;

#[test]
fn marks_that_come_at_once_through_all_doors_are_heard_as_advances_only() {
    let server = Server::start_with_admin(&[]);
    let address = server.address();
    let (ada, bob) = (rest::register(address, "Ada"), rest::register(address, "Bob"));
    let id = rest::open_conversation(address, &ada, &bob);
    let mut other = Chat::connect(address, &bob.token);
    assert_eq!(other.ask("join_conversation", &[json!(id)])["success"], true);
    let sent: Vec<Value> = (0..MESSAGES)
        .map(|n| {
            let message = json!({ "conversationId": id, "content": format!("number {n}") });
            let answer = other.ask("send_message", &[message]);
            answer.pointer("/data/message/_id").expect("an answer brings the message").clone()
        })
        .collect();
    let mut devices = [(); 2].map(|()| Chat::connect(address, &ada.token));
    for seq in 1..=MESSAGES {
        let [one, two] = &mut devices;
        let mark = |seq| [json!({ "conversationId": id, "seq": seq })];
        one.emit("mark_as_read", &mark(seq));
        two.emit("mark_as_read", &mark(MESSAGES + 1 - seq));
    }
    let path = format!("/api/v1/messages/conversation/{id}/read");
    let place = json!({ "seq": MESSAGES / 2 });
    rest::succeed(address, "POST", &path, Some(&ada.token), Some(&place));
    devices.iter_mut().for_each(assert_all_answered);
    let told = other.heard().into_iter().filter(|(name, _)| name == "message_read");
    let place = |mark: &Value| sent.iter().position(|id| *id == mark["messageId"]);
    let told: Vec<Option<usize>> = told.map(|(_, mark)| place(&mark)).collect();
    assert!(told.is_sorted_by(|one, next| one < next), "{told:?}");
    assert_eq!(told.last(), Some(&Some(MESSAGES - 1)));
}

/// In whatever order: a mark that comes late is answered at once.
fn assert_all_answered(device: &mut Chat) {
    let mut answered = 0;
    while answered < MESSAGES {
        match device.hear() {
            Packet::Ack(_, answer) => {
                assert_eq!(answer, json!({ "success": true }));
                answered += 1;
            }
            Packet::Event(..) => {}
            Packet::Closed => panic!("the device is put out"),
        }
    }
}

const MESSAGES: usize = 40;
