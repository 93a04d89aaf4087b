//! Large rooms.

use serde_json::{Value, json};

use crate::chat::{Chat, Packet};
use crate::rest;
use crate::server::Server;

#[test]
fn burst_into_a_large_room_reaches_everybody_in_order_while_others_are_served() {
    let server = Server::start_with_admin(&[]);
    let address = server.address();
    let [ada, bob, eve] = ["Ada", "Bob", "Eve"].map(|name| rest::register(address, name));
    let id = rest::open_conversation(address, &ada, &bob);
    let mut members: Vec<_> = (0..MEMBERS).map(|_| Chat::connect(address, &bob.token)).collect();
    for member in &mut members {
        assert_eq!(member.ask("join_conversation", &[json!(id)])["success"], true);
    }
    let (mut sender, mut other) =
        (Chat::connect(address, &ada.token), Chat::connect(address, &eve.token));
    std::thread::scope(|scope| {
        // All at the same time: whoever is not read is closed after a while.
        for member in &mut members {
            scope.spawn(|| {
                let heard = (0..MESSAGES).map(|_| member.hear_event("new_message"));
                let seqs: Vec<_> = heard.map(|event| event["message"]["seq"].as_u64()).collect();
                assert_eq!(seqs, (1..=MESSAGES).map(Some).collect::<Vec<_>>());
            });
        }
        let acks: Vec<u64> = (0..MESSAGES)
            .map(|n| {
                let message = json!({ "conversationId": id, "content": n.to_string() });
                sender.emit("send_message", &[message])
            })
            .collect();
        // More recipients in all than a shard takes on in one turn; the rest of the burst waits.
        assert_eq!(other.ask("ping", &[])["success"], true);
        for ack in acks {
            assert_eq!(sender.hear_ack(ack).expect("it is served")["success"], true);
        }
    });
}

#[test]
fn whoever_leaves_or_enters_a_large_room_amid_a_burst_hears_no_message_twice_and_skips_none() {
    let server = Server::start_with_admin(&[]);
    let address = server.address();
    let [ada, bob] = ["Ada", "Bob"].map(|name| rest::register(address, name));
    let id = rest::open_conversation(address, &ada, &bob);
    let mut members: Vec<_> = (0..MEMBERS).map(|_| Chat::connect(address, &bob.token)).collect();
    for member in &mut members {
        assert_eq!(member.ask("join_conversation", &[json!(id)])["success"], true);
    }
    let mut entering: Vec<_> = (0..COMING).map(|_| Chat::connect(address, &bob.token)).collect();
    let mut sender = Chat::connect(address, &ada.token);
    for n in 0..MESSAGES {
        let message = json!({ "conversationId": id, "content": n.to_string() });
        sender.emit("send_message", &[message]);
    }
    // All of it at once; what comes when is the server's to say, and the same holds for any order.
    let mut leaving = members.split_off(MEMBERS - COMING);
    let left: Vec<u64> =
        leaving.iter_mut().map(|it| it.emit("leave_conversation", &[json!(id)])).collect();
    let join = json!({ "conversationId": id, "lastSeq": 0 });
    let joined: Vec<u64> = entering
        .iter_mut()
        .map(|it| it.emit("join_conversation", std::slice::from_ref(&join)))
        .collect();
    std::thread::scope(|scope| {
        // All at the same time: whoever is not read is closed after a while.
        for member in &mut members {
            scope.spawn(|| {
                let heard: Vec<_> = (0..MESSAGES).map(|_| seq_of(member)).collect();
                assert_eq!(heard, (1..=MESSAGES).map(Some).collect::<Vec<_>>());
            });
        }
        for (chat, left) in leaving.iter_mut().zip(left) {
            scope.spawn(move || hear_until_left(chat, left));
        }
        for (chat, joined) in entering.iter_mut().zip(joined) {
            scope.spawn(move || hear_from_joined(chat, joined));
        }
    });
}

fn hear_until_left(chat: &mut Chat, left: u64) {
    let heard = heard_until(chat, left).0;
    let len = heard.len() as u64;
    assert_eq!(heard, (1..=len).collect::<Vec<_>>());
    assert!(chat.heard().iter().all(|(name, _)| name != "new_message"), "it has left");
}

fn hear_from_joined(chat: &mut Chat, joined: u64) {
    let (before, answer) = heard_until(chat, joined);
    assert_eq!(before, [0; 0], "ahead of the answer");
    let told = answer["data"]["messages"].as_array().expect("what was missed");
    let mut known: Vec<u64> = told.iter().filter_map(|it| it["seq"].as_u64()).collect();
    while known.last() != Some(&MESSAGES) {
        known.extend(seq_of(chat));
    }
    assert_eq!(known, (1..=MESSAGES).collect::<Vec<_>>());
    assert!(chat.heard().iter().all(|(name, _)| name != "new_message"), "twice");
}

fn seq_of(chat: &mut Chat) -> Option<u64> {
    chat.hear_event("new_message")["message"]["seq"].as_u64()
}

/// The messages that come before the answer to this, and the answer.
fn heard_until(chat: &mut Chat, asked: u64) -> (Vec<u64>, Value) {
    let mut heard = Vec::new();
    loop {
        match chat.hear() {
            Packet::Ack(id, answer) if id == asked => return (heard, answer),
            Packet::Event(name, arguments) if name == "new_message" => {
                heard.extend(arguments[0]["message"]["seq"].as_u64());
            }
            Packet::Ack(..) | Packet::Event(..) => {}
            Packet::Closed => panic!("nobody is closed"),
        }
    }
}

const MEMBERS: usize = 200;
/// Those who leave, and those who enter.
const COMING: usize = 20;
/// Below what one socket may have under way at once.
const MESSAGES: u64 = 60;
