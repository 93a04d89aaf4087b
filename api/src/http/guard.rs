//! Who is calling, by the `Authorization` header. Source: contract O2.3.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::app::App;
use crate::auth::Caller;
use crate::error::{Error, Kind};
use crate::service::session::{self, AuthError};

/// The account that the request is made for.
///
/// # Errors
/// The texts of the contract; [`Kind::Unavailable`] when the account cannot be read.
pub(super) async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Error> {
    let token = bearer(headers).unwrap_or_default();
    match session::authenticate(app, token).await {
        Ok(authenticated) => Ok(authenticated.caller),
        Err(error) => Err(match error {
            AuthError::Missing => UNKNOWN,
            AuthError::Invalid => Error::new(Kind::Unauthenticated, "Invalid or expired token"),
            AuthError::Expired => Error::new(Kind::TokenExpired, "Invalid or expired token"),
            AuthError::UnknownUser => {
                Error::new(Kind::Unauthenticated, "Invalid token or user not found")
            }
            AuthError::Unknown(error) => error,
        }),
    }
}

/// The account that the request is made for, or `None` for whoever shows no token that is worth
/// anything.
///
/// # Errors
/// [`Kind::Unavailable`] when the account cannot be read.
pub(super) async fn caller_if_any(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Error> {
    match caller(app, headers).await {
        Ok(caller) => Ok(Some(caller)),
        Err(error) if matches!(error.kind(), Kind::Unauthenticated | Kind::TokenExpired) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The request's token, if we signed it and its time is not over; its session may be.
pub(super) fn signed_token<'h>(app: &App, headers: &'h HeaderMap) -> Option<&'h str> {
    bearer(headers).filter(|token| app.tokens.verify_access(token, app.clock.now()).is_ok())
}

/// The answer to whoever shows no token.
pub(super) const UNKNOWN: Error = Error::new(Kind::Unauthenticated, "Access token is required");

/// The token behind `Bearer` and exactly one space.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn scheme_is_case_sensitive_and_followed_by_one_space() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("Bearer  abc", Some(" abc")),
            ("bearer abc", None),
            ("BEARER abc", None),
            ("Bearerabc", None),
            ("Bearer\tabc", None),
            ("Basic abc", None),
            ("abc", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(bearer(&headers), token, "{value}");
        }
        let ill = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
        assert_eq!(bearer(&HeaderMap::from_iter([(AUTHORIZATION, ill)])), None);
    }
}
