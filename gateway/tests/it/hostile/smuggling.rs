//! Requests that a proxy in front may read otherwise than this server: the table of
//! [`framing`](crate::framing) at the doors of REST and of Engine.IO.

use super::{POLLING, Scene, http_door};
use crate::framing::{self, LAST, LOGIN, TRAP};

#[test]
fn framing_with_two_readings_is_refused_once_and_for_all() {
    let mut scene = Scene::set();
    for target in doors(&scene) {
        framing::assert_two_readings_are_refused(scene.server.address(), &target);
    }
    scene.assert_unharmed("two readings");
}

#[test]
fn framing_of_a_head_that_is_not_quite_http_is_refused() {
    let mut scene = Scene::set();
    framing::assert_odd_heads_are_refused(scene.server.address());
    scene.assert_unharmed("not quite HTTP");
}

#[test]
fn framing_of_chunks_is_read_strictly_and_ends_its_connection() {
    let mut scene = Scene::set();
    for target in doors(&scene) {
        framing::assert_odd_chunks_are_refused(scene.server.address(), &target);
    }
    scene.assert_unharmed("strange chunks");
}

#[test]
fn framing_of_whole_chunks_is_one_request_whatever_stands_in_them() {
    let mut scene = Scene::set();
    let [rest, door] = doors(&scene);
    framing::assert_whole_chunks_are_one_request(scene.server.address(), &rest, 415);
    framing::assert_whole_chunks_are_one_request(scene.server.address(), &door, 200);
    scene.assert_unharmed("a request in a chunk");
}

#[test]
fn body_that_nobody_reads_is_no_request() {
    let mut scene = Scene::set();
    let address = scene.server.address();
    for (line, status) in [
        ("GET /api/v1/health".to_owned(), 200),
        (format!("GET {POLLING}"), 200),
        (format!("OPTIONS {POLLING}"), 204),
        (format!("POST {POLLING}"), 400),
        ("GET /nowhere".to_owned(), 404),
    ] {
        framing::assert_unread_body_is_no_request(address, &line, "", status);
    }
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for target in ["/api/v1/health", super::DOOR] {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\n{websocket}Content-Length: {}\r\n\r\n{TRAP}{LAST}",
            TRAP.len()
        );
        let statuses = framing::statuses(address, &request);
        assert!(matches!(statuses[..], [first] | [first, 404] if first != 101), "{statuses:?}");
    }
    scene.assert_unharmed("unread bodies");
}

#[test]
fn requests_one_behind_the_other_are_answered_in_their_order() {
    let mut scene = Scene::set();
    framing::assert_requests_are_answered_in_order(scene.server.address());
    scene.assert_unharmed("requests behind requests");
}

#[test]
fn targets_and_methods_of_other_forms_are_read_safely() {
    let mut scene = Scene::set();
    let mine = ("GET /socket.io/../api/v1/health", 400);
    for (line, status) in framing::LINES.into_iter().chain([mine]) {
        framing::assert_line_is_answered(scene.server.address(), line, status);
    }
    scene.assert_unharmed("strange targets");
}

/// Where a POST is read to its end: at REST and at Engine.IO.
fn doors(scene: &Scene) -> [String; 2] {
    [LOGIN.to_owned(), http_door(scene.server.address())]
}
