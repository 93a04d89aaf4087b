//! Peers that are slow on purpose, and heads that are too much.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{Scene, http_door};
use crate::peer;
use crate::rest;

const IMPATIENT: [(&str, &str); 1] = [("HTTP_PATIENCE_SECONDS", "1")];

#[test]
fn slow_head_is_cut_off_however_steadily_it_drips() {
    let mut scene = Scene::set_with(&IMPATIENT);
    for head in ["GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET /", "\r\n"] {
        let mut stream = peer::connect(scene.server.address());
        stream.write_all(head.as_bytes()).expect("the server takes a beginning");
        let drop = if head == "\r\n" { "\r\n" } else { "x" };
        assert_eq!(drip(&mut stream, drop), "", "{head:?}");
    }
    scene.assert_unharmed("dripping heads");
}

#[test]
fn slow_body_is_answered_400_however_steadily_it_drips() {
    let mut scene = Scene::set_with(&IMPATIENT);
    let door = http_door(scene.server.address());
    for target in ["/api/v1/auth/login", door.as_str()] {
        let mut stream = peer::connect(scene.server.address());
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: 100000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the server takes a head");
        let answer = drip(&mut stream, "x");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{target}: {answer}");
    }
    scene.assert_unharmed("dripping bodies");
}

#[test]
fn slow_reader_is_given_up_and_costs_little_meanwhile() {
    let unlimited = ("RATE_LIMIT_MAX_REQUESTS", "1000000");
    let mut scene = Scene::set_with(&[IMPATIENT[0], unlimited]);
    let before_kib = scene.server.resident_kib();
    let requests = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10_000);
    let mut readers: Vec<TcpStream> =
        (0..READERS).map(|_| peer::connect(scene.server.address())).collect();
    for stream in &mut readers {
        stream.set_write_timeout(Some(PACE)).expect("an open socket takes options");
    }
    // Each asks on and reads nothing, until its connection is cut.
    let mut grown_kib = 0;
    for _ in 0..ROUNDS_MAX {
        readers.retain_mut(|stream| match stream.write_all(requests.as_bytes()) {
            Ok(()) => true,
            Err(error) => is_silence(&error),
        });
        grown_kib = grown_kib.max(scene.server.resident_kib().saturating_sub(before_kib));
        if readers.is_empty() {
            break;
        }
    }
    assert_eq!(readers.len(), 0, "of {READERS} are still served");
    assert!(grown_kib < READERS * GROWTH_KIB_MAX, "{grown_kib} KiB for {READERS} readers");
    scene.assert_unharmed("readers that do not read");
}

#[test]
fn slow_connections_by_the_thousand_keep_nobody_waiting() {
    let mut scene = Scene::set();
    let address = scene.server.address();
    let door = http_door(address);
    let beginnings = [
        String::new(),
        "GET / HTTP/1.1\r\nHost: a\r\nX: ".to_owned(),
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx".to_owned(),
        format!("POST {door} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4"),
    ];
    let slow: Vec<TcpStream> = (0..1_000)
        .map(|number| {
            let mut stream = peer::connect(address);
            let _ = stream.write_all(beginnings[number % beginnings.len()].as_bytes());
            stream
        })
        .collect();
    let answered = (0..50)
        .filter(|_| rest::request(address, "GET", "/api/v1/health", None, None).0 == 200)
        .count();
    assert_eq!(answered, 50);
    scene.assert_open_for_newcomers("a thousand slow connections");
    drop(slow);
    scene.assert_open_for_newcomers("their end");
}

#[test]
fn head_beyond_its_bounds_is_431_and_the_end() {
    let mut scene = Scene::set();
    let head = |lines: &str| format!("GET /api/v1/health HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let many = |count: usize| head(&"X: y\r\n".repeat(count));
    let long = |len: usize| head(&format!("X: {}\r\n", "x".repeat(len)));
    for (what, request, status) in [
        ("as many as may be", many(60), 200),
        ("one too many", many(64), 431),
        ("ten thousand", many(10_000), 431),
        ("long", long(8_000), 200),
        ("too long", long(17_000), 431),
        ("a megabyte", long(1_000_000), 431),
        ("a name of a megabyte", head(&format!("{}: y\r\n", "x".repeat(1_000_000))), 431),
        ("a target of a megabyte", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1_000_000)), 431),
    ] {
        let mut stream = peer::connect(scene.server.address());
        let _ = stream
            .write_all(request.replace("\r\nHost", "\r\nConnection: close\r\nHost").as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer:.100}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}");
        scene.assert_unharmed(what);
    }
}

/// Sends a drop at a time until the server ends the connection; what it said before.
fn drip(stream: &mut TcpStream, drop: &str) -> String {
    stream.set_read_timeout(Some(PACE)).expect("an open socket takes options");
    let mut heard = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let _ = stream.write_all(drop.as_bytes());
        let mut more = [0; 4096];
        match stream.read(&mut more) {
            Ok(0) => return String::from_utf8_lossy(&heard).into_owned(),
            Ok(count) => heard.extend(&more[..count]),
            Err(error) if is_silence(&error) => {}
            Err(_) => return String::from_utf8_lossy(&heard).into_owned(),
        }
    }
    panic!("still open after {ROUNDS_MAX} drops");
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

const READERS: u64 = 4;

/// Between two drops.
const PACE: Duration = Duration::from_millis(50);

/// Drops within which a server that waits for a second has long lost its patience.
const ROUNDS_MAX: usize = 400;

/// What one hostile client may cost.
const GROWTH_KIB_MAX: u64 = 4 << 10;
