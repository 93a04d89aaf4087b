//! What the host of the doors refuses before they are asked, on a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use api::http::body::BODY_BYTES_MAX;
use api::http::connection::Limits;
use http::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use super::desk::Desk;
use super::listening::Listening;
use crate::framing;

/// What comes back when all of this is written before anything is read. The system takes in little of
/// it, so that the server must take the rest.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(256 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let answering = async {
        // Many clients take a connection that breaks while they write for no answer at all.
        stream.write_all(request).await.expect("all of it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the answer arrives in full");
        answer
    };
    tokio::time::timeout(Duration::from_secs(30), answering).await.expect("it is answered")
}

/// The status of an answer and its body, where it has one.
fn parts(answer: &str) -> (StatusCode, Option<Value>) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, Some(body).filter(|body| !body.is_empty()).map(|it| serde_json::from_str(it).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_three_megabytes_before_it_reads_sees_the_413() {
    let desk = Desk::open().await;
    let server = Listening::start_with(&desk, Limits::DEFAULT).await;
    for request in framing::three_megabytes("/api/v1/messages") {
        for round in 0..50 {
            let answer = exchange(server.address, &request).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{round}: {answer:?}");
            assert!(answer.to_lowercase().contains("connection: close\r\n"), "{answer}");
            assert_eq!(parts(&answer).1.unwrap()["code"], "PAYLOAD_TOO_LARGE");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_host_refuses_is_published_of_every_route() {
    let desk = Desk::open().await;
    let server = Listening::start_with(&desk, Limits::DEFAULT).await;
    for (method, template, _) in api::http::routes() {
        let path = template.replace("{id}", "507f1f77bcf86cd799439011");
        let line = format!("{method} {path} HTTP/1.1\r\n");
        let nameless = format!("{line}Connection: close\r\n\r\n");
        let long = format!("{line}Host: here\r\nContent-Length: {}\r\n\r\n", BODY_BYTES_MAX + 1);
        for (request, expected) in
            [(nameless, StatusCode::BAD_REQUEST), (long, StatusCode::PAYLOAD_TOO_LARGE)]
        {
            let (status, body) = parts(&exchange(server.address, request.as_bytes()).await);
            assert_eq!(status, expected, "{method} {path}");
            desk.published.foresees(method, &path, status, body.as_ref());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_like_anything_else() {
    let desk = Desk::open().await;
    let server = Listening::start_with(&desk, Limits::DEFAULT).await;
    let line = "GET /api/v1/health HTTP/1.1\r\nHost: here\r\n";
    let long = format!("{line}X: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("{line}{}\r\n", "X: y\r\n".repeat(80));
    let double = format!("{line}Host: there\r\n\r\n");
    let version = "GET / HTTP/1.2\r\nHost: here\r\n\r\n".to_owned();
    for (request, status, code) in [
        (&long, 431, "PAYLOAD_TOO_LARGE"),
        (&many, 431, "PAYLOAD_TOO_LARGE"),
        (&double, 400, "VALIDATION_FAILED"),
        (&version, 400, "VALIDATION_FAILED"),
    ] {
        // Alone, and behind a request that is answered first.
        for before in [String::new(), format!("{line}\r\n")] {
            let heard = exchange(server.address, format!("{before}{request}").as_bytes()).await;
            let answers: Vec<_> = heard.split("HTTP/1.1 ").skip(1).collect();
            assert_eq!(answers.len(), if before.is_empty() { 1 } else { 2 }, "{heard}");
            let answer = answers.last().unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&status.to_string()), "{heard}");
            for line in
                ["x-request-id: ", "x-content-type-options: nosniff", "connection: close", "date: "]
            {
                assert!(head.contains(&format!("\r\n{line}")), "{line}: {heard}");
            }
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{heard}");
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!((&body["success"], &body["code"]), (&false.into(), &code.into()));
            assert!(body["message"].is_string());
        }
    }
}
