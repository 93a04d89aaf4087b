//! Clients that send more than they may: they are told, then put out, and nobody else notices.

use std::io::Write as _;
use std::time::Instant;

use serde_json::{Value, json};

use super::frame::masked;
use super::{Scene, hear_past_news};
use crate::chat::{Chat, Packet};
use crate::peer::Heard;
use crate::rest;
use crate::server::{Server, UNLIMITED};

#[test]
fn flood_is_refused_then_closed_while_everybody_else_is_answered() {
    let mut scene = Scene::set();
    let mut flooding = scene.hostile_chat();
    let mut stream = flooding.peer().stream().try_clone().expect("a socket may have two handles");
    let events = masked(0x81, br#"427["ping"]"#).repeat(EVENTS_AT_ONCE);
    let (mut answered, mut too_fast, mut sent) = (0, 0, 0);
    std::thread::scope(|scope| {
        // Until the server takes no more: faster than the bucket fills, however fast that is.
        scope.spawn(|| {
            while sent < EVENTS_MAX {
                sent += EVENTS_AT_ONCE;
                if stream.write_all(&events).is_err() {
                    break;
                }
            }
        });
        // What the healthy client asks now stands behind the flood.
        scope.spawn(|| {
            let healthy = &mut scene.healthy;
            (0..50).for_each(|_| assert_eq!(healthy.ping()["success"], true));
        });
        loop {
            match flooding.hear() {
                Packet::Ack(_, answer) if is_too_fast(&answer) => too_fast += 1,
                Packet::Ack(..) => answered += 1,
                Packet::Event(..) => {}
                Packet::Closed => break,
            }
        }
    });
    assert!(answered > 0, "nothing of the burst was served");
    assert!(too_fast >= 400, "{too_fast} were refused before the end");
    assert!(answered + too_fast < sent, "the rest was not read");
    scene.assert_unharmed("a flood of events");
}

#[test]
fn sign_in_over_and_over_is_closed() {
    let mut scene = Scene::set_with(&UNLIMITED);
    for token in [&*scene.hostile.token, "a.b.c"] {
        let mut peer = scene.hostile_peer();
        let sign_in = format!("40{}", json!({ "token": token }));
        // Each is answered before the next.
        let mut answered = 0;
        peer.say(&*sign_in);
        let end = loop {
            match hear_past_news(&mut peer) {
                Heard::Text(answer) => {
                    assert!(answer.starts_with("40{") || answer.starts_with("44{"), "{answer}");
                    answered += 1;
                    assert!(answered < ASKED_MAX, "it goes on for ever");
                    if answer.starts_with("40") {
                        peer.say("41");
                    }
                    peer.say(&*sign_in);
                }
                Heard::Binary(bytes) => panic!("nothing here is binary: {bytes:?}"),
                Heard::Closed(code) => break code,
            }
        };
        assert_eq!(end, Some(1008));
        assert!(answered >= 32, "a few are answered: {answered}");
    }
    scene.assert_open_for_newcomers("signing in over and over");
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
    let mut join = || chat.ask("join_conversation", &[json!(id)]);
    let refused = (0..ASKED_MAX).find(|_| {
        let answer = join();
        let is_refused = is_too_fast(&answer);
        assert!(is_refused || answer["success"] == true, "{answer}");
        is_refused
    });
    let refused = refused.expect("more than one a second is too much in the end");
    assert!(refused >= 50, "fifty seconds' worth at once is served: {refused}");
    assert_eq!(chat.ask("typing_start", &[json!({ "conversationId": id })])["success"], true);

    let mut chat = Chat::connect(address, &bob.token);
    let message = |n: usize| {
        json!({
            "conversationId": id, "content": "x".repeat(2_000), "clientMessageId": n.to_string(),
        })
    };
    let refused = (0..ASKED_MAX).find(|n| is_too_fast(&chat.ask("send_message", &[message(*n)])));
    let refused = refused.expect("more than a thousand bytes a second are too much in the end");
    assert!(refused >= 3, "what a pause has saved is served: {refused}");
    // All at once: however much has been saved meanwhile, it does not do for them all.
    (0..20).for_each(|n| chat.emit_unasked("send_message", &[message(ASKED_MAX + n)]));
    let error = chat.hear_event("message_error");
    assert_eq!(error["code"], "RATE_LIMITED", "{error}");
    assert_eq!(error["conversationId"], json!(id), "{error}");
}

#[test]
fn devices_of_a_person_share_what_a_few_of_them_may_send() {
    let server = Server::start_with_admin(&[("SOCKET_EVENTS_PER_SECOND", "1")]);
    let address = server.address();
    let (ada, bob) = (rest::register(address, "Ada"), rest::register(address, "Bob"));
    let mut devices: Vec<Chat> = (0..DEVICES).map(|_| Chat::connect(address, &ada.token)).collect();
    // Each sends what it may send at once, which all of them together may not.
    let start = Instant::now();
    for device in &mut devices {
        (0..EACH_AT_ONCE).for_each(|_| _ = device.emit("ping", &[]));
    }
    let mut served = 0;
    for device in &mut devices {
        let mut answers = 0;
        while answers < EACH_AT_ONCE {
            match device.hear() {
                Packet::Ack(_, answer) => {
                    assert!(answer["success"] == true || is_too_fast(&answer), "{answer}");
                    served += u64::from(answer["success"] == true);
                    answers += 1;
                }
                Packet::Event(..) => {}
                Packet::Closed => panic!("nobody is closed for so few"),
            }
        }
    }
    // Forty at once, and four for each second that went by.
    let saved = 4 * (start.elapsed().as_secs() + 1);
    assert!((40..=40 + saved).contains(&served), "{served}");
    let answer = Chat::connect(address, &bob.token).ask("ping", &[]);
    assert_eq!(answer["success"], true, "{answer}");
}

fn is_too_fast(answer: &Value) -> bool {
    answer["error"]["code"] == "RATE_LIMITED"
}

const EVENTS_AT_ONCE: usize = 100;

/// Many times the burst and all refusals that are borne.
const EVENTS_MAX: usize = 1_000_000;

/// Within as many a bucket that is filled slower than it is emptied is empty.
const ASKED_MAX: usize = 1_000;

const DEVICES: usize = 40;

const EACH_AT_ONCE: usize = 10;
