//! Which pages of other origins may call. Source: contract O6.3, with PATCH added.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};

/// What a page may read of an answer besides its body; the rest a browser hides.
const EXPOSED: &str = "ETag,RateLimit-Limit,RateLimit-Remaining,RateLimit-Reset,Retry-After,\
                       X-RateLimit-Limit,X-RateLimit-Remaining,X-RateLimit-Reset,X-Request-Id";

/// Adds what every answer carries. An origin that is not listed gets the same answer without the
/// line that would let its page read it.
pub(super) fn apply(request: &HeaderMap, origins: &[HeaderValue], response: &mut HeaderMap) {
    let is_preflight = response.contains_key(ACCESS_CONTROL_ALLOW_METHODS);
    if let Some(origin) = request.get(ORIGIN).filter(|origin| origins.contains(origin)) {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response.append(VARY, HeaderValue::from_static("Origin"));
    response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    if !is_preflight {
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// Adds what the answer to a preflight carries besides; before [`apply`].
pub(super) fn apply_preflight(response: &mut HeaderMap) {
    response.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET,POST,PUT,PATCH,DELETE,OPTIONS"),
    );
    response.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Content-Type,Authorization"),
    );
}
