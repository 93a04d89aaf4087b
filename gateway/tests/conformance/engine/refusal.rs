//! Requests that are refused: codes, texts and their order. Source: Engine.IO v4 "Error codes".

use super::{BAD_REQUEST, DOOR, POLLING, Poller, SESSION_UNKNOWN, UPGRADE, opened, sid_of};
use crate::example;
use crate::peer::Peer;
use crate::web;

const TRANSPORT_UNKNOWN: &str = r#"{"code":0,"message":"Transport unknown"}"#;
const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;
const FORBIDDEN: &str = r#"{"code":4,"message":"Forbidden"}"#;
const UNSUPPORTED: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;
const NOBODY: &str = "AAAAAAAAAAAAAAAAAAAA";

#[test]
fn refusal_is_a_code_and_a_message_in_json_that_the_page_may_read() {
    let server = example::start();
    let unknown = format!("{POLLING}&sid={NOBODY}");
    let malformed = format!("{POLLING}&sid=__proto__");
    for (method, target, body) in [
        ("GET", "/engine.io/", TRANSPORT_UNKNOWN),
        ("GET", "/engine.io/?EIO=4", TRANSPORT_UNKNOWN),
        ("GET", "/engine.io/?EIO=4&transport=", TRANSPORT_UNKNOWN),
        ("GET", "/engine.io/?EIO=4&transport=tests", TRANSPORT_UNKNOWN),
        ("GET", "/engine.io/?EIO=4&transport=webtransport", TRANSPORT_UNKNOWN),
        ("GET", "/engine.io/?EIO=4&transport=__proto__", TRANSPORT_UNKNOWN),
        ("GET", "/engine.io/?EIO=4&transport=constructor", TRANSPORT_UNKNOWN),
        ("GET", &unknown, SESSION_UNKNOWN),
        ("POST", &unknown, SESSION_UNKNOWN),
        ("PUT", &unknown, SESSION_UNKNOWN),
        ("GET", &malformed, SESSION_UNKNOWN),
        ("POST", POLLING, BAD_METHOD),
        ("PUT", POLLING, BAD_METHOD),
        ("get", POLLING, BAD_METHOD),
        ("POST", DOOR, BAD_METHOD),
        ("GET", DOOR, BAD_REQUEST),
        ("GET", "/engine.io/?transport=polling", UNSUPPORTED),
        ("GET", "/engine.io/?EIO=3&transport=polling", UNSUPPORTED),
        ("GET", "/engine.io/?EIO=abc&transport=polling", UNSUPPORTED),
    ] {
        let answer = web::ask(server.address(), method, target, "Origin: http://a.test\r\n", b"");
        assert_eq!((answer.status, answer.text()), (400, body), "{method} {target}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://a.test"));
    }
}

#[test]
fn refusal_goes_by_the_first_of_the_checks_that_fails() {
    let server = example::start_with(&["--origin", "http://friend.test"]);
    let on_polling = Poller::open(&server);
    let (sid, stranger) = (&on_polling.sid, "Origin: http://evil.test\r\n");
    // Each row is wrong in everything that the rows below it are wrong in, as far as that goes.
    for (method, query, status, body) in [
        ("POST", format!("sid={NOBODY}"), 400, TRANSPORT_UNKNOWN),
        ("POST", format!("transport=websocket&sid={NOBODY}"), 400, SESSION_UNKNOWN),
        ("POST", format!("transport=websocket&sid={sid}"), 400, BAD_REQUEST),
        ("POST", "transport=websocket".to_owned(), 400, BAD_METHOD),
        ("GET", "transport=websocket".to_owned(), 400, BAD_REQUEST),
        ("GET", "transport=polling".to_owned(), 403, FORBIDDEN),
    ] {
        let target = format!("/engine.io/?{query}");
        let answer = web::ask(server.address(), method, &target, stranger, b"");
        assert_eq!((answer.status, answer.text()), (status, body), "{method} {query}");
    }
    let answer = web::ask(server.address(), "GET", "/engine.io/?transport=polling", "", b"");
    assert_eq!((answer.status, answer.text()), (400, UNSUPPORTED));
}

#[test]
fn refusal_by_origin_is_for_handshakes_and_not_for_what_follows() {
    let server = example::start_with(&["--origin", "http://friend.test"]);
    let stranger = "Origin: http://evil.test\r\n";
    let poller = Poller::open(&server);
    let follow_up = web::ask(server.address(), "POST", &poller.target(), stranger, b"4x");
    assert_eq!(follow_up.text(), "ok");
    assert_eq!(follow_up.header("access-control-allow-origin"), None);
    let friend = "Origin: http://friend.test\r\n";
    assert_eq!(web::ask(server.address(), "GET", POLLING, friend, b"").status, 200);
}

#[test]
fn refusal_of_a_websocket_is_the_bare_message_before_the_switch() {
    let server = example::start_with(&["--origin", "http://friend.test"]);
    let unknown = format!("{DOOR}&sid={NOBODY}");
    for (method, target, origin, status, message) in [
        ("GET", "/engine.io/?EIO=4", "", 400, "Transport unknown"),
        ("GET", unknown.as_str(), "", 400, "Session ID unknown"),
        ("POST", DOOR, "", 400, "Bad handshake method"),
        ("GET", POLLING, "", 400, "Bad request"),
        ("GET", DOOR, "Origin: http://evil.test\r\n", 403, "Forbidden"),
        ("GET", "/engine.io/?transport=websocket", "", 400, "Unsupported protocol version"),
        ("GET", "/engine.io/?EIO=3&transport=websocket", "", 400, "Unsupported protocol version"),
    ] {
        let mut client = web::Web::connect(server.address());
        let answer = client.ask(method, target, &format!("{UPGRADE}{origin}"), b"");
        assert_eq!((answer.status, answer.text()), (status, message), "{method} {target}");
        assert_eq!(answer.header("content-type"), Some("text/html"));
        client.assert_ended(message);
    }
    let friend = format!("{UPGRADE}Origin: http://friend.test\r\n");
    assert_eq!(web::ask(server.address(), "GET", DOOR, &friend, b"").status, 101);
}

#[test]
fn refusal_of_another_version_of_the_websocket_protocol_names_the_one_that_is_served() {
    let server = example::start();
    for version in ["8", "14", "13, 8", "", "013"] {
        let upgrade = UPGRADE.replace("Version: 13", &format!("Version: {version}"));
        let answer = web::ask(server.address(), "GET", DOOR, &upgrade, b"");
        assert_eq!((answer.status, answer.text()), (400, "Bad request"), "{version:?}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{version:?}");
    }
    let answer = web::ask(server.address(), "POST", DOOR, UPGRADE, b"");
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (400, None));
}

#[test]
fn session_on_another_transport_is_a_bad_request() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), DOOR);
    let sid = sid_of(&peer.hear_text());
    for method in ["GET", "POST", "PUT"] {
        let target = format!("{POLLING}&sid={sid}");
        let answer = web::ask(server.address(), method, &target, "", b"");
        assert_eq!((answer.status, answer.text()), (400, BAD_REQUEST), "{method}");
    }
    peer.say("4unharmed");
    assert_eq!(peer.hear_text(), "4unharmed");
    drop(peer);

    let poller = Poller::open(&server);
    for method in ["GET", "POST", "PUT"] {
        let answer = web::ask(server.address(), method, &poller.websocket(), "", b"");
        assert_eq!((answer.status, answer.text()), (400, BAD_REQUEST), "{method}");
    }
    poller.assert_alive("wrong transports");
}

#[test]
fn websocket_for_a_session_that_has_one_is_closed() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), DOOR);
    let sid = sid_of(&peer.hear_text());
    Peer::open(server.address(), &format!("{DOOR}&sid={sid}")).hear_end();
    peer.say("4unharmed");
    assert_eq!(peer.hear_text(), "4unharmed");
}

#[test]
fn sid_of_a_session_that_has_ended_is_unknown() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), DOOR);
    let sid = sid_of(&peer.hear_text());
    peer.say("1");
    peer.hear_end();
    // Its slot has another tenant now, or none.
    let _next = opened(&server);
    let answer = web::ask(server.address(), "GET", &format!("{POLLING}&sid={sid}"), "", b"");
    assert_eq!((answer.status, answer.text()), (400, SESSION_UNKNOWN));
}

#[test]
fn method_without_meaning_for_a_session_is_500_without_a_body() {
    let server = example::start();
    let poller = Poller::open(&server);
    for method in ["PUT", "DELETE", "PATCH", "HEAD", "post"] {
        let answer = web::ask(server.address(), method, &poller.target(), "", b"");
        assert_eq!((answer.status, answer.text()), (500, ""), "{method}");
    }
    poller.assert_alive("strange methods");
}

#[test]
fn origin_with_illegal_characters_is_a_bad_request() {
    let server = example::start();
    for origin in ["http://a\u{1}b.test", "http://a\u{7f}b.test", "a\u{0}b"] {
        let mut client = web::Web::connect(server.address());
        let answer = client.ask("GET", POLLING, &format!("Origin: {origin}\r\n"), b"");
        // No header may have them: no door is asked, here or in Node, and there is no code to tell.
        let told: serde_json::Value = serde_json::from_str(answer.text()).expect("JSON");
        assert_eq!((answer.status, &told["code"]), (400, &"VALIDATION_FAILED".into()));
        client.assert_ended("illegal characters");
    }
}
