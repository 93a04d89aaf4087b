//! The auth object of a CONNECT packet. Source: contract O3.2, 1.6 point 5; Socket.IO v5
//! "Connection to a namespace".

use super::refusal::Fault;
use super::{Token, fault_of};
use crate::rest::request::TOKEN_UNITS_MAX;
use crate::schema::json::{Limits, Shape};
use crate::schema::{Parser, Value, text};

/// What a client says of itself when it joins. Other keys are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectAuth {
    /// The access token, without `Bearer `; `None` where JavaScript would see nothing.
    pub token: Option<Token>,
    /// Whether the client asks for connection-state recovery.
    pub recovery: bool,
    /// The private id of the connection that it wants to go on with.
    pub pid: Option<String>,
    /// The last offset that it heard there; empty where what it shows can be none.
    pub offset: Option<String>,
}

impl ConnectAuth {
    /// Reads the JSON text behind a CONNECT packet's namespace; the text is rewritten.
    ///
    /// COMPAT: a token that is no string, or too long to be one, reads as the empty token, which
    /// is invalid; nothing, `null`, `false`, `0` and `""` are no token. The original answers these
    /// with different texts. Pinned by `no_token_and_a_wrong_one_differ`.
    ///
    /// # Errors
    /// The connection is closed when it is not a JSON object or over its limits.
    pub fn decode(parser: &mut Parser, auth: &mut [u8]) -> Result<Self, Fault> {
        parser.parse(auth, Limits::SOCKET, read).map_err(fault_of)?
    }
}

fn read(value: Value<'_>) -> Result<ConnectAuth, Fault> {
    if !value.is_object() {
        return Err(Fault::NotObject);
    }
    let bounded = |key, max| {
        let text = value.get(key).and_then(Value::as_text);
        text.filter(|text| text::fits(text, max)).map(str::to_owned)
    };
    // Whoever shows something else than an offset heard something, and nobody knows what.
    let offset = value.get("offset").filter(|offset| !matches!(offset.shape(), Shape::Null));
    let offset = offset.map(|_| bounded("offset", RECOVERY_UNITS_MAX).unwrap_or_default());
    let is_given = match value.get("token").unwrap_or(Value::NULL).shape() {
        Shape::Null | Shape::Boolean(false) | Shape::Integer(0) | Shape::Text("") => false,
        Shape::Boolean(true)
        | Shape::Integer(_)
        | Shape::Float(_)
        | Shape::Text(_)
        | Shape::Array(_)
        | Shape::Object(_) => true,
    };
    let token = bounded("token", TOKEN_UNITS_MAX).unwrap_or_default();
    Ok(ConnectAuth {
        token: is_given.then_some(Token(token)),
        recovery: matches!(value.get("recovery").map(Value::shape), Some(Shape::Boolean(true))),
        pid: bounded("pid", RECOVERY_UNITS_MAX),
        offset,
    })
}

/// The longest `pid` or `offset` that is read, in UTF-16 units; a longer one is none of ours.
pub const RECOVERY_UNITS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<ConnectAuth, Fault> {
        ConnectAuth::decode(&mut Parser::new(), &mut text.as_bytes().to_vec())
    }

    #[test]
    fn what_a_stock_client_sends_is_read() {
        let auth = decode(r#"{"token":"a.b.c","recovery":true,"pid":"p","offset":"o","x":1}"#);
        let expected = ConnectAuth {
            token: Some(Token("a.b.c".to_owned())),
            recovery: true,
            pid: Some("p".to_owned()),
            offset: Some("o".to_owned()),
        };
        assert_eq!(auth, Ok(expected));
        assert_eq!(decode(r#"{"recovery":"true","pid":1}"#), Ok(ConnectAuth::default()));
    }

    #[test]
    fn no_offset_and_a_wrong_one_differ() {
        for text in ["{}", r#"{"offset":null}"#] {
            assert_eq!(decode(text).unwrap().offset, None, "{text}");
        }
        let long = format!(r#"{{"offset":"{}"}}"#, "x".repeat(RECOVERY_UNITS_MAX + 1));
        for text in [r#"{"offset":7}"#, r#"{"offset":["a"]}"#, r#"{"offset":false}"#, &long] {
            assert_eq!(decode(text).unwrap().offset.as_deref(), Some(""), "{text}");
        }
    }

    #[test]
    fn no_token_and_a_wrong_one_differ() {
        for text in ["{}", r#"{"token":null}"#, r#"{"token":""}"#, r#"{"token":0}"#] {
            assert_eq!(decode(text).unwrap().token, None, "{text}");
        }
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(TOKEN_UNITS_MAX + 1));
        for text in [r#"{"token":7}"#, r#"{"token":["a"]}"#, r#"{"token":{}}"#, long.as_str()] {
            assert_eq!(decode(text).unwrap().token, Some(Token(String::new())), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_closes() {
        for (text, fault) in [
            ("[]", Fault::NotObject),
            ("\"a.b.c\"", Fault::NotObject),
            ("null", Fault::NotObject),
            ("{", Fault::NotJson),
            ("", Fault::NotJson),
        ] {
            assert_eq!(decode(text), Err(fault), "{text}");
        }
        assert_eq!(decode(&r#"{"a":"#.repeat(200)), Err(Fault::TooDeep));
    }
}
