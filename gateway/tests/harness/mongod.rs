//! A real mongod for the product, without copies, on a port of its own.
//!
//! A shell stands between: it ends the server and removes its data when its standard input closes,
//! so no way in which the tests can end leaves one behind.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::TempDir;

use crate::port::Port;

/// A running server.
#[derive(Debug)]
pub(crate) struct Mongod {
    port: Port,
    folder: TempDir,
    shell: Child,
    /// Closing it ends the server.
    stdin: Option<ChildStdin>,
}

impl Mongod {
    /// Starts one with an empty data folder.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
        let port = Port::take();
        let (shell, stdin) = launch(&folder, &port);
        Self { port, folder, shell, stdin: Some(stdin) }
    }

    /// The address of a database there.
    pub(crate) fn address(&self) -> String {
        format!("mongodb://127.0.0.1:{}/chat", self.port.number())
    }

    /// Ends the server as a power cut would; its data stays.
    pub(crate) fn kill(&mut self) {
        self.stdin = None;
        let _ = self.shell.wait();
    }

    /// Starts it again on the same port and data.
    pub(crate) fn restart(&mut self) {
        let (shell, stdin) = launch(&self.folder, &self.port);
        self.shell = shell;
        self.stdin = Some(stdin);
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(folder: &TempDir, port: &Port) -> (Child, ChildStdin) {
    const SHELL: &str = r#"
        "$1" --dbpath "$2" --port "$3" --bind_ip 127.0.0.1 --nounixsocket \
            --wiredTigerCacheSizeGB 0.25 </dev/null 2>/dev/null &
        read -r _
        kill -KILL $!
        wait
    "#;
    let mut command = Command::new("bash");
    command
        .args(["-c", SHELL, "mongod", &binary()])
        .arg(folder.path())
        .arg(port.number().to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = command.spawn().expect("there is a bash");
    let stdin = shell.stdin.take().expect("stdin is piped");
    let mut said = BufReader::new(shell.stdout.take().expect("stdout is piped")).lines();
    let is_up =
        said.by_ref().map_while(Result::ok).any(|it| it.contains("Waiting for connections"));
    assert!(is_up, "mongod does not start");
    // What it says later is read and dropped: a full pipe would stop it.
    std::thread::spawn(move || said.for_each(drop));
    (shell, stdin)
}

/// The server's program, installed when it is not there.
fn binary() -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/test/mongod");
    let output = Command::new(script).stderr(Stdio::inherit()).output().expect("a script of ours");
    assert!(output.status.success(), "deploy/test/mongod cannot install a mongod");
    String::from_utf8(output.stdout).expect("a path of ours").trim().to_owned()
}
