//! Between a connection and the doors: collects a request's body within its bounds, and has it
//! answered on the runtime of the rules, where a panic is that request's own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, request};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::{Door, body};
use crate::error::{Error, Kind};

/// Requests that are being answered at once; a further one is refused with 503.
const REQUESTS_MAX: usize = 1_024;

/// The doors for whoever accepts connections; cheap to clone.
#[derive(Debug, Clone)]
pub struct Host {
    door: Arc<Door>,
    services: Handle,
    places: Arc<Semaphore>,
    body_timeout: Duration,
}

impl Host {
    /// Has requests answered on this runtime. A body that takes longer than `body_timeout` to arrive
    /// is answered with 400.
    pub fn new(door: Arc<Door>, services: Handle, body_timeout: Duration) -> Self {
        Self { door, services, places: Arc::new(Semaphore::new(REQUESTS_MAX)), body_timeout }
    }

    /// Answers a request, whatever it holds. May be called on any runtime with a timer.
    ///
    /// # Cancel safety
    /// When dropped, what the request asked for may or may not have happened.
    pub async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let body = match tokio::time::timeout(self.body_timeout, body::collect(body)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => return self.end(&parts, peer, &error),
            Err(_) => return self.end(&parts, peer, &TOO_SLOW),
        };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.door.refuse(&parts, peer, &BUSY);
        };
        let (kept, door) = (parts.clone(), Arc::clone(&self.door));
        let answer = self.services.spawn(async move {
            let response = door.respond(Request::from_parts(parts, body), peer).await;
            drop(place);
            response
        });
        match answer.await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(%error, "a request's handler panicked");
                self.door.refuse(&kept, peer, &FAULT)
            }
        }
    }
}

impl Host {
    /// Refuses a request of which not all was read, and says that its connection ends with that.
    fn end(&self, parts: &request::Parts, peer: IpAddr, error: &Error) -> Response<Bytes> {
        let mut response = self.door.refuse(parts, peer, error);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// What any request may be refused with before its route is looked at, or because its handler failed.
/// The published document says it of every route.
pub(super) fn refusals() -> [Kind; 4] {
    [Kind::TooLarge, TOO_SLOW.kind(), BUSY.kind(), FAULT.kind()]
}

const TOO_SLOW: Error = Error::new(Kind::Invalid, "Request body took too long");
const BUSY: Error = Error::new(Kind::Busy, "Server is busy, please try again");
const FAULT: Error = Error::new(Kind::Internal, "Something went wrong!");
