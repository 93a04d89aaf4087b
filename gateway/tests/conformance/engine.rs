//! Engine.IO 4 over WebSocket, at the door that echoes every data packet.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::example;
use crate::peer::{self, Heard, Peer};

#[test]
fn handshake_opens_with_exactly_five_keys() {
    let server = example::start();
    let open = Peer::open(server.address(), DOOR).hear_text();
    let json: Value =
        serde_json::from_str(open.strip_prefix('0').expect("an open packet")).unwrap();
    let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
    assert_eq!(json["pingInterval"], 300);
    assert_eq!(json["pingTimeout"], 200);
    assert_eq!(json["maxPayload"], 1_000_000);
    assert_eq!(json["upgrades"], serde_json::json!([]));
    let sid = json["sid"].as_str().unwrap();
    assert_eq!(sid.len(), 20, "{sid}");
    assert!(sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{sid}");
}

#[test]
fn handshake_gives_every_session_its_own_sid() {
    let server = example::start();
    let first = Peer::open(server.address(), DOOR).hear_text();
    let second = Peer::open(server.address(), DOOR).hear_text();
    assert_ne!(first, second);
}

#[test]
fn handshake_ignores_unknown_parameters_and_the_cache_buster() {
    let server = example::start();
    let target = format!("{DOOR}&t=abc.0&x=%ff&y");
    assert!(Peer::open(server.address(), &target).hear_text().starts_with("0{"));
}

#[test]
fn handshake_is_refused_before_the_upgrade() {
    let server = example::start();
    let rows = [
        ("no version", "/engine.io/?transport=websocket"),
        ("version of nobody", "/engine.io/?EIO=abc&transport=websocket"),
        ("no transport", "/engine.io/?EIO=4"),
        ("unknown transport", "/engine.io/?EIO=4&transport=tests"),
        ("name of a prototype", "/engine.io/?EIO=4&transport=__proto__"),
        ("unknown session", "/engine.io/?EIO=4&transport=websocket&sid=aaaaaaaaaaaaaaaaaaaa"),
        ("malformed session", "/engine.io/?EIO=4&transport=websocket&sid=%00"),
    ];
    for (why, target) in rows {
        assert_eq!(status_of(server.address(), "GET", target, UPGRADE), 400, "{why}");
    }
    assert_eq!(status_of(server.address(), "POST", DOOR, UPGRADE), 400, "not a GET");
    assert_eq!(status_of(server.address(), "GET", DOOR, ""), 400, "no upgrade");
    assert_eq!(status_of(server.address(), "GET", "/elsewhere/?EIO=4", UPGRADE), 404, "no door");
}

#[test]
fn message_is_echoed_as_it_came() {
    let server = example::start();
    let mut peer = opened(&server);
    for text in ["4", "4hello", "4\u{0}\u{1e}é👋", "4b", "44", "41"] {
        peer.say(text);
        assert_eq!(skip_pings(&mut peer), Heard::Text(text.to_owned()));
    }
    let long = format!("4{}", "x".repeat(999_999));
    peer.say(long.as_str());
    assert_eq!(skip_pings(&mut peer), Heard::Text(long));
}

#[test]
fn binary_message_is_echoed_without_a_type_digit() {
    let server = example::start();
    let mut peer = opened(&server);
    for bytes in [vec![], vec![0], vec![4, 1, 2, 3], vec![0xff; 70_000]] {
        peer.say_binary(&bytes);
        assert_eq!(skip_pings(&mut peer), Heard::Binary(bytes));
    }
}

#[test]
fn heartbeat_comes_every_interval_while_it_is_answered() {
    let server = example::start();
    let mut peer = opened(&server);
    let start = Instant::now();
    for _ in 0..4 {
        assert_eq!(peer.hear(), Heard::Text("2".into()));
        peer.say("3");
    }
    // A loaded machine may be late.
    let took = start.elapsed();
    assert!(took + EARLY_MAX * 4 >= PING_INTERVAL * 4, "{took:?}");
    assert!(took < PING_INTERVAL * 12, "{took:?}");
}

#[test]
fn heartbeat_without_an_answer_ends_the_session() {
    let server = example::start();
    let mut peer = opened(&server);
    let start = Instant::now();
    peer.hear_end();
    let took = start.elapsed();
    assert!(took + EARLY_MAX * 2 >= PING_INTERVAL + PING_TIMEOUT, "{took:?}");
    assert!(took < (PING_INTERVAL + PING_TIMEOUT) * 4, "{took:?}");
}

#[test]
fn heartbeat_is_not_replaced_by_other_traffic() {
    let server = example::start();
    let mut peer = opened(&server);
    let mut pings = 0;
    loop {
        peer.say("4busy");
        match peer.hear() {
            Heard::Text(text) if text == "2" => pings += 1,
            Heard::Text(text) => assert_eq!(text, "4busy"),
            Heard::Binary(bytes) => panic!("{bytes:?}"),
            Heard::Closed(_) => break,
        }
    }
    assert_eq!(pings, 1);
}

#[test]
fn heartbeat_answer_without_a_question_is_harmless() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("3");
    peer.say("3");
    peer.say("4still here");
    assert_eq!(skip_pings(&mut peer), Heard::Text("4still here".into()));
}

#[test]
fn packet_that_no_client_may_send_ends_the_session() {
    let server = example::start();
    let packets = ["", "2", "2probe", "7", "9", "a", "abc", "-1", " 4", "é", "\u{1e}"];
    for packet in packets {
        let mut peer = opened(&server);
        peer.say(packet);
        assert!(ends_before_the_timeout(&mut peer), "{packet:?}");
    }
}

#[test]
fn packet_without_meaning_on_an_open_websocket_is_ignored() {
    let server = example::start();
    for packet in ["0", "0{}", "5", "6"] {
        let mut peer = opened(&server);
        peer.say(packet);
        peer.say("4after");
        assert_eq!(skip_pings(&mut peer), Heard::Text("4after".into()), "{packet:?}");
    }
}

#[test]
fn close_packet_ends_the_session_at_once() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("1");
    assert!(ends_before_the_timeout(&mut peer));
}

#[test]
fn message_over_the_maximum_ends_the_session_with_1009() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say(format!("4{}", "x".repeat(1_000_000)));
    assert_eq!(peer.hear_end(), Some(1009));
}

#[test]
fn sessions_end_alone() {
    let mut server = example::start();
    let mut healthy = opened(&server);
    for _ in 0..20 {
        opened(&server).say("9");
        drop(opened(&server));
    }
    healthy.say("4fine");
    assert_eq!(skip_pings(&mut healthy), Heard::Text("4fine".into()));
    server.assert_unharmed();
}

#[test]
fn raw_door_echoes_without_any_layer() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), "/echo");
    for text in ["", "2", "4é👋"] {
        peer.say(text);
        assert_eq!(peer.hear(), Heard::Text(text.into()));
    }
    peer.say_binary(&[1, 2, 3]);
    assert_eq!(peer.hear(), Heard::Binary(vec![1, 2, 3]));
    // An unmasked frame, which no client may send.
    peer.write_raw(&[0x81, 0x01, b'x']);
    assert_eq!(peer.hear_end(), Some(1002));
}

fn opened(server: &crate::process::Process) -> Peer {
    let mut peer = Peer::open(server.address(), DOOR);
    assert!(peer.hear_text().starts_with("0{"));
    peer
}

/// The next thing that is not a ping; pings are answered.
fn skip_pings(peer: &mut Peer) -> Heard {
    loop {
        match peer.hear() {
            Heard::Text(text) if text == "2" => peer.say("3"),
            other @ (Heard::Text(_) | Heard::Binary(_) | Heard::Closed(_)) => return other,
        }
    }
}

/// Whether the end came for another reason than an unanswered ping: fewer than two pings were heard,
/// and those were answered.
fn ends_before_the_timeout(peer: &mut Peer) -> bool {
    for _ in 0..2 {
        match peer.hear() {
            Heard::Text(text) if text == "2" => peer.say("3"),
            Heard::Text(_) | Heard::Binary(_) => return false,
            Heard::Closed(_) => return true,
        }
    }
    false
}

fn status_of(address: SocketAddr, method: &str, target: &str, headers: &str) -> u16 {
    let mut stream = peer::connect(address);
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the server takes a request");
    let mut line = [0; 12];
    stream.read_exact(&mut line).expect("the server answers");
    let line = std::str::from_utf8(&line).expect("a status line is text");
    line.strip_prefix("HTTP/1.1 ").and_then(|status| status.parse().ok()).expect("a status line")
}

const DOOR: &str = "/engine.io/?EIO=4&transport=websocket";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const PING_INTERVAL: Duration = Duration::from_millis(300);
const PING_TIMEOUT: Duration = Duration::from_millis(200);
/// What a timer wheel may round away.
const EARLY_MAX: Duration = Duration::from_millis(30);
