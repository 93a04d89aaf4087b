//! Requests that a proxy in front may read otherwise than the REST process: the table of
//! [`framing`](crate::framing).

use api::http::connection::Limits;

use super::desk::Desk;
use super::listening::Listening;
use crate::framing::{self, LOGIN};

#[tokio::test(flavor = "multi_thread")]
async fn framing_with_two_readings_is_refused_once_and_for_all() {
    let server = Listening::start_with(&Desk::open().await, Limits::DEFAULT).await;
    framing::assert_two_readings_are_refused(server.address, LOGIN);
}

#[tokio::test(flavor = "multi_thread")]
async fn framing_of_a_head_that_is_not_quite_http_is_refused() {
    let server = Listening::start_with(&Desk::open().await, Limits::DEFAULT).await;
    framing::assert_odd_heads_are_refused(server.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn framing_of_chunks_is_read_strictly_and_ends_its_connection() {
    let server = Listening::start_with(&Desk::open().await, Limits::DEFAULT).await;
    framing::assert_odd_chunks_are_refused(server.address, LOGIN);
}

#[tokio::test(flavor = "multi_thread")]
async fn framing_of_whole_chunks_is_one_request_whatever_stands_in_them() {
    let server = Listening::start_with(&Desk::open().await, Limits::DEFAULT).await;
    framing::assert_whole_chunks_are_one_request(server.address, LOGIN, 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_that_nobody_reads_is_no_request() {
    let server = Listening::start_with(&Desk::open().await, Limits::DEFAULT).await;
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    for (line, lines, status) in [
        ("GET /api/v1/health", "", 200),
        ("GET /api/v1/health", websocket, 200),
        ("GET /nowhere", "", 404),
        ("OPTIONS /nowhere", "", 204),
    ] {
        framing::assert_unread_body_is_no_request(server.address, line, lines, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_one_behind_the_other_are_answered_in_their_order() {
    let server = Listening::start_with(&Desk::open().await, Limits::DEFAULT).await;
    framing::assert_requests_are_answered_in_order(server.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_and_methods_of_other_forms_are_read_safely() {
    let server = Listening::start_with(&Desk::open().await, Limits::DEFAULT).await;
    for (line, status) in framing::LINES {
        framing::assert_line_is_answered(server.address, line, status);
    }
}
