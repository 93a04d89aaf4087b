//! What is different for clients of Socket.IO 1 and 2, which speak Engine.IO 3.
//!
//! - The server joins the root namespace for the client: [`IMPLICIT_CONNECT`] follows the open
//!   packet unasked, and the client never asks for it.
//! - Other namespaces are asked for with a query behind the name, which takes the place of the auth
//!   object: [`split_query`], [`query_auth`].
//! - The answer says nothing but the name: [`connect`]. The socket's id is the session's, with the
//!   namespace before it where that is not the root: [`socket_name`].
//! - A refusal is a bare value, and not an object: [`connect_error`]. Only an unknown namespace is
//!   told in the newer way, by [`encode::connect_error`].
//!
//! Source: Socket.IO protocol v4; reference `socket.io/lib/{client,socket,namespace}.ts`.

use super::{ROOT, encode};
use crate::id::EngineSid;
use crate::schema::form::Form;

/// What the server sends behind the open packet: the root namespace is joined.
pub const IMPLICIT_CONNECT: &[u8] = b"40";

/// A namespace as it was sent, and the query behind it. Of every packet, since the reference
/// splits all of them.
pub fn split_query(namespace: &str) -> (&str, Option<&str>) {
    match namespace.split_once('?') {
        Some((name, query)) => (name, Some(query)),
        None => (namespace, None),
    }
}

/// The auth object that a query stands for, as JSON text: texts by name, and arrays of them where
/// a name repeats. At most [`PAIRS_MAX`](crate::schema::form::PAIRS_MAX) pairs are read.
pub fn query_auth(query: &str) -> Vec<u8> {
    let form = Form::from_body(query);
    let document = form.document();
    let mut out = Vec::new();
    // INVARIANT: texts and arrays of them have a JSON form, and a Vec takes every byte.
    let _ = serde_json::to_writer(&mut out, &document.root());
    out
}

/// `40`: the namespace is joined.
pub fn connect(out: &mut Vec<u8>, namespace: &str) {
    encode::head(out, b'0', namespace);
}

/// `44`: the namespace cannot be joined. `data`, JSON text, stands in place of the message where
/// there is any.
pub fn connect_error(out: &mut Vec<u8>, namespace: &str, message: &str, data: Option<&[u8]>) {
    encode::head(out, b'4', namespace);
    match data {
        Some(json) => out.extend_from_slice(json),
        None => encode::string(out, message),
    }
}

/// The name that the client itself gives its socket in this namespace. It holds the session's
/// secret in the root namespace, and so is shown to nobody else.
pub fn socket_name(sid: EngineSid, namespace: &str) -> String {
    if namespace == ROOT { sid.to_string() } else { format!("{namespace}#{sid}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Packet;
    use crate::socket::decode::decode_text;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn v3_root_namespace_is_joined_by_the_server() {
        assert_eq!(text(|out| connect(out, "/")).as_bytes(), IMPLICIT_CONNECT);
    }

    #[test]
    fn v3_query_behind_a_namespace_is_the_auth_object() {
        let mut packet = b"0/custom?a=b&c=d%20e&a=f,".to_vec();
        let Packet::Connect { namespace, auth: None } = decode_text(&mut packet).unwrap() else {
            panic!("another packet")
        };
        let (name, query) = split_query(namespace);
        assert_eq!(name, "/custom");
        assert_eq!(query_auth(query.unwrap()), br#"{"a":["b","f"],"c":"d e"}"#);
        assert_eq!(query_auth(""), b"{}");
        assert_eq!(split_query("/custom"), ("/custom", None));
        assert_eq!(split_query("/custom?"), ("/custom", Some("")));
    }

    #[test]
    fn v3_answer_to_a_connect_has_no_payload() {
        assert_eq!(text(|out| connect(out, "/custom")), "40/custom,");
    }

    #[test]
    fn v3_connect_error_is_the_data_or_the_message() {
        assert_eq!(text(|out| connect_error(out, "/", "no \"x\"", None)), r#"44"no \"x\"""#);
        let data = Some(&br#"{"code":1}"#[..]);
        assert_eq!(text(|out| connect_error(out, "/a", "no", data)), r#"44/a,{"code":1}"#);
        let unknown = text(|out| encode::connect_error(out, "/x", "Invalid namespace"));
        assert_eq!(unknown, r#"44/x,{"message":"Invalid namespace"}"#);
    }

    #[test]
    fn v3_socket_id_is_the_session_id_behind_its_namespace() {
        let sid = EngineSid::new(0, 0, [0; 12]);
        assert_eq!(socket_name(sid, "/"), "AAAAAAAAAAAAAAAAAAAA");
        assert_eq!(socket_name(sid, "/a"), "/a#AAAAAAAAAAAAAAAAAAAA");
    }
}
