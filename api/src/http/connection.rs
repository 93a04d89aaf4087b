//! One HTTP connection as every listener of the product keeps it, whatever it serves there.
//!
//! - [`lobby`]: how many there are, and who makes room for one more
//! - [`crowd`]: how many of them one client may have
//! - `head`: how requests must be framed
//! - `refusal`: the answers to what never became a request
//! - `linger`: how it ends
//! - [`Wire`]: the socket that hyper reads and writes, which is guarded so
//!
//! Bounds stand here, so that no listener has others: of a head, and of how long a peer is waited
//! for. Bodies are their readers'. Knows no path, and nothing of what is answered.

pub mod crowd;
pub mod lobby;

mod head;
mod linger;
mod refusal;
mod wire;

use std::convert::Infallible;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

pub use head::is_token;
use lobby::Guest;
pub use wire::Wire;

/// What the connections of one listener may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for a request's head, and between the requests of a connection, which is then closed;
    /// for the body of a POST, which is then answered 400; and for each pause of a peer in taking
    /// its answer, which is then given up.
    pub patience: Duration,
    /// Connections at once, upgraded ones not counted. One more takes the place of whoever has waited
    /// for longest without a request at hand, or is answered with 503 and closed if nobody does.
    pub connections_max: usize,
    /// Descriptors that connections may take of those that the process has, upgraded ones counted as
    /// well as files and whatever else is open; `None`: any number. Beyond it the same happens.
    pub descriptors_max: Option<usize>,
}

impl Limits {
    /// As they are unless configured.
    pub const DEFAULT: Self =
        Self { patience: Duration::from_secs(20), connections_max: 4096, descriptors_max: None };

    /// The same, where the process may have so many descriptors. A sixteenth, at least 16 and at most
    /// 1,024, is kept for files and for the servers that it asks.
    #[must_use]
    pub fn with_descriptors(self, limit: Option<usize>) -> Self {
        let kept = |limit: usize| (limit / 16).clamp(16, 1_024);
        let descriptors_max = limit.map(|limit| limit.saturating_sub(kept(limit)));
        Self { descriptors_max, ..self }
    }
}

/// Bytes of a request's head; more is answered with 431.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request; more is answered with 431.
const HEADERS_MAX: usize = 64;

impl Limits {
    /// Whether a connection has one of the descriptors that are kept.
    fn is_high(&self, stream: &impl AsRawFd) -> bool {
        let descriptor = usize::try_from(stream.as_raw_fd()).unwrap_or_default();
        self.descriptors_max.is_some_and(|max| descriptor >= max)
    }

    /// The same connection by the lowest descriptor that is free, if it has one of those that are
    /// kept: somebody has made room for it meanwhile, and it stays.
    ///
    /// # Errors
    /// There is no descriptor at all.
    pub fn lowered(&self, stream: std::net::TcpStream) -> io::Result<std::net::TcpStream> {
        if self.is_high(&stream) { stream.try_clone() } else { Ok(stream) }
    }
}

/// Serves one connection until its peer ends it, takes longer than it may, or has to make room. Once `stop` says so, or whoever could say it is gone,
/// it ends after the request at hand. An answer of 101 hands the [`Wire`] over to who asked hyper for
/// it.
///
/// # Errors
/// The connection ended in another way than by HTTP's rules.
///
/// # Cancel safety
/// When dropped, the connection is closed where it stands.
pub async fn serve<A, F>(
    stream: TcpStream,
    guest: &Arc<Guest>,
    stop: &mut watch::Receiver<bool>,
    answer: A,
) -> Result<(), hyper::Error>
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Bytes>>,
{
    let patience = guest.limits().patience;
    let service = service_fn(|request| {
        let (may_ask, is_last) = (guest.ask(), is_last(&request));
        let answered = answer(request);
        async move {
            if !may_ask {
                // It came too late: the connection is about to be dropped.
                std::future::pending::<()>().await;
            }
            let mut response = answered.await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                guest.leave();
                return Ok(response.map(Full::new));
            }
            guest.answer();
            if is_last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Wire::new(stream, patience, Arc::clone(guest))), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => served,
        () = guest.put_out() => Ok(()),
        () = stopped(stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// Returns once it is time to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Who could say so may be gone, which says it too.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Whether nothing behind a request is taken for another one: it asked to leave HTTP, so what follows
/// may be frames; or its body is in chunks.
fn is_last<B>(request: &Request<B>) -> bool {
    let names_websocket = |value: &HeaderValue| {
        value.as_bytes().windows(WEBSOCKET.len()).any(|word| word.eq_ignore_ascii_case(WEBSOCKET))
    };
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING) || headers.get_all(UPGRADE).iter().any(names_websocket)
}

/// The one protocol that is switched to.
const WEBSOCKET: &[u8] = b"websocket";
