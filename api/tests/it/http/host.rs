//! What the host of the doors refuses before they are asked, on a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use api::http::body::BODY_BYTES_MAX;
use api::http::connection::Limits;
use http::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::desk::Desk;
use super::listening::Listening;

/// What comes back.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let answering = async {
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
