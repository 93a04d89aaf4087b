//! Packet to text, Engine.IO's type digit `4` included.
//!
//! Everything appends to a buffer of the caller's, so that a broadcast is built once, in place.
//! Source: Socket.IO v5 "Packet encoding".

use super::ROOT;
use crate::id::SocketId;

/// `40`: the namespace is joined.
pub fn connect(out: &mut Vec<u8>, namespace: &str, socket: SocketId) {
    head(out, b'0', namespace);
    out.extend_from_slice(br#"{"sid":""#);
    out.extend_from_slice(socket.to_string().as_bytes());
    out.extend_from_slice(br#""}"#);
}

/// `40` of a connection whose state can be recovered: with its private id.
pub fn connect_recoverable(out: &mut Vec<u8>, namespace: &str, socket: SocketId, pid: &str) {
    connect(out, namespace, socket);
    out.pop();
    out.extend_from_slice(br#","pid":"#);
    string(out, pid);
    out.push(b'}');
}

/// `44`: the namespace cannot be joined, and why.
pub fn connect_error(out: &mut Vec<u8>, namespace: &str, message: &str) {
    head(out, b'4', namespace);
    out.extend_from_slice(br#"{"message":"#);
    string(out, message);
    out.push(b'}');
}

/// `44` with what the application says beside the message, as JSON text.
pub fn connect_error_with(out: &mut Vec<u8>, namespace: &str, message: &str, data: &[u8]) {
    connect_error(out, namespace, message);
    out.pop();
    out.extend_from_slice(br#","data":"#);
    out.extend_from_slice(data);
    out.push(b'}');
}

/// `41`: the server puts the client out of the namespace.
pub fn disconnect(out: &mut Vec<u8>, namespace: &str) {
    head(out, b'1', namespace);
}

/// `42` and what precedes the arguments of an event; the argument array follows.
pub fn event_head(out: &mut Vec<u8>, namespace: &str, ack: Option<u64>) {
    head(out, b'2', namespace);
    if let Some(id) = ack {
        decimal(out, id);
    }
}

/// `43` and what precedes the arguments of an answer; the argument array follows.
pub fn ack_head(out: &mut Vec<u8>, namespace: &str, id: u64) {
    head(out, b'3', namespace);
    decimal(out, id);
}

/// `45`, how many attachments follow, and what precedes the arguments of an event; the argument
/// array with its placeholders follows, and then, with nothing between, the attachments.
pub fn binary_event_head(out: &mut Vec<u8>, namespace: &str, ack: Option<u64>, attachments: usize) {
    binary_head(out, b'5', namespace, attachments);
    if let Some(id) = ack {
        decimal(out, id);
    }
}

/// `46`, how many attachments follow, and what precedes the arguments of an answer; the rest as
/// for [`binary_event_head`].
pub fn binary_ack_head(out: &mut Vec<u8>, namespace: &str, id: u64, attachments: usize) {
    binary_head(out, b'6', namespace, attachments);
    decimal(out, id);
}

/// What stands for the attachment with this index in the arguments of a binary packet.
pub fn placeholder(out: &mut Vec<u8>, index: usize) {
    out.extend_from_slice(br#"{"_placeholder":true,"num":"#);
    out.extend_from_slice(index.to_string().as_bytes());
    out.push(b'}');
}

fn binary_head(out: &mut Vec<u8>, kind: u8, namespace: &str, attachments: usize) {
    out.extend_from_slice(&[b'4', kind]);
    out.extend_from_slice(attachments.to_string().as_bytes());
    out.push(b'-');
    within(out, namespace);
}

pub(super) fn head(out: &mut Vec<u8>, kind: u8, namespace: &str) {
    out.extend_from_slice(&[b'4', kind]);
    within(out, namespace);
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

fn decimal(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(number.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn packets_are_written_as_the_specification_writes_them() {
        let socket = SocketId::new(0, 0, 0, 0);
        assert_eq!(text(|o| connect(o, "/", socket)), r#"40{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#);
        assert_eq!(text(|o| connect(o, "/a", socket)), r#"40/a,{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#);
        assert_eq!(
            text(|o| connect_error(o, "/x", "Invalid \"namespace\"")),
            r#"44/x,{"message":"Invalid \"namespace\""}"#
        );
        assert_eq!(
            text(|o| connect_error_with(o, "/", "no", br#"{"code":1}"#)),
            r#"44{"message":"no","data":{"code":1}}"#
        );
        assert_eq!(
            text(|o| connect_recoverable(o, "/a", socket, "p\"")),
            r#"40/a,{"sid":"AAAAAAAAAAAAAAAAAAAA","pid":"p\""}"#
        );
        assert_eq!(text(|o| binary_event_head(o, "/", None, 2)), "452-");
        assert_eq!(text(|o| binary_event_head(o, "/a", Some(3), 1)), "451-/a,3");
        assert_eq!(text(|o| binary_ack_head(o, "/", 12, 1)), "461-12");
        assert_eq!(text(|o| placeholder(o, 1)), r#"{"_placeholder":true,"num":1}"#);
        assert_eq!(text(|o| disconnect(o, "/")), "41");
        assert_eq!(text(|o| disconnect(o, "/a")), "41/a,");
        assert_eq!(text(|o| event_head(o, "/", None)), "42");
        assert_eq!(text(|o| event_head(o, "/a", Some(3))), "42/a,3");
        assert_eq!(text(|o| ack_head(o, "/", 12)), "4312");
    }
}
