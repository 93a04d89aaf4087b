//! Which web pages may open a socket.
//!
//! CORS does not guard a WebSocket: a browser opens one to anywhere, and only the server can say
//! no. Programs that are no browsers send no `Origin`, and are not asked for one.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, HOST, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Response, StatusCode};

/// The allowed origins.
#[derive(Debug, Clone)]
pub struct Origins {
    any: bool,
    listed: Vec<String>,
}

impl Origins {
    /// The origins of this list; `*` allows every one.
    pub fn new(listed: Vec<String>) -> Self {
        Self { any: listed.iter().any(|origin| origin == "*"), listed }
    }

    /// Whether a request with these headers may open a socket: it names no origin, a listed one,
    /// or the host that it is sent to.
    pub fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        if self.any {
            return true;
        }
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = origin.split_once("://").map(|(_scheme, host)| host);
        self.listed.iter().any(|listed| listed == origin) || (own.is_some() && own == host)
    }

    /// The answer to a preflight.
    pub fn preflight(&self, request: &HeaderMap) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.expose(request, headers);
        let methods = HeaderValue::from_static("GET,POST,OPTIONS");
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        response
    }

    /// Lets the page that asked read the answer.
    pub fn expose(&self, request: &HeaderMap, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = request.get(ORIGIN).filter(|_| self.allow(request)) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let credentials = HeaderValue::from_static("true");
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&str>, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_listed_own_and_absent_origins_are_let_in() {
        let origins = Origins::new(vec!["http://localhost:3000".to_owned()]);
        assert!(origins.allow(&headers(None, "chat.test")));
        assert!(origins.allow(&headers(Some("http://localhost:3000"), "chat.test")));
        assert!(origins.allow(&headers(Some("https://chat.test"), "chat.test")));
        for stranger in ["http://localhost:3001", "https://evil.test", "null", "chat.test", "://"] {
            assert!(!origins.allow(&headers(Some(stranger), "chat.test")), "{stranger}");
        }
        assert!(Origins::new(vec!["*".to_owned()]).allow(&headers(Some("null"), "x")));
    }
}
