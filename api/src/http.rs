//! The REST doors, as a function from a collected request to an answer.
//!
//! [`Door::respond`] knows no socket and no runtime of its own, so that whoever accepts connections
//! can host it with [`host::Host`]. [`server`] is such a host, the gateway's shards are others. A request
//! passes, in this order:
//!
//! 1. `cors`: a preflight ends here
//! 2. `router`: which path and method, of the table in `route`
//! 3. `guard`: who is calling, where somebody signed in is called for
//! 4. `quota`: how many requests they may make, by [`limit`] (`attempt`: how many sign-ins may fail)
//! 5. `call`: the request as its handler reads it; the handler calls one rule
//! 6. `reply`: the only translation of outcomes into statuses and bodies
//! 7. `header`: what every answer carries
//!
//! `operation` says beside each route what it takes and gives; `openapi` makes the published document
//! of that, and `asyncapi` one of the events that sockets speak.
//!
//! No rule stands here; those are in `service/`. Source: contract O1, O6.

pub mod address;
pub mod body;
pub mod connection;
pub mod host;
pub mod limit;
pub mod server;

mod asyncapi;
mod attempt;
mod call;
mod cors;
mod guard;
mod header;
mod openapi;
mod operation;
mod quota;
mod reply;
mod route;
mod router;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{ETAG, HeaderValue};
use http::{Method, Request, Response, StatusCode, request};
use protocol::rest::reply::Code;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;
use crate::http::address::{Client, Network};
use crate::http::call::Call;
use crate::http::limit::Policy;
use crate::http::quota::Quota;
use crate::http::reply::Reply;
use crate::http::router::{Router, Target};

pub use router::Access;

/// What the doors are told at start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Origins whose pages may read the answers.
    pub origins: Vec<HeaderValue>,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// How many requests a client may make.
    pub requests: Policy,
}

/// The REST doors of a process; made once at start.
#[derive(Debug)]
pub struct Door {
    app: Arc<App>,
    settings: Settings,
    router: Router,
    documents: Documents,
    requests: Quota,
    attempts: attempt::Attempts,
    is_draining: AtomicBool,
}

/// What is published of this API, made once.
#[derive(Debug)]
struct Documents {
    /// JSON.
    openapi: Bytes,
    /// JSON.
    asyncapi: Bytes,
    /// TypeScript.
    declarations: Bytes,
}

/// Everything that REST offers: methods, paths, and who may call. `HEAD` comes with `GET`.
pub fn routes() -> impl Iterator<Item = (&'static Method, &'static str, Access)> {
    route::ROUTES.iter().map(|route| (&route.method, route.path, route.access))
}

impl Documents {
    fn new() -> Self {
        let events = asyncapi::Catalogue::new();
        Self {
            openapi: openapi::document(route::ROUTES).to_string().into(),
            asyncapi: asyncapi::document(&events).to_string().into(),
            declarations: asyncapi::typescript::declarations(&events).into(),
        }
    }
}

impl Door {
    /// The doors to `app`.
    pub fn new(app: Arc<App>, settings: Settings) -> Self {
        let requests = Quota::new(settings.requests);
        Self {
            app,
            settings,
            router: Router::new(route::ROUTES),
            documents: Documents::new(),
            requests,
            attempts: attempt::Attempts::default(),
            is_draining: AtomicBool::new(false),
        }
    }

    /// From now on the process is not ready; it still answers.
    pub fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Answers a request of `peer`, whatever it holds. The answer to `HEAD` has no body, but says
    /// how long one would be.
    ///
    /// # Cancel safety
    /// When dropped, what the request asked for may or may not have happened.
    pub async fn respond(&self, request: Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let address = address::client(peer, &parts.headers, &self.settings.trusted_proxies);
        let response = if parts.method == Method::OPTIONS {
            let mut response = Reply::empty(StatusCode::NO_CONTENT).into_response();
            cors::apply_preflight(response.headers_mut());
            response
        } else {
            let reply = self.answer(&parts, body, address.into()).await;
            conditional(&parts, reply.into_response())
        };
        self.finish(&parts, address, response)
    }

    /// The answer to a request that its host refuses before its body is here: one over its limit,
    /// or one too many to wait.
    pub fn refuse(&self, parts: &request::Parts, peer: IpAddr, error: &Error) -> Response<Bytes> {
        let address = address::client(peer, &parts.headers, &self.settings.trusted_proxies);
        self.finish(parts, address, Reply::error(error).into_response())
    }

    /// Adds what every answer carries, and logs it.
    fn finish(
        &self,
        parts: &request::Parts,
        address: IpAddr,
        mut response: Response<Bytes>,
    ) -> Response<Bytes> {
        let request_id = header::request_id(&parts.headers)
            .unwrap_or_else(|| header::own_request_id(self.app.clock.object_id()));
        let status = response.status().as_u16();
        let shown_id = request_id.to_str().unwrap_or_default();
        // Not the query: it is the client's, and may hold what belongs in no log.
        tracing::info!(
            method = %parts.method, path = parts.uri.path(), status, %address,
            request_id = %shown_id, "request"
        );
        let headers = response.headers_mut();
        header::secure(headers);
        cors::apply(&parts.headers, &self.settings.origins, headers);
        headers.insert(header::REQUEST_ID, request_id);
        response
    }

    async fn answer(&self, parts: &request::Parts, body: Bytes, client: Client) -> Reply {
        let target = self.router.find(&parts.method, parts.uri.path());
        if matches!(&target, Target::Route { route, .. } if route.is_probe()) {
            let call = (parts, body, client);
            return self.dispatch(target, call, Err(guard::UNKNOWN)).await;
        }
        let now = self.app.clock.now();
        let (caller, standing) = if target.is_guarded() {
            self.requests.count_guarded(&self.app, &parts.headers, client).await
        } else {
            (Err(guard::UNKNOWN), self.requests.count_open(client, now))
        };
        let mut reply = if standing.is_over {
            let text = "Too many requests, please try again later.";
            Reply::failure(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, text)
                .retry_after(standing.seconds_left(now))
        } else {
            self.dispatch(target, (parts, body, client), caller).await
        };
        limit::describe(standing, self.requests.policy(), now, reply.headers_mut());
        reply
    }

    async fn dispatch(
        &self,
        target: Target<'_>,
        (parts, body, client): (&request::Parts, Bytes, Client),
        caller: Result<Caller, Error>,
    ) -> Reply {
        match target {
            Target::Route { route, id } => {
                let call = Call::new(self, parts, id, body, client);
                route.run(call, caller).await.unwrap_or_else(|error| Reply::refusal(&error))
            }
            Target::OtherMethod { allow } => {
                let text = "Method not allowed";
                Reply::failure(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, text)
                    .allow(allow)
            }
            Target::Nothing { is_guarded } => {
                if is_guarded && let Err(error) = caller {
                    return Reply::error(&error);
                }
                let url = parts.uri.path_and_query().map_or("", |url| url.as_str());
                let text = format!("Route {url} not found");
                Reply::failure(StatusCode::NOT_FOUND, Code::NotFound, &text)
            }
        }
    }
}

/// The answer to a `GET` or `HEAD`: tagged, without a body that the client holds already, and
/// without any for `HEAD`.
fn conditional(parts: &request::Parts, mut response: Response<Bytes>) -> Response<Bytes> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return response;
    }
    let etag = header::etag(response.body());
    let is_fresh = response.status().is_success() && header::is_fresh(&parts.headers, &etag);
    response.headers_mut().insert(ETAG, etag);
    if is_fresh {
        reply::strip_to_not_modified(&mut response);
    } else if parts.method == Method::HEAD {
        *response.body_mut() = Bytes::new();
    }
    response
}
