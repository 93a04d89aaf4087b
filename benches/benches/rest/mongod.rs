//! A real mongod, the only member of its replica set, on a free port.
//!
//! A shell stands between: it ends the server when its standard input closes, so no way in which
//! this program can end leaves one behind.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::local;
use crate::server::Cpu;

/// A running server; ended with this value.
#[derive(Debug)]
pub(crate) struct Mongod {
    port: u16,
    /// Keeps the port for it.
    _held: Socket,
    /// Of the server itself, not of the shell.
    process: u32,
    shell: Child,
    /// Closing it ends the server.
    stdin: Option<ChildStdin>,
    _folder: TempDir,
}

impl Mongod {
    /// Starts one and waits until it may be written to.
    pub(crate) fn start() -> io::Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (port, held) = hold_port()?;
        let mut shell = Command::new("bash")
            .args(["-c", SHELL, "mongod", &binary()?])
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdin = shell.stdin.take();
        let mut said = String::new();
        let stdout = shell.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut said)?;
        let process = said.trim().parse().map_err(io::Error::other)?;
        let server = Self { port, _held: held, process, shell, stdin, _folder: folder };
        let host = format!("127.0.0.1:{port}");
        let set = doc! { "_id": "rs0", "members": [{ "_id": 0, "host": host }] };
        server.until(
            "mongod takes commands",
            &doc! { "replSetInitiate": set, "$db": "admin" },
            "ok",
        )?;
        server.until(
            "mongod is primary",
            &doc! { "hello": 1, "$db": "admin" },
            "isWritablePrimary",
        )?;
        Ok(server)
    }

    /// A database there; who uses it waits for a machine that stands still.
    pub(crate) fn uri(&self) -> String {
        let patience = "serverSelectionTimeoutMS=60000&connectTimeoutMS=60000";
        format!("mongodb://127.0.0.1:{}/bench?replicaSet=rs0&{patience}", self.port)
    }

    /// What it has used so far.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        Cpu::of(self.process)
    }

    /// Gives a command until a field of the answer is what it should be.
    fn until(&self, what: &str, command: &Document, field: &str) -> io::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START_MAX {
            let answer = self.command(command).unwrap_or_default();
            if answer.get_f64(field).is_ok_and(|ok| ok > 0.0)
                || answer.get_bool(field).unwrap_or_default()
            {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other(format!("not in time: {what}")))
    }

    /// One command over a connection of its own: `OP_MSG` with one document.
    fn command(&self, command: &Document) -> io::Result<Document> {
        const OP_MSG: u32 = 2013;
        let mut message = Vec::new();
        let body = command.to_vec().map_err(io::Error::other)?;
        let len = u32::try_from(21 + body.len()).map_err(io::Error::other)?;
        for number in [len, 1, 0, OP_MSG, 0] {
            message.extend(number.to_le_bytes());
        }
        message.push(0);
        message.extend(body);
        let mut stream = TcpStream::connect(local(self.port))?;
        stream.set_read_timeout(Some(START_MAX))?;
        stream.write_all(&message)?;
        let mut head = [0; 21];
        stream.read_exact(&mut head)?;
        Document::from_reader(stream).map_err(io::Error::other)
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.shell.wait();
    }
}

const SHELL: &str = r#"
    "$1" --dbpath "$2" --port "$3" --bind_ip 127.0.0.1 --nounixsocket --replSet rs0 --oplogSize 64 \
        --wiredTigerCacheSizeGB 0.25 --logpath "$2/mongod.log" </dev/null >/dev/null 2>&1 &
    echo $!
    read -r _
    kill -KILL $!
    wait
"#;

/// How long a start may take on a loaded machine.
const START_MAX: Duration = Duration::from_mins(1);

/// The server's program, installed when it is not there.
fn binary() -> io::Result<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/test/mongod");
    let output = Command::new(script).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other("deploy/test/mongod cannot install a mongod"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A free port, and the socket that keeps others from it: bound, never listening, so that a server
/// which sets `SO_REUSEADDR`, as mongod does, may listen there.
fn hold_port() -> io::Result<(u16, Socket)> {
    let held = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    held.set_reuse_address(true)?;
    held.bind(&local(0).into())?;
    let port = held.local_addr()?.as_socket().map(|address| address.port());
    Ok((port.ok_or(io::ErrorKind::AddrNotAvailable)?, held))
}
