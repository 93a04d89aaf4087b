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

/// `44`: the namespace cannot be joined, and why.
pub fn connect_error(out: &mut Vec<u8>, namespace: &str, message: &str) {
    head(out, b'4', namespace);
    out.extend_from_slice(br#"{"message":"#);
    // INVARIANT: a string always has a JSON form, and a Vec takes all that is written to it.
    let _ = serde_json::to_writer(&mut *out, message);
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

fn head(out: &mut Vec<u8>, kind: u8, namespace: &str) {
    out.extend_from_slice(&[b'4', kind]);
    if namespace != ROOT {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
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
        assert_eq!(text(|o| disconnect(o, "/")), "41");
        assert_eq!(text(|o| disconnect(o, "/a")), "41/a,");
        assert_eq!(text(|o| event_head(o, "/", None)), "42");
        assert_eq!(text(|o| event_head(o, "/a", Some(3))), "42/a,3");
        assert_eq!(text(|o| ack_head(o, "/", 12)), "4312");
    }
}
