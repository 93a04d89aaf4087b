//! Packets on a WebSocket. Source: Engine.IO v4 "WebSocket".

use super::{DOOR, UPGRADE, opened};
use crate::example;
use crate::peer::{Heard, Peer};
use crate::web;

#[test]
fn message_is_echoed_as_it_came() {
    let server = example::start();
    let mut peer = opened(&server);
    for text in ["4", "4hello", "4\u{0}\u{1e}é👋", "4b", "44", "41"] {
        peer.say(text);
        assert_eq!(peer.hear(), Heard::Text(text.to_owned()));
    }
    let long = format!("4{}", "x".repeat(999_999));
    peer.say(long.as_str());
    assert_eq!(peer.hear(), Heard::Text(long));
}

#[test]
fn binary_message_is_echoed_without_a_type_digit() {
    let server = example::start();
    let mut peer = opened(&server);
    for bytes in [vec![], vec![0], vec![4, 1, 2, 3], vec![0xff; 70_000]] {
        peer.say_binary(&bytes);
        assert_eq!(peer.hear(), Heard::Binary(bytes));
    }
}

#[test]
fn packet_that_no_client_may_send_ends_the_session() {
    let server = example::start();
    let packets = ["", "2", "2probe", "7", "9", "a", "abc", "-1", " 4", "é", "\u{1e}"];
    for packet in packets {
        let mut peer = opened(&server);
        peer.say(packet);
        assert!(matches!(peer.hear(), Heard::Closed(_)), "{packet:?}");
    }
}

#[test]
fn packet_without_meaning_on_an_open_websocket_is_ignored() {
    let server = example::start();
    for packet in ["0", "0{}", "5", "6"] {
        let mut peer = opened(&server);
        peer.say(packet);
        peer.say("4after");
        assert_eq!(peer.hear(), Heard::Text("4after".into()), "{packet:?}");
    }
}

#[test]
fn close_packet_ends_the_session_at_once() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("1");
    assert!(matches!(peer.hear(), Heard::Closed(_)));
}

#[test]
fn message_over_the_maximum_ends_the_session_with_1009() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say(format!("4{}", "x".repeat(1_000_000)));
    assert_eq!(peer.hear_end(), Some(1009));
}

#[test]
fn sessions_end_alone() {
    let mut server = example::start();
    let mut healthy = opened(&server);
    for _ in 0..20 {
        opened(&server).say("9");
        drop(opened(&server));
    }
    healthy.say("4fine");
    assert_eq!(healthy.hear(), Heard::Text("4fine".into()));
    server.assert_unharmed();
}

#[test]
fn raw_door_echoes_without_any_layer() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), "/echo");
    for text in ["", "2", "4é👋"] {
        peer.say(text);
        assert_eq!(peer.hear(), Heard::Text(text.into()));
    }
    peer.say_binary(&[1, 2, 3]);
    assert_eq!(peer.hear(), Heard::Binary(vec![1, 2, 3]));
    // An unmasked frame, which no client may send.
    peer.write_raw(&[0x81, 0x01, b'x']);
    assert_eq!(peer.hear_end(), Some(1002));
}

#[test]
fn base64_text_is_binary_on_a_websocket_too() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("bAQIDBA==");
    assert_eq!(peer.hear(), Heard::Binary(vec![1, 2, 3, 4]));
}

#[test]
fn compression_that_is_offered_is_declined() {
    let server = example::start();
    let offer = format!("{UPGRADE}Sec-WebSocket-Extensions: permessage-deflate\r\n");
    let answer = web::ask(server.address(), "GET", DOOR, &offer, b"");
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-extensions"), None);
}
