//! From an HTTP request to a WebSocket: the checks, and the answer that switches protocols.
//!
//! Source: RFC 6455 §4.2; Engine.IO v4 "Handshake".

use api::http::connection::is_token;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use protocol::engine::{Handshake, HandshakeError, Revision, Transport};
use ring::digest;

/// What a key is hashed with. Source: RFC 6455 §1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The version of the WebSocket protocol. Source: RFC 6455 §4.1.
pub const VERSION: &str = "13";

/// Which revisions and transports a door serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Whether clients of revision 3 are let in.
    pub revision_3: bool,
}

/// Whether a request wants to leave HTTP for WebSocket.
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    // HTTP/1.0 has no upgrade. Source: RFC 9110 §7.8.
    request.version() >= Version::HTTP_11
        && has_token(request.headers(), &CONNECTION, "upgrade")
        && has_token(request.headers(), &UPGRADE, "websocket")
}

/// Checks a request that opens a session, in the reference server's order: its method, whether it
/// fits its transport, whether who asks is welcome, and last its revision.
///
/// # Errors
/// The first check that fails.
pub fn check_opening<B>(
    request: &Request<B>,
    handshake: Handshake,
    is_welcome: bool,
    served: Served,
) -> Result<(), HandshakeError> {
    if request.method() != Method::GET {
        return Err(HandshakeError::BadMethod);
    }
    match (handshake.transport, is_upgrade(request)) {
        (Transport::WebSocket, false) | (Transport::Polling, true) => {
            return Err(HandshakeError::BadRequest);
        }
        (Transport::WebSocket, true) | (Transport::Polling, false) => {}
    }
    if !is_welcome {
        return Err(HandshakeError::Forbidden);
    }
    match handshake.revision {
        Revision::V4 => Ok(()),
        Revision::V3 if served.revision_3 => Ok(()),
        Revision::V3 => Err(HandshakeError::UnsupportedRevision),
    }
}

/// The answer that switches to WebSocket.
///
/// # Errors
/// The request is not a WebSocket handshake of version 13, or it has a body, which would be taken
/// for frames.
pub fn accept<B>(request: &Request<B>) -> Result<Response<()>, HandshakeError> {
    let headers = request.headers();
    let key = only(headers, &SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_key = STANDARD.decode(key).is_ok_and(|key| key.len() == 16);
    let is_handshake = request.method() == Method::GET
        && is_upgrade(request)
        && is_key
        && is_version_served(headers);
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    if !is_handshake || has_body {
        return Err(HandshakeError::BadRequest);
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = HeaderValue::from_str(&accept_key(key)).map_err(|_| HandshakeError::BadRequest)?;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = first_protocol(request.headers()) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}

/// The subprotocol that a client would like best. COMPAT: whatever it is, like the reference: a
/// client that offers some and is answered none fails its handshake. Pinned by
/// `javascript_client_4_8_offers_subprotocols`.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offered.split(',').next()?.trim();
    let is_name = !first.is_empty() && first.bytes().all(is_token);
    HeaderValue::from_str(first).ok().filter(|_| is_name)
}

/// Whether a handshake is of the one version of the protocol that is served; who is refused for
/// another is told so. Source: RFC 6455 §4.2.2.
pub fn is_version_served(headers: &HeaderMap) -> bool {
    only(headers, &SEC_WEBSOCKET_VERSION).is_some_and(|version| version == VERSION)
}

/// The value of a header that may not be said twice. Source: RFC 6455 §11.3.
fn only<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
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

    const WEBSOCKET: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn request(method: Method, query: &str, is_upgrade: bool) -> Request<()> {
        let mut request = Request::builder().method(method).uri(format!("/socket.io/?{query}"));
        for (name, value) in WEBSOCKET.iter().filter(|_| is_upgrade) {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn opening(request: &Request<()>, is_welcome: bool, served: Served) -> Option<HandshakeError> {
        let handshake = Handshake::from_query(request.uri().query().unwrap()).unwrap();
        check_opening(request, handshake, is_welcome, served).err()
    }

    #[test]
    fn the_key_of_the_specification_is_answered_as_the_specification_says() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn checks_come_in_the_order_of_the_reference_server() {
        let (new, both) = (Served { revision_3: false }, Served { revision_3: true });
        // Each row is wrong in everything that the rows below it are wrong in.
        for (method, query, is_upgrade, is_welcome, expected) in [
            (Method::POST, "EIO=3&transport=websocket", false, false, HandshakeError::BadMethod),
            (Method::GET, "EIO=3&transport=websocket", false, false, HandshakeError::BadRequest),
            (Method::GET, "EIO=3&transport=polling", true, false, HandshakeError::BadRequest),
            (Method::GET, "EIO=3&transport=websocket", true, false, HandshakeError::Forbidden),
            (Method::GET, "transport=websocket", true, true, HandshakeError::UnsupportedRevision),
            (
                Method::GET,
                "EIO=3&transport=polling",
                false,
                true,
                HandshakeError::UnsupportedRevision,
            ),
        ] {
            let request = request(method, query, is_upgrade);
            assert_eq!(opening(&request, is_welcome, new), Some(expected), "{query}");
        }
        let v3 = request(Method::GET, "EIO=3&transport=polling", false);
        assert_eq!(opening(&v3, true, both), None);
        for (transport, is_upgrade) in [("websocket", true), ("polling", false)] {
            let v4 = request(Method::GET, &format!("EIO=4&transport={transport}"), is_upgrade);
            assert_eq!(opening(&v4, true, new), None);
        }
    }

    #[test]
    fn first_subprotocol_that_is_offered_is_the_one() {
        for (offered, answered) in [
            (&["chat"][..], Some("chat")),
            (&["v1.chat, v2"], Some("v1.chat")),
            (&[" v1 ,v2", "v3"], Some("v1")),
            (&["v1", "v2"], Some("v1")),
            (&["", "v1"], None),
            (&["no token, v1"], None),
            (&["v1;q=1"], None),
            (&[], None),
        ] {
            let mut request = request(Method::GET, "", true);
            for value in offered {
                let value = HeaderValue::from_static(value);
                request.headers_mut().append(SEC_WEBSOCKET_PROTOCOL, value);
            }
            let response = accept(&request).unwrap();
            let protocol = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
            let expected = answered.map(HeaderValue::from_static);
            assert_eq!(protocol, expected.as_ref(), "{offered:?}");
        }
    }

    #[test]
    fn only_a_complete_handshake_switches() {
        let whole = request(Method::GET, "", true);
        assert_eq!(accept(&whole).unwrap().status(), StatusCode::SWITCHING_PROTOCOLS);
        for (name, _) in WEBSOCKET {
            let mut partial = whole.clone();
            partial.headers_mut().remove(name);
            assert!(accept(&partial).is_err(), "without {name}");
        }
        for (name, value) in [
            ("sec-websocket-key", "c2hvcnQ="),
            ("sec-websocket-version", "8"),
            ("upgrade", "h2c"),
            ("content-length", "3"),
            ("transfer-encoding", "chunked"),
        ] {
            let mut wrong = whole.clone();
            wrong.headers_mut().insert(name, HeaderValue::from_static(value));
            assert!(accept(&wrong).is_err(), "{name}: {value}");
        }
        for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION] {
            let mut twice = whole.clone();
            let value = twice.headers()[&name].clone();
            twice.headers_mut().append(&name, value);
            assert!(accept(&twice).is_err(), "{name} twice");
        }
        assert!(accept(&request(Method::POST, "", true)).is_err());
        let mut old = whole;
        *old.version_mut() = Version::HTTP_10;
        assert!(accept(&old).is_err());
    }
}
