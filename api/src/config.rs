//! Settings that every process of the product reads: who signs in how, who may call from where.
//!
//! [`Arguments`] is flattened into each binary's own, so that a key has one name, one default and
//! one meaning. Values arrive as text and are judged together by [`Arguments::settle`]: a start
//! that fails names everything that is wrong at once.

pub mod process;

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use clap::{Command, CommandFactory, FromArgMatches};
use http::HeaderValue;
use protocol::schema::email;

use crate::auth::password::PASSWORD_BYTES_MAX;
use crate::auth::secret::{self, SecretProblem};
use crate::auth::{Lifetime, Secrets};
use crate::http::limit::Policy;

/// The settings as text; an empty one counts as unset.
#[derive(Default, clap::Args)]
pub struct Arguments {
    /// `production` refuses weak secrets.
    #[arg(long, env = "NODE_ENV", value_name = "NAME", default_value = "development")]
    pub node_env: String,

    /// Signs access tokens; at least 32 bytes. Embedded store: made once and kept there when unset.
    #[arg(long, env = "JWT_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// Signs refresh tokens; derived from `JWT_SECRET` when unset.
    #[arg(long, env = "JWT_REFRESH_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub jwt_refresh_secret: Option<String>,

    /// How long an access token lives: `7d`, `12h`, or a bare number of milliseconds. Default: 7d.
    #[arg(long, env = "JWT_EXPIRES_IN", value_name = "SPAN")]
    pub jwt_expires_in: Option<String>,

    /// How long a session lives without a refresh. Default: 30d.
    #[arg(long, env = "JWT_REFRESH_EXPIRES_IN", value_name = "SPAN")]
    pub jwt_refresh_expires_in: Option<String>,

    /// `on` honours access tokens that the original server issued, until they expire. Default: off.
    #[arg(long, env = "ACCEPT_LEGACY_TOKENS", value_name = "on|off")]
    pub accept_legacy_tokens: Option<String>,

    /// Origins whose pages may call, separated by commas. Default: `http://localhost:3000`.
    #[arg(long, env = "ALLOWED_ORIGINS", value_name = "LIST")]
    pub allowed_origins: Option<String>,

    /// Proxies whose `X-Forwarded-For` is believed: addresses or ranges, separated by commas.
    /// Default: none.
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "LIST")]
    pub trusted_proxies: Option<String>,

    /// Window of the request limit, in milliseconds; 1 s to 1 day. Default: 900000.
    #[arg(long, env = "RATE_LIMIT_WINDOW_MS", value_name = "MS")]
    pub rate_limit_window_ms: Option<String>,

    /// Requests of one user, or of one address, in a window; at least 1. Default: 1000.
    #[arg(long, env = "RATE_LIMIT_MAX_REQUESTS", value_name = "COUNT")]
    pub rate_limit_max_requests: Option<String>,

    /// E-mail of the first admin, made at start while there is no active one.
    #[arg(long, env = "ADMIN_EMAIL", value_name = "EMAIL")]
    pub admin_email: Option<String>,

    /// Password of the first admin.
    #[arg(long, env = "ADMIN_PASSWORD", value_name = "TEXT", hide_env_values = true)]
    pub admin_password: Option<String>,
}

/// Who becomes an admin, as text.
#[derive(clap::Args)]
pub struct AdminArguments {
    /// The account's e-mail.
    #[arg(long, env = "ADMIN_EMAIL", value_name = "EMAIL")]
    email: String,
    /// Its password: 6 characters to 72 bytes. Better set in the environment than typed as a flag.
    #[arg(long, env = "ADMIN_PASSWORD", value_name = "TEXT", hide_env_values = true)]
    password: String,
}

/// The settings as values.
#[derive(Debug)]
pub struct Settings {
    /// Signs tokens; `None` when unset, which is allowed where secrets are [kept](kept_secrets).
    pub secrets: Option<Secrets>,
    /// Of an access token.
    pub access_lifetime: Lifetime,
    /// Of a refresh token, and so of a session.
    pub refresh_lifetime: Lifetime,
    /// Whether access tokens of the original are honoured.
    pub accept_legacy_tokens: bool,
    /// For the REST doors; the origins hold for sockets too.
    pub http: crate::http::Settings,
    /// The first admin, if one was named.
    pub admin: Option<FirstAdmin>,
    /// What is weak, but allowed outside production; for the log.
    pub warnings: Vec<Problem>,
}

/// The account to make while there is no admin.
#[derive(Clone, PartialEq, Eq)]
pub struct FirstAdmin {
    /// In lower case.
    pub email: String,
    /// As written.
    pub password: String,
}

/// Something wrong with a setting: a sentence that names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(String);

impl Problem {
    /// The sentence `key` `fault`.
    pub fn new(key: &str, fault: impl fmt::Display) -> Self {
        Self(format!("{key} {fault}"))
    }
}

const WINDOW_MS_DEFAULT: i64 = 900_000;
const WINDOW_MS_MIN: i64 = 1_000;
const WINDOW_MS_MAX: i64 = 86_400_000;
const REQUESTS_MAX_DEFAULT: u32 = 1_000;
const ORIGINS_DEFAULT: &str = "http://localhost:3000";
const PASSWORD_UNITS_MIN: usize = 6;

/// What is wrong so far.
#[derive(Default)]
struct Found(Vec<Problem>);

impl Arguments {
    /// Judges all of them.
    ///
    /// # Errors
    /// Everything that is wrong; never empty.
    pub fn settle(self) -> Result<Settings, Vec<Problem>> {
        let mut found = Found::default();
        let mut warnings = Vec::new();
        let secrets = self.secrets(&mut found, &mut warnings);
        let settings = Settings {
            secrets,
            access_lifetime: found.parse(
                "JWT_EXPIRES_IN",
                self.jwt_expires_in.as_deref(),
                Lifetime::ACCESS_DEFAULT,
            ),
            refresh_lifetime: found.parse(
                "JWT_REFRESH_EXPIRES_IN",
                self.jwt_refresh_expires_in.as_deref(),
                Lifetime::REFRESH_DEFAULT,
            ),
            accept_legacy_tokens: self.accept_legacy_tokens(&mut found),
            http: self.http(&mut found),
            admin: self.admin(&mut found),
            warnings,
        };
        if found.0.is_empty() { Ok(settings) } else { Err(found.0) }
    }

    fn secrets(&self, found: &mut Found, warnings: &mut Vec<Problem>) -> Option<Secrets> {
        let is_production = self.node_env.trim() == "production";
        let refresh = given(self.jwt_refresh_secret.as_deref());
        let Some(access) = given(self.jwt_secret.as_deref()) else {
            if is_production {
                found.push(SecretProblem::Missing);
            } else if refresh.is_some() {
                found.push("JWT_REFRESH_SECRET is set, but JWT_SECRET is not");
            }
            return None;
        };
        let secrets = Secrets::new(access, refresh).ok()?;
        for weakness in secrets.weaknesses() {
            if is_production {
                found.push(weakness);
            } else {
                warnings.push(Problem(weakness.to_string()));
            }
        }
        Some(secrets)
    }

    fn accept_legacy_tokens(&self, found: &mut Found) -> bool {
        match given(self.accept_legacy_tokens.as_deref()).map(str::trim) {
            None | Some("off") => false,
            Some("on") => true,
            Some(_) => {
                found.push("ACCEPT_LEGACY_TOKENS must be on or off");
                false
            }
        }
    }

    fn http(&self, found: &mut Found) -> crate::http::Settings {
        let window_ms = found.parse(
            "RATE_LIMIT_WINDOW_MS",
            self.rate_limit_window_ms.as_deref(),
            WINDOW_MS_DEFAULT,
        );
        if !(WINDOW_MS_MIN..=WINDOW_MS_MAX).contains(&window_ms) {
            found.push(format!("RATE_LIMIT_WINDOW_MS must be {WINDOW_MS_MIN} to {WINDOW_MS_MAX}"));
        }
        let hits_max = found.parse(
            "RATE_LIMIT_MAX_REQUESTS",
            self.rate_limit_max_requests.as_deref(),
            REQUESTS_MAX_DEFAULT,
        );
        if hits_max == 0 {
            found.push("RATE_LIMIT_MAX_REQUESTS must be at least 1");
        }
        let origins = given(self.allowed_origins.as_deref()).unwrap_or(ORIGINS_DEFAULT);
        let mut headers = Vec::new();
        for origin in items(origins) {
            match HeaderValue::from_str(origin.trim_end_matches('/')) {
                Ok(origin) if is_origin(&origin) => headers.push(origin),
                Ok(_) | Err(_) => {
                    found.push("ALLOWED_ORIGINS must name origins such as https://example.com");
                }
            }
        }
        let mut trusted_proxies = Vec::new();
        for range in items(self.trusted_proxies.as_deref().unwrap_or_default()) {
            match range.parse() {
                Ok(network) => trusted_proxies.push(network),
                Err(error) => found.0.push(Problem::new("TRUSTED_PROXIES", error)),
            }
        }
        let requests = Policy { hits_max, window_ms };
        crate::http::Settings { origins: headers, trusted_proxies, requests }
    }

    fn admin(&self, found: &mut Found) -> Option<FirstAdmin> {
        let email = given(self.admin_email.as_deref()).map(str::trim);
        let password = given(self.admin_password.as_deref());
        let (Some(email), Some(password)) = (email, password) else {
            if email.is_some() || password.is_some() {
                found.push("ADMIN_EMAIL and ADMIN_PASSWORD must be set together");
            }
            return None;
        };
        if !email::is_email(email) {
            found.push("ADMIN_EMAIL must be a valid email");
        }
        let units = password.encode_utf16().count();
        if units < PASSWORD_UNITS_MIN || password.len() > PASSWORD_BYTES_MAX {
            found.push(format!(
                "ADMIN_PASSWORD must be at least {PASSWORD_UNITS_MIN} characters \
                 and at most {PASSWORD_BYTES_MAX} bytes"
            ));
        }
        Some(FirstAdmin { email: email.to_lowercase(), password: password.to_owned() })
    }
}

impl AdminArguments {
    /// The settings of a process that makes this admin and ends.
    ///
    /// # Errors
    /// Everything that is wrong; never empty.
    pub fn settle(self) -> Result<Settings, Vec<Problem>> {
        let (admin_email, admin_password) = (Some(self.email), Some(self.password));
        Arguments { admin_email, admin_password, ..Arguments::default() }.settle()
    }
}

/// Reads a command line and the environment; a variable that is set to nothing counts as unset, as
/// such a line of `.env` is meant.
///
/// # Errors
/// A wish for help or the version, and arguments that nobody knows.
pub fn read<C: CommandFactory + FromArgMatches>() -> Result<C, clap::Error> {
    C::from_arg_matches(&without_blank_variables(C::command()).try_get_matches()?)
}

fn without_blank_variables(command: Command) -> Command {
    let is_blank = |name: &OsStr| {
        std::env::var_os(name)
            .is_some_and(|text| text.to_str().is_some_and(|it| it.trim().is_empty()))
    };
    command
        .mut_args(|arg| match arg.get_env() {
            Some(name) if is_blank(name) => arg.env(None),
            Some(_) | None => arg,
        })
        .mut_subcommands(without_blank_variables)
}

/// The secrets kept in this data folder, made at the first start.
///
/// # Errors
/// The file can neither be read nor made.
pub fn kept_secrets(data_dir: &Path) -> std::io::Result<Secrets> {
    let secret = secret::load_or_create(&data_dir.join("jwt-secret"))?;
    Secrets::new(&secret, None).map_err(std::io::Error::other)
}

impl Found {
    fn push(&mut self, problem: impl fmt::Display) {
        self.0.push(Problem(problem.to_string()));
    }

    /// The value of a key, or its default where it is unset or wrong.
    fn parse<T>(&mut self, key: &str, text: Option<&str>, default: T) -> T
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        match given(text).map(|text| text.trim().parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.push(format_args!("{key}: {error}"));
                default
            }
        }
    }
}

pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Whether this is a scheme and a host, and nothing behind them.
fn is_origin(origin: &HeaderValue) -> bool {
    let Some((scheme, host)) = origin.to_str().ok().and_then(|text| text.split_once("://")) else {
        return false;
    };
    let is_plain = |text: &str| !text.is_empty() && !text.contains([' ', '/', '?', '#', '*']);
    is_plain(scheme) && is_plain(host)
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments").finish_non_exhaustive()
    }
}

impl fmt::Debug for AdminArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminArguments").field("email", &self.email).finish_non_exhaustive()
    }
}

impl fmt::Debug for FirstAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstAdmin").field("email", &self.email).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
