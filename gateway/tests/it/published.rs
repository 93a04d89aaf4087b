//! The published socket events: what they say is what happens, and a front-end can compile by them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::peer;
use crate::script::{self, Language};
use crate::server::Server;

#[test]
fn everything_heard_and_acknowledged_is_what_the_asyncapi_document_says() {
    let mut server = Server::start();
    let base = format!("http://{}", server.address());
    script::run(Language::JavaScript, "it/script/published.js", &[&base], |_| None);
    server.assert_unharmed();
}

/// The uses that must not compile are marked in the file; the compiler complains of a mark that
/// hides nothing.
#[test]
fn a_front_end_compiles_by_the_declarations_and_not_against_them() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
    let declarations = fetch(server.address(), "/api/v1/events.d.ts");
    fs::write(folder.path().join("events.d.ts"), declarations).expect("the folder is ours");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(here.join("tests/it/script/frontend.ts"), folder.path().join("frontend.ts"))
        .expect("the folder is ours");
    let installed = here.join("../.cache/clients/node_modules");
    std::os::unix::fs::symlink(&installed, folder.path().join("node_modules"))
        .expect("the folder is ours");
    let output = Command::new("node")
        .arg(installed.join("typescript/bin/tsc"))
        .args(["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"])
        .args(["--exactOptionalPropertyTypes", "--noUnusedLocals", "frontend.ts"])
        .current_dir(folder.path())
        .output()
        .expect("node is installed: run deploy/test/clients once");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "the compiler says:\n{said}");
}

/// The text at `path`.
fn fetch(address: SocketAddr, path: &str) -> String {
    let mut stream = peer::connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers in full");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}
