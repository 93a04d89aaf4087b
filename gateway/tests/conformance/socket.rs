//! Socket.IO 5 at the door with the echo application, said by hand over WebSocket.
//!
//! - [`connect`], [`packet`], [`disconnect`]: the text encoding, in the order of a session
//! - [`binary`]: packets with attachments
//! - [`msgpack`]: the other encoding, at the same door

use crate::peer::{Heard, Peer};
use crate::process::Process;

mod binary;
mod connect;
mod disconnect;
mod msgpack;
mod packet;

fn opened(server: &Process) -> Peer {
    let mut peer = Peer::open(server.address(), DOOR);
    assert!(peer.hear_text().starts_with("0{"));
    peer
}

fn connected(server: &Process) -> Peer {
    let mut peer = opened(server);
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"));
    assert_eq!(hear(&mut peer), r#"42["auth",{}]"#);
    peer
}

/// The next text that is not a ping; pings are answered.
fn hear(peer: &mut Peer) -> String {
    match skip_pings(peer) {
        Heard::Text(text) => text,
        other @ (Heard::Binary(_) | Heard::Closed(_)) => panic!("expected text, got {other:?}"),
    }
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

/// Whether the connection ends, with nothing before.
fn ends(peer: &mut Peer) -> bool {
    matches!(peer.hear(), Heard::Closed(_))
}

/// That a heartbeat comes now: one that was sent before may stand before it, so that it is the second.
fn assert_pinged(peer: &mut Peer) {
    for _ in 0..2 {
        assert_eq!(peer.hear(), Heard::Text("2".into()), "the next frame is a ping");
        peer.say("3");
    }
}

const DOOR: &str = "/socket.io/?EIO=4&transport=websocket";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
