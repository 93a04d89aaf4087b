//! Long polling, as HTTP: requests become messages to the shard that owns the session.
//!
//! A parked poll keeps neither its request nor anything of it; what hyper keeps of the connection
//! is hyper's. Source: Engine.IO v4 "HTTP long-polling".

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue,
    RETRY_AFTER, SET_COOKIE,
};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use protocol::engine::payload::{Format, Writer};
use protocol::engine::{Handshake, HandshakeError};
use protocol::id::EngineSid;
use tokio::sync::oneshot;

use super::upgrade::opening;
use super::{Host, bare, encoding, refusal};
use crate::connection::Layer;
use crate::connection::polling::PollAnswer;
use crate::table::inbox::{Message, ShardHandle};
use crate::table::opening::PollingWish;
use crate::table::session::{PostBody, PostVerdict, SessionRequest};

impl<S: Send + 'static> Host<S> {
    /// Answers a request of a session on long polling, or for one.
    pub(super) async fn poll(
        &self,
        request: Request<Incoming>,
        handshake: Handshake,
        layer: Layer,
        peer: SocketAddr,
    ) -> Response<Bytes> {
        let method = request.method().clone();
        let (parts, body) = request.into_parts();
        let mut response = match (handshake.sid, &method) {
            (None, _) => {
                let mut opening = opening(&parts.headers, &parts.uri, peer);
                opening.seat = self.lobby.seat(peer);
                let Handshake { revision, base64, .. } = handshake;
                if opening.seat.is_some() {
                    self.open_session(PollingWish { layer, revision, base64, opening }).await
                } else {
                    overloaded()
                }
            }
            (Some(sid), &Method::GET) => {
                // Nothing of the request stays while the poll is parked.
                let kept = Kept::of(&parts.headers);
                drop((parts, body));
                let answer = self.wait(sid).await;
                let mut response = poll_response(answer, kept.encoding);
                self.doors.origins.expose(&kept.headers, response.headers_mut());
                return response;
            }
            (Some(sid), &Method::POST) => self.feed(sid, &parts.headers, body).await,
            // COMPAT: the reference has no word for it.
            (Some(_), _) => bare(StatusCode::INTERNAL_SERVER_ERROR),
        };
        self.doors.origins.expose(&parts.headers, response.headers_mut());
        response
    }

    async fn open_session(&self, wish: PollingWish) -> Response<Bytes> {
        let format = Format::of_answer(wish.revision, wish.base64, false);
        let (reply, opened) = oneshot::channel();
        let request = SessionRequest::Open(Box::new(wish), reply);
        let sent = self.shard.send(Message::Session(request)).await;
        let opened = if sent.is_ok() { opened.await.ok().flatten() } else { None };
        let Some((sid, open)) = opened else { return overloaded() };
        let mut writer = Writer::new(format);
        writer.push_text(open.as_bytes());
        let mut response = payload(writer.content_type(), writer.into_body().into());
        if let Some(cookie) = self.doors.cookie.as_ref().and_then(|cookie| cookie.line(sid)) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    /// Parks a poll at its session's shard until that answers it.
    async fn wait(&self, sid: EngineSid) -> PollAnswer {
        let Some(shard) = self.owner(sid) else { return PollAnswer::Unknown };
        let (reply, answer) = oneshot::channel();
        let request = SessionRequest::Poll(sid, reply);
        if shard.send(Message::Session(request)).await.is_err() {
            return PollAnswer::Unknown;
        }
        let mut watch = Watch { shard, sid, is_answered: false };
        let answer = answer.await;
        watch.is_answered = true;
        answer.unwrap_or(PollAnswer::Unknown)
    }

    /// Takes a POST in.
    async fn feed(&self, sid: EngineSid, headers: &HeaderMap, body: Incoming) -> Response<Bytes> {
        let Some(shard) = self.owner(sid) else { return refusal(HandshakeError::SessionUnknown) };
        let (reply, verdict) = oneshot::channel();
        let sent = shard.send(Message::Session(SessionRequest::Post(sid, reply))).await;
        match if sent.is_ok() { verdict.await.ok() } else { None } {
            Some(PostVerdict::Read) => {}
            Some(PostVerdict::Discard) => return ok(),
            Some(PostVerdict::Mismatch) => return refusal(HandshakeError::BadRequest),
            Some(PostVerdict::Overlap) => return bare(StatusCode::BAD_REQUEST),
            Some(PostVerdict::Unknown) | None => return refusal(HandshakeError::SessionUnknown),
        }
        // From here on the session counts a POST as under way, whatever becomes of this one.
        let mut under_way = UnderWay { shard, sid, is_ended: false };
        let collected = api::http::body::collect_within(body, self.payload_bytes_max);
        let bytes = match tokio::time::timeout(self.doors.limits.patience, collected).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) if error.kind() == api::error::Kind::TooLarge => {
                return bare(StatusCode::PAYLOAD_TOO_LARGE);
            }
            Ok(Err(_)) | Err(_) => return bare(StatusCode::BAD_REQUEST),
        };
        let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let is_octet_stream = content_type.starts_with(b"application/octet-stream");
        let body = PostBody { bytes: bytes.into(), is_octet_stream };
        let (reply, taken) = oneshot::channel();
        under_way.is_ended = true;
        let request = SessionRequest::PostBody(sid, body, reply);
        match shard.send(Message::Session(request)).await {
            Ok(()) if taken.await.unwrap_or(true) => ok(),
            Ok(()) => bare(StatusCode::BAD_REQUEST),
            Err(_) => refusal(HandshakeError::SessionUnknown),
        }
    }
}

/// What is kept of a poll's request while it waits.
struct Kept {
    headers: HeaderMap,
    encoding: Option<encoding::Encoding>,
}

impl Kept {
    /// The two lines that decide whether the page may read the answer, copied: a line of the request
    /// would pin all of it.
    fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let encoding = accepted.and_then(encoding::preferred);
        let mut kept = HeaderMap::new();
        for name in [http::header::ORIGIN, http::header::HOST] {
            if let Some(value) = headers.get(&name)
                && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
            {
                kept.insert(name, value);
            }
        }
        Self { headers: kept, encoding }
    }
}

/// Tells the shard when the client of a parked poll goes away: hyper drops the answer's future.
struct Watch<'a, S> {
    shard: &'a ShardHandle<S>,
    sid: EngineSid,
    is_answered: bool,
}

impl<S> Drop for Watch<'_, S> {
    fn drop(&mut self) {
        if !self.is_answered {
            // With a full inbox the heartbeat finds it out later.
            self.shard.offer(Message::Session(SessionRequest::PollLost(self.sid)));
        }
    }
}

/// Tells the shard when a POST has ended without a body to take.
struct UnderWay<'a, S> {
    shard: &'a ShardHandle<S>,
    sid: EngineSid,
    is_ended: bool,
}

impl<S> Drop for UnderWay<'_, S> {
    fn drop(&mut self) {
        if !self.is_ended {
            self.shard.offer(Message::Session(SessionRequest::PostEnd(self.sid)));
        }
    }
}

fn poll_response(answer: PollAnswer, accepted: Option<encoding::Encoding>) -> Response<Bytes> {
    match answer {
        PollAnswer::Payload { content_type, body } => match accepted {
            Some(accepted) if body.len() >= encoding::BYTES_MIN => {
                let mut response = payload(content_type, accepted.compress(&body).into());
                let name = HeaderValue::from_static(accepted.name());
                response.headers_mut().insert(CONTENT_ENCODING, name);
                response
            }
            Some(_) | None => payload(content_type, body.into()),
        },
        PollAnswer::Unknown => refusal(HandshakeError::SessionUnknown),
        PollAnswer::Mismatch => refusal(HandshakeError::BadRequest),
        PollAnswer::Overlap => bare(StatusCode::BAD_REQUEST),
        PollAnswer::Overloaded => overloaded(),
    }
}

/// The answer where there is as much polling as there may be, in all or of one client.
fn overloaded() -> Response<Bytes> {
    let mut response = bare(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response
}

/// When to come back to a server that has too much to do.
const RETRY_AFTER_SECONDS: &str = "5";

fn payload(content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// COMPAT: the reference calls it HTML, so that no browser takes it for a download.
fn ok() -> Response<Bytes> {
    payload("text/html", Bytes::from_static(b"ok"))
}
