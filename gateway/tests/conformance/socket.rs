//! Socket.IO 5 over WebSocket, at the door with the echo application.

use serde_json::Value;

use crate::example;
use crate::peer::{Heard, Peer};
use crate::process::Process;

#[test]
fn connect_answers_with_exactly_a_sid_of_its_own() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), DOOR);
    let open: Value = serde_json::from_str(&peer.hear_text()[1..]).unwrap();
    peer.say("40");
    let answer = hear(&mut peer);
    let json: Value = serde_json::from_str(answer.strip_prefix("40").unwrap()).unwrap();
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["sid"]);
    assert_eq!(json["sid"].as_str().unwrap().len(), 20);
    assert_ne!(json["sid"], open["sid"], "the engine's sid is a secret");
    assert_eq!(hear(&mut peer), r#"42["auth",{}]"#);
}

#[test]
fn connect_hands_over_the_auth_object() {
    let server = example::start();
    let rows = [
        (r#"40{"token":"123"}"#, r#"42["auth",{"token":"123"}]"#),
        (r#"40/,{"token":"123"}"#, r#"42["auth",{"token":"123"}]"#),
        (r#"40/custom,{"token":"abc"}"#, r#"42/custom,["auth",{"token":"abc"}]"#),
        ("40/custom,", r#"42/custom,["auth",{}]"#),
        ("40/custom", r#"42/custom,["auth",{}]"#),
        ("40/custom?x=1", ""),
    ];
    for (connect, auth) in rows {
        let mut peer = opened(&server);
        peer.say(connect);
        if auth.is_empty() {
            assert!(hear(&mut peer).starts_with("44/custom?x=1,"), "{connect}");
            continue;
        }
        let name = if auth.starts_with("42/custom,") { "40/custom,{" } else { "40{" };
        let answer = hear(&mut peer);
        assert!(answer.starts_with(name), "{connect} got {answer}");
        assert_eq!(hear(&mut peer), auth, "{connect}");
    }
}

#[test]
fn connect_to_an_unknown_namespace_is_refused_and_the_connection_stays() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("40/random");
    assert_eq!(hear(&mut peer), r#"44/random,{"message":"Invalid namespace"}"#);
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"));
}

#[test]
fn connect_is_awaited_for_a_second() {
    let server = example::start();
    let mut peer = opened(&server);
    assert_eq!(hear_end(&mut peer), 3, "three pings fit into a second");
}

#[test]
fn connect_that_was_refused_does_not_stop_the_clock() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("40/random");
    assert!(hear(&mut peer).starts_with("44/random,"));
    hear_end(&mut peer);
}

#[test]
fn event_sent_together_with_the_connect_is_not_lost() {
    let server = example::start();
    for _ in 0..50 {
        let mut peer = opened(&server);
        peer.say("40");
        peer.say(r#"42["message",1]"#);
        peer.say(r#"427["message-with-ack","x"]"#);
        assert!(hear(&mut peer).starts_with("40{"));
        assert_eq!(hear(&mut peer), r#"42["auth",{}]"#);
        assert_eq!(hear(&mut peer), r#"42["message-back",1]"#);
        assert_eq!(hear(&mut peer), r#"437["x"]"#);
    }
}

#[test]
fn event_is_echoed_with_the_same_arguments() {
    let server = example::start();
    let mut peer = connected(&server);
    for list in ["", ",1", r#",1,"2",{"3":[true,null]}"#, r#","Zoë 👋""#, ",1.5,-0.25"] {
        peer.say(format!(r#"42["message"{list}]"#));
        assert_eq!(hear(&mut peer), format!(r#"42["message-back"{list}]"#));
    }
    peer.say("40/custom,");
    hear(&mut peer);
    hear(&mut peer);
    peer.say(r#"42/custom,["message","there"]"#);
    assert_eq!(hear(&mut peer), r#"42/custom,["message-back","there"]"#);
}

#[test]
fn ack_carries_the_id_of_its_event() {
    let server = example::start();
    let mut peer = connected(&server);
    for id in ["0", "7", "456", "4294967296", "9007199254740992"] {
        peer.say(format!(r#"42{id}["message-with-ack",1,"2",{{"3":[false]}}]"#));
        assert_eq!(hear(&mut peer), format!(r#"43{id}[1,"2",{{"3":[false]}}]"#));
    }
    peer.say(r#"4212["message-with-ack"]"#);
    assert_eq!(hear(&mut peer), "4312[]");
}

#[test]
fn disconnect_leaves_the_connection_open() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say("41");
    assert_eq!(peer.hear(), Heard::Text("2".into()), "the next frame is a ping");
    peer.say("3");
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"));
}

#[test]
fn disconnect_from_one_namespace_leaves_the_other() {
    let server = example::start();
    for (leave, stay) in [("41/custom", ""), ("41/custom,", ""), ("41", "/custom,")] {
        let mut peer = connected(&server);
        peer.say("40/custom");
        hear(&mut peer);
        hear(&mut peer);
        peer.say(leave);
        peer.say(format!(r#"42{stay}["message","a"]"#));
        assert_eq!(hear(&mut peer), format!(r#"42{stay}["message-back","a"]"#), "{leave}");
    }
}

#[test]
fn packet_that_means_nothing_is_ignored() {
    let server = example::start();
    for packet in ["42", "43", "431[]", "439999[1,2]", r#"42["nobody listens"]"#] {
        let mut peer = connected(&server);
        peer.say(packet);
        peer.say(r#"42["message","after"]"#);
        assert_eq!(hear(&mut peer), r#"42["message-back","after"]"#, "{packet}");
    }
}

#[test]
fn packet_before_the_connect_ends_the_connection() {
    let server = example::start();
    for packet in [r#"42["message"]"#, "43[]", "41/x,{}", "4abc", "4", "49"] {
        let mut peer = opened(&server);
        peer.say(packet);
        assert!(ends(&mut peer), "{packet}");
    }
}

#[test]
fn packet_that_is_malformed_ends_the_connection() {
    let server = example::start();
    let packets = [
        "4",
        "47",
        "49",
        "4x",
        "4-1",
        "40{",
        "40[]",
        "40null",
        r#"40"x""#,
        "40/custom,[]",
        "40/custom,null",
        "41{}",
        "41[]",
        r#"44{"message":"x"}"#,
        "42{}",
        "42[",
        "42[]",
        "42[null]",
        "42[{}]",
        "42[[]]",
        "42[true]",
        "42 []",
        r#"42"message""#,
        r#"42["message""#,
        r#"42["message"]x"#,
        r#"42["connect"]"#,
        r#"42["connect_error"]"#,
        r#"42["disconnect"]"#,
        r#"42["disconnecting"]"#,
        r#"42["newListener"]"#,
        r#"42["removeListener"]"#,
        r#"42/random,["message"]"#,
        r#"42/custom,["message"]"#,
        "43{}",
        "431{}",
        r#"431"x""#,
        r#"4218446744073709551616["message-with-ack"]"#,
    ];
    let survived = packets.into_iter().filter(|packet| {
        let mut peer = connected(&server);
        peer.say(*packet);
        !ends(&mut peer)
    });
    assert_eq!(survived.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn packet_nested_deeply_is_echoed_or_ends_its_connection() {
    let mut server = example::start();
    for depth in [100, 5_000, 400_000] {
        let mut peer = connected(&server);
        let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        peer.say(format!(r#"42["message",{nested}]"#));
        match peer.hear() {
            Heard::Text(text) => assert_eq!(text, format!(r#"42["message-back",{nested}]"#)),
            Heard::Closed(_) => assert!(depth > 128, "{depth} levels are legal"),
            Heard::Binary(bytes) => panic!("{bytes:?}"),
        }
        server.assert_unharmed();
    }
}

#[test]
fn second_connect_to_a_namespace_ends_the_connection() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say("40");
    assert!(ends(&mut peer));
    let mut peer = opened(&server);
    peer.say("40");
    peer.say("40");
    hear_end(&mut peer);
}

#[test]
fn binary_that_nobody_announced_ends_the_connection() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say_binary(&[1, 2, 3]);
    assert!(ends(&mut peer));
}

fn opened(server: &Process) -> Peer {
    let mut peer = Peer::open(server.address(), DOOR);
    assert!(peer.hear_text().starts_with("0{"));
    peer
}

fn connected(server: &Process) -> Peer {
    let mut peer = opened(server);
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"));
    assert_eq!(hear(&mut peer), r#"42["auth",{}]"#);
    peer
}

/// The next packet that is not a ping; pings are answered.
fn hear(peer: &mut Peer) -> String {
    loop {
        let text = peer.hear_text();
        if text != "2" {
            return text;
        }
        peer.say("3");
    }
}

/// Answers pings until the end, and returns how many there were.
fn hear_end(peer: &mut Peer) -> usize {
    let mut pings = 0;
    while pings < PINGS_MAX {
        match peer.hear() {
            Heard::Text(text) if text == "2" => {
                peer.say("3");
                pings += 1;
            }
            Heard::Text(_) | Heard::Binary(_) => {}
            Heard::Closed(_) => return pings,
        }
    }
    panic!("the connection lives after {PINGS_MAX} pings");
}

/// Whether the connection ends, with nothing but at most one ping before.
fn ends(peer: &mut Peer) -> bool {
    for _ in 0..2 {
        match peer.hear() {
            Heard::Closed(_) => return true,
            Heard::Text(text) if text == "2" => peer.say("3"),
            Heard::Text(_) | Heard::Binary(_) => return false,
        }
    }
    false
}

/// A connection that is to end has ended long before.
const PINGS_MAX: usize = 20;
const DOOR: &str = "/socket.io/?EIO=4&transport=websocket";
