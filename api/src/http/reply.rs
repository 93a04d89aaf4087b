//! Outcomes as statuses and bodies: the only place that translates for REST. Source: contract 1.2.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use protocol::rest::reply::{Code, Failure, Success};
use serde::Serialize;

use crate::error::{Error, Kind};

/// When a client may try again after a refusal because too much waits, in seconds.
pub(super) const RETRY_BUSY_SECONDS: u32 = 1;
/// When it may try again while the store or the bus cannot be reached, in seconds.
pub(super) const RETRY_UNAVAILABLE_SECONDS: u32 = 5;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An answer before the headers that every answer carries.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Why a handler does not do what it was asked for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A rule's or the decoder's word.
    Error(Error),
    /// The body is neither JSON nor a form.
    MediaType,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Reply {
    /// 200 with this body.
    pub(super) fn ok<T: Serialize>(body: &Success<T>) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 201 with this body.
    pub(super) fn created<T: Serialize>(body: &Success<T>) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    /// Any status and body.
    pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => {
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, JSON)]);
                Self { status, headers, body: body.into() }
            }
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Self::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// No body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// 200 with a file.
    pub(super) fn file(media_type: &'static str, body: Bytes) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        Self { status: StatusCode::OK, headers, body }
    }

    /// A refusal that no rule made.
    pub(super) fn failure(status: StatusCode, code: Code, message: &str) -> Self {
        Self::json(status, &Failure::new(code, message))
    }

    /// What a refusal looks like.
    pub(super) fn refusal(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Error(error) => Self::error(error),
            Refusal::MediaType => Self::failure(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Code::UnsupportedMediaType,
                "Content-Type must be application/json or application/x-www-form-urlencoded",
            ),
        }
    }

    /// What an error looks like.
    pub(super) fn error(error: &Error) -> Self {
        let (status, code) = (status_of(error.kind()), error.kind().code());
        if status.is_server_error() {
            let source = std::error::Error::source(error).map(tracing::field::display);
            tracing::warn!(%error, source, %status, "a request failed");
        }
        let reply = if error.violations().is_empty() {
            Self::failure(status, code, error.message())
        } else {
            Self::json(status, &Failure::invalid(error.message(), error.violations()))
        };
        match error.kind() {
            Kind::Busy | Kind::RateLimited => reply.retry_after(RETRY_BUSY_SECONDS),
            Kind::Unavailable => reply.retry_after(RETRY_UNAVAILABLE_SECONDS),
            Kind::Invalid
            | Kind::Unauthenticated
            | Kind::TokenExpired
            | Kind::Forbidden
            | Kind::NotFound
            | Kind::Conflict
            | Kind::TooLarge
            | Kind::Internal => reply,
        }
    }

    /// With the seconds after which to try again.
    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.headers.insert(RETRY_AFTER, seconds.into());
        self
    }

    /// With the methods that the path has.
    pub(super) fn allow(mut self, methods: &HeaderValue) -> Self {
        self.headers.insert(ALLOW, methods.clone());
        self
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) const fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// As the host writes it; the length is stated, because `HEAD` drops the body later.
    pub(super) fn into_response(self) -> Response<Bytes> {
        let length = self.body.len();
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if self.status != StatusCode::NO_CONTENT {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        response
    }
}

/// Makes an answer say that the client's copy is still right. Source: RFC 9110 §15.4.5.
pub(super) fn strip_to_not_modified(response: &mut Response<Bytes>) {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.body_mut() = Bytes::new();
    for name in [CONTENT_TYPE, CONTENT_LENGTH] {
        response.headers_mut().remove(name);
    }
}

/// The status of this kind of error.
pub(super) const fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated | Kind::TokenExpired => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Busy | Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
