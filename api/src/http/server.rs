//! The REST process: accepts connections and lets hyper read requests for the doors.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection;
use super::connection::lobby::{Entry, Lobby};
use super::host::Host;
use crate::throttle::Throttle;

/// How long accepting rests after a failure that would come again at once (no file handles left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    host: Host,
    lobby: Arc<Lobby>,
}

impl Server {
    /// Listens, but serves nobody yet.
    ///
    /// # Errors
    /// The port is busy, or may not be used.
    pub async fn bind(address: SocketAddr, host: Host, lobby: Lobby) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, host, lobby: Arc::new(lobby) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` says so; then accepts no more, and returns when the requests at hand are
    /// answered.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let for_connections = stop.clone();
        let mut failures = Throttle::new();
        let mut stopping = std::pin::pin!(connection::stopped(&mut stop));
        loop {
            let accepted = tokio::select! {
                () = stopping.as_mut() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(count) = failures.due(Instant::now()) {
                        tracing::warn!(count, "could not accept connections");
                    }
                    let Some(entry) = self.lobby.enter(stream, peer) else { continue };
                    let has_displaced = entry.has_displaced;
                    let (host, stop) = (self.host.clone(), for_connections.clone());
                    connections.spawn(serve_connection(entry, peer, host, stop));
                    if has_displaced {
                        // Whoever was put out closes now, before the next one is accepted.
                        tokio::task::yield_now().await;
                    }
                }
                Err(error) => {
                    if let Some(count) = failures.note(Instant::now()) {
                        tracing::warn!(%error, count, "cannot accept connections");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }
}

async fn serve_connection(
    entry: Entry,
    peer: SocketAddr,
    host: Host,
    mut stop: watch::Receiver<bool>,
) {
    let Entry { stream, guest, seat: _seat, has_displaced: _ } = entry;
    // An answer is one write; waiting for a second one would only delay it.
    let _ = stream.set_nodelay(true);
    let answer = |request| host.answer(request, peer.ip());
    if let Err(error) = connection::serve(stream, &guest, &mut stop, answer).await {
        tracing::debug!(%peer, %error, "HTTP connection failed");
    }
}
