//! THE RULES, each once, whichever door asks. Source: contract part 1.
//!
//! A rule is a function over [`App`](crate::App), the [`Caller`](crate::auth::Caller) and a decoded
//! request. It authorises, lets one guarded write decide, repairs what follows from it, and tells
//! the [bus](crate::bus); events that report a stored change are made here and nowhere else. It
//! knows neither sockets nor HTTP, and names no database.
//!
//! - [`account`], [`session`]: registering, signing in, staying signed in
//! - [`conversation`], [`message`], [`typing`], [`presence`]: the chat
//! - [`repair`]: what somebody missed who was away
//! - `user`, `view`: accounts from the cache, and stored nouns as the wire shows them
//! - `cursor`: where a page ended
//! - `record`: what scans find, past what cannot be read
//! - `late`: changes that took long
//! - `lane`: one writer at a time per conversation or person

pub mod account;
pub mod session;

pub mod conversation;
pub mod message;
pub mod presence;
pub mod repair;
pub mod typing;

pub(crate) mod cursor;
pub(crate) mod lane;
mod late;
pub(crate) mod record;
pub(crate) mod user;
pub(crate) mod view;

use crate::error::{Error, Kind};

/// Runs a change to its end, even if whoever asked for it leaves: what is stored must be announced.
///
/// # Errors
/// The change's own; [`Kind::Internal`] if it panicked.
async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(change).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a change did not run to its end");
            Err(Error::new(Kind::Internal, "Something went wrong!"))
        }
    }
}
