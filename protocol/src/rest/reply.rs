//! The envelopes of the answers, and the bodies that are not resources. Source: contract O1.1,
//! 1.2.
//!
//! [`body`] names what stands in `data`; [`repair`] is what `join_conversation` and `sync` answer.

pub mod body;
pub mod repair;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::rest::resource::Pagination;
use crate::schema::Violation;

/// The stable machine word of an error. Source: contract 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Something in the request is malformed or breaks a rule.
    ValidationFailed,
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
    PayloadTooLarge,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The body is neither JSON nor a form.
    UnsupportedMediaType,
    /// Too much waits already.
    Busy,
    /// The store or the bus cannot be reached.
    Unavailable,
    /// A fault of the server.
    Internal,
}

impl Code {
    /// All of them, for the published documents.
    pub const ALL: [Self; 13] = [
        Self::ValidationFailed,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::RateLimited,
        Self::PayloadTooLarge,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::Busy,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The wire's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationFailed => "VALIDATION_FAILED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::Busy => "BUSY",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::as_str) })
    }
}

/// The answer to a request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the wire's name")]
pub struct Success<T> {
    success: bool,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
}

impl Success<()> {
    /// An answer without data.
    pub const fn bare(message: &'static str) -> Self {
        Self { success: true, message, data: None, pagination: None }
    }
}

impl<T> Success<T> {
    /// An answer with data.
    pub const fn with(message: &'static str, data: T) -> Self {
        Self { success: true, message, data: Some(data), pagination: None }
    }

    /// An answer with a page of a list.
    pub const fn page(message: &'static str, data: T, pagination: Pagination) -> Self {
        Self { success: true, message, data: Some(data), pagination: Some(pagination) }
    }
}

/// The answer to a request that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure<'a> {
    /// Always false.
    success: bool,
    /// A sentence for people.
    message: &'a str,
    /// A stable word for programs.
    code: Code,
    /// Of a failed validation: the first of `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// Of a failed validation: all that is wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
}

impl<'a> Failure<'a> {
    /// A refusal with the contract's text.
    pub const fn new(code: Code, message: &'a str) -> Self {
        Self { success: false, message, code, error: None, errors: &[] }
    }

    /// A failed validation; `error` is the first of `errors`.
    pub fn invalid(message: &'a str, errors: &'a [Violation]) -> Self {
        let error = errors.first().map(|first| first.message.as_str());
        Self { success: false, message, code: Code::ValidationFailed, error, errors }
    }
}

#[cfg(test)]
mod tests;
