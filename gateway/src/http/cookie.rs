//! The cookie that carries a session's sid, for balancers that keep a client on one node by it.
//!
//! Nothing here reads it. Source: Engine.IO reference, `cookie`.

use std::sync::Arc;

use api::http::connection::is_token;
use http::HeaderValue;
use protocol::id::EngineSid;

/// How it is called unless it has another name. Source: Engine.IO reference, `cookie.name`.
const NAME: &str = "io";

/// Bytes that a name may have.
const NAME_BYTES_MAX: usize = 64;

/// A cookie for handshakes on long polling: a WebSocket stays where it is by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie(Arc<str>);

impl Default for Cookie {
    fn default() -> Self {
        Self(NAME.into())
    }
}

impl Cookie {
    /// A cookie of this name; nothing if no cookie can be called so. Source: RFC 6265 §4.1.1.
    pub fn named(name: &str) -> Option<Self> {
        let is_name = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_token);
        is_name.then(|| Self(name.into()))
    }

    /// What the answer to a handshake sets. A page's scripts cannot read it, and other sites' forms
    /// do not bring it.
    pub(super) fn line(&self, sid: EngineSid) -> Option<HeaderValue> {
        let line = format!("{}={sid}; Path=/; HttpOnly; SameSite=Lax", self.0);
        HeaderValue::from_str(&line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_called_by_a_token() {
        for name in ["io", "VOXORA-1", "__Host-sid", &"x".repeat(64)] {
            assert!(Cookie::named(name).is_some(), "{name}");
        }
        for name in ["", "a b", "a=b", "a;b", "a,b", "é", "a\r\nb", &"x".repeat(65)] {
            assert!(Cookie::named(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn the_line_says_where_the_cookie_goes_and_where_not() {
        let line = Cookie::default().line(EngineSid::new(0, 0, [0; 12])).unwrap();
        assert_eq!(line, "io=AAAAAAAAAAAAAAAAAAAA; Path=/; HttpOnly; SameSite=Lax");
    }
}
