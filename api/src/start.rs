//! From settings to rules on a store: what the binaries have in common before they serve.

use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::app::{App, Parts};
use crate::auth::{Passwords, Secrets, Tokens};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Settings;
#[cfg(feature = "mongodb")]
use crate::config::process::Address;
use crate::service::account::{self, FirstAdminOutcome};
use crate::store::{OpenError, Store, StoreError};

/// What new password hashes cost. Source: contract 1.3.
const BCRYPT_COST: u32 = 12;

/// What a person is told whose store [was declared restored](declare_restored).
pub const RESTORED: &str = "clients will read everything anew once a server is started";

/// Why a process cannot start: a sentence for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder, or the store in it, cannot be used.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// MongoDB cannot be used.
    #[cfg(feature = "mongodb")]
    #[error(transparent)]
    Mongo(#[from] crate::store::mongo::ConnectError),
    /// A database of the original could not be made ready.
    #[error("cannot add to the database what it lacks")]
    BackFill(#[source] StoreError),
    /// The generated secrets cannot be kept.
    #[error("cannot keep the generated secrets in the data folder")]
    Secrets(#[source] io::Error),
    /// A rule refused, or the store failed.
    #[error("cannot start")]
    Rule(#[from] crate::Error),
    /// Somebody has the e-mail of the admin that is to be made.
    #[error("there is an account with the e-mail {0} already")]
    AdminExists(String),
    /// The port is busy, or may not be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Entropy,
    /// The system refused something else.
    #[error("cannot start")]
    System(#[source] io::Error),
}

/// The rules on the embedded store in a folder, of which this process is the only owner.
///
/// # Errors
/// The folder cannot be used, or the store in it cannot be read.
pub async fn on_embedded(folder: &Path, settings: &Settings) -> Result<Arc<App>, StartError> {
    let store = Store::open_embedded(folder)?;
    open(store, &secrets(folder, settings)?, settings, i64::MAX).await
}

/// The rules on a MongoDB that other processes may use too. A database of the original is made ready
/// first.
///
/// # Errors
/// No MongoDB answers, or it cannot be used.
#[cfg(feature = "mongodb")]
pub async fn on_mongodb(
    address: &Address,
    secrets: &Secrets,
    settings: &Settings,
) -> Result<Arc<App>, StartError> {
    use crate::app::SHARED_CACHE_AGE_MS_MAX;
    use crate::store::mongo::{Mongo, Reach};

    let mongo = Mongo::connect(&address.0).await?;
    mongo.back_fill(Reach::Usual).await.map_err(StartError::BackFill)?;
    open(Store::Mongo(mongo), secrets, settings, SHARED_CACHE_AGE_MS_MAX).await
}

/// The secrets that were set, or those kept in this folder.
///
/// # Errors
/// The file can neither be read nor made.
pub fn secrets(folder: &Path, settings: &Settings) -> Result<Secrets, StartError> {
    if let Some(secrets) = &settings.secrets {
        return Ok(secrets.clone());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(StartError::Secrets)?;
    crate::config::kept_secrets(folder).map_err(StartError::Secrets)
}

/// Makes the first admin that the settings name, while there is none.
///
/// # Errors
/// The store cannot be read or written.
pub async fn make_first_admin(app: &Arc<App>, settings: &Settings) -> Result<(), StartError> {
    let Some(admin) = &settings.admin else { return Ok(()) };
    match account::create_first_admin(app, admin).await? {
        FirstAdminOutcome::Made => tracing::info!(email = admin.email, "made the first admin"),
        FirstAdminOutcome::Ruled => {}
        FirstAdminOutcome::Taken => tracing::warn!(
            email = admin.email,
            "there is no active admin, and ADMIN_EMAIL makes none: somebody has an account with \
             this address, which is left as it is; name another address"
        ),
    }
    Ok(())
}

/// Makes an admin for a person who waits for the answer; the address made, if one was named. Closes
/// the store.
///
/// # Errors
/// Somebody has the address, or the store cannot be read or written.
pub async fn make_admin(app: &Arc<App>, settings: &Settings) -> Result<Option<String>, StartError> {
    let Some(admin) = &settings.admin else { return Ok(None) };
    let is_made = account::create_admin(app, admin).await?;
    app.store.close().await;
    let email = admin.email.clone();
    if is_made { Ok(Some(email)) } else { Err(StartError::AdminExists(email)) }
}

/// Says that the documents are those of a backup: clients forget what they know of a later time, and
/// read everything anew. Closes the store.
///
/// # Errors
/// The store cannot be written.
pub async fn declare_restored(store: &Store) -> Result<(), StartError> {
    let renewed = store.renew_epoch().await;
    store.close().await;
    renewed.map_err(|error| StartError::Rule(error.into()))
}

async fn open(
    store: Store,
    secrets: &Secrets,
    settings: &Settings,
    cache_age_ms_max: i64,
) -> Result<Arc<App>, StartError> {
    let parts = Parts {
        store,
        bus: Bus::local(),
        passwords: Passwords::new(BCRYPT_COST).map_err(StartError::System)?,
        tokens: Tokens::new(secrets, settings.access_lifetime, settings.refresh_lifetime)
            .accepting_legacy(settings.accept_legacy_tokens),
        clock: Clock::wall().map_err(|_| StartError::Entropy)?,
        cache_age_ms_max,
    };
    Ok(App::open(parts).await?)
}
