//! A real mongod for tests: one member of a replica set, on a free port, in a folder that goes with
//! it.
//!
//! A shell stands between: it ends the server when its standard input closes, so no way in which
//! the tests can end leaves one behind.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use mongodb::Client;
use mongodb::options::ClientOptions;
use tempfile::TempDir;

/// How long a server may take to start and to become primary.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A running server.
#[derive(Debug)]
pub(crate) struct Mongod {
    port: u16,
    folder: TempDir,
    shell: Child,
    /// Closing it ends the server.
    stdin: Option<ChildStdin>,
}

impl Mongod {
    /// Starts a server and makes it the primary of its own replica set.
    pub(crate) async fn start() -> Self {
        let server = Self::start_member();
        server.initiate(&[server.port]).await;
        server.wait_for_primary().await;
        server
    }

    /// Starts a server that belongs to no set yet.
    fn start_member() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let (shell, stdin) = launch(folder.path(), port);
        Self { port, folder, shell, stdin: Some(stdin) }
    }

    /// Makes a set of the servers on these ports.
    async fn initiate(&self, ports: &[u16]) {
        let admin = self.direct().await.database("admin");
        let members: Vec<Document> = (0..)
            .zip(ports)
            .map(|(id, port)| doc! { "_id": id, "host": format!("127.0.0.1:{port}") })
            .collect();
        let settings = doc! { "electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500 };
        let set = doc! { "_id": "rs0", "members": members, "settings": settings };
        until("the server takes commands", async || {
            admin.run_command(doc! { "replSetInitiate": set.clone() }).await.is_ok()
        })
        .await;
    }

    /// The address of a database there that nobody else uses.
    pub(crate) fn fresh_address(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        self.address(&format!("test_{}_{number}", std::process::id()))
    }

    /// The address of a database there.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}?replicaSet=rs0", self.port)
    }

    /// Ends the server as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _ = self.stdin.as_mut().unwrap().write_all(b"kill\n");
        self.stdin = None;
        self.shell.wait().unwrap();
    }

    /// Starts it again on the same port and data.
    pub(crate) async fn restart(&mut self) {
        let (shell, stdin) = launch(self.folder.path(), self.port);
        self.shell = shell;
        self.stdin = Some(stdin);
        self.wait_for_primary().await;
    }

    async fn wait_for_primary(&self) {
        until("the server is primary", async || self.is_primary().await).await;
    }

    async fn is_primary(&self) -> bool {
        let admin = self.direct().await.database("admin");
        let hello = admin.run_command(doc! { "hello": 1 }).await;
        hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or_default())
    }

    async fn direct(&self) -> Client {
        let address = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        let mut options = ClientOptions::parse(address).await.unwrap();
        options.server_selection_timeout = Some(Duration::from_millis(500));
        Client::with_options(options).unwrap()
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.shell.wait();
    }
}

/// Three servers that keep copies of each other.
#[derive(Debug)]
pub(crate) struct ReplicaSet {
    members: Vec<Mongod>,
}

impl ReplicaSet {
    /// Starts them and waits until one is primary.
    pub(crate) async fn start() -> Self {
        let members: Vec<Mongod> = (0..3).map(|_| Mongod::start_member()).collect();
        for member in &members {
            let admin = member.direct().await.database("admin");
            until("the server takes commands", async || {
                admin.run_command(doc! { "ping": 1 }).await.is_ok()
            })
            .await;
        }
        let ports: Vec<u16> = members.iter().map(|member| member.port).collect();
        members[0].initiate(&ports).await;
        let set = Self { members };
        set.primary().await;
        set
    }

    /// The address of a database there.
    pub(crate) fn address(&self, database: &str) -> String {
        let hosts: Vec<String> =
            self.members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("mongodb://{}/{database}?replicaSet=rs0", hosts.join(","))
    }

    /// Makes the primary hand over to another.
    pub(crate) async fn step_down(&self) {
        let primary = &self.members[self.primary().await];
        let admin = primary.direct().await.database("admin");
        until("the primary steps down", async || {
            admin.run_command(doc! { "replSetStepDown": 30 }).await.is_ok()
        })
        .await;
    }

    /// Ends the primary as a power cut would.
    pub(crate) async fn kill_primary(&mut self) {
        let primary = self.primary().await;
        self.members[primary].kill();
    }

    /// Which one is primary, as soon as one is.
    async fn primary(&self) -> usize {
        let mut found = None;
        until("a server is primary", async || {
            for (position, member) in self.members.iter().enumerate() {
                if member.is_primary().await {
                    found = Some(position);
                }
            }
            found.is_some()
        })
        .await;
        found.unwrap()
    }
}

/// The server that the tests of one process have in common.
pub(crate) fn common() -> &'static Mongod {
    static SERVER: OnceLock<Mongod> = OnceLock::new();
    SERVER.get_or_init(|| {
        // Whichever test comes first: the driver of its own runtime must not start this one.
        let starting = std::thread::spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(Mongod::start())
        });
        starting.join().unwrap()
    })
}

/// Starts a server that ends with this process.
fn launch(folder: &Path, port: u16) -> (Child, ChildStdin) {
    const SHELL: &str = r#"
        ulimit -n "$(ulimit -Hn)"
        mkdir -p "$2"
        "$1" --dbpath "$2" --port "$3" --bind_ip 127.0.0.1 --nounixsocket --replSet rs0 \
            --oplogSize 64 --wiredTigerCacheSizeGB 0.25 --logpath "$2/mongod.log" --logappend \
            --wiredTigerEngineConfigString 'log=(file_max=8MB,prealloc=false)' \
            </dev/null >/dev/null 2>&1 &
        if read -r word; then
            kill -KILL $!
            wait
        else
            kill -KILL $!
            wait
            rm -rf "${2%/data}"
        fi
    "#;
    let mut shell = Command::new("bash")
        .args(["-c", SHELL, "mongod"])
        .arg(binary())
        .arg(folder.join("data"))
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdin = shell.stdin.take().unwrap();
    (shell, stdin)
}

/// The server's program, installed when it is not there.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/test/mongod");
        let output = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "deploy/test/mongod cannot install a mongod");
        String::from_utf8(output.stdout).unwrap().trim().into()
    })
}

/// A port below those that the system gives to clients, so that it is still free at a restart.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 21_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if holds().await {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(START_TIMEOUT, waiting).await;
    assert!(waited.is_ok(), "not in time: {what}");
}
