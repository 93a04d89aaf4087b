//! From an HTTP request to a WebSocket: the checks, and the answer that switches protocols.
//!
//! Source: RFC 6455 §4.2; Engine.IO v4 "Handshake".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use protocol::engine::{Handshake, HandshakeError, Revision, Transport};
use ring::digest;

/// What a key is hashed with. Source: RFC 6455 §1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Which revisions and transports a door serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Whether clients of revision 3 are let in.
    pub revision_3: bool,
}

/// Checks a request to the Engine.IO path, in the reference server's order: what it names, its
/// method, whether it fits its transport, and last its revision. Whether the session that it names
/// exists is its shard's to say.
///
/// # Errors
/// The first check that fails.
pub fn check<B>(request: &Request<B>, served: Served) -> Result<Handshake, HandshakeError> {
    let handshake = Handshake::from_query(request.uri().query().unwrap_or_default())?;
    let is_upgrade = has_token(request.headers(), &CONNECTION, "upgrade");
    if handshake.sid.is_none() && request.method() != Method::GET {
        return Err(HandshakeError::BadMethod);
    }
    match handshake.transport {
        Transport::WebSocket if !is_upgrade => return Err(HandshakeError::BadRequest),
        Transport::Polling if is_upgrade => return Err(HandshakeError::BadRequest),
        Transport::WebSocket | Transport::Polling => {}
    }
    match handshake.revision {
        Revision::V4 => Ok(handshake),
        Revision::V3 if served.revision_3 => Ok(handshake),
        Revision::V3 => Err(HandshakeError::UnsupportedRevision),
    }
}

/// The answer that switches to WebSocket.
///
/// # Errors
/// The request is not a WebSocket handshake of version 13.
pub fn accept(headers: &HeaderMap) -> Result<Response<()>, HandshakeError> {
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_key = STANDARD.decode(key).is_ok_and(|key| key.len() == 16);
    let is_version = headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let is_handshake = has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket")
        && is_key
        && is_version;
    if !is_handshake {
        return Err(HandshakeError::BadRequest);
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = HeaderValue::from_str(&accept_key(key)).map_err(|_| HandshakeError::BadRequest)?;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

fn accept_key(key: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(ACCEPT_GUID);
    STANDARD.encode(hash.finish())
}

/// Whether a header's comma-separated list has this token. Source: RFC 9110 §5.6.1.
fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, query: &str, is_upgrade: bool) -> Request<()> {
        let request = Request::builder().method(method).uri(format!("/socket.io/?{query}"));
        let connection = if is_upgrade { "Upgrade" } else { "keep-alive" };
        request.header(CONNECTION, connection).body(()).unwrap()
    }

    #[test]
    fn the_key_of_the_specification_is_answered_as_the_specification_says() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn checks_come_in_the_order_of_the_reference_server() {
        let new = Served { revision_3: false };
        let websocket = "EIO=4&transport=websocket";
        let polling = "EIO=4&transport=polling";
        for (method, query, is_upgrade, expected) in [
            (Method::POST, "transport=carrier-pigeon", true, HandshakeError::TransportUnknown),
            (Method::POST, "transport=websocket", false, HandshakeError::BadMethod),
            (Method::GET, websocket, false, HandshakeError::BadRequest),
            (Method::GET, polling, true, HandshakeError::BadRequest),
            (Method::GET, "transport=websocket", true, HandshakeError::UnsupportedRevision),
            (Method::GET, "EIO=3&transport=polling", false, HandshakeError::UnsupportedRevision),
        ] {
            assert_eq!(check(&request(method, query, is_upgrade), new), Err(expected), "{query}");
        }
        assert!(check(&request(Method::GET, websocket, true), new).is_ok());
        assert!(check(&request(Method::GET, polling, false), new).is_ok());
        let both = Served { revision_3: true };
        assert!(check(&request(Method::GET, "EIO=3&transport=polling", false), both).is_ok());
    }

    #[test]
    fn only_a_complete_handshake_switches() {
        let complete = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers = |skip: usize| -> HeaderMap {
            let rows = complete.iter().enumerate().filter(|(row, _)| *row != skip);
            rows.map(|(_, (name, value))| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        assert_eq!(accept(&headers(99)).unwrap().status(), StatusCode::SWITCHING_PROTOCOLS);
        for (skip, (name, _)) in complete.iter().enumerate() {
            assert!(accept(&headers(skip)).is_err(), "without {name}");
        }
        let mut short = headers(99);
        short.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("c2hvcnQ="));
        assert!(accept(&short).is_err());
    }
}
