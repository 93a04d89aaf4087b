//! Handshakes that are slow, broken or never finished.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::{DOOR, Scene};
use crate::peer;
use crate::server::Server;

#[test]
fn opening_that_is_never_finished_keeps_nobody_out() {
    let mut scene = Scene::set();
    let beginnings =
        ["", "G", "GET ", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "];
    let mut waiting: Vec<TcpStream> = Vec::new();
    for beginning in beginnings {
        for _ in 0..50 {
            let mut stream = peer::connect(scene.server.address());
            let _ = stream.write_all(beginning.as_bytes());
            waiting.push(stream);
        }
    }
    scene.assert_open_for_newcomers("half requests");
    drop(waiting);
    scene.assert_open_for_newcomers("their end");
}

#[test]
fn crowd_beyond_all_descriptors_is_named_in_the_log_and_shuts_nobody_out() {
    let mut scene = Scene::set_at(Server::start_with_descriptors(DESCRIPTORS));
    let crowd: Vec<_> =
        (0..2 * DESCRIPTORS).map(|_| peer::connect(scene.server.address())).collect();
    let named = |said: &str| said.contains("too many connections").then_some(());
    assert!(scene.server.said().find(named).is_some(), "{}", scene.server.said().text());
    // Whoever was in is served all the while, and so is who comes.
    scene.assert_open_for_newcomers("a crowd");
    let failed = |said: &str| said.contains("cannot accept connections").then_some(());
    assert!(failed(&scene.server.said().text()).is_none(), "no descriptor was left");
    drop(crowd);
    scene.assert_open_for_newcomers("its end");
}

#[test]
fn opening_that_is_no_http_is_refused() {
    let mut scene = Scene::set();
    let long_target = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(200_000));
    let long_header = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    let rows = [
        "\0\0\0\0",
        "\r\n\r\n\r\n",
        "NONSENSE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long_target,
        &long_header,
        &many_headers,
    ];
    for row in rows {
        let mut stream = peer::connect(scene.server.address());
        // The server may have closed before it took everything.
        let _ = stream.write_all(row.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let is_refusal = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
        assert!(is_refusal, "{:.40} got {}", row, String::from_utf8_lossy(&answer));
        scene.assert_unharmed(&row[..row.len().min(40)]);
    }
    scene.assert_open_for_newcomers("no HTTP");
}

#[test]
fn opening_without_what_a_websocket_needs_is_refused() {
    let mut scene = Scene::set();
    let rows = [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: Upgrade\r\nUpgrade: smoke\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ];
    for row in rows {
        let mut stream = peer::connect(scene.server.address());
        let request = format!("GET {DOOR} HTTP/1.1\r\nHost: x\r\n{row}\r\n");
        stream.write_all(request.as_bytes()).expect("the server takes a request");
        let mut head = [0; 10];
        stream.read_exact(&mut head).expect("the server answers");
        assert_eq!(&head, b"HTTP/1.1 4", "{row}");
        scene.assert_unharmed(row);
    }
}

#[test]
fn opening_followed_at_once_by_frames_loses_none_of_them() {
    let mut scene = Scene::set();
    let mut stream = peer::connect(scene.server.address());
    let request = format!(
        "GET {DOOR} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    // A masked text frame `40{}`, whose mask is zero, in the same write as the request.
    let bytes = [request.as_bytes(), &[0x81, 0x84, 0, 0, 0, 0], b"40{}"].concat();
    stream.write_all(&bytes).expect("the server takes a request");
    let mut heard = Vec::new();
    while !heard.windows(3).any(|window| window == b"44{") {
        let mut more = [0; 1024];
        let read = match stream.read(&mut more) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.expect("the refusal comes in time"),
        };
        assert_ne!(read, 0, "ended after {}", String::from_utf8_lossy(&heard));
        heard.extend(&more[..read]);
    }
    scene.assert_unharmed("early frames");
}

#[test]
fn connections_that_come_and_go_leave_room_for_others() {
    let mut scene = Scene::set();
    for round in 0..20 {
        let crowd: Vec<_> = (0..25).map(|_| scene.hostile_peer()).collect();
        drop(crowd);
        scene.assert_unharmed(&format!("round {round}"));
    }
    scene.assert_open_for_newcomers("crowds");
}

/// What a server under siege may have open.
const DESCRIPTORS: usize = 100;
