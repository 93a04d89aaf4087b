//! The server of the REST process, listening in this one on a free port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::http::host::Host;
use api::http::server::Server;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::desk::Desk;

/// A running server, which soon loses its patience; it ends when dropped.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Listening {
    /// Serves the doors of this desk. The runtime must have a thread for it beside the test's own.
    pub(super) async fn start(desk: &Desk) -> Self {
        let host = Host::new(Arc::clone(&desk.door), Handle::current()).with_body_within(PATIENCE);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(any, host, PATIENCE).await.unwrap();
        let address = server.address().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server.serve(stopped));
        Self { address, _stop: stop }
    }
}

/// How long it waits for anything.
const PATIENCE: Duration = Duration::from_secs(1);
