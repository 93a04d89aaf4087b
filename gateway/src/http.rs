//! HTTP on a shard: each connection until it is upgraded, or for as long as it asks for REST.
//!
//! hyper reads requests; nothing of it stays behind an upgrade. REST requests are collected here
//! and answered elsewhere: the shard's thread never waits for them.

pub mod bundle;
pub mod cookie;
pub mod origin;

mod encoding;
mod polling;
mod upgrade;

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use api::http::connection::crowd::Crowd;
use api::http::connection::lobby::{Entry, Lobby};
use api::http::connection::{self, Limits};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_VERSION};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use protocol::engine::{Handshake, HandshakeError, Transport};
use protocol::id::EngineSid;
use tokio::sync::watch;

use crate::connection::Layer;
use crate::handshake::{self, Served};
use crate::table::core::Place;
use crate::table::inbox::{Message, ShardHandle};
use crate::table::session::SessionRequest;
use bundle::Bundle;
use cookie::Cookie;
use origin::Origins;
use upgrade::Upgrade;

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
    /// The cookie that handshakes set, if any.
    pub cookie: Option<Cookie>,
    /// Where the client's scripts come from.
    pub bundle: Bundle,
    /// What their connections may cost.
    pub limits: Limits,
    /// How many each client has.
    pub crowd: Arc<Crowd>,
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
    lobby: Arc<Lobby>,
}

impl<S: Send + 'static> Host<S> {
    /// A host without connections, on the shard of this place.
    pub(crate) fn new(doors: Doors, place: &Place<S>, payload_bytes_max: u32) -> Self {
        let shards = Arc::clone(&place.shards);
        Self {
            lobby: Arc::new(Lobby::new(doors.limits, Arc::clone(&doors.crowd))),
            doors,
            shard: shards[usize::from(place.shard)].clone(),
            shards,
            node: place.node,
            payload_bytes_max: payload_bytes_max as usize,
        }
    }

    /// Who is being served.
    pub(crate) const fn lobby(&self) -> &Arc<Lobby> {
        &self.lobby
    }

    /// Serves one connection to its end or its upgrade. Once `stop` says so, it ends after the
    /// request at hand.
    pub(crate) async fn serve(
        self: Rc<Self>,
        entry: Entry,
        peer: SocketAddr,
        stop: watch::Receiver<bool>,
    ) {
        if let Some(upgrade) = self.serve_requests(entry, peer, stop).await
            && let Err(error) = self.hand_over(upgrade, peer).await
        {
            tracing::debug!(%peer, error, "upgrade failed");
        }
    }

    async fn serve_requests(
        &self,
        entry: Entry,
        peer: SocketAddr,
        mut stop: watch::Receiver<bool>,
    ) -> Option<Upgrade> {
        let upgrade = Cell::new(None);
        let answer = |request| async {
            let (response, switched) = self.answer(request, peer).await;
            upgrade.set(switched);
            response
        };
        let Entry { stream, guest, seat, has_displaced: _ } = entry;
        if let Err(error) = connection::serve(stream, &guest, &mut stop, answer).await {
            tracing::debug!(%peer, %error, "HTTP connection failed");
        }
        upgrade.take().map(|upgrade| upgrade.keep(seat))
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> (Response<Bytes>, Option<Upgrade>) {
        let path = request.uri().path();
        let below = |(mount, layer): &(&str, Layer)| Some((path.strip_prefix(mount)?, *layer));
        let (file, layer) = match self.doors.sockets.iter().find_map(below) {
            None => return (self.answer_elsewhere(request, peer).await, None),
            Some((path, Layer::SocketIo)) => (bundle::name(path), Layer::SocketIo),
            Some((_, layer)) => (None, layer),
        };
        if let Some(file) = file {
            return match self.doors.bundle.answer(file, &request) {
                Some(mut response) => {
                    self.doors.origins.expose(request.headers(), response.headers_mut());
                    (response, None)
                }
                None => (self.answer_elsewhere(request, peer).await, None),
            };
        }
        if request.method() == Method::OPTIONS && layer != Layer::Raw {
            return (self.doors.origins.preflight(request.headers()), None);
        }
        let opened = match self.admit(&request, layer).await {
            Ok(Some(handshake)) if handshake.transport == Transport::Polling => {
                return (self.poll(request, handshake, layer, peer).await, None);
            }
            Ok(handshake) => Upgrade::of(&mut request, handshake, layer, peer),
            Err(error) => Err(error),
        };
        match opened {
            Ok((response, upgrade)) => (response, Some(upgrade)),
            Err(error) => (self.refuse(&request, error), None),
        }
    }

    /// Answers what is no door's.
    async fn answer_elsewhere(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<Bytes> {
        match &self.doors.rest {
            Some(rest) => rest(request, peer.ip()).await,
            None => bare(StatusCode::NOT_FOUND),
        }
    }

    /// What an Engine.IO request asks for, if it may; nothing on a bare WebSocket. The checks come in
    /// the reference server's order: transport, session and its transport, and for a request that
    /// opens one its method, its manner, who asks, and last the revision.
    async fn admit(
        &self,
        request: &Request<Incoming>,
        layer: Layer,
    ) -> Result<Option<Handshake>, HandshakeError> {
        let is_welcome = || self.doors.origins.allow(request.headers());
        if layer == Layer::Raw {
            return if is_welcome() { Ok(None) } else { Err(HandshakeError::Forbidden) };
        }
        let handshake = Handshake::from_query(request.uri().query().unwrap_or_default())?;
        let Some(sid) = handshake.sid else {
            handshake::check_opening(request, handshake, is_welcome(), self.doors.served)?;
            return Ok(Some(handshake));
        };
        let is_upgrade = handshake::is_upgrade(request);
        let is_fed = matches!(*request.method(), Method::GET | Method::POST);
        if handshake.transport == Transport::Polling && !is_upgrade && is_fed {
            // Its shard judges it, and takes it in the same breath.
            return Ok(Some(handshake));
        }
        let transport = self.transport_of(sid).await.ok_or(HandshakeError::SessionUnknown)?;
        match (handshake.transport, is_upgrade) {
            (Transport::WebSocket, true) if is_welcome() => Ok(Some(handshake)),
            (Transport::WebSocket, true) => Err(HandshakeError::Forbidden),
            (Transport::Polling, false) if transport == Transport::Polling => Ok(Some(handshake)),
            (Transport::Polling | Transport::WebSocket, _) => Err(HandshakeError::BadRequest),
        }
    }

    /// What the session with this sid travels by, if there is one.
    async fn transport_of(&self, sid: EngineSid) -> Option<Transport> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let question = Message::Session(SessionRequest::Ask(sid, reply));
        self.owner(sid)?.send(question).await.ok()?;
        answer.await.ok().flatten()
    }

    /// The shard that owns a session, if it is one of this process.
    fn owner(&self, sid: EngineSid) -> Option<&ShardHandle<S>> {
        if sid.node() == self.node { self.shards.get(usize::from(sid.shard())) } else { None }
    }

    fn refuse(&self, request: &Request<Incoming>, error: HandshakeError) -> Response<Bytes> {
        let is_upgrade = handshake::is_upgrade(request);
        let mut response = if is_upgrade { words(error) } else { refusal(error) };
        if is_upgrade && !handshake::is_version_served(request.headers()) {
            let version = HeaderValue::from_static(handshake::VERSION);
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
        }
        self.doors.origins.expose(request.headers(), response.headers_mut());
        response
    }
}

/// The answer to a request that is refused.
fn refusal(error: HandshakeError) -> Response<Bytes> {
    refused(error, "application/json", error.body().into())
}

/// The answer to a WebSocket that is refused. COMPAT: the reference writes the bare message, and
/// calls it HTML; the status is 403 where it says 400 to who is forbidden.
fn words(error: HandshakeError) -> Response<Bytes> {
    refused(error, "text/html", error.to_string().into())
}

fn refused(error: HandshakeError, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer of which the status says all.
fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}
