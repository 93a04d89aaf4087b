//! How a connection leaves HTTP: the switch to WebSocket, and the bare socket's way to its shard.

use std::net::SocketAddr;

use api::http::connection::Wire;
use api::http::connection::crowd::Seat;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use protocol::engine::{Handshake, HandshakeError, Revision};
use protocol::id::EngineSid;

use super::Host;
use crate::application::Opening;
use crate::connection::{Adoption, Layer};
use crate::handshake;
use crate::table::inbox::Message;

/// A connection that leaves HTTP.
pub(super) struct Upgrade {
    on: OnUpgrade,
    layer: Layer,
    revision: Revision,
    session: Option<EngineSid>,
    opening: Opening,
}

impl Upgrade {
    /// Switches to WebSocket; there is no handshake on a bare one.
    ///
    /// # Errors
    /// The request is no opening handshake of RFC 6455.
    pub(super) fn of(
        request: &mut Request<Incoming>,
        handshake: Option<Handshake>,
        layer: Layer,
        peer: SocketAddr,
    ) -> Result<(Response<Bytes>, Self), HandshakeError> {
        let response = handshake::accept(request)?;
        let upgrade = Self {
            on: hyper::upgrade::on(&mut *request),
            layer,
            revision: handshake.map_or(Revision::V4, |handshake| handshake.revision),
            session: handshake.and_then(|handshake| handshake.sid),
            opening: opening(request.headers(), request.uri(), peer),
        };
        Ok((response.map(|()| Bytes::new()), upgrade))
    }

    /// Takes along the connection's place among those of its client.
    pub(super) fn keep(mut self, seat: Seat) -> Self {
        self.opening.seat = Some(seat);
        self
    }
}

impl<S: Send + 'static> Host<S> {
    /// Takes the bare socket back from hyper and gives it to the shard.
    pub(super) async fn hand_over(
        &self,
        upgrade: Upgrade,
        peer: SocketAddr,
    ) -> Result<(), &'static str> {
        let upgraded = upgrade.on.await.map_err(|_| "the peer is gone")?;
        let parts = upgraded.downcast::<TokioIo<Wire>>().map_err(|_| "not our socket")?;
        let stream = parts.io.into_inner().into_stream();
        let io = stream.into_std().map_err(|_| "the runtime keeps the socket")?;
        let io = self.doors.limits.lowered(io).map_err(|_| "no descriptor is free")?;
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

/// What is kept of a request.
pub(super) fn opening(headers: &HeaderMap, uri: &http::Uri, peer: SocketAddr) -> Opening {
    Opening { peer: peer.ip(), bearer: bearer(headers), query_token: query_token(uri), seat: None }
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
