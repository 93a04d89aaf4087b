//! The server of the REST process, listening in this one on a free port.

use std::net::SocketAddr;
use std::sync::Arc;

use api::http::connection::Limits;
use api::http::connection::crowd::{Crowd, PerClient};
use api::http::connection::lobby::Lobby;
use api::http::host::Host;
use api::http::server::Server;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::desk::Desk;
use crate::slowness::PATIENCE;

/// A running server, which soon loses its patience unless told otherwise; it ends when dropped.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Listening {
    /// Serves the doors of this desk. The runtime must have a thread for it beside the test's own.
    pub(super) async fn start(desk: &Desk) -> Self {
        Self::start_with(desk, Limits { patience: PATIENCE, ..Limits::DEFAULT }).await
    }

    /// The same, within these limits.
    pub(super) async fn start_with(desk: &Desk, limits: Limits) -> Self {
        Self::start_for(desk, limits, PerClient::DEFAULT).await
    }

    /// The same, for clients who may have so many connections.
    pub(super) async fn start_for(desk: &Desk, limits: Limits, per_client: PerClient) -> Self {
        let crowd = Crowd::new(per_client, Vec::new());
        let host = Host::new(Arc::clone(&desk.door), Handle::current(), limits.patience);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(any, host, Lobby::new(limits, Arc::new(crowd))).await.unwrap();
        let address = server.address().unwrap();
        let (stop, stopped) = watch::channel(false);
        Self { address, stop, serving: tokio::spawn(server.serve(stopped)) }
    }

    /// Has it end, and waits until it has.
    pub(super) async fn end(self) {
        self.stop.send_replace(true);
        self.serving.await.unwrap();
    }
}
