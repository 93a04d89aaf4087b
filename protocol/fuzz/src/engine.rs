//! Engine.IO packets, payloads and queries.

use protocol::engine::packet::{self, Packet};
use protocol::engine::payload::{self, Format, Writer};
use protocol::engine::{Handshake, Revision};
use protocol::websocket::message::Payload;

/// A packet as text, as bytes, and a query of a handshake; the first byte's low bit is the
/// revision.
pub(crate) fn engine_packet(data: &[u8]) {
    let Some((&head, bytes)) = data.split_first() else { return };
    let revision = if head & 1 == 0 { Revision::V4 } else { Revision::V3 };
    let mut text = bytes.to_vec();
    if let Ok(Packet::Binary(message)) = packet::decode_text(revision, &mut text) {
        let mut again = Vec::new();
        packet::append_base64(&mut again, revision, &message);
        let read = packet::decode_text(revision, &mut again);
        assert!(matches!(read, Ok(Packet::Binary(same)) if *same == *message));
    }
    let mut copy = bytes.to_vec();
    let borrowed = packet::decode_binary(revision, Payload::Borrowed(&mut copy));
    let owned = packet::decode_binary(revision, Payload::Owned(bytes.to_vec()));
    assert_eq!(format!("{borrowed:?}").is_empty(), format!("{owned:?}").is_empty());
    assert_eq!(borrowed.is_ok(), owned.is_ok());
    if let Ok(query) = std::str::from_utf8(bytes) {
        let _ = Handshake::from_query(query);
    }
}

/// A body of long polling, and the same packets written and read again; the first byte says which
/// form.
pub(crate) fn engine_payload(data: &[u8]) {
    let Some((&head, bytes)) = data.split_first() else { return };
    let format = [Format::V4, Format::V3Text, Format::V3Binary][usize::from(head % 3)];
    let Some(packets) = packets(format, bytes) else { return };
    if packets.is_empty() {
        return;
    }
    let mut writer = Writer::new(format);
    for packet in &packets {
        match packet {
            Sent::Text(text) => writer.push_text(text),
            Sent::Binary(message) => writer.push_binary(message),
        }
    }
    assert_eq!(self::packets(format, &writer.into_body()), Some(packets));
}

#[derive(Debug, PartialEq)]
enum Sent {
    Text(Vec<u8>),
    Binary(Vec<u8>),
}

/// The packets of a body; `None` if one of them is none.
fn packets(format: Format, body: &[u8]) -> Option<Vec<Sent>> {
    let mut body = body.to_vec();
    let mut packets = Vec::new();
    for packet in payload::decode(format, &mut body) {
        packets.push(match packet.ok()? {
            Packet::Close => Sent::Text(b"1".to_vec()),
            Packet::Ping(data) => Sent::Text([b"2", data].concat()),
            Packet::Pong => Sent::Text(b"3".to_vec()),
            Packet::Message(text) => Sent::Text([b"4", &*text].concat()),
            Packet::Binary(message) => Sent::Binary(message.into_vec()),
            Packet::Upgrade => Sent::Text(b"5".to_vec()),
            Packet::Ignored => Sent::Text(b"6".to_vec()),
        });
    }
    Some(packets)
}
