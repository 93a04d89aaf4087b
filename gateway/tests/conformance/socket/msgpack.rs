//! Socket.IO 5 in msgpack, at the door that serves JSON too. The bytes are written by hand, after
//! the msgpack specification and what `socket.io-msgpack-parser` sends.

use super::{DOOR, POLLING, assert_pinged, ends, opened, skip_pings};
use crate::engine::Poller;
use crate::example;
use crate::peer::{Heard, Peer};
use crate::process::Process;

#[test]
fn msgpack_connect_is_answered_with_a_sid_and_nothing_else() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say_binary(b"\x82\xa4type\x00\xa3nsp\xa1/");
    assert_joined(&hear(&mut peer), b"\xa1/");
    assert_eq!(hear(&mut peer), event(b"\x92\xa4auth\x80"));
}

#[test]
fn msgpack_connect_hands_over_the_auth_object() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say_binary(
        b"\x83\xa4type\x00\xa4data\x83\xa1n\xcb\x3f\xf8\0\0\0\0\0\0\xa1d\xd6\xff\0\0\0\0\xa1u\xd4\0\0\xa3nsp\xa7/custom",
    );
    assert_joined(&hear(&mut peer), b"\xa7/custom");
    let expected = b"\x83\xa4type\x02\xa4data\x92\xa4auth\x82\xa1n\xcb\x3f\xf8\0\0\0\0\0\0\xa1d\xb81970-01-01T00:00:00.000Z\xa3nsp\xa7/custom";
    assert_eq!(hear(&mut peer), expected);
}

#[test]
fn msgpack_connect_to_an_unknown_namespace_is_refused_and_the_connection_stays() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say_binary(b"\x82\xa4type\x00\xa3nsp\xa7/random");
    let refused = b"\x83\xa4type\x04\xa4data\x81\xa7message\xb1Invalid namespace\xa3nsp\xa7/random";
    assert_eq!(hear(&mut peer), refused);
    let wish = b"\x83\xa4type\x00\xa4data\x81\xa6refuse\x81\xa4code\x07\xa3nsp\xa7/custom";
    peer.say_binary(wish);
    let refused = b"\x83\xa4type\x04\xa4data\x82\xa7message\xa7Refused\xa4data\x81\xa4code\x07\xa3nsp\xa7/custom";
    assert_eq!(hear(&mut peer), refused);
    peer.say_binary(b"\x82\xa4type\x00\xa3nsp\xa1/");
    assert_joined(&hear(&mut peer), b"\xa1/");
}

#[test]
fn msgpack_event_comes_back_with_the_same_arguments() {
    let server = example::start();
    let mut peer = connected(&server);
    for (count, arguments) in [
        (0, &b""[..]),
        (3, b"\x01\xa12\x81\xa13\x92\xc3\xc0"),
        (2, b"\xff\xcb\x3f\xf8\0\0\0\0\0\0"),
        // Attachments stand where they are.
        (1, b"\xc4\x03\x00\x1e\xff"),
        (2, b"\x81\xa2of\x92\xc4\x01\x01\xa1x\xc4\x00"),
    ] {
        peer.say_binary(&event(&[&[0x91 + count], &b"\xa7message"[..], arguments].concat()));
        let expected = event(&[&[0x91 + count], &b"\xacmessage-back"[..], arguments].concat());
        assert_eq!(hear(&mut peer), expected, "{arguments:?}");
    }
}

#[test]
fn msgpack_ack_carries_the_id_of_its_event() {
    let server = example::start();
    let mut peer = connected(&server);
    for id in [&b"\x00"[..], b"\xcd\x01\x00", b"\xcf\x00\x20\0\0\0\0\0\0"] {
        let ask = b"\x84\xa4type\x02\xa4data\x92\xb0message-with-ack\xc4\x01\x07\xa2id";
        peer.say_binary(&[&ask[..], id, b"\xa3nsp\xa1/"].concat());
        let answer = b"\x84\xa4type\x03\xa4data\x91\xc4\x01\x07\xa2id";
        assert_eq!(hear(&mut peer), [&answer[..], id, b"\xa3nsp\xa1/"].concat());
    }
}

#[test]
fn msgpack_values_become_what_json_can_say_in_their_smallest_form() {
    let server = example::start();
    let mut peer = connected(&server);
    for (sent, heard) in [
        (&b"\xcd\x00\x05"[..], &b"\x05"[..]),
        (b"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", b"\xff"),
        (b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00", b"\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
        // A float that is whole is an integer, and all others have 64 bits.
        (b"\xcb\x40\x14\0\0\0\0\0\0", b"\x05"),
        (b"\xca\x3f\xc0\0\0", b"\xcb\x3f\xf8\0\0\0\0\0\0"),
        (b"\xcb\x7f\xf8\0\0\0\0\0\0", b"\xc0"),
        (b"\xcb\x7f\xf0\0\0\0\0\0\0", b"\xc0"),
        // `undefined` is no member, and a hole in an array.
        (b"\x82\xa1a\xd4\0\0\xa1b\x01", b"\x81\xa1b\x01"),
        (b"\x92\xd4\0\0\x01", b"\x92\xc0\x01"),
        // Dates of whole seconds, and of milliseconds.
        (b"\xd6\xff\0\0\0\x01", b"\xb81970-01-01T00:00:01.000Z"),
        (b"\xd7\xff\x01\x31\x2d\0\0\0\0\x01", b"\xb81970-01-01T00:00:01.005Z"),
        (b"\xda\x00\x01x", b"\xa1x"),
        (b"\xc5\x00\x01x", b"\xc4\x01x"),
        (b"\xdc\x00\x01\x07", b"\x91\x07"),
    ] {
        peer.say_binary(&event(&[&b"\x92\xa7message"[..], sent].concat()));
        let expected = event(&[&b"\x92\xacmessage-back"[..], heard].concat());
        assert_eq!(hear(&mut peer), expected, "{sent:?}");
    }
}

#[test]
fn msgpack_members_come_in_any_order_and_unknown_ones_are_passed_over() {
    let server = example::start();
    let mut peer = connected(&server);
    let back = event(b"\x91\xacmessage-back");
    for packet in [
        &b"\x85\xa4type\x02\xa4data\x91\xa7message\xa7options\x81\xa8compress\xc3\xa2id\xd4\0\0\xa3nsp\xa1/"[..],
        b"\x84\xa3nsp\xa1/\xa2id\xc0\xa4data\x91\xa7message\xa4type\x02",
        b"\xde\x00\x04\xa4type\x02\xa3nsp\xa1/\xa4more\x91\x81\x01\xc4\x00\xa4data\x91\xa7message",
    ] {
        peer.say_binary(packet);
        assert_eq!(hear(&mut peer), back, "{packet:?}");
    }
}

#[test]
fn msgpack_attachments_are_ten_at_most() {
    let server = example::start();
    let mut peer = connected(&server);
    let of = |count: usize| b"\xc4\x01x".repeat(count);
    peer.say_binary(&event(&[&b"\x9b\xa7message"[..], &of(10)].concat()));
    assert_eq!(hear(&mut peer), event(&[&b"\x9b\xacmessage-back"[..], &of(10)].concat()));
    peer.say_binary(&event(&[&b"\x9c\xa7message"[..], &of(11)].concat()));
    assert!(ends(&mut peer));
}

#[test]
fn msgpack_travels_as_base64_while_polling_and_stays_with_the_session_that_upgrades() {
    let server = example::start();
    let poller = Poller::open_at(&server, POLLING);
    // The CONNECT, and an event with one byte of binary, in one payload.
    let packets = "bgqR0eXBlAKNuc3ChLw==\u{1e}bg6R0eXBlAqRkYXRhkqdtZXNzYWdlxAEHo25zcKEv";
    assert_eq!(poller.post(packets).text(), "ok");
    let mut heard = Vec::new();
    while heard.len() < 3 {
        heard.extend(poller.get().text().split('\u{1e}').map(str::to_owned));
    }
    assert!(heard[0].starts_with("bg6R0eXBlAKRkYXRhgaNzaWS0"), "{heard:?}");
    assert_eq!(heard[1], "bg6R0eXBlAqRkYXRhkqRhdXRogKNuc3ChLw==");
    assert_eq!(heard[2], "bg6R0eXBlAqRkYXRhkqxtZXNzYWdlLWJhY2vEAQejbnNwoS8=");

    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    peer.say("5");
    peer.say_binary(&event(b"\x92\xa7message\xc4\x01\x07"));
    assert_eq!(hear(&mut peer), event(b"\x92\xacmessage-back\xc4\x01\x07"));
    peer.say(r#"42["message"]"#);
    assert!(ends(&mut peer), "the other encoding");
}

#[test]
fn msgpack_is_not_spoken_in_revision_3_where_the_server_speaks_first() {
    let server = example::start_with(&["--eio3"]);
    let mut peer = Peer::open(server.address(), "/socket.io/?EIO=3&transport=websocket");
    assert!(peer.hear_text().starts_with("0{"));
    assert_eq!(peer.hear_text(), "40");
    assert_eq!(peer.hear_text(), r#"42["auth",{}]"#);
    peer.say_binary(&[&b"\x04"[..], &event(b"\x91\xa7message")].concat());
    assert!(matches!(peer.hear(), Heard::Closed(_)));
}

#[test]
fn msgpack_and_json_clients_hear_each_other_in_one_room() {
    let server = example::start();
    let mut binary = connected(&server);
    binary.say_binary(&event(b"\x92\xb1join_conversation\xa1r"));
    binary.say_binary(&event(b"\x91\xa7message"));
    assert_eq!(hear(&mut binary), event(b"\x91\xacmessage-back"), "it is in the room");

    let mut text = Peer::open(server.address(), DOOR);
    text.hear_text();
    text.say("40");
    text.hear_text();
    text.hear_text();
    text.say(r#"42["join_conversation","r"]"#);
    text.say(r#"42["send_message",{"conversationId":"r","n":[1,2.5,"é"]}]"#);
    let said = r#"42["new_message",{"conversationId":"r","n":[1,2.5,"é"]}]"#;
    assert_eq!(skip_pings(&mut text), Heard::Text(said.into()));
    assert_eq!(
        hear(&mut binary),
        event(
            b"\x92\xabnew_message\x82\xaeconversationId\xa1r\xa1n\x93\x01\xcb\x40\x04\0\0\0\0\0\0\xa2\xc3\xa9"
        )
    );

    binary.say_binary(&event(b"\x92\xacsend_message\x81\xaeconversationId\xa1r"));
    assert_eq!(hear(&mut binary), event(b"\x92\xabnew_message\x81\xaeconversationId\xa1r"));
    let said = r#"42["new_message",{"conversationId":"r"}]"#;
    assert_eq!(skip_pings(&mut text), Heard::Text(said.into()));
}

#[test]
fn msgpack_event_sent_together_with_the_connect_is_not_lost() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say_binary(b"\x82\xa4type\x00\xa3nsp\xa1/");
    peer.say_binary(&event(b"\x92\xa7message\xc4\x01\x09"));
    assert_joined(&hear(&mut peer), b"\xa1/");
    assert_eq!(hear(&mut peer), event(b"\x92\xa4auth\x80"));
    assert_eq!(hear(&mut peer), event(b"\x92\xacmessage-back\xc4\x01\x09"));
}

#[test]
fn msgpack_disconnect_leaves_the_connection_open() {
    let server = example::start_with(&example::PINGING);
    let mut peer = connected(&server);
    peer.say_binary(b"\x82\xa4type\x01\xa3nsp\xa1/");
    assert_pinged(&mut peer);
    peer.say_binary(b"\x82\xa4type\x00\xa3nsp\xa1/");
    assert_joined(&hear(&mut peer), b"\xa1/");
}

#[test]
fn encoding_that_changes_after_the_first_message_ends_the_connection() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say(r#"42["message"]"#);
    assert!(ends(&mut peer));
    let mut peer = Peer::open(server.address(), DOOR);
    peer.hear_text();
    peer.say("40");
    peer.hear_text();
    peer.hear_text();
    peer.say_binary(&event(b"\x91\xa7message"));
    assert!(ends(&mut peer));
    // A refused CONNECT was a first message too.
    let mut peer = opened(&server);
    peer.say("40/random");
    peer.hear_text();
    peer.say_binary(b"\x82\xa4type\x00\xa3nsp\xa1/");
    assert!(ends(&mut peer));
}

#[test]
fn msgpack_that_is_malformed_ends_its_connection_and_no_other() {
    let mut server = example::start();
    let mut bystander = connected(&server);
    let bomb = [&b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data"[..], &vec![0x91; 100_000]].concat();
    let rows: [&[u8]; 26] = [
        b"",
        b"\x80",
        b"\x90",
        b"\xdf\xff\xff\xff\xff",
        b"\x82\xa4type\x02\xa3nsp\xa1/ ",
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\xdd\xff\xff\xff\xff",
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xdb\xff\xff\xff\xff",
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xc6\xff\xff\xff\xff",
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xc1",
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa7connect",
        b"\x83\xa4type\x04\xa3nsp\xa1/\xa4data\x80",
        b"\x82\xa4type\x05\xa3nsp\xa1/",
        b"\x83\xa4type\x06\xa3nsp\xa1/\xa4data\x90",
        b"\x82\xa4type\xa10\xa3nsp\xa1/",
        b"\x81\xa4type\x02",
        b"\x81\xa3nsp\xa1/",
        b"\x83\xa4type\x01\xa3nsp\xa1/\xa4data\x80",
        b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x90",
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xc0",
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xc4\x01x",
        b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xff\xa4data\x91\xa7message",
        b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xcf\x00\x20\0\0\0\0\0\x01\xa4data\x91\xa7message",
        // An extension of nobody.
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa7message\xd4\x05\0",
        // A map that would pass for the attachment beside it.
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x93\xa7message\xc4\x01x\x82\xac_placeholder\xc3\xa3num\x00",
        b"\x83\xa4type\x02\xa3nsp\xa7/custom\xa4data\x91\xa1x",
        &bomb,
    ];
    for row in rows {
        let mut first = opened(&server);
        first.say_binary(row);
        assert!(ends(&mut first), "first: {row:?}");
        let mut later = connected(&server);
        later.say_binary(row);
        assert!(ends(&mut later), "later: {row:?}");
    }
    bystander.say_binary(&event(b"\x91\xa7message"));
    assert_eq!(hear(&mut bystander), event(b"\x91\xacmessage-back"));
    server.assert_unharmed();
}

/// An event in the root namespace with these arguments.
fn event(arguments: &[u8]) -> Vec<u8> {
    [&b"\x83\xa4type\x02\xa4data"[..], arguments, b"\xa3nsp\xa1/"].concat()
}

/// That this is the answer to a CONNECT: a sid of 20 characters, and nothing else.
fn assert_joined(packet: &[u8], namespace: &[u8]) {
    let sid = packet
        .strip_prefix(b"\x83\xa4type\x00\xa4data\x81\xa3sid\xb4")
        .and_then(|rest| rest.strip_suffix(namespace)?.strip_suffix(b"\xa3nsp"));
    assert_eq!(sid.map(<[u8]>::len), Some(20), "{packet:?}");
}

fn connected(server: &Process) -> Peer {
    let mut peer = opened(server);
    peer.say_binary(b"\x82\xa4type\x00\xa3nsp\xa1/");
    assert_joined(&hear(&mut peer), b"\xa1/");
    assert_eq!(hear(&mut peer), event(b"\x92\xa4auth\x80"));
    peer
}

/// The next packet.
fn hear(peer: &mut Peer) -> Vec<u8> {
    match skip_pings(peer) {
        Heard::Binary(bytes) => bytes,
        other @ (Heard::Text(_) | Heard::Closed(_)) => panic!("expected binary, got {other:?}"),
    }
}
