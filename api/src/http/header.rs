//! Headers that every answer carries, and those that make an answer conditional.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use protocol::id::ObjectId;
use ring::digest;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A longer id of a request is replaced.
const REQUEST_ID_LEN_MAX: usize = 64;

/// The original's set, value for value. Source: contract O6.3.
const SECURITY: [(&str, &str); 12] = [
    (
        "content-security-policy",
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';\
         frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';\
         script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=15552000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

/// Adds the headers that browsers take hints from, but for those that the answer brings itself.
pub(super) fn secure(response: &mut HeaderMap) {
    for (name, value) in SECURITY {
        let entry = response.entry(HeaderName::from_static(name));
        entry.or_insert(HeaderValue::from_static(value));
    }
}

/// The request's own id, if it is one that can be logged as it is.
pub(super) fn request_id(request: &HeaderMap) -> Option<HeaderValue> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    request
        .get(REQUEST_ID)
        .filter(|id| (1..=REQUEST_ID_LEN_MAX).contains(&id.len()))
        .filter(|id| id.as_bytes().iter().all(is_plain))
        .cloned()
}

/// The id of a request that brought none.
pub(super) fn own_request_id(id: ObjectId) -> HeaderValue {
    HeaderValue::from_bytes(&id.hex()).expect("hexadecimal digits are header text")
}

/// A weak tag of this body: its length and a hash.
pub(super) fn etag(body: &[u8]) -> HeaderValue {
    let hash = digest::digest(&digest::SHA256, body);
    let hash =
        URL_SAFE_NO_PAD.encode(hash.as_ref().first_chunk::<20>().copied().unwrap_or_default());
    HeaderValue::from_str(&format!("W/\"{:x}-{hash}\"", body.len()))
        .expect("hexadecimal and base64 digits are header text")
}

/// Whether the client holds what `etag` names. Source: RFC 9110 §13.1.2, weak comparison; a client
/// that says `Cache-Control: no-cache` wants the whole answer.
pub(super) fn is_fresh(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let insists = request
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"));
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let ours = etag.to_str().map(opaque).unwrap_or_default();
    !insists
        && request
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim() == "*" || opaque(tag) == ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn sane_request_ids_are_echoed_and_others_replaced() {
        for id in ["a", "5f3c-9_A.b:1"] {
            assert_eq!(request_id(&with(REQUEST_ID, id)).unwrap(), id);
        }
        for id in ["", "a b", "<x>", "a\"b", "{}", "0123456789".repeat(7).leak()] {
            assert_eq!(request_id(&with(REQUEST_ID, id)), None, "{id}");
        }
        assert_eq!(request_id(&HeaderMap::new()), None);
    }

    #[test]
    fn tag_is_fresh_by_weak_comparison() {
        let tag = etag(b"body");
        assert_eq!(tag, etag(b"body"));
        assert_ne!(tag, etag(b"bodz"));
        let text = tag.to_str().unwrap();
        assert!(text.starts_with("W/\"4-") && text.ends_with('"'));
        let strong = text.trim_start_matches("W/");
        for given in [text.to_owned(), strong.to_owned(), "*".into(), format!("\"x\" , {text}")] {
            assert!(is_fresh(&with(IF_NONE_MATCH, given.leak()), &tag));
        }
        for given in ["", "\"x\"", "W/\"4-\"", ","] {
            assert!(!is_fresh(&with(IF_NONE_MATCH, given), &tag));
        }
        let mut insisting = with(IF_NONE_MATCH, "*");
        insisting.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=0, No-Cache"));
        assert!(!is_fresh(&insisting, &tag));
    }
}
