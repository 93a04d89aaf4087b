//! Large rooms.

use serde_json::{Value, json};

use crate::chat::Chat;
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
    for member in &mut members {
        let heard: Vec<Value> = (0..MESSAGES).map(|_| member.hear_event("new_message")).collect();
        let seqs: Vec<_> = heard.iter().map(|event| event["message"]["seq"].as_u64()).collect();
        assert_eq!(seqs, (1..=MESSAGES).map(Some).collect::<Vec<_>>());
    }
}

const MEMBERS: usize = 200;
/// Below what one socket may have under way at once.
const MESSAGES: u64 = 60;
