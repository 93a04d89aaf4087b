//! What a client says before its sign-in is decided: it waits, and is not lost. The chat looks
//! tokens up elsewhere, so that there is such a time.

use crate::peer::{Heard, Peer};
use crate::rest;
use crate::server::Server;

#[test]
fn event_with_attachments_waits_for_the_sign_in() {
    let server = Server::start();
    let token = rest::register(server.address(), "Ada").token;
    for _ in 0..ROUNDS {
        let mut peer = opened(&server);
        peer.say(format!(r#"40{{"token":"{token}"}}"#));
        peer.say(r#"420["ping"]"#);
        peer.say(r#"451-1["ping",{"_placeholder":true,"num":0}]"#);
        peer.say_binary(b"x");
        peer.say(r#"422["ping"]"#);
        assert!(hear(&mut peer).starts_with(b"40{"));
        let acks = std::iter::repeat_with(|| hear(&mut peer)).filter(|it| it.starts_with(b"43"));
        let mut ids: Vec<u8> = acks.take(3).map(|ack| ack[2]).collect();
        ids.sort_unstable();
        assert_eq!(ids, b"012");
    }
}

#[test]
fn event_in_msgpack_waits_for_the_sign_in() {
    let server = Server::start();
    let token = rest::register(server.address(), "Ada").token;
    let len = u16::try_from(token.len()).unwrap().to_be_bytes();
    let connect = b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x81\xa5token\xda";
    let ping = b"\x84\xa4type\x02\xa4data\x92\xa4ping\xc4\x01x\xa2id\x07\xa3nsp\xa1/";
    for _ in 0..ROUNDS {
        let mut peer = opened(&server);
        peer.say_binary(&[&connect[..], &len, token.as_bytes()].concat());
        peer.say_binary(ping);
        assert!(hear(&mut peer).starts_with(b"\x83\xa4type\x00"));
        let is_ack = |packet: &Vec<u8>| packet.starts_with(b"\x84\xa4type\x03");
        let ack = std::iter::repeat_with(|| hear(&mut peer)).find(is_ack).unwrap();
        assert!(ack.ends_with(b"\xa2id\x07\xa3nsp\xa1/"), "{ack:?}");
    }
}

fn opened(server: &Server) -> Peer {
    let mut peer = Peer::open(server.address(), "/socket.io/?EIO=4&transport=websocket");
    assert!(peer.hear_text().starts_with("0{"));
    peer
}

/// The next packet of either encoding.
fn hear(peer: &mut Peer) -> Vec<u8> {
    match peer.hear() {
        Heard::Text(text) => text.into_bytes(),
        Heard::Binary(bytes) => bytes,
        Heard::Closed(code) => panic!("closed with {code:?}"),
    }
}

/// Each a race between the look-up and what the client says.
const ROUNDS: usize = 20;
