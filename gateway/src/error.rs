//! Why the gateway cannot start or go on: sentences for the person at the terminal.

use std::io;
use std::net::SocketAddr;

/// A failure of the whole process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is busy, or may not be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The data folder, or the store in it, cannot be used.
    #[error(transparent)]
    Store(#[from] api::store::OpenError),
    /// The generated secrets cannot be kept.
    #[error("cannot keep the generated secrets in the data folder")]
    Secrets(#[source] io::Error),
    /// A rule refused, or the store failed, while starting.
    #[error("cannot start: {0}")]
    Rule(#[from] api::Error),
    /// Somebody has the e-mail of the admin that is to be made.
    #[error("there is an account with the e-mail {0} already")]
    AdminExists(String),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Entropy,
    /// The operating system refused something else.
    #[error("cannot start")]
    Start(#[source] io::Error),
    /// A shard failed while serving.
    #[error("a shard failed")]
    Shard(#[source] io::Error),
}
