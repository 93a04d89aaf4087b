//! Peers that are slow on purpose, and heads that are too much.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{Scene, http_door};
use crate::framing::LOGIN;
use crate::peer;
use crate::rest;
use crate::slowness::{self, DeafReaders, PATIENCE};

#[test]
fn slow_head_is_cut_off_however_steadily_it_drips() {
    let mut scene = Scene::set_with(&[("HTTP_PATIENCE_SECONDS", &patience())]);
    slowness::assert_slow_head_is_cut_off(scene.server.address());
    scene.assert_unharmed("dripping heads");
}

#[test]
fn slow_body_is_answered_400_however_steadily_it_drips() {
    let mut scene = Scene::set_with(&[("HTTP_PATIENCE_SECONDS", &patience())]);
    let door = http_door(scene.server.address());
    let targets = [LOGIN, door.as_str()];
    slowness::assert_slow_body_is_answered_400(scene.server.address(), &targets);
    scene.assert_unharmed("dripping bodies");
}

#[test]
fn idle_connection_is_closed() {
    let mut scene = Scene::set_with(&[("HTTP_PATIENCE_SECONDS", &patience())]);
    slowness::assert_idle_connection_is_closed(scene.server.address());
    scene.assert_unharmed("idle connections");
}

#[test]
fn slow_reader_is_given_up_and_costs_little_meanwhile() {
    let patience = patience();
    let settings =
        [("HTTP_PATIENCE_SECONDS", patience.as_str()), ("RATE_LIMIT_MAX_REQUESTS", "1000000")];
    let mut scene = Scene::set_with(&settings);
    let before_kib = scene.server.resident_kib();
    let mut grown_kib = 0;
    DeafReaders::connect(scene.server.address(), READERS).ask_on(|| {
        grown_kib = grown_kib.max(scene.server.resident_kib().saturating_sub(before_kib));
    });
    let grown_kib_max = GROWTH_KIB_MAX * u64::try_from(READERS).expect("a few");
    assert!(grown_kib < grown_kib_max, "{grown_kib} KiB for {READERS} readers");
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

/// As a setting.
fn patience() -> String {
    PATIENCE.as_secs().to_string()
}

const READERS: usize = 4;

/// What one hostile client may cost.
const GROWTH_KIB_MAX: u64 = 4 << 10;
