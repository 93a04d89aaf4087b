//! HTTP on a shard: each connection until it is upgraded, or for as long as it asks for REST.
//!
//! hyper reads requests; nothing of it stays behind an upgrade. REST requests are collected here
//! and answered elsewhere: the shard's thread never waits for them.

pub mod origin;

mod encoding;
mod polling;

use std::cell::Cell;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::{ALLOW, AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::engine::{Handshake, HandshakeError, Revision, Transport};
use protocol::id::EngineSid;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::application::Opening;
use crate::connection::{Adoption, Layer};
use crate::handshake::{self, Served};
use crate::table::core::Place;
use crate::table::inbox::{Message, ShardHandle};
use crate::table::session::SessionRequest;
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
    /// Which revisions are let in.
    pub served: Served,
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
    shards: Arc<[ShardHandle<S>]>,
    node: u16,
    payload_bytes_max: usize,
    connections: Cell<usize>,
}

impl<S: Send + 'static> Host<S> {
    /// A host without connections, on the shard of this place.
    pub(crate) fn new(doors: Doors, place: &Place<S>, payload_bytes_max: u32) -> Self {
        let shards = Arc::clone(&place.shards);
        Self {
            doors,
            shard: shards[usize::from(place.shard)].clone(),
            shards,
            node: place.node,
            payload_bytes_max: payload_bytes_max as usize,
            connections: Cell::new(0),
        }
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
        let Some(&(_, layer)) = door else {
            return match &self.doors.rest {
                Some(rest) => (rest(request, peer.ip()).await, None),
                None => (empty(StatusCode::NOT_FOUND), None),
            };
        };
        if request.method() == Method::OPTIONS && layer != Layer::Raw {
            return (self.doors.origins.preflight(request.headers()), None);
        }
        let opened = match self.check(&request, layer) {
            Ok(Some(handshake)) if handshake.transport == Transport::Polling => {
                return (self.poll(request, handshake, layer, peer).await, None);
            }
            Ok(handshake) if self.knows(handshake).await => {
                Self::open(&mut request, handshake, layer, peer)
            }
            Ok(_) => Err(HandshakeError::SessionUnknown),
            Err(error) => Err(error),
        };
        match opened {
            Ok((response, upgrade)) => (response, Some(upgrade)),
            Err(error) => (self.refusal(request.headers(), error), None),
        }
    }

    /// What an Engine.IO request asks for; nothing on a bare WebSocket.
    fn check(
        &self,
        request: &Request<Incoming>,
        layer: Layer,
    ) -> Result<Option<Handshake>, HandshakeError> {
        let handshake = match layer {
            Layer::SocketIo | Layer::EngineIo => {
                Some(handshake::check(request, self.doors.served)?)
            }
            Layer::Raw => None,
        };
        // Who asks is asked last, and only of whoever opens something.
        let opens = handshake.is_none_or(|handshake| {
            handshake.sid.is_none() || handshake.transport == Transport::WebSocket
        });
        if opens && !self.doors.origins.allow(request.headers()) {
            return Err(HandshakeError::Forbidden);
        }
        Ok(handshake)
    }

    /// Switches to WebSocket.
    fn open(
        request: &mut Request<Incoming>,
        handshake: Option<Handshake>,
        layer: Layer,
        peer: SocketAddr,
    ) -> Result<(Response<Bytes>, Upgrade), HandshakeError> {
        let response = handshake::accept(request.headers())?;
        let upgrade = Upgrade {
            on: hyper::upgrade::on(&mut *request),
            layer,
            revision: handshake.map_or(Revision::V4, |handshake| handshake.revision),
            session: handshake.and_then(|handshake| handshake.sid),
            opening: opening(request.headers(), request.uri(), peer),
        };
        Ok((response.map(|()| Bytes::new()), upgrade))
    }

    /// Whether there is the session that a handshake names, if it names one.
    async fn knows(&self, handshake: Option<Handshake>) -> bool {
        let Some(sid) = handshake.and_then(|handshake| handshake.sid) else { return true };
        let Some(shard) = self.owner(sid) else { return false };
        let (reply, answer) = tokio::sync::oneshot::channel();
        let asked = shard.send(Message::Session(SessionRequest::Ask(sid, reply))).await;
        asked.is_ok() && answer.await.unwrap_or(false)
    }

    /// The shard that owns a session, if it is one of this process.
    fn owner(&self, sid: EngineSid) -> Option<&ShardHandle<S>> {
        if sid.node() == self.node { self.shards.get(usize::from(sid.shard())) } else { None }
    }

    fn refusal(&self, headers: &HeaderMap, error: HandshakeError) -> Response<Bytes> {
        let mut response = polling::refusal(error);
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
            revision: upgrade.revision,
            session: upgrade.session,
            opening: upgrade.opening,
            peer,
        };
        // A socket that asks for a session goes to whoever has it; there it is closed if nobody does.
        let shard = upgrade.session.and_then(|sid| self.owner(sid)).unwrap_or(&self.shard);
        let message = Message::Adopt(Box::new(adoption));
        shard.send(message).await.map_err(|_| "the shard has ended")
    }
}

/// A connection that leaves HTTP.
struct Upgrade {
    on: OnUpgrade,
    layer: Layer,
    revision: Revision,
    session: Option<EngineSid>,
    opening: Opening,
}

/// What is kept of a request.
fn opening(headers: &HeaderMap, uri: &http::Uri, peer: SocketAddr) -> Opening {
    Opening { peer: peer.ip(), bearer: bearer(headers), query_token: query_token(uri) }
}

/// The token in the query of a client that has no auth payload: Engine.IO 3. Source: contract 1.5.
fn query_token(uri: &http::Uri) -> Option<Box<str>> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, token) = pairs.find(|(name, _)| *name == "token")?;
    // A token has no character that a query must escape.
    Some(token.into())
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
