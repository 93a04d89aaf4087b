//! One HTTP connection as every listener of the product keeps it, whatever it serves there.
//!
//! - `head`: how requests must be framed
//! - [`Wire`]: the socket that hyper reads and writes, which is guarded so
//!
//! Bounds stand here, so that no listener has others: of a head, and of how long a peer is waited
//! for. Bodies are their readers'. Knows no path, and nothing of what is answered.

mod head;
mod wire;

use std::convert::Infallible;
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

pub use wire::Wire;

/// Bytes of a request's head; more is answered with 431.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request; more is answered with 431.
const HEADERS_MAX: usize = 64;

/// Serves one connection until its peer ends it, or takes longer than `patience` for a head, for the
/// next one, or for taking some of an answer. Once `stop` says so, or whoever could say it is gone,
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
    patience: Duration,
    stop: &mut watch::Receiver<bool>,
    answer: A,
) -> Result<(), hyper::Error>
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<Bytes>>,
{
    let service = service_fn(|request| {
        let is_last = is_last(&request);
        let answered = answer(request);
        async move {
            let mut response = answered.await;
            if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
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
        .serve_connection(TokioIo::new(Wire::new(stream, patience)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => served,
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
