//! Answers to what never became a request: what cannot be read, and whom there is no room for.
//!
//! They look like any other refusal, but for what only a request's own headers could ask for.

use bytes::Bytes;
use http::header::{CONNECTION, DATE, HeaderValue};
use http::{HeaderMap, StatusCode};
use protocol::id::ObjectId;
use protocol::rest::reply::Code;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::http::header;
use crate::http::reply::{RETRY_UNAVAILABLE_SECONDS, Reply};

/// An answer as it is written, with the id in it.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The status line, the headers and the body.
    pub(super) bytes: Bytes,
    /// For the log.
    pub(super) request_id: HeaderValue,
}

impl Refusal {
    /// The answer to what hyper refuses with this status, on this date.
    pub(super) fn unreadable(status: StatusCode, date: Option<HeaderValue>) -> Self {
        let (code, text) = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                (Code::PayloadTooLarge, "Request headers are too large")
            }
            StatusCode::URI_TOO_LONG => (Code::PayloadTooLarge, "Request target is too long"),
            _ => (Code::ValidationFailed, "Malformed HTTP request"),
        };
        let mut reply = Reply::failure(status, code, text);
        reply.headers_mut().extend(date.map(|date| (DATE, date)));
        Self::new(reply)
    }

    /// The answer to a connection that is turned away.
    pub(super) fn no_room() -> Self {
        let text = "Too many connections, please try again";
        let reply = Reply::failure(StatusCode::SERVICE_UNAVAILABLE, Code::Busy, text);
        Self::new(reply.retry_after(RETRY_UNAVAILABLE_SECONDS))
    }

    fn new(reply: Reply) -> Self {
        // No request, and so no clock of the doors: a random id tells as well.
        let mut id = [0; 12];
        // Without random bytes the answer is still right.
        let _ = SystemRandom::new().fill(&mut id);
        let request_id = header::own_request_id(ObjectId::from_bytes(id));
        let mut response = reply.into_response();
        let headers = response.headers_mut();
        header::secure(headers);
        headers.insert(header::REQUEST_ID, request_id.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let bytes = written(response.status(), response.headers(), response.body());
        Self { bytes, request_id }
    }
}

/// An answer in HTTP/1.1. Source: RFC 9112 §4, §5.
fn written(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Bytes {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes.into()
}
