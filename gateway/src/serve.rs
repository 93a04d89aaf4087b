//! The embedded product: sockets and REST on one port, over one store.
//!
//! Two runtimes stand side by side: the shards' threads, which never wait, and the services', on
//! which rules, store and REST handlers run.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::auth::{Passwords, Tokens};
use api::bus::Bus;
use api::clock::Clock;
use api::error::Kind;
use api::http::Door;
use api::service::account;
use api::store::Store;
use api::{App, Parts};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use protocol::engine::Timing;
use tokio::sync::Semaphore;

use crate::config::{Log, LogFormat, Serve};
use crate::connection::Layer;
use crate::error::Error;
use crate::event::{self, Chat};
use crate::handoff::Handoff;
use crate::handshake::Served;
use crate::http::origin::Origins;
use crate::http::{Doors, Rest};
use crate::relay::Relay;
use crate::runtime::{self, Inboxes, Running, Settings};

/// What new password hashes cost. Source: contract 1.3.
const BCRYPT_COST: u32 = 12;

/// Requests that are being answered at once; a further one is refused with 503.
const REQUESTS_MAX: usize = 1_024;

/// How long a request's body may take to arrive; then it is answered with 400.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is looked who has ceased to type.
const TYPING_SWEEP: Duration = Duration::from_secs(1);

/// Opens the store in a data folder and puts the rules around it.
///
/// # Errors
/// The folder cannot be used, or the store in it cannot be read.
pub async fn open(data_dir: &Path, shared: &api::config::Settings) -> Result<Arc<App>, Error> {
    let store = Store::open_embedded(data_dir)?;
    let secrets = match &shared.secrets {
        Some(secrets) => secrets.clone(),
        None => api::config::kept_secrets(data_dir).map_err(Error::Secrets)?,
    };
    let parts = Parts {
        store,
        bus: Bus::local(),
        passwords: Passwords::new(BCRYPT_COST).map_err(Error::Start)?,
        tokens: Tokens::new(&secrets, shared.access_lifetime, shared.refresh_lifetime)
            .accepting_legacy(shared.accept_legacy_tokens),
        clock: Clock::wall().map_err(|_| Error::Entropy)?,
        // This process is the store's only owner.
        cache_age_ms_max: i64::MAX,
    };
    Ok(App::open(parts).await?)
}

/// Makes an admin in a store that no server has open.
///
/// # Errors
/// The folder is in use or cannot be used, or the address is taken.
pub async fn create_admin(data_dir: &Path, shared: &api::config::Settings) -> Result<(), Error> {
    let Some(admin) = &shared.admin else { return Ok(()) };
    let app = open(data_dir, shared).await?;
    let is_made = account::create_admin(&app, admin).await?;
    app.store.close().await;
    if !is_made {
        return Err(Error::AdminExists(admin.email.clone()));
    }
    writeln!(io::stdout(), "made the admin {}", admin.email).map_err(Error::Start)
}

/// Serves until a signal says stop, then drains.
///
/// # Errors
/// The product cannot start, or a shard failed.
pub async fn run(serve: Serve) -> Result<(), Error> {
    let app = open(&serve.data_dir, &serve.shared).await?;
    if let Some(admin) = &serve.shared.admin
        && account::create_admin(&app, admin).await?
    {
        tracing::info!(email = admin.email, "made the first admin");
    }
    let door = Arc::new(Door::new(Arc::clone(&app), serve.shared.http.clone()));
    let mut running = start(&app, &door, &serve)?;
    for warning in &serve.shared.warnings {
        tracing::warn!("{warning}");
    }
    announce(running.address(), &serve.data_dir).map_err(Error::Start)?;
    tokio::select! {
        signal = stop_signal() => tracing::info!(signal = signal.map_err(Error::Start)?, "stopping"),
        error = running.failed() => return Err(Error::Shard(error)),
    }
    door.begin_drain();
    if let Ok(drained) = tokio::time::timeout(serve.drain, running.drain()).await {
        drained.map_err(Error::Shard)?;
    } else {
        tracing::warn!("not everything was closed in time");
    }
    app.store.close().await;
    Ok(())
}

fn start(
    app: &Arc<App>,
    door: &Arc<Door>,
    serve: &Serve,
) -> Result<Running<event::client::Client>, Error> {
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let inboxes = Inboxes::new(shards);
    let (answers, relay) = Relay::new(Arc::clone(app), inboxes.handles());
    tokio::spawn(relay.run());
    tokio::spawn(sweep_typing(Arc::clone(app)));
    let origins = serve.shared.http.origins.iter().filter_map(|origin| origin.to_str().ok());
    let doors = Doors {
        sockets: vec![("/socket.io/", Layer::SocketIo)],
        served: Served { revision_3: false },
        origins: Arc::new(Origins::new(origins.map(str::to_owned).collect())),
        rest: Some(rest(Arc::clone(door))),
    };
    runtime::start(serve.address, inboxes, SETTINGS, &doors, |_shard| {
        let (handoff, dispatcher) = Handoff::new();
        tokio::spawn(dispatcher.run());
        Chat::new(Arc::clone(app), handoff, answers.clone())
    })
    .map_err(|source| Error::Listen { address: serve.address, source })
}

/// The engine's numbers. Source: contract O3.1 and 1.9.
const SETTINGS: Settings = Settings {
    timing: Timing { interval_ms: 25_000, timeout_ms: 20_000 },
    connect_timeout_ms: 45_000,
    upgrade_timeout_ms: protocol::engine::session::UPGRADE_TIMEOUT_MS,
    payload_bytes_max: 1_000_000,
    outbox_soft_bytes: 256 * 1024,
    outbox_hard_bytes: 2 * 1024 * 1024,
};

/// The REST doors for shards: the body is collected on the shard's thread, the answer is made on the
/// services' runtime.
fn rest(door: Arc<Door>) -> Rest {
    let services = tokio::runtime::Handle::current();
    let places = Arc::new(Semaphore::new(REQUESTS_MAX));
    Arc::new(move |request: Request<Incoming>, peer: IpAddr| {
        let (door, services) = (Arc::clone(&door), services.clone());
        let places = Arc::clone(&places);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let collected =
                tokio::time::timeout(BODY_TIMEOUT, api::http::body::collect(body)).await;
            let body = match collected {
                Ok(Ok(body)) => body,
                Ok(Err(error)) => return door.refuse(&parts, peer, &error),
                Err(_) => return door.refuse(&parts, peer, &TOO_SLOW),
            };
            let Ok(place) = places.try_acquire_owned() else {
                return door.refuse(&parts, peer, &BUSY);
            };
            let (kept, answering) = (parts.clone(), Arc::clone(&door));
            let answer = services.spawn(async move {
                let response = answering.respond(Request::from_parts(parts, body), peer).await;
                drop(place);
                response
            });
            match answer.await {
                Ok(response) => response,
                Err(error) => {
                    tracing::error!(%error, "a request's handler panicked");
                    door.refuse(&kept, peer, &FAULT)
                }
            }
        }) as futures_core::future::BoxFuture<'static, Response<Bytes>>
    })
}

const TOO_SLOW: api::Error = api::Error::new(Kind::Invalid, "Request body took too long");
const BUSY: api::Error = api::Error::new(Kind::Busy, "Server is busy, please try again");
const FAULT: api::Error = api::Error::new(Kind::Internal, "Something went wrong!");

async fn sweep_typing(app: Arc<App>) {
    let mut ticks = tokio::time::interval(TYPING_SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        event::expire_typing(&app).await;
    }
}

/// Waits for SIGTERM or SIGINT and says which it was.
async fn stop_signal() -> io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}

/// Says where it listens, where data lies, and how to begin.
fn announce(address: SocketAddr, data_dir: &Path) -> io::Result<()> {
    let data_dir = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
    let base = format!("http://{address}");
    let register = |name: &str| {
        format!(
            "curl -s {base}/api/v1/auth/register -H 'Content-Type: application/json' \\\n    \
             -d '{{\"name\":\"{name}\",\"email\":\"{}@example.com\",\"password\":\"correct horse\"}}'",
            name.to_lowercase()
        )
    };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "voxora {} listening on {base}\n\
         data in {}\n\n\
         A first chat (the answers bring `_id` and `accessToken`):\n\n  {}\n\n  {}\n\n  \
         curl -s {base}/api/v1/conversations -H 'Content-Type: application/json' \\\n    \
         -H \"Authorization: Bearer $ADA_TOKEN\" -d \"{{\\\"participantId\\\":\\\"$BOB_ID\\\"}}\"\n\n\
         Then connect socket.io-client to {base} with auth: {{ token }}.\n",
        env!("CARGO_PKG_VERSION"),
        data_dir.display(),
        register("Ada"),
        register("Bob"),
    )?;
    out.flush()
}

/// Starts the log, on standard error.
pub fn start_log(log: &Log) {
    let filter = tracing_subscriber::EnvFilter::new(&log.level);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_text = match log.format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if is_text {
        lines.with_ansi(io::stderr().is_terminal()).init();
    } else {
        lines.json().flatten_event(true).init();
    }
}
