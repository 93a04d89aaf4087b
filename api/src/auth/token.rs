//! Access and refresh tokens: JWT, HS256 and nothing else.
//!
//! Signing takes the moment and the `jti` as parameters, so that a pair can be signed again from
//! what a session remembers. Verifying trusts no claim that it has not checked, and gives no
//! e-mail or role: those are read from the stored account. Source: contract O2.1 and 1.3.

mod hmac;
mod id;

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use protocol::id::{ObjectId, SessionId, UserId};
use protocol::rest::resource::Role;
use protocol::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::id::TokenId;
use super::{Lifetime, Secrets};
use crate::error::{Error, Kind};

/// A longer token is refused unread; ours are under 600 bytes.
pub const TOKEN_BYTES_MAX: usize = 4_096;

const ISSUER: &str = "voxora";
const ACCESS: &str = "access";
const REFRESH: &str = "refresh";

/// Whom a pair is for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The account.
    pub user_id: UserId,
    /// Its e-mail; for clients to show, never read back.
    pub email: &'a str,
    /// Its role; likewise.
    pub role: Role,
    /// The sign-in.
    pub session_id: SessionId,
}

/// Both tokens of a sign-in; a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// Opens doors until it expires or its session is revoked.
    pub access: String,
    /// Buys the next pair, once.
    pub refresh: String,
}

/// The sign-in of all access tokens that the original issued: it named none. No session that we
/// begin has this id.
pub const LEGACY_SESSION: SessionId = SessionId(ObjectId::from_bytes([0; 12]));

/// What a valid access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// The account.
    pub user_id: UserId,
    /// The sign-in; [`LEGACY_SESSION`] where the original issued the token.
    pub session_id: SessionId,
    /// When it was signed; whole seconds.
    pub issued_at: Timestamp,
    /// From this moment on it is refused; whole seconds.
    pub expires_at: Timestamp,
}

/// What a valid refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The account.
    pub user_id: UserId,
    /// The sign-in.
    pub session_id: SessionId,
    /// The token: its `jti`.
    pub token_id: TokenId,
    /// When it was signed; whole seconds.
    pub issued_at: Timestamp,
    /// From this moment on it is refused; whole seconds.
    pub expires_at: Timestamp,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was ours, and its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is not ours, or not for this use.
    #[error("the token is invalid")]
    Invalid,
}

/// Signs and verifies; made once at start.
pub struct Tokens {
    access: Keys,
    refresh: Keys,
    validation: Validation,
    accepts_legacy: bool,
}

struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    lifetime: Lifetime,
}

/// The claims as they stand in the token. Source: contract O2.1 and 1.3.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    user_id: UserId,
    email: &'a str,
    role: Role,
    r#type: &'static str,
    sid: SessionId,
    jti: TokenId,
    iss: &'static str,
    iat: i64,
    exp: i64,
}

/// The claims that are read back. A token of ours has all of them but `nbf`, which only others
/// write; one of the original has no `sid`, `jti` and `iss` either.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    user_id: UserId,
    r#type: String,
    sid: Option<SessionId>,
    jti: Option<TokenId>,
    iss: Option<String>,
    iat: u32,
    exp: u32,
    #[serde(default, deserialize_with = "not_null")]
    nbf: Option<u32>,
}

impl Tokens {
    /// A signer with these secrets.
    pub fn new(secrets: &Secrets, access: Lifetime, refresh: Lifetime) -> Self {
        hmac::install();
        let keys = |secret, lifetime| Keys {
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            lifetime,
        };
        let mut validation = Validation::new(Algorithm::HS256);
        // The times are checked here, against the caller's clock and without leeway.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            access: keys(secrets.access(), access),
            refresh: keys(secrets.refresh(), refresh),
            validation,
            accepts_legacy: false,
        }
    }

    /// Whether access tokens that the original issued are honoured until they expire. They name no
    /// session, so that signing out does not end them.
    #[must_use]
    pub fn accepting_legacy(self, accepts_legacy: bool) -> Self {
        Self { accepts_legacy, ..self }
    }

    /// Both tokens for `subject`; the same arguments give the same pair, byte for byte.
    pub fn sign_pair(&self, subject: &Subject<'_>, id: TokenId, now: Timestamp) -> TokenPair {
        TokenPair {
            access: self.access.sign(subject, ACCESS, id, now),
            refresh: self.refresh.sign(subject, REFRESH, id, now),
        }
    }

    /// What this access token says.
    ///
    /// # Errors
    /// It is not one of ours, or `now` is before its `nbf` or not before its `exp`.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let read = self.access.verify(&self.validation, token, ACCESS, now)?;
        let session_id = match read.ids() {
            Some((session_id, _)) => session_id,
            None if self.accepts_legacy && read.is_legacy() => LEGACY_SESSION,
            None => return Err(TokenError::Invalid),
        };
        Ok(AccessClaims {
            user_id: read.user_id,
            session_id,
            issued_at: from_seconds(read.iat),
            expires_at: from_seconds(read.exp),
        })
    }

    /// What this refresh token says.
    ///
    /// # Errors
    /// It is not one of ours, or `now` is before its `nbf` or not before its `exp`.
    pub fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        let read = self.refresh.verify(&self.validation, token, REFRESH, now)?;
        let (session_id, token_id) = read.ids().ok_or(TokenError::Invalid)?;
        Ok(RefreshClaims {
            user_id: read.user_id,
            session_id,
            token_id,
            issued_at: from_seconds(read.iat),
            expires_at: from_seconds(read.exp),
        })
    }

    /// How long a session lives without a refresh.
    pub const fn refresh_lifetime(&self) -> Lifetime {
        self.refresh.lifetime
    }
}

impl Read {
    /// Session and token, if this is one of ours.
    fn ids(&self) -> Option<(SessionId, TokenId)> {
        let is_ours = self.iss.as_deref() == Some(ISSUER);
        let (sid, jti) = (self.sid?, self.jti?);
        Some((sid, jti)).filter(|_| is_ours && sid != LEGACY_SESSION)
    }

    /// Whether it is one of the original: nothing of ours is in it.
    fn is_legacy(&self) -> bool {
        self.iss.is_none() && self.sid.is_none() && self.jti.is_none()
    }
}

impl Keys {
    fn sign(
        &self,
        subject: &Subject<'_>,
        kind: &'static str,
        jti: TokenId,
        now: Timestamp,
    ) -> String {
        let iat = now.0.div_euclid(1_000);
        let claims = Written {
            user_id: subject.user_id,
            email: subject.email,
            role: subject.role,
            r#type: kind,
            sid: subject.session_id,
            jti,
            iss: ISSUER,
            iat,
            exp: iat.saturating_add(self.lifetime.ms() / 1_000),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .expect("the claims are plain JSON, and the installed signer knows HS256")
    }

    fn verify(
        &self,
        validation: &Validation,
        token: &str,
        kind: &'static str,
        now: Timestamp,
    ) -> Result<Read, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let token = jsonwebtoken::decode::<Read>(token, &self.verify, validation)
            .map_err(|_| TokenError::Invalid)?;
        // What `crit` names must be understood, and nothing is. Source: RFC 7515 §4.1.11.
        let (is_plain, read) = (token.header.crit.is_none(), token.claims);
        let has_begun = read.nbf.is_none_or(|nbf| from_seconds(nbf) <= now);
        if !is_plain || read.r#type != kind || !has_begun {
            return Err(TokenError::Invalid);
        }
        if from_seconds(read.exp) <= now { Err(TokenError::Expired) } else { Ok(read) }
    }
}

/// A claim that may be missing, and is no `null`.
fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    u32::deserialize(deserializer).map(Some)
}

const fn from_seconds(seconds: u32) -> Timestamp {
    Timestamp(seconds as i64 * 1_000)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenPair(…)")
    }
}

impl From<TokenError> for Error {
    /// The texts of the guard. Source: contract O2.3.
    fn from(error: TokenError) -> Self {
        let kind = match error {
            TokenError::Expired => Kind::TokenExpired,
            TokenError::Invalid => Kind::Unauthenticated,
        };
        Self::new(kind, "Invalid or expired token")
    }
}

#[cfg(test)]
mod tests;
