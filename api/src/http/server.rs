//! The REST process: accepts connections and lets hyper read requests for the doors.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection;
use super::host::Host;
use crate::throttle::Throttle;

/// Connections at once; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 8_192;

/// How long accepting rests after a failure that would come again at once (no file handles left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    host: Host,
    patience: Duration,
}

impl Server {
    /// Listens, but serves nobody yet. `patience` is the time for a request's head, between the
    /// requests of a connection, and for each pause of a peer in taking its answer.
    ///
    /// # Errors
    /// The port is busy, or may not be used.
    pub async fn bind(address: SocketAddr, host: Host, patience: Duration) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, host, patience })
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
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        let for_connections = stop.clone();
        let mut failures = Throttle::new();
        let mut stopping = std::pin::pin!(connection::stopped(&mut stop));
        loop {
            let accepted = tokio::select! {
                () = stopping.as_mut() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&self.listener, &places) => accepted,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    if let Some(count) = failures.due(Instant::now()) {
                        tracing::warn!(count, "could not accept connections");
                    }
                    let (host, stop) = (self.host.clone(), for_connections.clone());
                    let patience = self.patience;
                    connections.spawn(async move {
                        serve_connection(stream, peer, host, patience, stop).await;
                        drop(place);
                    });
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

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    host: Host,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) {
    // An answer is one write; waiting for a second one would only delay it.
    let _ = stream.set_nodelay(true);
    let answer = |request| host.answer(request, peer.ip());
    if let Err(error) = connection::serve(stream, patience, &mut stop, answer).await {
        tracing::debug!(%peer, %error, "HTTP connection failed");
    }
}
