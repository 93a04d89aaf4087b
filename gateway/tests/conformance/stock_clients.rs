//! The matrix: each stock client over each transport has the same conversation with the example.

use std::path::Path;
use std::process::Command;

use crate::example;
use crate::script::{self, Language};

const ECHO_JS: &str = "conformance/script/echo.js";
const ECHO_PY: &str = "conformance/script/echo.py";
const LEGACY_JS: &str = "conformance/script/legacy.js";
const ENGINE_JS: &str = "conformance/script/engine.js";
const PROTOCOLS_JS: &str = "conformance/script/protocols.js";
const ROOM_JS: &str = "conformance/script/room.js";
const UPGRADE_JS: &str = "conformance/script/upgrade.js";

macro_rules! matrix {
    ($(
        $name:ident $language:ident $script:ident
            [$($argument:literal),*] $transports:literal $([$parser:literal])?;
    )*) => {$(
        #[test]
        fn $name() {
            converse(Language::$language, $script, &[$($argument,)* $transports $(, $parser)?]);
        }
    )*};
}

matrix! {
    javascript_client_4_8_over_websocket JavaScript ECHO_JS ["socket.io-client"] "websocket";
    javascript_client_4_8_over_polling JavaScript ECHO_JS ["socket.io-client"] "polling";
    javascript_client_4_8_upgrades JavaScript ECHO_JS ["socket.io-client"] "polling,websocket";
    javascript_client_3_1_over_websocket JavaScript ECHO_JS ["socket.io-client-3"] "websocket";
    javascript_client_3_1_over_polling JavaScript ECHO_JS ["socket.io-client-3"] "polling";
    javascript_client_3_1_upgrades JavaScript ECHO_JS ["socket.io-client-3"] "polling,websocket";
    javascript_client_4_8_offers_subprotocols
        JavaScript PROTOCOLS_JS ["socket.io-client"] "polling,websocket";
    msgpack_parser_over_websocket
        JavaScript ECHO_JS ["socket.io-client"] "websocket" ["socket.io-msgpack-parser"];
    msgpack_parser_over_polling
        JavaScript ECHO_JS ["socket.io-client"] "polling" ["socket.io-msgpack-parser"];
    msgpack_parser_upgrades
        JavaScript ECHO_JS ["socket.io-client"] "polling,websocket" ["socket.io-msgpack-parser"];
    both_parsers_in_one_room_over_websocket
        JavaScript ROOM_JS ["socket.io-client"] "websocket" ["socket.io-msgpack-parser"];
    both_parsers_in_one_room_over_polling
        JavaScript ROOM_JS ["socket.io-client"] "polling" ["socket.io-msgpack-parser"];
    both_parsers_in_one_room_that_upgrade
        JavaScript ROOM_JS ["socket.io-client"] "polling,websocket" ["socket.io-msgpack-parser"];
    engine_client_6_6_over_websocket JavaScript ENGINE_JS ["engine.io-client"] "websocket";
    engine_client_6_6_over_polling JavaScript ENGINE_JS ["engine.io-client"] "polling";
    engine_client_6_6_upgrades JavaScript ENGINE_JS ["engine.io-client"] "polling,websocket";
    engine_client_3_5_over_websocket JavaScript ENGINE_JS ["engine.io-client-3"] "websocket";
    engine_client_3_5_over_polling JavaScript ENGINE_JS ["engine.io-client-3"] "polling";
    engine_client_3_5_upgrades JavaScript ENGINE_JS ["engine.io-client-3"] "polling,websocket";
    python_client_over_websocket Python ECHO_PY [] "websocket";
    python_client_over_polling Python ECHO_PY [] "polling";
    python_client_upgrades Python ECHO_PY [] "polling,websocket";
    javascript_client_2_5_over_websocket JavaScript LEGACY_JS ["socket.io-client-2"] "websocket";
    javascript_client_2_5_over_polling JavaScript LEGACY_JS ["socket.io-client-2"] "polling";
    javascript_client_2_5_upgrades JavaScript LEGACY_JS ["socket.io-client-2"] "polling,websocket";
    upgrade_loses_and_repeats_nothing_while_both_sides_send
        JavaScript UPGRADE_JS ["socket.io-client"] "polling,websocket";
    upgrade_of_the_msgpack_parser_loses_and_repeats_nothing
        JavaScript UPGRADE_JS ["socket.io-client"] "polling,websocket" ["socket.io-msgpack-parser"];
}

fn converse(language: Language, path: &str, row: &[&str]) {
    // Every dialect at once, as the product serves them.
    let mut server = example::start_with(&[&example::PINGING[..], &["--eio3"]].concat());
    let base = format!("http://{}", server.address());
    let arguments: Vec<&str> = std::iter::once(base.as_str()).chain(row.iter().copied()).collect();
    script::run(language, path, &arguments, |_| None);
    server.assert_unharmed();
}

#[test]
fn rust_client_over_websocket() {
    converse_in_rust(&PINGING, "websocket");
}

#[test]
fn rust_client_over_polling() {
    // It posts its answers to heartbeats beside whatever else it posts, which no server allows.
    converse_in_rust(&[], "polling");
}

#[test]
fn rust_client_upgrades() {
    converse_in_rust(&PINGING, "polling,websocket");
}

fn converse_in_rust(heartbeat: &[&str], transport: &str) {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/clients/rust-socketio-echo");
    assert!(program.exists(), "the stock clients are not installed: run deploy/test/clients once");
    let mut server = example::start_with(heartbeat);
    let base = format!("http://{}", server.address());
    let ended = Command::new(program).args([&*base, transport]).output().expect("it can be run");
    let said = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "it failed after:\n{}", String::from_utf8_lossy(&said));
    server.assert_unharmed();
}

/// This client is silent for longer than that, and lives on its answers to heartbeats alone.
const PINGING: [&str; 4] = ["--ping-interval-ms", "300", "--ping-timeout-ms", example::SOON_MS];
