//! The embedded product: sockets and REST on one port, over one store.
//!
//! Two runtimes stand side by side: the shards' threads, which never wait, and the services', on
//! which rules, store and REST handlers run.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::http::Door;
use api::http::connection::Limits;
use api::http::connection::crowd::Crowd;
use api::http::host::Host;
use api::process::{self, StopSignal};
use api::store::Store;
use api::{App, start};
use protocol::engine::Timing;
use tokio::runtime::Handle;

use crate::config::Serve;
use crate::connection::Layer;
use crate::connection::quota::PollingLimits;
use crate::error::Error;
use crate::event::allowance::Allowances;
use crate::event::client::Client;
use crate::event::{self, Chat};
use crate::handoff::Handoff;
use crate::handshake::Served;
use crate::http::origin::Origins;
use crate::http::{Doors, Rest};
use crate::relay::{Answers, Relay};
use crate::runtime::{self, Inboxes, Running, Settings};

/// How often it is looked who has ceased to type.
const TYPING_SWEEP: Duration = Duration::from_secs(1);

/// Makes an admin in a store that no server has open.
///
/// # Errors
/// The folder is in use or cannot be used, or the address is taken.
pub async fn create_admin(data_dir: &Path, shared: &api::config::Settings) -> Result<(), Error> {
    let app = start::on_embedded(data_dir, shared).await?;
    let email = start::make_admin(&app, shared).await?.unwrap_or_default();
    writeln!(io::stdout(), "made the admin {email}").map_err(Error::System)
}

/// Says of a store that no server has open that it was put back from a backup.
///
/// # Errors
/// The folder is in use or cannot be used.
pub async fn declare_restored(data_dir: &Path) -> Result<(), Error> {
    let store = Store::open_embedded(data_dir).map_err(start::StartError::from)?;
    start::declare_restored(&store).await?;
    writeln!(io::stdout(), "{}", start::RESTORED).map_err(Error::System)
}

/// The rules on the store that was chosen.
async fn open(serve: &Serve) -> Result<Arc<App>, Error> {
    let Some(address) = &serve.mongodb else {
        return Ok(start::on_embedded(&serve.data_dir, &serve.shared).await?);
    };
    tracing::warn!(
        "MongoDB without Redis: only the sockets of this very process hear what it stores, and it \
         hears of no other"
    );
    let secrets = start::secrets(&serve.data_dir, &serve.shared)?;
    Ok(start::on_mongodb(address, &secrets, &serve.shared).await?)
}

/// Serves until a signal says stop, then drains.
///
/// # Errors
/// The product cannot start, or a shard failed.
pub async fn run(serve: Serve) -> Result<(), Error> {
    let app = open(&serve).await?;
    start::make_first_admin(&app, &serve.shared).await?;
    let door = Arc::new(Door::new(Arc::clone(&app), serve.shared.http.clone()));
    let mut serving = start(&app, &door, &serve)?;
    for warning in &serve.shared.warnings {
        tracing::warn!("{warning}");
    }
    let mut stop_signal = StopSignal::listen().map_err(Error::System)?;
    announce(serving.shards.address(), &serve).map_err(Error::System)?;
    tokio::select! {
        signal = stop_signal.heard() => tracing::info!(signal, "stopping"),
        error = serving.shards.failed() => return Err(Error::Shard(error)),
    }
    door.begin_drain();
    if let Ok(drained) = tokio::time::timeout(serve.listen.drain, serving.drain()).await {
        drained?;
    } else {
        tracing::warn!("not everything was closed in time");
    }
    app.store.close().await;
    Ok(())
}

/// What serves, and what a stop must wait for.
struct Serving {
    shards: Running<Client>,
    handoffs: Vec<Handoff>,
    answers: Answers,
}

impl Serving {
    /// Stops in the order that loses nothing: no more is read; what was read is stored, answered and
    /// flushed; then connections close.
    async fn drain(self) -> Result<(), Error> {
        self.shards.quiesce().await;
        while self.handoffs.iter().any(|handoff| handoff.pending() > 0) {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        self.answers.drain(self.shards.shards()).await;
        self.shards.ended().await.map_err(Error::Shard)
    }
}

/// How often a stop looks whether all that was read is answered.
const DRAIN_LOOK: Duration = Duration::from_millis(5);

fn start(app: &Arc<App>, door: &Arc<Door>, serve: &Serve) -> Result<Serving, Error> {
    let shards = std::thread::available_parallelism().map_or(1, usize::from);
    let inboxes = Inboxes::new(shards);
    let (answers, relay) = Relay::new(Arc::clone(app), &inboxes);
    tokio::spawn(relay.run());
    tokio::spawn(sweep_typing(Arc::clone(app)));
    tokio::spawn(event::keep_presence(Arc::clone(app)));
    let host = Host::new(Arc::clone(door), Handle::current(), serve.listen.patience);
    let origins = serve.shared.http.origins.iter().filter_map(|origin| origin.to_str().ok());
    let proxies = serve.shared.http.trusted_proxies.clone();
    let doors = Doors {
        sockets: vec![("/socket.io/", Layer::SocketIo)],
        served: Served { revision_3: serve.allow_eio3 },
        origins: Arc::new(Origins::new(origins.map(str::to_owned).collect())),
        cookie: serve.door.cookie.clone(),
        bundle: serve.door.bundle.clone(),
        limits: Limits { patience: serve.listen.patience, ..Limits::DEFAULT }
            .with_descriptors(process::raise_descriptors()),
        crowd: Arc::new(Crowd::new(serve.listen.per_client, proxies)),
        rest: Some(rest(host)),
    };
    let allowances = Arc::new(Allowances::new(serve.rates));
    let mut handoffs = Vec::with_capacity(shards);
    let shards = runtime::start(serve.listen.address, inboxes, SETTINGS, &doors, |_shard| {
        let (handoff, dispatcher) = Handoff::new();
        tokio::spawn(dispatcher.run());
        handoffs.push(handoff.clone());
        Chat::new(Arc::clone(app), handoff, answers.clone(), Arc::clone(&allowances))
    })
    .map_err(|source| Error::Listen { address: serve.listen.address, source })?;
    Ok(Serving { shards, handoffs, answers })
}

/// The engine's numbers. Source: contract O3.1 and 1.9.
const SETTINGS: Settings = Settings {
    timing: Timing { interval_ms: 25_000, timeout_ms: 20_000 },
    connect_timeout_ms: 45_000,
    upgrade_timeout_ms: protocol::engine::session::UPGRADE_TIMEOUT_MS,
    payload_bytes_max: 1_000_000,
    polling: PollingLimits::DEFAULT,
    outbox_soft_bytes: 256 * 1024,
    outbox_hard_bytes: 2 * 1024 * 1024,
};

/// The REST doors for shards: the body is collected on the shard's thread, the answer is made on the
/// services' runtime.
fn rest(host: Host) -> Rest {
    Arc::new(move |request, peer| {
        let host = host.clone();
        Box::pin(async move { host.answer(request, peer).await })
    })
}

async fn sweep_typing(app: Arc<App>) {
    let mut ticks = tokio::time::interval(TYPING_SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        event::expire_typing(&app).await;
    }
}

/// Says where it listens, where data lies, and how to begin.
fn announce(address: SocketAddr, serve: &Serve) -> io::Result<()> {
    let place = match &serve.mongodb {
        Some(_) => "MongoDB".to_owned(),
        None => serve
            .data_dir
            .canonicalize()
            .unwrap_or_else(|_| serve.data_dir.clone())
            .display()
            .to_string(),
    };
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
         data in {place}\n\n\
         A first chat; ADA is Ada's `accessToken`, BOB_ID is Bob's `_id` in the answers:\n\n  {}\n\n  {}\n\n  \
         curl -s {base}/api/v1/conversations -H 'Content-Type: application/json' \\\n    \
         -H \"Authorization: Bearer $ADA\" -d \"{{\\\"participantId\\\":\\\"$BOB_ID\\\"}}\"\n\n\
         Then connect socket.io-client to {base} with auth: {{ token }}.\n",
        env!("CARGO_PKG_VERSION"),
        register("Ada"),
        register("Bob"),
    )?;
    out.flush()
}
