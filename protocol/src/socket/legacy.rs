//! What is different for clients of Socket.IO 1 and 2, which speak Engine.IO 3.
//!
//! - The server joins the root namespace for the client: [`IMPLICIT_CONNECT`] follows the open
//!   packet unasked, and the client never asks for it.
//! - Other namespaces are asked for with a query behind the name, which takes the place of the auth
//!   object: [`split_query`], [`query_auth`].
//! - The answer says nothing but the name. The socket's id is the session's, with the
//!   namespace before it where that is not the root: [`socket_name`].
//! - A refusal is a bare value, and not an object: [`connect_error_data`]. Only an unknown namespace
//!   is told in the newer way, by [`encode::connect_error_data`].
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

/// The data that says why a namespace cannot be joined: what the application says beside the
/// message, JSON text, or else the message.
pub fn connect_error_data(out: &mut Vec<u8>, message: &str, data: Option<&[u8]>) {
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
    use crate::socket::decode::decode_text;
    use crate::socket::{Kind, Outgoing, Packet};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn v3_root_namespace_is_joined_by_the_server() {
        let joined = Outgoing::new(Kind::Connect, ROOT, None);
        assert_eq!(text(|out| encode::packet(out, &joined)).as_bytes(), IMPLICIT_CONNECT);
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
    fn v3_connect_error_is_the_data_or_the_message() {
        assert_eq!(text(|out| connect_error_data(out, "no \"x\"", None)), r#""no \"x\"""#);
        let data = Some(&br#"{"code":1}"#[..]);
        assert_eq!(text(|out| connect_error_data(out, "no", data)), r#"{"code":1}"#);
    }

    #[test]
    fn v3_socket_id_is_the_session_id_behind_its_namespace() {
        let sid = EngineSid::new(0, 0, [0; 12]);
        assert_eq!(socket_name(sid, "/"), "AAAAAAAAAAAAAAAAAAAA");
        assert_eq!(socket_name(sid, "/a"), "/a#AAAAAAAAAAAAAAAAAAAA");
    }
}
