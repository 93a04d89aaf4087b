//! How a session opens. Source: Engine.IO v4 "Handshake".

use serde_json::Value;

use super::{DOOR, POLLING, Poller, sid_of};
use crate::example;
use crate::peer::Peer;
use crate::web;

#[test]
fn handshake_opens_with_exactly_five_keys() {
    let server = example::start_as_it_comes(&[]);
    let open = Peer::open(server.address(), DOOR).hear_text();
    let json: Value =
        serde_json::from_str(open.strip_prefix('0').expect("an open packet")).unwrap();
    let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
    assert_eq!(json["pingInterval"], 300);
    assert_eq!(json["pingTimeout"], 200);
    assert_eq!(json["maxPayload"], 1_000_000);
    assert_eq!(json["upgrades"], serde_json::json!([]));
    let sid = json["sid"].as_str().unwrap();
    assert_eq!(sid.len(), 20, "{sid}");
    assert!(sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{sid}");
}

#[test]
fn handshake_gives_every_session_its_own_sid() {
    let server = example::start();
    let first = Peer::open(server.address(), DOOR).hear_text();
    let second = Peer::open(server.address(), DOOR).hear_text();
    assert_ne!(first, second);
}

#[test]
fn handshake_ignores_unknown_parameters_and_the_cache_buster() {
    let server = example::start();
    let target = format!("{DOOR}&t=abc.0&x=%ff&y");
    assert!(Peer::open(server.address(), &target).hear_text().starts_with("0{"));
}

#[test]
fn handshake_on_polling_offers_the_upgrade() {
    let server = example::start();
    let answer = web::ask(server.address(), "GET", POLLING, "", b"");
    assert_eq!(answer.status, 200);
    let json: Value = serde_json::from_str(answer.text().strip_prefix('0').unwrap()).unwrap();
    assert_eq!(json["upgrades"], serde_json::json!(["websocket"]));
    assert_eq!(json.as_object().unwrap().len(), 5);
    assert_eq!(json["sid"].as_str().unwrap().len(), 20);
}

#[test]
fn handshake_path_is_matched_by_its_prefix_with_the_slash() {
    let server = example::start();
    for (path, status) in [
        ("/engine.io/", 200),
        ("/engine.io/foo", 200),
        ("/engine.io/foo/bar", 200),
        ("/engine.io", 404),
        ("/engine.iox/", 404),
        ("/", 404),
        ("/x/engine.io/", 404),
    ] {
        let target = format!("{path}?EIO=4&transport=polling");
        assert_eq!(web::ask(server.address(), "GET", &target, "", b"").status, status, "{path}");
    }
}

#[test]
fn handshake_with_an_empty_sid_opens_a_session() {
    let server = example::start();
    let answer = web::ask(server.address(), "GET", &format!("{POLLING}&sid="), "", b"");
    assert_eq!((answer.status, answer.text().get(..2)), (200, Some("0{")));
}

#[test]
fn handshake_of_any_revision_but_4_counts_as_3() {
    let server = example::start_with(&["--eio3"]);
    for version in ["", "EIO=3&", "EIO=2&", "EIO=5&", "EIO=04&", "EIO=&", "EIO=abc&"] {
        let target = format!("/engine.io/?{version}transport=polling&b64=1");
        let answer = web::ask(server.address(), "GET", &target, "", b"");
        assert_eq!(answer.status, 200, "{version}");
        let (length, packet) = answer.text().split_once(':').expect("revision 3 says lengths");
        assert_eq!(length.parse(), Ok(packet.len()), "{version}");
    }
}

#[test]
fn follow_up_requests_need_not_say_the_revision_again() {
    let server = example::start();
    let poller = Poller::open(&server);
    let target = format!("/engine.io/?transport=polling&sid={}", poller.sid);
    assert_eq!(web::ask(server.address(), "POST", &target, "", b"4x").text(), "ok");
    assert_eq!(web::ask(server.address(), "GET", &target, "", b"").text(), "4x");
}

#[test]
fn sid_is_a_secret_that_the_public_socket_id_does_not_tell() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), "/socket.io/?EIO=4&transport=websocket");
    let sid = sid_of(&peer.hear_text());
    peer.say("40");
    let connected = peer.hear_text();
    assert!(connected.starts_with("40{\"sid\":\""), "{connected}");
    assert!(!connected.contains(&sid), "{connected}");
    // All but what names node, shard and slot.
    assert!(!connected.contains(&sid[12..]), "{connected}");
}
