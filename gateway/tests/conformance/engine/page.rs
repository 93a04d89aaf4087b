//! What browsers ask for beside the protocol: origins, compression, cookies. Source: A3.

use std::io::Read as _;

use super::{POLLING, Poller, UPGRADE};
use crate::example;
use crate::web;

/// From here on an answer is compressed.
const COMPRESSED_BYTES_MIN: usize = 1_024;

#[test]
fn preflight_is_answered_204_with_what_it_asks_for() {
    let server = example::start_with(&["--origin", "http://friend.test"]);
    let asks = |origin: &str| {
        let headers = format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: content-type, x-own\r\n"
        );
        web::ask(server.address(), "OPTIONS", POLLING, &headers, b"")
    };
    let answer = asks("http://friend.test");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://friend.test"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type, x-own"));
    let methods = answer.header("access-control-allow-methods").unwrap();
    assert!(methods.contains("GET") && methods.contains("POST"), "{methods}");
    let stranger = asks("http://evil.test");
    assert_eq!(stranger.status, 204);
    assert_eq!(stranger.header("access-control-allow-origin"), None);
}

#[test]
fn listed_origin_is_reflected_and_never_a_star() {
    let server = example::start_with(&["--origin", "http://friend.test"]);
    for (origin, reflected) in
        [("Origin: http://friend.test\r\n", Some("http://friend.test")), ("", None)]
    {
        let answer = web::ask(server.address(), "GET", POLLING, origin, b"");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), reflected);
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let everybody = example::start();
    let answer = web::ask(everybody.address(), "GET", POLLING, "Origin: http://x.test\r\n", b"");
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://x.test"));
}

#[test]
fn poll_that_brings_much_is_compressed_as_the_client_prefers() {
    let server = example::start();
    let poller = Poller::open(&server);
    let long = format!("4{}", "voxora ".repeat(400));
    for (accepted, encoding) in [
        ("gzip, deflate, br", Some("gzip")),
        ("deflate, gzip", Some("gzip")),
        ("deflate", Some("deflate")),
        ("gzip;q=0.2, deflate;q=0.8", Some("deflate")),
        ("br", None),
        ("gzip;q=0", None),
    ] {
        assert_eq!(poller.post(&long).text(), "ok");
        let headers = format!("Accept-Encoding: {accepted}\r\n");
        let answer = web::ask(server.address(), "GET", &poller.target(), &headers, b"");
        assert_eq!(answer.header("content-encoding"), encoding, "{accepted}");
        let mut text = String::new();
        let body = answer.body.as_slice();
        match encoding {
            Some("gzip") => flate2::read::GzDecoder::new(body).read_to_string(&mut text),
            Some(_) => flate2::read::ZlibDecoder::new(body).read_to_string(&mut text),
            None => (&mut &*body).read_to_string(&mut text),
        }
        .expect("it can be read again");
        assert!(text == long, "{accepted}");
    }
}

#[test]
fn poll_that_brings_little_is_not_compressed() {
    let server = example::start();
    let poller = Poller::open(&server);
    for (len, encoding) in [(COMPRESSED_BYTES_MIN - 1, None), (COMPRESSED_BYTES_MIN, Some("gzip"))]
    {
        assert_eq!(poller.post(format!("4{}", "x".repeat(len - 1))).text(), "ok");
        let headers = "Accept-Encoding: gzip\r\n";
        let answer = web::ask(server.address(), "GET", &poller.target(), headers, b"");
        assert_eq!(answer.header("content-encoding"), encoding, "{len}");
    }
}

#[test]
fn no_cookie_is_set_unless_it_is_asked_for() {
    let server = example::start();
    let answer = web::ask(server.address(), "GET", POLLING, "", b"");
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn cookie_carries_the_sid_on_the_handshake_alone() {
    let server = example::start_with(&["--cookie", "on"]);
    let opened = web::ask(server.address(), "GET", POLLING, "", b"");
    let sid = super::sid_of(opened.text());
    let expected = format!("io={sid}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(opened.header("set-cookie"), Some(expected.as_str()));
    let target = format!("{POLLING}&sid={sid}");
    for (method, body) in [("POST", &b"4x"[..]), ("GET", b""), ("PUT", b"")] {
        let answer = web::ask(server.address(), method, &target, "", body);
        assert_eq!(answer.header("set-cookie"), None, "{method}");
    }
    let websocket = POLLING.replace("polling", "websocket");
    let switched = web::ask(server.address(), "GET", &websocket, UPGRADE, b"");
    assert_eq!((switched.status, switched.header("set-cookie")), (101, None));
    assert_eq!(web::ask(server.address(), "POST", POLLING, "", b"").header("set-cookie"), None);
}

#[test]
fn cookie_may_have_another_name() {
    let server = example::start_with(&["--cookie", "VOXORA-1"]);
    let answer = web::ask(server.address(), "GET", POLLING, "", b"");
    assert!(answer.header("set-cookie").unwrap().starts_with("VOXORA-1="), "{answer:?}");
}
