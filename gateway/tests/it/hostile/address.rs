//! One address that takes all the connections it can get.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use super::frame::masked;
use super::{DOOR, POLLING, Scene};
use crate::chat::Chat;
use crate::peer;

#[test]
fn address_with_as_many_connections_as_it_may_have_is_turned_away_until_some_end() {
    let mut scene = Scene::set_with(&FEW);
    let address = scene.server.address();
    // Each that is served is kept.
    let crowd: Vec<TcpStream> =
        (0..=FEW_MAX).filter_map(|_| served(peer::connect(address), HEALTH)).collect();
    assert!((1..=FEW_MAX).contains(&crowd.len()), "{} are served", crowd.len());
    let named = |said: &str| said.contains("too many connections of one address").then_some(());
    assert!(scene.server.said().find(named).is_some(), "nothing in the log");
    scene.assert_unharmed("an address with many connections");
    assert!(served(from_elsewhere(address), HEALTH).is_some(), "another address is turned away");
    drop(crowd);
    let is_served = (0..ROUNDS_MAX).any(|_| served(peer::connect(address), HEALTH).is_some());
    assert!(is_served, "it is turned away for good");
    scene.assert_open_for_newcomers("an address with many connections");
}

#[test]
fn address_of_a_trusted_proxy_speaks_for_any_number_of_clients() {
    let mut scene = Scene::set_with(&[FEW[0], FEW[1], ("TRUSTED_PROXIES", "127.0.0.1")]);
    let address = scene.server.address();
    let crowd: Vec<TcpStream> =
        (0..2 * FEW_MAX).filter_map(|_| served(peer::connect(address), HEALTH)).collect();
    assert_eq!(crowd.len(), 2 * FEW_MAX);
    scene.assert_open_for_newcomers("the clients of a proxy");
}

#[test]
fn sockets_of_an_address_are_counted_until_they_have_signed_in() {
    let mut scene = Scene::set_with(&FEW);
    let address = scene.server.address();
    let _many: Vec<Chat> = (0..2 * FEW_MAX).map(|_| scene.hostile_chat()).collect();
    let upgrade = format!("GET {DOOR} HTTP/1.1\r\nHost: a\r\n{WEBSOCKET}\r\n");
    let mut silent: Vec<TcpStream> =
        (0..=FEW_MAX).filter_map(|_| served(peer::connect(address), &upgrade)).collect();
    assert!((1..=FEW_MAX).contains(&silent.len()), "{} are served", silent.len());
    let sign_in = format!("40{{\"token\":\"{}\"}}", scene.hostile.token);
    let first = silent.first_mut().expect("one was served");
    first.write_all(&masked(0x81, sign_in.as_bytes())).expect("the server reads it");
    let mut heard = Vec::new();
    while !heard.windows(3).any(|window| window == b"40{") {
        let mut more = [0; 1024];
        let count = first.read(&mut more).expect("it is answered in time");
        assert_ne!(count, 0, "ended after {}", String::from_utf8_lossy(&heard));
        heard.extend(&more[..count]);
    }
    // Its place is free.
    drop(scene.hostile_chat());
    scene.assert_unharmed("sockets that do not sign in");
}

#[test]
fn sessions_on_polling_of_an_address_are_counted_until_they_have_signed_in() {
    let mut scene = Scene::set_with(&FEW);
    let address = scene.server.address();
    // The connection of each has ended when the next one comes.
    let crowd: Vec<String> =
        (0..2 * FEW_MAX).filter_map(|_| opened(peer::connect(address))).collect();
    assert!((1..FEW_MAX).contains(&crowd.len()), "{} are open", crowd.len());
    assert!(opened(from_elsewhere(address)).is_some(), "another address is turned away");
    let sign_in = format!("40{{\"token\":\"{}\"}}", scene.hostile.token);
    let target = crowd.first().expect("one was opened");
    let answer = told(from_elsewhere(address), &format!("POST {target}"), &sign_in);
    assert!(answer.ends_with("ok"), "{answer}");
    let answer = told(from_elsewhere(address), &format!("GET {target}"), "");
    assert!(answer.contains("40{\"sid\""), "{answer}");
    let is_opened = (0..ROUNDS_MAX).any(|_| opened(peer::connect(address)).is_some());
    assert!(is_opened, "whoever has signed in still counts");
    scene.assert_unharmed("sessions that do not sign in");
}

/// The target of a session on polling that is opened on this connection, if it is.
fn opened(stream: TcpStream) -> Option<String> {
    let answer = told(stream, &format!("GET {POLLING}"), "");
    let Some((_, rest)) = answer.split_once("\"sid\":\"") else {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
        return None;
    };
    Some(format!("{POLLING}&sid={}", rest.get(..20).expect("a sid has 20 characters")))
}

/// All that the server says to a request, after which the connection ends.
fn told(mut stream: TcpStream, what: &str, body: &str) -> String {
    let head = format!("{what} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    // Who is turned away may be so before everything is said.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{request}");
    }
    String::from_utf8(answer).expect("answers here are text")
}

/// The connection, if the request that is made on it is answered well.
fn served(mut stream: TcpStream, request: &str) -> Option<TcpStream> {
    // Who is turned away may be so before everything is said.
    let _ = stream.write_all(request.as_bytes());
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut more = [0; 1024];
        match stream.read(&mut more) {
            Ok(0) => break,
            Ok(count) => head.extend(&more[..count]),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{request}");
                break;
            }
        }
    }
    let is_refused = head.is_empty() || head.starts_with(b"HTTP/1.1 503 ");
    let is_well = head.starts_with(b"HTTP/1.1 200 ") || head.starts_with(b"HTTP/1.1 101 ");
    assert!(is_refused || is_well, "{}", String::from_utf8_lossy(&head));
    is_well.then_some(stream)
}

/// A connection from another address of this machine.
fn from_elsewhere(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], 0));
    socket.bind(&elsewhere.into()).expect("all of 127.0.0.0/8 is this machine");
    socket.connect(&address.into()).expect("the server accepts connections");
    socket.into()
}

const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/// How many connections an address may have here; none of them ends by itself during a test.
const FEW: [(&str, &str); 2] = [("CONNECTIONS_PER_ADDRESS", "8"), ("HTTP_PATIENCE_SECONDS", "300")];
const FEW_MAX: usize = 8;

/// Connections within which the server has noticed that others have ended.
const ROUNDS_MAX: usize = 2_000;
