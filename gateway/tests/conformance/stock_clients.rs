//! The matrix: each stock client over each transport has the same conversation with the example.

use crate::example;
use crate::script::{self, Language};

#[test]
fn javascript_client_4_8_is_served_over_websocket() {
    javascript("socket.io-client", "websocket");
}

#[test]
fn javascript_client_3_1_is_served_over_websocket() {
    javascript("socket.io-client-3", "websocket");
}

#[test]
fn python_client_is_served_over_websocket() {
    echo(Language::Python, "conformance/script/echo.py", &["websocket"]);
}

fn javascript(package: &str, transports: &str) {
    echo(Language::JavaScript, "conformance/script/echo.js", &[package, transports]);
}

fn echo(language: Language, path: &str, row: &[&str]) {
    let mut server = example::start();
    let base = format!("http://{}", server.address());
    let arguments: Vec<&str> = std::iter::once(base.as_str()).chain(row.iter().copied()).collect();
    script::run(language, path, &arguments, |_| None);
    server.assert_unharmed();
}
