//! Socket.IO packets in both encodings.

use bytes::Bytes;
use protocol::socket::attachment::ATTACHED_BYTES_MAX;
use protocol::socket::decode::{self, ATTACHMENTS_MAX};
use protocol::socket::{Assembly, Kind, Outgoing, Packet, encode, legacy, msgpack};
use protocol::websocket::message::Payload;

use super::is_json;

/// A packet in text; an event is written and read again.
pub(crate) fn socket_packet(data: &[u8]) {
    let mut text = data.to_vec();
    let Ok(packet) = decode::decode_text(&mut text) else { return };
    let (name, query) = legacy::split_query(packet.namespace());
    assert!(name.starts_with('/'));
    if let Some(query) = query {
        let auth = legacy::query_auth(query);
        assert!(auth.starts_with(b"{") && is_json(&auth));
    }
    let Packet::Event { namespace, ack, arguments: Some(arguments) } = packet else { return };
    let mut again = Vec::new();
    let written = Outgoing { id: ack, ..Outgoing::new(Kind::Event, namespace, Some(arguments)) };
    encode::packet(&mut again, &written);
    let read = decode::decode_text(&mut again[1..]);
    let same = Packet::Event { namespace, ack, arguments: Some(arguments) };
    assert_eq!(read, Ok(same));
}

/// A sequence of messages: each a length, whose high bit says binary, and so many bytes.
pub(crate) fn socket_attachment(data: &[u8]) {
    let mut assembly = Assembly::new();
    let mut rest = data;
    while let Some((&head, behind)) = rest.split_first() {
        let len = usize::from(head & 0x7f).min(behind.len());
        let (message, behind) = behind.split_at(len);
        rest = behind;
        let mut message = message.to_vec();
        if head < 0x80 {
            // Text messages are UTF-8 by the time they come here.
            if std::str::from_utf8(&message).is_err() || assembly.handle_text(&mut message).is_err()
            {
                return;
            }
            continue;
        }
        let Ok(whole) = assembly.handle_binary(Payload::Borrowed(&mut message)) else {
            assert_eq!(assembly.held_bytes(), 0);
            return;
        };
        assert!(assembly.held_bytes() <= ATTACHED_BYTES_MAX);
        let Some(mut whole) = whole else { continue };
        let len = whole.len();
        let (packet, attachments) = whole.parts().expect("it was read when its head came");
        let (Packet::BinaryEvent { arguments, attachments: count, .. }
        | Packet::BinaryAck { arguments, attachments: count, .. }) = packet
        else {
            panic!("only these owe attachments")
        };
        assert_eq!(attachments.len(), usize::from(count));
        let mut out = Vec::new();
        let kind = Kind::Event;
        let packet =
            Outgoing { kind, namespace: "/", id: None, data: Some(arguments), attachments };
        msgpack::encode(&mut out, &packet).expect("its JSON was read when its head came");
        // Each attachment once: numbers are the most that swells.
        assert!(out.len() <= 9 * len + 64);
    }
}

/// A binary message of the msgpack parser, and what it was read as, written and read again.
pub(crate) fn socket_msgpack(data: &[u8]) {
    let Some((text, attachments)) = text_of(data) else { return };
    assert!(attachments.len() <= usize::from(ATTACHMENTS_MAX));
    let mut copy = text.clone();
    let packet = decode::decode_text(&mut copy).expect("it is written to be read");
    let (kind, namespace, id, data) = match packet {
        Packet::Connect { namespace, auth } => (Kind::Connect, namespace, None, auth),
        Packet::Disconnect { namespace } => (Kind::Disconnect, namespace, None, None),
        Packet::Event { namespace, ack, arguments } => (Kind::Event, namespace, ack, arguments),
        Packet::Ack { namespace, id, arguments } => (Kind::Ack, namespace, id, arguments),
        Packet::BinaryEvent { namespace, ack, arguments, .. } => {
            (Kind::Event, namespace, ack, Some(arguments))
        }
        Packet::BinaryAck { namespace, id, arguments, .. } => {
            (Kind::Ack, namespace, id, Some(arguments))
        }
    };
    let data = data.as_deref();
    let mut again = Vec::new();
    let packet = Outgoing { kind, namespace, id, data, attachments: &attachments };
    msgpack::encode(&mut again, &packet).expect("it is written as JSON within the bounds");
    // What an id says on a packet without one is dropped; all else comes back.
    if matches!(kind, Kind::Event | Kind::Ack) {
        assert_eq!(text_of(&again), Some((text, attachments)));
    }
}

fn text_of(message: &[u8]) -> Option<(Vec<u8>, Vec<Bytes>)> {
    let mut whole = msgpack::decode(message).ok()?;
    let text = whole.text().to_vec();
    let (_, attachments) = whole.parts().expect("it is written to be read");
    Some((text, attachments.to_vec()))
}
