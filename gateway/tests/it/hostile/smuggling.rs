//! Requests that a proxy in front may read otherwise than this server: one clear answer and the end,
//! or one reading that is safe. No bytes of one request are ever taken for another.
//! Source: RFC 9112 §11.2.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use super::{POLLING, Scene, http_door};
use crate::peer;

/// A request that must not be found in another one.
const TRAP: &str = "GET /api/v1/health HTTP/1.1\r\nHost: trap\r\n\r\n";

#[test]
fn framing_with_two_readings_is_refused_once_and_for_all() {
    let mut scene = Scene::set_with(&IMPATIENT);
    let sized = |lines: &str| format!("{lines}Content-Length: {}\r\n", TRAP.len());
    let rows = [
        sized("Transfer-Encoding: chunked\r\n"),
        sized("") + "Transfer-Encoding: chunked\r\n",
        sized("Transfer-Encoding: identity\r\n"),
        sized("Transfer-Encoding : chunked\r\n"),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: gzip, chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, gzip\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding: \u{b}chunked\r\n".to_owned(),
        "Transfer-Encoding:\r\n chunked\r\n".to_owned(),
        "X: y\r\nTransfer-Encoding\t: chunked\r\n".to_owned(),
        "X: y\nTransfer-Encoding: chunked\r\n".to_owned(),
        sized("Content-Length: 0\r\n"),
        sized("Content-Length: 5\r\n"),
        sized("") + &sized(""),
        format!("Content-Length: {0}, {0}\r\n", TRAP.len()),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: -5\r\n".to_owned(),
        "Content-Length: 5 5\r\n".to_owned(),
        "Content-Length: 0x5\r\n".to_owned(),
        "Content-Length: 5.0\r\n".to_owned(),
        "Content-Length: \r\n".to_owned(),
        "Content-Length: 18446744073709551617\r\n".to_owned(),
        "Content-Length : 5\r\n".to_owned(),
        "Content-Length: 5\r\n Content-Length: 6\r\n".to_owned(),
        "Content-Length\0: 5\r\n".to_owned(),
        "X: a\0b\r\n".to_owned(),
        "X: a\rb\r\n".to_owned(),
        "X: a\r\n folded\r\n".to_owned(),
        "X\r\n".to_owned(),
        ": y\r\n".to_owned(),
        "Host: second\r\n".to_owned(),
    ];
    for (line, target) in doors(&scene) {
        for row in &rows {
            let request =
                format!("{line} {target} HTTP/1.1\r\nHost: a\r\n{row}\r\n0\r\n\r\n{TRAP}");
            let answers = exchange(scene.server.address(), &request);
            assert_eq!(answers, [(400, true)], "{target} {row:?}");
        }
    }
    scene.assert_unharmed("two readings");
}

#[test]
fn framing_of_a_head_that_is_not_quite_http_is_refused() {
    let mut scene = Scene::set_with(&IMPATIENT);
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET /\r\n",
        "GET\r\n\r\n",
        "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let answers = exchange(scene.server.address(), &format!("{request}{TRAP}"));
        assert_eq!(answers, [(400, true)], "{request:?}");
    }
    let preface = exchange(scene.server.address(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(preface.is_empty() || preface == [(400, true)], "{preface:?}");
    scene.assert_unharmed("not quite HTTP");
}

#[test]
fn framing_of_chunks_is_read_strictly_and_ends_its_connection() {
    let mut scene = Scene::set_with(&IMPATIENT);
    for (line, target) in doors(&scene) {
        for chunks in [
            "-5\r\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5 5\r\nhello\r\n0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5;x\nhello\r\n0\r\n\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "\r\n0\r\n\r\n",
            "g\r\n0\r\n\r\n",
            "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
        ] {
            let head =
                format!("{line} {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
            let request = format!("{head}\r\n{chunks}{TRAP}");
            let answers = exchange(scene.server.address(), &request);
            assert_eq!(answers, [(400, true)], "{target} {chunks:?}");
        }
        // An end without its carriage return begins a trailer, and the trap is a part of it.
        let head = format!("{line} {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
        let answers = exchange(scene.server.address(), &format!("{head}\r\n0\r\n\n{TRAP}"));
        assert!(matches!(answers[..], [(_, true)]), "{target}: {answers:?}");
        let extension = format!("0;{}\r\n\r\n", "x".repeat(100_000));
        let trailer = format!("0\r\nX: {}\r\n\r\n", "x".repeat(100_000));
        for chunks in [extension, trailer] {
            let head =
                format!("{line} {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
            let answers = exchange(scene.server.address(), &format!("{head}\r\n{chunks}{TRAP}"));
            assert_eq!(answers, [(400, true)], "{target} a hundred thousand bytes");
        }
    }
    scene.assert_unharmed("strange chunks");
}

#[test]
fn framing_of_whole_chunks_is_one_request_whatever_stands_in_them() {
    let mut scene = Scene::set_with(&IMPATIENT);
    let door = http_door(scene.server.address());
    let inside = format!("{:x};x=y\r\n{TRAP}\r\n0\r\nTrailer: z\r\n\r\n{TRAP}", TRAP.len());
    let head = "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let at_rest = format!("POST {LOGIN} {head}{inside}");
    assert_eq!(exchange(scene.server.address(), &at_rest), [(415, true)]);
    let at_the_door = format!("POST {door} {head}{inside}");
    assert_eq!(exchange(scene.server.address(), &at_the_door), [(200, true)]);
    scene.assert_unharmed("a request in a chunk");
}

#[test]
fn body_that_nobody_reads_is_no_request() {
    let mut scene = Scene::set_with(&IMPATIENT);
    let length = TRAP.len();
    for (request, status) in [
        (
            format!("GET /api/v1/health HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
            200,
        ),
        (format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"), 200),
        (format!("OPTIONS {POLLING} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"), 204),
        (format!("POST {POLLING} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"), 400),
        (format!("GET /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"), 404),
    ] {
        let answers = exchange(scene.server.address(), &format!("{request}{TRAP}"));
        let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [status], "{request}");
    }
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for target in ["/api/v1/health", super::DOOR] {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\n{websocket}Content-Length: {length}\r\n\r\n{TRAP}"
        );
        let answers = exchange(scene.server.address(), &request);
        assert_eq!(answers.len(), 1, "{target}: {answers:?}");
        assert_ne!(answers[0].0, 101, "{target}");
    }
    scene.assert_unharmed("unread bodies");
}

#[test]
fn requests_one_behind_the_other_are_answered_in_their_order() {
    let mut scene = Scene::set_with(&IMPATIENT);
    let get = "GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n";
    let nowhere = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
    let posted = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let statuses = |request: &str| -> Vec<u16> {
        exchange(scene.server.address(), request).into_iter().map(|(status, _)| status).collect()
    };
    assert_eq!(statuses(&format!("{get}\r\n{nowhere}{posted}{get}")), [200, 404, 404, 200]);
    let bad =
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(statuses(&format!("{get}{bad}{get}")), [200, 400]);
    assert_eq!(statuses(&format!("{nowhere}{posted}\0{get}")), [404, 404, 400]);
    let old = "GET /api/v1/health HTTP/1.0\r\n";
    assert_eq!(statuses(&format!("{old}Connection: keep-alive\r\n\r\n{old}\r\n{get}")), [200, 200]);
    let last = "GET /api/v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&format!("{last}{get}")), [200]);
    scene.assert_unharmed("requests behind requests");
}

#[test]
fn targets_and_methods_of_other_forms_are_read_safely() {
    let mut scene = Scene::set_with(&IMPATIENT);
    for (line, expected) in [
        ("GET http://elsewhere.test/api/v1/health", 200),
        ("GET HTTP://elsewhere.test:1/api/v1/health?x", 200),
        ("HEAD /api/v1/health", 200),
        ("OPTIONS *", 204),
        ("get /api/v1/health", 405),
        ("CONNECT elsewhere.test:80", 404),
        ("TRACE /api/v1/health", 405),
        ("GET /api/v1/../v1/health", 404),
        ("GET //api/v1/health", 404),
        ("GET /socket.io/../api/v1/health", 400),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answers = exchange(scene.server.address(), &request);
        let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [expected], "{line}");
    }
    scene.assert_unharmed("strange targets");
}

/// A POST that is read to its end, at REST and at Engine.IO.
fn doors(scene: &Scene) -> [(&'static str, String); 2] {
    [("POST", LOGIN.to_owned()), ("POST", http_door(scene.server.address()))]
}

/// Says something and hears everything until the server ends the connection: the status of each
/// answer, and whether it said that it was the last.
fn exchange(address: SocketAddr, request: &str) -> Vec<(u16, bool)> {
    let mut stream = peer::connect(address);
    // The server may have closed before it took everything.
    let _ = stream.write_all(request.as_bytes());
    let mut heard = Vec::new();
    if let Err(error) = stream.read_to_end(&mut heard) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{request:?}");
    }
    let text = String::from_utf8_lossy(&heard);
    let mut answers = Vec::new();
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let (head, behind) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let is_headless = request.starts_with("HEAD");
        let length =
            length.filter(|_| !is_headless).map_or(0, |text| text.parse().expect("a number"));
        answers.push((status.expect("a status"), head.contains("\nconnection: close")));
        rest = behind.get(length..).unwrap_or_else(|| panic!("cut short: {text}"));
    }
    answers
}

const LOGIN: &str = "/api/v1/auth/login";

/// A connection that nothing comes on is soon ended: each of these tests waits for the end.
const IMPATIENT: [(&str, &str); 1] = [("HTTP_PATIENCE_SECONDS", "1")];
