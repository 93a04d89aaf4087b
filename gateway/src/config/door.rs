//! Settings of the sockets' doors: what pages find there beside them, and what they are told to keep.

use std::path::Path;

use api::config::Problem;
use clap::Args;

use crate::http::bundle::Bundle;
use crate::http::cookie::Cookie;

/// How the doors are kept, as text.
#[derive(Debug, Args)]
pub(super) struct DoorArguments {
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
    /// Where the client's scripts come from.
    pub bundle: Bundle,
    /// The cookie that handshakes set, if any.
    pub cookie: Option<Cookie>,
}

impl DoorArguments {
    /// Judges them; what is wrong is added to `problems`.
    pub(super) fn settle(&self, problems: &mut Vec<Problem>) -> Option<DoorSettings> {
        let bundle = bundle(self.client_bundle.trim());
        let cookie = cookie(self.cookie.trim());
        if let Err(fault) = &bundle {
            problems.push(Problem::new("CLIENT_BUNDLE", fault.as_str()));
        }
        if let Err(fault) = &cookie {
            problems.push(Problem::new("COOKIE", fault));
        }
        Some(DoorSettings { bundle: bundle.ok()?, cookie: cookie.ok()? })
    }
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
