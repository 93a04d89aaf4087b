//! Engine.IO 3, as clients of Socket.IO 1 and 2 speak it. Source: A7.

use super::{Poller, sid_of};
use crate::example;
use crate::peer::{Heard, Peer};
use crate::process::Process;
use crate::web;

const TEXT: &str = "/engine.io/?EIO=3&transport=polling";
const BASE64: &str = "/engine.io/?EIO=3&transport=polling&b64=1";
const WEBSOCKET: &str = "/engine.io/?EIO=3&transport=websocket";
const OCTETS: &str = "Content-Type: application/octet-stream\r\n";

fn start() -> Process {
    example::start_with(&["--eio3"])
}

#[test]
fn revision_3_payload_says_the_length_of_each_packet_in_utf16_units() {
    let server = start();
    let poller = Poller::open_at(&server, TEXT);
    // Two units for the emoji, one for the accent.
    let body = "6:4hello3:4é!3:4👋";
    assert_eq!(poller.post(body).text(), "ok");
    assert_eq!(poller.get().text(), body);
}

#[test]
fn revision_3_binary_is_base64_for_a_client_that_asks_for_it() {
    let server = start();
    let poller = Poller::open_at(&server, BASE64);
    assert_eq!(poller.post("10:b4AQIDBA==2:4x").text(), "ok");
    let answer = poller.get();
    assert_eq!(answer.text(), "10:b4AQIDBA==2:4x");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
}

#[test]
fn revision_3_payload_with_any_binary_is_all_binary() {
    let server = start();
    let poller = Poller::open_at(&server, TEXT);
    // A text of two bytes, then a binary message of the type and three bytes.
    let body = b"\x00\x02\xff4x\x01\x04\xff\x04\x01\x02\xff";
    let posted = web::ask(server.address(), "POST", &poller.target(), OCTETS, body);
    assert_eq!(posted.text(), "ok");
    let answer = poller.get();
    assert_eq!(answer.body, body);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
}

#[test]
fn revision_3_client_asks_for_the_heartbeat_and_the_server_answers() {
    let server = start();
    let mut peer = Peer::open(server.address(), WEBSOCKET);
    assert!(peer.hear_text().starts_with("0{"));
    peer.say("2");
    assert_eq!(peer.hear_text(), "3");
    peer.say("2abc");
    assert_eq!(peer.hear_text(), "3abc");

    let poller = Poller::open_at(&server, TEXT);
    assert_eq!(poller.post("1:2").text(), "ok");
    assert_eq!(poller.get().text(), "1:3");
}

#[test]
fn revision_3_client_that_is_silent_for_interval_and_timeout_is_closed_without_a_ping() {
    let server = example::start_as_it_comes(&["--eio3"]);
    let mut peer = Peer::open(server.address(), WEBSOCKET);
    assert!(peer.hear_text().starts_with("0{"));
    assert!(matches!(peer.hear(), Heard::Closed(_)));
}

#[test]
fn revision_3_binary_on_a_websocket_has_a_type_byte_both_ways() {
    let server = start();
    let mut peer = Peer::open(server.address(), WEBSOCKET);
    assert!(peer.hear_text().starts_with("0{"));
    peer.say_binary(&[4, 1, 2, 3]);
    assert_eq!(peer.hear(), Heard::Binary(vec![4, 1, 2, 3]));
}

#[test]
fn revision_3_is_connected_to_the_root_without_asking() {
    let server = start();
    let mut peer = Peer::open(server.address(), "/socket.io/?EIO=3&transport=websocket");
    assert!(peer.hear_text().starts_with("0{"));
    assert_eq!(peer.hear_text(), "40");
    let door = "/socket.io/?EIO=3&transport=polling&b64=1";
    let opened = web::ask(server.address(), "GET", door, "", b"");
    let target = format!("{door}&sid={}", sid_of(opened.text()));
    let next = web::ask(server.address(), "GET", &target, "", b"");
    assert!(next.text().starts_with("2:40"), "{next:?}");
}

#[test]
fn revision_3_namespace_takes_its_auth_from_a_query_that_is_no_part_of_its_name() {
    let server = start();
    let mut peer = Peer::open(server.address(), "/socket.io/?EIO=3&transport=websocket");
    assert!(peer.hear_text().starts_with("0{"));
    assert_eq!(peer.hear_text(), "40");
    assert_eq!(peer.hear_text(), "42[\"auth\",{}]");
    peer.say("40/custom?a=b&c=d,");
    assert_eq!(peer.hear_text(), "40/custom,");
    assert_eq!(peer.hear_text(), "42/custom,[\"auth\",{\"a\":\"b\",\"c\":\"d\"}]");
}

#[test]
fn revision_3_refusal_of_an_unknown_namespace_leaves_the_connection_usable() {
    let server = start();
    let mut peer = Peer::open(server.address(), "/socket.io/?EIO=3&transport=websocket");
    assert!(peer.hear_text().starts_with("0{"));
    assert_eq!(peer.hear_text(), "40");
    assert_eq!(peer.hear_text(), "42[\"auth\",{}]");
    peer.say("40/nowhere,");
    let refusal = peer.hear_text();
    assert!(refusal.starts_with("44/nowhere,"), "{refusal}");
    assert!(refusal.contains("Invalid namespace"), "{refusal}");
    peer.say("42[\"message\",1]");
    assert_eq!(peer.hear_text(), "42[\"message-back\",1]");
}

#[test]
fn revision_3_upgrades_too() {
    let server = start();
    let poller = Poller::open_at(&server, TEXT);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    assert_eq!(poller.get().text(), "1:6");
    peer.say("5");
    peer.say("4hello");
    assert_eq!(peer.hear_text(), "4hello");
}

#[test]
fn revision_3_broken_lengths_end_their_session_alone() {
    let mut server = start();
    for garbage in ["", "5:4x", "x:4x", ":4x", "-1:4x", "99999999999999999999:4x", "2", "1:9"] {
        let poller = Poller::open_at(&server, TEXT);
        assert_eq!(poller.post(garbage).text(), "ok", "{garbage:?}");
        poller.assert_unknown(garbage);
    }
    for garbage in [&b"\x00"[..], b"\x00\x0a\xff", b"\x02\x01\xff4", b"\x00\xff", b"\x01\x09\x09"] {
        let poller = Poller::open_at(&server, TEXT);
        let posted = web::ask(server.address(), "POST", &poller.target(), OCTETS, garbage);
        assert_eq!(posted.text(), "ok", "{garbage:?}");
        poller.assert_unknown("broken binary");
    }
    server.assert_unharmed();
}
