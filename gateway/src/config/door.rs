//! Settings of the sockets' doors: how patient they are, and what pages find there beside them.

use std::path::Path;
use std::time::Duration;

use api::config::Problem;
use clap::Args;

use crate::http::bundle::Bundle;
use crate::http::cookie::Cookie;

/// How the doors are kept, as text.
#[derive(Debug, Args)]
pub(super) struct DoorArguments {
    /// Seconds for the head of an HTTP request, for its body, and for each pause of a client in
    /// taking the answer; 1 to 300.
    #[arg(long, env = "HTTP_PATIENCE_SECONDS", value_name = "SECONDS", default_value = "20")]
    http_patience_seconds: String,
    /// The scripts at /socket.io/socket.io.js: a folder that has them, such as
    /// `node_modules/socket.io/client-dist`; an address that browsers are sent to for them, such as
    /// `https://cdn.socket.io/4.8.1`; or `off`.
    #[arg(long, env = "CLIENT_BUNDLE", value_name = "FOLDER|URL|off", default_value = "off")]
    client_bundle: String,
    /// Set the session's id as a cookie on the answer to a handshake by polling, for balancers that
    /// go by it: `on` calls it `io`, another name calls it so, `off` sets none.
    #[arg(long, env = "COOKIE", value_name = "on|off|NAME", default_value = "off")]
    cookie: String,
}

/// How the doors are kept.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// How long an HTTP client may take for each thing that is waited for.
    pub patience: Duration,
    /// Where the client's scripts come from.
    pub bundle: Bundle,
    /// The cookie that handshakes set, if any.
    pub cookie: Option<Cookie>,
}

impl DoorArguments {
    /// Judges them; what is wrong is added to `problems`.
    pub(super) fn settle(&self, problems: &mut Vec<Problem>) -> Option<DoorSettings> {
        let patience = patience(&self.http_patience_seconds);
        let bundle = bundle(self.client_bundle.trim());
        let cookie = cookie(self.cookie.trim());
        if patience.is_none() {
            problems.push(Problem::new("HTTP_PATIENCE_SECONDS", "must be 1 to 300"));
        }
        if let Err(fault) = &bundle {
            problems.push(Problem::new("CLIENT_BUNDLE", fault.as_str()));
        }
        if let Err(fault) = &cookie {
            problems.push(Problem::new("COOKIE", fault));
        }
        Some(DoorSettings { patience: patience?, bundle: bundle.ok()?, cookie: cookie.ok()? })
    }
}

fn patience(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().ok();
    seconds.filter(|seconds| (1..=PATIENCE_SECONDS_MAX).contains(seconds)).map(Duration::from_secs)
}

fn bundle(text: &str) -> Result<Bundle, String> {
    match text {
        "" | "off" => Ok(Bundle::Off),
        address if address.contains("://") => {
            Bundle::elsewhere(address).ok_or_else(|| "is no address".to_owned())
        }
        folder => {
            Bundle::here(Path::new(folder)).map_err(|error| format!("cannot be read: {error}"))
        }
    }
}

fn cookie(text: &str) -> Result<Option<Cookie>, &'static str> {
    match text {
        "" | "off" => Ok(None),
        "on" => Ok(Some(Cookie::default())),
        name => match Cookie::named(name) {
            Some(cookie) => Ok(Some(cookie)),
            None => Err("must be on, off or the name of a cookie"),
        },
    }
}

/// The longest that a client may be waited for.
const PATIENCE_SECONDS_MAX: u64 = 300;
