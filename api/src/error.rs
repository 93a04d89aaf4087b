//! What can go wrong under the doors, said once for both of them.
//!
//! `http/reply.rs` turns an [`Error`] into a status and a body, the gateway's `event/reply.rs`
//! into an acknowledgement; nobody else translates.

use protocol::rest::reply::Code;
use protocol::schema::Violation;

use crate::store::StoreError;

/// What kind of thing went wrong; decides the status and the stable machine word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed or breaks a rule about its content.
    Invalid,
    /// Nobody is signed in, or not any more.
    Unauthenticated,
    /// The access token has expired.
    TokenExpired,
    /// Signed in, but may not.
    Forbidden,
    /// Missing, or not visible to the caller.
    NotFound,
    /// Somebody else was first.
    Conflict,
    /// Too many requests.
    RateLimited,
    /// The body is over its limit.
    TooLarge,
    /// Work is refused because too much waits already.
    Busy,
    /// The store or the bus cannot be reached.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// The stable machine word, the same on both doors. Source: contract 1.2.
    pub const fn code(self) -> Code {
        match self {
            Self::Invalid => Code::ValidationFailed,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::TokenExpired => Code::TokenExpired,
            Self::Forbidden => Code::Forbidden,
            Self::NotFound => Code::NotFound,
            Self::Conflict => Code::Conflict,
            Self::RateLimited => Code::RateLimited,
            Self::TooLarge => Code::PayloadTooLarge,
            Self::Busy => Code::Busy,
            Self::Unavailable => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }
}

/// A refusal or a failure, with the text that the client sees.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: &'static str,
    violations: Vec<Violation>,
    #[source]
    source: Option<StoreError>,
}

impl Error {
    /// An error of this kind with the fixed text of the contract.
    pub const fn new(kind: Kind, message: &'static str) -> Self {
        Self { kind, message, violations: Vec::new(), source: None }
    }

    /// A validation failure; `violations` in the order in which Joi would find them, never empty.
    pub const fn invalid(violations: Vec<Violation>) -> Self {
        Self { kind: Kind::Invalid, message: "Validation error", violations, source: None }
    }

    /// What kind of thing went wrong.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The text that the client sees; never a driver's.
    pub const fn message(&self) -> &'static str {
        self.message
    }

    /// What is wrong with which field; empty unless validation failed.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether the same request may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, Kind::RateLimited | Kind::Busy | Kind::Unavailable)
    }
}

impl From<StoreError> for Error {
    fn from(source: StoreError) -> Self {
        let (kind, message) = match source {
            StoreError::Duplicate(_) => (Kind::Conflict, "Conflict"),
            StoreError::Unavailable(_) => (Kind::Unavailable, "Service temporarily unavailable"),
            StoreError::Busy => (Kind::Busy, "Server is busy, please try again"),
            StoreError::Corrupt(_) => (Kind::Internal, "Something went wrong!"),
        };
        Self { kind, message, violations: Vec::new(), source: Some(source) }
    }
}
