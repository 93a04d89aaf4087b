//! HTTP on a shard: each connection until it is upgraded, or for as long as it asks for REST.
//!
//! hyper reads requests; nothing of it stays behind an upgrade. REST requests are collected here
//! and answered elsewhere: the shard's thread never waits for them.

pub mod origin;

use std::cell::Cell;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::engine::HandshakeError;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::application::Opening;
use crate::connection::{Adoption, Layer};
use crate::handshake;
use crate::table::inbox::{Message, ShardHandle};
use origin::Origins;

/// Time for a request's head, and between the requests of a connection; then it is closed.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of a request's head; more is answered with 431.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request; more is answered with 431.
const HEADERS_MAX: usize = 64;

/// HTTP connections that one shard serves at once, upgraded ones not counted; a further one is
/// closed as it is accepted.
const HTTP_CONNECTIONS_MAX: usize = 4096;

/// Answers REST requests: collects the body within its bound, then runs off the shard.
pub type Rest =
    Arc<dyn Fn(Request<Incoming>, IpAddr) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// What is served at which path.
#[derive(Clone)]
pub struct Doors {
    /// Mount paths, slash at the end included, and what is spoken in each WebSocket there.
    pub sockets: Vec<(&'static str, Layer)>,
    /// Which origins may open a socket.
    pub origins: Arc<Origins>,
    /// Everything else; without it, everything else is 404.
    pub rest: Option<Rest>,
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doors").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

/// The HTTP side of one shard.
#[derive(Debug)]
pub(crate) struct Host<S> {
    doors: Doors,
    shard: ShardHandle<S>,
    connections: Cell<usize>,
}

impl<S: Send + 'static> Host<S> {
    /// A host without connections.
    pub(crate) const fn new(doors: Doors, shard: ShardHandle<S>) -> Self {
        Self { doors, shard, connections: Cell::new(0) }
    }

    /// Connections that are being served.
    pub(crate) const fn connections(&self) -> usize {
        self.connections.get()
    }

    /// Serves one connection to its end or its upgrade. Once `stop` says so, it ends after the
    /// request at hand.
    pub(crate) async fn serve(
        self: Rc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        stop: watch::Receiver<bool>,
    ) {
        if self.connections.get() >= HTTP_CONNECTIONS_MAX {
            tracing::debug!(%peer, "too many HTTP connections, closed");
            return;
        }
        self.connections.set(self.connections.get() + 1);
        let upgrade = self.serve_requests(stream, peer, stop).await;
        self.connections.set(self.connections.get() - 1);
        if let Some(upgrade) = upgrade
            && let Err(error) = self.hand_over(upgrade, peer).await
        {
            tracing::debug!(%peer, error, "upgrade failed");
        }
    }

    async fn serve_requests(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        mut stop: watch::Receiver<bool>,
    ) -> Option<Upgrade> {
        let upgrade = Cell::new(None);
        let service = service_fn(|request| async {
            let (response, switched) = self.answer(request, peer).await;
            upgrade.set(switched);
            Ok::<_, Infallible>(response.map(Full::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            _ = stop.wait_for(|stop| *stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%peer, %error, "HTTP connection failed");
        }
        upgrade.take()
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> (Response<Bytes>, Option<Upgrade>) {
        let path = request.uri().path();
        let door = self.doors.sockets.iter().find(|(mount, _)| path.starts_with(mount));
        if let Some(&(_, layer)) = door {
            return match self.open(&mut request, layer, peer) {
                Ok((response, upgrade)) => (response, Some(upgrade)),
                Err(error) => (self.refusal(request.headers(), error), None),
            };
        }
        match &self.doors.rest {
            Some(rest) => (rest(request, peer.ip()).await, None),
            None => (empty(StatusCode::NOT_FOUND), None),
        }
    }

    fn open(
        &self,
        request: &mut Request<Incoming>,
        layer: Layer,
        peer: SocketAddr,
    ) -> Result<(Response<Bytes>, Upgrade), HandshakeError> {
        match layer {
            Layer::SocketIo | Layer::EngineIo => drop(handshake::check(request)?),
            Layer::Raw => {}
        }
        let response = handshake::accept(request.headers())?;
        if !self.doors.origins.allow(request.headers()) {
            return Err(HandshakeError::Forbidden);
        }
        let opening = Opening { peer: peer.ip(), bearer: bearer(request.headers()) };
        let upgrade = Upgrade { on: hyper::upgrade::on(request), layer, opening };
        Ok((response.map(|()| Bytes::new()), upgrade))
    }

    fn refusal(&self, headers: &HeaderMap, error: HandshakeError) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(error.body()));
        *response.status_mut() =
            StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        self.doors.origins.expose(headers, response.headers_mut());
        response
    }

    /// Takes the bare socket back from hyper and gives it to the shard.
    async fn hand_over(&self, upgrade: Upgrade, peer: SocketAddr) -> Result<(), &'static str> {
        let upgraded = upgrade.on.await.map_err(|_| "the peer is gone")?;
        let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(|_| "not our socket")?;
        let io = parts.io.into_inner().into_std().map_err(|_| "the runtime keeps the socket")?;
        let adoption = Adoption {
            io,
            read_ahead: parts.read_buf,
            layer: upgrade.layer,
            opening: upgrade.opening,
            peer,
        };
        let message = Message::Adopt(Box::new(adoption));
        self.shard.send(message).await.map_err(|_| "the shard has ended")
    }
}

/// A connection that leaves HTTP.
struct Upgrade {
    on: OnUpgrade,
    layer: Layer,
    opening: Opening,
}

/// The token of an `Authorization: Bearer` header. PERF: copied, because one kept header pins the
/// whole head that it is a part of.
fn bearer(headers: &HeaderMap) -> Option<Box<str>> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(Into::into)
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    }
    response
}
