//! Close codes, and the payload of a close frame.
//!
//! Source: RFC 6455 §5.5.1 and §7.4; the IANA registry "WebSocket Close Code Number" for 1012–1014.

use std::borrow::Cow;
use std::fmt;

use bytes::BufMut;

use super::frame::{self, CONTROL_PAYLOAD_BYTES_MAX, Opcode};
use super::violation::Violation;

/// Longest reason in bytes: a control payload less the two bytes of the code.
pub const REASON_BYTES_MAX: usize = 123;

/// A close code that may stand in a close frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

/// One row of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The code itself.
    pub code: CloseCode,
    /// Short name in lower snake case, fit for a metric label.
    pub name: &'static str,
    /// What the sender says with it.
    pub meaning: &'static str,
}

macro_rules! registry {
    ($($number:literal $constant:ident $name:literal $meaning:literal;)*) => {
        impl CloseCode {
            $(#[doc = concat!(stringify!($number), ": ", $meaning, ".")]
            pub const $constant: Self = Self($number);)*
        }

        /// Every registered code that may stand on the wire, in ascending order.
        ///
        /// 1004 is reserved, and 1005, 1006 and 1015 only describe closures in which no code was
        /// sent; they are absent because they must never be sent.
        pub const REGISTRY: &[Registered] = &[$(Registered {
            code: CloseCode::$constant,
            name: $name,
            meaning: $meaning,
        }),*];
    };
}

registry! {
    1000 NORMAL "normal" "the purpose of the connection is fulfilled";
    1001 GOING_AWAY "going_away" "the endpoint is going away: a server goes down, a page is left";
    1002 PROTOCOL_ERROR "protocol_error" "the peer broke the framing rules";
    1003 UNSUPPORTED_DATA "unsupported_data" "the peer sent a kind of data that is not accepted";
    1007 INVALID_PAYLOAD "invalid_payload" "the peer sent text that is not UTF-8";
    1008 POLICY_VIOLATION "policy_violation" "the peer broke a policy that has no code of its own";
    1009 MESSAGE_TOO_BIG "message_too_big" "the peer sent a message that is too big to process";
    1010 EXTENSION_EXPECTED "extension_expected" "the server did not negotiate a needed extension";
    1011 INTERNAL_ERROR "internal_error" "the server met an unexpected condition";
    1012 SERVICE_RESTART "service_restart" "the service restarts; come back after a random delay";
    1013 TRY_AGAIN_LATER "try_again_later" "the service is overloaded; come back later";
    1014 BAD_GATEWAY "bad_gateway" "a gateway had an invalid answer from its upstream";
}

impl CloseCode {
    /// The code `number`, if an endpoint may send it: a registered one, or 3000–4999, which belong
    /// to libraries and applications.
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(number)),
            _ => None,
        }
    }

    /// The code as a number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Name for logs and metric labels; codes of applications share one.
    pub fn name(self) -> &'static str {
        self.registered().map_or("application", |row| row.name)
    }

    /// The registry's row, unless the code is an application's.
    pub fn registered(self) -> Option<&'static Registered> {
        REGISTRY.iter().find(|row| row.code == self)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a close frame says, when it says anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame<'b> {
    /// Why the peer closes.
    pub code: CloseCode,
    /// The peer's words, for logs; at most [`REASON_BYTES_MAX`] bytes, often empty.
    pub reason: Cow<'b, str>,
}

/// Reads the payload of a close frame; an empty one says nothing.
///
/// # Errors
/// A payload of one byte, a code that must not be sent, a reason that is not UTF-8.
pub fn parse(payload: &[u8]) -> Result<Option<CloseFrame<'_>>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::ClosePayloadCut) };
    };
    let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or(Violation::CloseCodeNotAllowed)?;
    let reason = str::from_utf8(reason).map_err(|_| Violation::InvalidUtf8)?;
    Ok(Some(CloseFrame { code, reason: Cow::Borrowed(reason) }))
}

/// Appends a server's close frame. A reason longer than [`REASON_BYTES_MAX`] is cut at the last
/// character that fits; without a code there is no reason either.
pub fn encode_into(out: &mut impl BufMut, code: Option<CloseCode>, reason: &str) {
    let Some(code) = code else {
        out.put_slice(&frame::header(Opcode::Close, true, 0));
        return;
    };
    let (reason, _) = reason.split_at(reason.floor_char_boundary(REASON_BYTES_MAX));
    let payload_len = reason.len().saturating_add(size_of::<u16>());
    debug_assert!(payload_len <= CONTROL_PAYLOAD_BYTES_MAX, "the reason was cut");
    out.put_slice(&frame::header(Opcode::Close, true, payload_len));
    out.put_u16(code.number());
    out.put_slice(reason.as_bytes());
}
