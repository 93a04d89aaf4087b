//! The REST process: accepts connections and lets hyper read requests for the doors.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::host::Host;
use crate::throttle::Throttle;

/// Time for a request's head, and between the requests of a connection; then it is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of a request's head; more is answered with 431.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request; more is answered with 431.
const HEADERS_MAX: usize = 64;

/// Connections at once; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 8_192;

/// How long accepting rests after a failure that would come again at once (no file handles left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    host: Host,
}

impl Server {
    /// Listens, but serves nobody yet.
    ///
    /// # Errors
    /// The port is busy, or may not be used.
    pub async fn bind(address: SocketAddr, host: Host) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, host })
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
        let mut stopping = std::pin::pin!(stopped(&mut stop));
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
                    connections.spawn(async move {
                        serve_connection(stream, peer, host, stop).await;
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
    mut stop: watch::Receiver<bool>,
) {
    // An answer is one write; waiting for a second one would only delay it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| async {
        Ok::<_, Infallible>(host.answer(request, peer.ip()).await.map(Full::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "HTTP connection failed");
    }
}

/// Returns once it is time to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Who could say so may be gone, which says it too.
    drop(stop.wait_for(|stop| *stop).await);
}
