//! Connecting: what the driver is told, what the server must hold.

use std::time::Duration;

use bson::{RawDocumentBuf, doc, rawdoc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Database, IndexModel};

use super::{failure, index};
use crate::store::Collection;
use crate::store::epoch::{self, STORE_FACT};
use crate::store::index::ORIGINAL;

/// How long a node that takes writes is looked for; in an election longer, and the operation is
/// unavailable.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the nodes are looked at. A change of the primary is heard at once all the same.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Connections to one node; operations beyond wait for one.
const CONNECTIONS_MAX: u32 = 32;

/// Connections made at the same time; more would only slow each other's handshakes.
const CONNECTING_MAX: u32 = 4;

/// A connection unused for so long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// How long the majority may take to acknowledge a write; then its outcome is unknown.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// The database where the address names none. Source: contract O4.
const DATABASE_DEFAULT: &str = "voxora-chat";

/// The version of what this program writes beside the original's fields.
const LAYOUT: i32 = 1;

/// Why MongoDB cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be read. What is wrong is left out where it could show a password.
    #[error(
        "MONGODB_URI must be an address like mongodb://host:27017/voxora-chat or \
         mongodb+srv://host/voxora-chat{0}"
    )]
    Address(String),
    /// No node that takes writes answers.
    #[error("no MongoDB that takes writes answers at {0}")]
    Unreachable(String),
    /// The server refuses the user.
    #[error("the MongoDB at {0} refuses the user or the password of MONGODB_URI")]
    Refused(String),
    /// An index cannot be built: documents contradict it, or another one is in its place.
    #[error("cannot build the indexes of {collection}: {said}{advice}")]
    Index {
        /// Of which collection.
        collection: &'static str,
        /// What the server said.
        said: String,
        /// What to do about it, if that is known.
        advice: &'static str,
    },
    /// A newer version of this program wrote there.
    #[error("the database has layout {found}, this version reads up to {LAYOUT}")]
    Newer {
        /// Its layout.
        found: i32,
    },
    /// The server failed otherwise.
    #[error("MongoDB failed at the start")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system has no random numbers to name the store's history with.
    #[error("the system gives no random numbers")]
    Entropy,
}

/// A database that is ready to serve.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) database: Database,
    pub(super) epoch: String,
    /// How long a node is looked for; a reader waits as long for what precedes it.
    pub(super) patience: Duration,
}

/// Connects, looks who answers, and brings indexes and facts up to date.
pub(super) async fn connect(address: &str) -> Result<Connected, ConnectError> {
    let options = options(address).await?;
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    let name = options.default_database.clone().unwrap_or_else(|| DATABASE_DEFAULT.to_owned());
    let patience = options.server_selection_timeout.unwrap_or(SELECTION_TIMEOUT);
    let client = Client::with_options(options).map_err(failed)?;
    let database = client.database(&name);
    let hello = database
        .run_command(doc! { "hello": 1 })
        .await
        .map_err(|error| explain(error, &hosts.join(", ")))?;
    if !hello.contains_key("setName") && hello.get_str("msg").ok() != Some("isdbgrid") {
        tracing::warn!(
            "this MongoDB is no replica set: a write that fails on the way is not repeated, and \
             one disk holds everything"
        );
    }
    for collection in Collection::ALL {
        build_indexes(&database, collection).await?;
    }
    let epoch = epoch(&database).await?;
    Ok(Connected { client, database, epoch, patience })
}

async fn options(address: &str) -> Result<ClientOptions, ConnectError> {
    let mut options = ClientOptions::parse(address).await.map_err(|error| {
        let is_public = !address.contains('@');
        ConnectError::Address(if is_public { format!(": {error}") } else { String::new() })
    })?;
    options.app_name.get_or_insert_with(|| "voxora".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION_TIMEOUT);
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    options.heartbeat_freq.get_or_insert(HEARTBEAT);
    options.max_pool_size.get_or_insert(CONNECTIONS_MAX);
    options.max_connecting.get_or_insert(CONNECTING_MAX);
    options.max_idle_time.get_or_insert(IDLE_TIMEOUT);
    options.retry_reads.get_or_insert(true);
    options.retry_writes.get_or_insert(true);
    // What is promised to clients is not the address's to weaken.
    options.read_concern = Some(ReadConcern::majority());
    let mut write_concern = WriteConcern::default();
    write_concern.w = Some(Acknowledgment::Majority);
    write_concern.journal = Some(true);
    write_concern.w_timeout = Some(WRITE_TIMEOUT);
    options.write_concern = Some(write_concern);
    options.selection_criteria = None;
    Ok(options)
}

async fn build_indexes(database: &Database, collection: Collection) -> Result<(), ConnectError> {
    let failed = |error| index_failed(collection, &error);
    let of_original = ORIGINAL.iter().filter(|index| index.collection == collection);
    let models: Vec<IndexModel> =
        collection.indexes().chain(of_original).map(index::model).collect();
    if models.is_empty() {
        return Ok(());
    }
    let documents = database.collection::<RawDocumentBuf>(collection.name());
    let present = match documents.list_index_names().await {
        Ok(names) => names,
        // NamespaceNotFound: there is no such collection yet.
        Err(error) if failure::code(&error).is_some_and(|(code, _)| code == 26) => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    let name = |model: &IndexModel| model.options.as_ref().and_then(|it| it.name.clone());
    let missing: Vec<String> =
        models.iter().filter_map(name).filter(|name| !present.contains(name)).collect();
    if !missing.is_empty() {
        tracing::info!(collection = collection.name(), ?missing, "building indexes");
    }
    // Those that are there are told again, so that a different one of the same name is noticed.
    let built = documents.create_indexes(models).max_time(index::BUILD_TIMEOUT).await;
    built.map(drop).map_err(failed)
}

/// The name of the store's history, made where there is none.
async fn epoch(database: &Database) -> Result<String, ConnectError> {
    let facts = database.collection::<RawDocumentBuf>(Collection::Facts.name());
    let store = doc! { "_id": STORE_FACT };
    loop {
        if let Some(fact) = facts.find_one(store.clone()).await.map_err(failed)? {
            let found = fact.get_i32("layout").unwrap_or(LAYOUT);
            if found > LAYOUT {
                return Err(ConnectError::Newer { found });
            }
            return fact.get_str("epoch").map(str::to_owned).map_err(failed);
        }
        let epoch = epoch::random().map_err(|_| ConnectError::Entropy)?;
        let fact = rawdoc! { "_id": STORE_FACT, "epoch": epoch, "layout": LAYOUT };
        match facts.insert_one(fact).await {
            Ok(_) => {}
            // Another process was first.
            Err(error) if failure::is_duplicate(&error) => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// The server's own words: the driver's hold all of its answer, which fills a screen.
fn index_failed(collection: Collection, error: &Error) -> ConnectError {
    tracing::debug!(%error, "an index cannot be built");
    let (said, advice) = match failure::code(error) {
        Some((code, message)) => (format!("{message} (code {code})"), advice(code)),
        None => (error.kind.to_string(), ""),
    };
    ConnectError::Index { collection: collection.name(), said, advice }
}

/// What to do about an index that the server refuses. Source: MongoDB, `error_codes.yml`.
const fn advice(code: i32) -> &'static str {
    match code {
        // DuplicateKey
        11_000 => "; of the documents with this key leave one, then start again",
        // IndexOptionsConflict, IndexKeySpecsConflict
        85 | 86 => "; drop the index that is in the way, then start again",
        _ => "",
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectError {
    ConnectError::Failed(error.into())
}

/// The first failure, for a person: the driver's own words for an absent server fill a screen.
fn explain(error: Error, hosts: &str) -> ConnectError {
    tracing::debug!(%error, "MongoDB failed at the first command");
    if matches!(&*error.kind, ErrorKind::Authentication { .. }) {
        return ConnectError::Refused(hosts.to_owned());
    }
    let is_absence = matches!(
        &*error.kind,
        ErrorKind::ServerSelection { .. } | ErrorKind::Io(_) | ErrorKind::DnsResolve { .. }
    );
    if is_absence { ConnectError::Unreachable(hosts.to_owned()) } else { failed(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_absent_server_is_looked_for_two_seconds_unless_the_address_says_otherwise() {
        let found = options("mongodb://127.0.0.1:9/chat").await.unwrap();
        assert_eq!(found.server_selection_timeout, Some(Duration::from_secs(2)));
        assert_eq!(found.connect_timeout, Some(Duration::from_secs(2)));
        let address =
            "mongodb://127.0.0.1:9/chat?serverSelectionTimeoutMS=60000&connectTimeoutMS=50000";
        let found = options(address).await.unwrap();
        assert_eq!(found.server_selection_timeout, Some(Duration::from_mins(1)));
        assert_eq!(found.connect_timeout, Some(Duration::from_secs(50)));
    }
}
