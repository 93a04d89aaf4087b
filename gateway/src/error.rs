//! Why the gateway cannot start or go on: sentences for the person at the terminal.

use std::io;
use std::net::SocketAddr;

use api::start::StartError;

/// A failure of the whole process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store or the rules cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The port is busy, or may not be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The operating system refused something else.
    #[error("cannot start")]
    System(#[source] io::Error),
    /// A shard failed while serving.
    #[error("a shard failed")]
    Shard(#[source] io::Error),
}
