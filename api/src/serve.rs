//! `voxora-api`: the REST doors as a process of their own, on a MongoDB.

use std::io::{self, Write as _};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::config::process::Address;
use crate::http::Door;
use crate::http::connection::Limits;
use crate::http::connection::crowd::Crowd;
use crate::http::connection::lobby::Lobby;
use crate::http::host::Host;
use crate::http::server::Server;
use crate::process::{self, StopSignal};
use crate::start::{self, StartError};
use crate::store::Store;
use crate::store::mongo::{Filled, Mongo, Reach};

mod config;

pub use config::{Admin, CommandLine, Database, Serve, Task};

/// Does what the command line asks for.
///
/// # Errors
/// The process cannot start, or cannot do it.
pub async fn run(task: Task) -> Result<(), StartError> {
    match task {
        Task::Serve(serve) => {
            process::start_log(&serve.log);
            self::serve(*serve).await
        }
        Task::CreateAdmin(admin) => {
            process::start_log(&admin.log);
            let app = start::on_mongodb(&admin.mongodb, &admin.secrets, &admin.settings).await?;
            let email = start::make_admin(&app, &admin.settings).await?;
            say(&format!("made the admin {}", email.unwrap_or_default()))
        }
        Task::Index(Database { mongodb, log }) => {
            process::start_log(&log);
            make_ready(&mongodb).await
        }
        Task::DeclareRestored(Database { mongodb, log }) => {
            process::start_log(&log);
            let store = Store::connect_mongodb(&mongodb.0).await?;
            start::declare_restored(&store).await?;
            say(start::RESTORED)
        }
    }
}

async fn serve(serve: Serve) -> Result<(), StartError> {
    let app = start::on_mongodb(&serve.mongodb, &serve.secrets, &serve.settings).await?;
    start::make_first_admin(&app, &serve.settings).await?;
    for warning in &serve.settings.warnings {
        tracing::warn!("{warning}");
    }
    let door = Arc::new(Door::new(Arc::clone(&app), serve.settings.http.clone()));
    let host = Host::new(Arc::clone(&door), Handle::current(), serve.listen.patience);
    let mut stop_signal = StopSignal::listen().map_err(StartError::System)?;
    let listen = |source| StartError::Listen { address: serve.listen.address, source };
    let proxies = serve.settings.http.trusted_proxies.clone();
    let crowd = Crowd::new(serve.listen.per_client, proxies);
    let limits = Limits {
        patience: serve.listen.patience,
        connections_max: CONNECTIONS_MAX,
        ..Limits::DEFAULT
    }
    .with_descriptors(process::raise_descriptors());
    let server = Server::bind(serve.listen.address, host, Lobby::new(limits, Arc::new(crowd)))
        .await
        .map_err(listen)?;
    let address = server.address().map_err(listen)?;
    say(&format!("voxora-api {} listening on http://{address}", env!("CARGO_PKG_VERSION")))?;
    let (stop, stopped) = watch::channel(false);
    let mut serving = tokio::spawn(server.serve(stopped));
    let signal = stop_signal.heard().await;
    tracing::info!(signal, "stopping");
    door.begin_drain();
    stop.send_replace(true);
    if tokio::time::timeout(serve.listen.drain, &mut serving).await.is_err() {
        tracing::warn!("not everything was answered in time");
        serving.abort();
    }
    app.store.close().await;
    Ok(())
}

/// Connections at once, which one listener has here.
const CONNECTIONS_MAX: usize = 8_192;

/// Builds missing indexes and fills what is missing, wherever it is.
async fn make_ready(address: &Address) -> Result<(), StartError> {
    let mongo = Mongo::connect(&address.0).await?;
    let filled = mongo.back_fill(Reach::Whole).await.map_err(StartError::BackFill)?;
    let Filled { conversations, messages } = filled;
    say(&format!(
        "indexes are built; {messages} messages were numbered, {conversations} conversations \
         completed"
    ))
}

fn say(text: &str) -> Result<(), StartError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(StartError::System)
}
