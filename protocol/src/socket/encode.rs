//! Packet to text, Engine.IO's type digit `4` included; and the data of packets that are ours.
//!
//! Everything appends to a buffer of the caller's, so that a broadcast is built once, in place.
//! Source: Socket.IO v5 "Packet encoding".

use super::{Kind, Outgoing, ROOT};
use crate::id::SocketId;

/// Appends a packet. Its attachments are only announced: they follow in messages of their own, with
/// nothing between.
///
/// # Cost
/// A copy of the data.
pub fn packet(out: &mut Vec<u8>, packet: &Outgoing<'_>) {
    let Outgoing { kind, namespace, id, data, attachments } = *packet;
    let number = b'0'.saturating_add(kind.number());
    if matches!(kind, Kind::Event | Kind::Ack) && !attachments.is_empty() {
        out.extend_from_slice(&[b'4', number.saturating_add(BINARY)]);
        out.extend_from_slice(attachments.len().to_string().as_bytes());
        out.push(b'-');
    } else {
        out.extend_from_slice(&[b'4', number]);
    }
    within(out, namespace);
    if let Some(id) = id {
        out.extend_from_slice(id.to_string().as_bytes());
    }
    out.extend_from_slice(data.unwrap_or_default());
}

/// From the number of a type to that of its binary variant.
const BINARY: u8 = 3;

/// The data that says that a namespace is joined: the socket's id, and the private one where its
/// state can be recovered.
pub fn connect_data(out: &mut Vec<u8>, socket: SocketId, pid: Option<&str>) {
    out.extend_from_slice(br#"{"sid":""#);
    out.extend_from_slice(socket.to_string().as_bytes());
    out.push(b'"');
    if let Some(pid) = pid {
        out.extend_from_slice(br#","pid":"#);
        string(out, pid);
    }
    out.push(b'}');
}

/// The data that says why a namespace cannot be joined; `data` is what the application says beside
/// the message, as JSON text.
pub fn connect_error_data(out: &mut Vec<u8>, message: &str, data: Option<&[u8]>) {
    out.extend_from_slice(br#"{"message":"#);
    string(out, message);
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data);
    }
    out.push(b'}');
}

/// What stands for the attachment with this index in the arguments of a binary packet.
pub fn placeholder(out: &mut Vec<u8>, index: usize) {
    out.extend_from_slice(br#"{"_placeholder":true,"num":"#);
    out.extend_from_slice(index.to_string().as_bytes());
    out.push(b'}');
}

pub(super) fn within(out: &mut Vec<u8>, namespace: &str) {
    if namespace != ROOT {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
}

/// Appends a JSON string.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    // INVARIANT: a string always has a JSON form, and a Vec takes all that is written to it.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn packets_are_written_as_the_specification_writes_them() {
        let plain = |kind, namespace, id, data: &str| {
            let packet = Outgoing::new(kind, namespace, Some(data.as_bytes()));
            text(|out| super::packet(out, &Outgoing { id, ..packet }))
        };
        let sid = r#"{"sid":"x"}"#;
        assert_eq!(plain(Kind::Connect, "/", None, sid), r#"40{"sid":"x"}"#);
        assert_eq!(plain(Kind::Connect, "/a", None, sid), r#"40/a,{"sid":"x"}"#);
        assert_eq!(plain(Kind::Connect, "/a", None, ""), "40/a,");
        assert_eq!(plain(Kind::Disconnect, "/", None, ""), "41");
        assert_eq!(plain(Kind::Disconnect, "/a", None, ""), "41/a,");
        assert_eq!(plain(Kind::Event, "/", None, "[1]"), "42[1]");
        assert_eq!(plain(Kind::Event, "/a", Some(3), "[1]"), "42/a,3[1]");
        assert_eq!(plain(Kind::Ack, "/", Some(12), "[]"), "4312[]");
        assert_eq!(plain(Kind::ConnectError, "/x", None, "{}"), "44/x,{}");
    }

    #[test]
    fn packets_with_attachments_say_how_many() {
        let binary = |kind, namespace, id, count| {
            let attachments = vec![Bytes::new(); count];
            let packet = Outgoing::new(kind, namespace, Some(b"[1]"));
            let packet = Outgoing { id, attachments: &attachments, ..packet };
            text(|out| super::packet(out, &packet))
        };
        assert_eq!(binary(Kind::Event, "/", None, 3), "453-[1]");
        assert_eq!(binary(Kind::Event, "/a", Some(3), 1), "451-/a,3[1]");
        assert_eq!(binary(Kind::Ack, "/", Some(12), 1), "461-12[1]");
        assert_eq!(binary(Kind::Ack, "/a", Some(0), 10), "4610-/a,0[1]");
        assert_eq!(binary(Kind::Connect, "/", None, 1), "40[1]", "others have none");
    }

    #[test]
    fn data_of_our_own_packets_is_json() {
        let socket = SocketId::new(0, 0, 0, 0);
        assert_eq!(
            text(|out| connect_data(out, socket, None)),
            r#"{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#
        );
        assert_eq!(
            text(|out| connect_data(out, socket, Some("p\""))),
            r#"{"sid":"AAAAAAAAAAAAAAAAAAAA","pid":"p\""}"#
        );
        assert_eq!(
            text(|out| connect_error_data(out, "Invalid \"namespace\"", None)),
            r#"{"message":"Invalid \"namespace\""}"#
        );
        assert_eq!(
            text(|out| connect_error_data(out, "no", Some(br#"{"code":1}"#))),
            r#"{"message":"no","data":{"code":1}}"#
        );
        assert_eq!(text(|out| placeholder(out, 1)), r#"{"_placeholder":true,"num":1}"#);
    }
}
