//! The built `voxora-api` on a real MongoDB: how it starts, serves, is without its store, and ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::mongod::{self, Mongod, until};
use crate::slowness;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A running server; killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(mongodb: &str) -> Self {
        Self::run(&mut command(mongodb, &[]))
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.next().expect("it says where it listens").unwrap();
        let address = said.rsplit_once("http://").unwrap().1.parse().unwrap();
        Self { child, address }
    }

    fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, "")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        ask(self.address, "POST", path, &body.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

fn command(mongodb: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_voxora-api"));
    command.args(arguments).env_clear().stdin(Stdio::null()).current_dir(std::env::temp_dir());
    command.env("MONGODB_URI", mongodb).env("JWT_SECRET", SECRET).env("LOG_LEVEL", "warn");
    // `serve` alone knows a port.
    if arguments.is_empty() {
        command.env("PORT", "0");
    }
    command
}

/// The first line of the answer to these bytes, after which the connection is given up.
fn first_line(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

fn run(mongodb: &str, arguments: &[&str]) -> Output {
    command(mongodb, arguments).output().unwrap()
}

fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_lowercase(),
        body: serde_json::from_str(body).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_is_made_and_signs_in() {
    let mongodb = mongod::common().fresh_address();
    let create = ["admin", "create", "--email", "Root@example.com", "--password", "correct horse"];
    let made = run(&mongodb, &create);
    assert!(made.status.success(), "{made:?}");
    assert_eq!(String::from_utf8(made.stdout).unwrap(), "made the admin root@example.com\n");
    let again = run(&mongodb, &create);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.ends_with("there is an account with the e-mail root@example.com already\n"));

    let server = Server::start(&mongodb);
    let body = json!({ "email": "root@example.com", "password": "correct horse" });
    let answer = server.post("/api/v1/auth/login", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["data"]["user"]["role"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_ends_it_in_order() {
    let mut command = command(&mongod::common().fresh_address(), &[]);
    let mut server = Server::run(command.env("DRAIN_SECONDS", "300").stderr(Stdio::piped()));
    assert_eq!(server.get("/api/v1/health").status, 200);
    // A connection that asks for nothing does not hold the process up.
    let _idle = TcpStream::connect(server.address).unwrap();
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut said = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    // It would take five minutes to give the connection up, and warn then.
    assert!(!said.contains("not everything was answered in time"), "{said}");
    assert!(TcpStream::connect(server.address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_as_patient_as_it_is_told() {
    let mut command = command(&mongod::common().fresh_address(), &[]);
    let server = Server::run(command.env("HTTP_PATIENCE_SECONDS", "8"));
    slowness::assert_idle_connection_is_closed(server.address);
    slowness::assert_slow_body_is_answered_400(server.address, &["/api/v1/auth/login"]);
}

/// Source: RFC 9112 §3.2.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_one_host_unless_it_is_of_the_last_century() {
    let server = Server::start(&mongod::common().fresh_address());
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", " 200 "),
        ("GET /healthz HTTP/1.1\r\n\r\n", " 400 "),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", " 400 "),
        ("GET /healthz HTTP/1.0\r\n\r\n", " 200 "),
    ] {
        let line = first_line(server.address, request);
        assert!(line.contains(status), "{request}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_is_heard_as_soon_as_it_says_where_it_listens() {
    let address = mongod::common().fresh_address();
    for _ in 0..10 {
        let mut server = Server::start(&address);
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_store_it_is_unready_and_afterwards_serves_again() {
    let mut mongod = Mongod::start().await;
    let server = Server::start(&mongod.failing_address());
    assert_eq!(server.get("/readyz").status, 200);
    let ada = json!({
        "name": "Ada", "email": "ada@example.com", "password": "correct horse",
    });
    assert_eq!(server.post("/api/v1/auth/register", &ada).status, 201);

    mongod.kill();
    let login = json!({ "email": "ada@example.com", "password": "correct horse" });
    for answer in [server.get("/readyz"), server.post("/api/v1/auth/login", &login)] {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.head.contains("retry-after:"), "{}", answer.head);
        assert_eq!(answer.body["success"], false);
        assert!(!answer.body.to_string().contains("127.0.0.1"), "{}", answer.body);
    }
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/api/v1/health").status, 200);

    mongod.restart().await;
    until("the process is ready again", async || server.get("/readyz").status == 200).await;
    until("people sign in again", async || server.post("/api/v1/auth/login", &login).status == 200)
        .await;
}

#[test]
fn an_absent_store_is_told_in_one_sentence() {
    let create = ["admin", "create", "--email", "root@example.com", "--password", "correct horse"];
    for arguments in [&[][..], &["index"], &create] {
        let output = run("mongodb://127.0.0.1:9/voxora-chat", arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = "voxora-api: no MongoDB that takes writes answers at 127.0.0.1:9\n";
        assert_eq!(said, expected, "{arguments:?}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_told_whole() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_voxora-api"));
    command.env_clear().current_dir(std::env::temp_dir());
    let output = command.env("PORT", "many").env("LOG_FORMAT", "xml").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    for key in ["PORT", "LOG_FORMAT", "MONGODB_URI", "JWT_SECRET"] {
        assert!(said.contains(key), "{key} is missing in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn index_makes_a_database_of_the_original_ready_and_says_so() {
    use crate::original::sample::{Original, conversation, message};

    let original = Original::new().await;
    original.write("conversations", vec![conversation(1, [8, 9], "open")]).await;
    original.write("messages", (10..15).map(|n| message(n, 1, 8, &[])).collect()).await;
    let output = run(original.address(), &["index"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "indexes are built; 5 messages were numbered, 1 conversations completed\n");
    assert_eq!(original.places(1).await.len(), 5);
}
