//! A real mongod for tests: one member of a replica set, on a free port, in a folder that goes with
//! it.
//!
//! A shell stands between: it ends the server when its standard input closes, so no way in which
//! the tests can end leaves one behind.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use mongodb::Client;
use mongodb::options::ClientOptions;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// How long a server may take to start and to become primary.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A running server.
#[derive(Debug)]
pub(crate) struct Mongod {
    port: u16,
    /// Keeps the port for it while it does not run.
    _held: Socket,
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
        let (port, held) = hold_port();
        let (shell, stdin) = launch(folder.path(), port);
        Self { port, _held: held, folder, shell, stdin: Some(stdin) }
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

    /// The address of a database there that nobody else uses. It waits for a server that answers
    /// late, or a machine that stands still.
    pub(crate) fn fresh_address(&self) -> String {
        self.address(START_TIMEOUT)
    }

    /// The same for a test in which no server answers: it waits some seconds for one.
    pub(crate) fn failing_address(&self) -> String {
        self.address(Duration::from_secs(6))
    }

    fn address(&self, patience: Duration) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = format!("test_{}_{number}", std::process::id());
        let host = format!("127.0.0.1:{}", self.port);
        format!("mongodb://{host}/{database}?replicaSet=rs0{}", patient(patience))
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

    /// The address of a database there, as an operator would write it.
    pub(crate) fn address(&self, database: &str) -> String {
        let hosts: Vec<String> =
            self.members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("mongodb://{}/{database}?replicaSet=rs0", hosts.join(","))
    }

    /// The same, for whoever waits for an election and for a machine that stands still.
    pub(crate) fn patient_address(&self, database: &str) -> String {
        self.address(database) + &patient(START_TIMEOUT)
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

/// What an address says of how long a server, and a connection to it, are waited for.
fn patient(patience: Duration) -> String {
    let ms = patience.as_millis();
    format!("&serverSelectionTimeoutMS={ms}&connectTimeoutMS={ms}")
}

/// A free port, and the socket that keeps others from it: bound, never listening, so that a server
/// which sets `SO_REUSEADDR`, as mongod does, may listen there.
fn hold_port() -> (u16, Socket) {
    let held = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    held.set_reuse_address(true).unwrap();
    held.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = held.local_addr().unwrap().as_socket().unwrap().port();
    (port, held)
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
