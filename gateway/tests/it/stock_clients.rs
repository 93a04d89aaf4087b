//! The main scenario with the clients that people use: sign in, open a conversation, chat live, and
//! find everything again after the server was killed. One row per client and transport.

use crate::script::{self, Language};
use crate::server::Server;

#[test]
fn two_people_chat_with_the_javascript_client_over_websocket() {
    chat(Language::JavaScript, "it/script/chat.js", &["websocket"]);
}

#[test]
fn two_people_chat_with_the_python_client_over_websocket() {
    chat(Language::Python, "it/script/chat.py", &["websocket"]);
}

#[test]
fn two_people_chat_with_the_javascript_client_as_it_comes() {
    chat(Language::JavaScript, "it/script/chat.js", &["default"]);
}

#[test]
fn two_people_chat_of_whom_one_speaks_msgpack() {
    chat(Language::JavaScript, "it/script/chat.js", &["default", "socket.io-msgpack-parser"]);
}

#[test]
fn two_people_chat_with_the_python_client_as_it_comes() {
    chat(Language::Python, "it/script/chat.py", &["default"]);
}

#[test]
fn who_was_away_catches_up_over_websocket() {
    chat(Language::JavaScript, "it/script/away.js", &["websocket"]);
}

#[test]
fn who_was_away_catches_up_with_the_client_as_it_comes() {
    chat(Language::JavaScript, "it/script/away.js", &["default"]);
}

#[test]
fn devices_hear_what_is_left_unread_over_websocket() {
    devices(&["websocket"]);
}

#[test]
fn devices_of_which_one_speaks_msgpack_hear_what_is_left_unread() {
    devices(&["default", "socket.io-msgpack-parser"]);
}

#[test]
fn clients_come_back_as_who_they_were_over_websocket() {
    recover(&["websocket"]);
}

#[test]
fn clients_come_back_as_who_they_were_over_polling() {
    recover(&["polling"]);
}

#[test]
fn clients_come_back_as_who_they_were_and_upgrade() {
    recover(&["polling,websocket"]);
}

#[test]
fn clients_with_the_msgpack_parser_come_back_as_who_they_were() {
    recover(&["polling,websocket", "socket.io-msgpack-parser"]);
}

#[test]
fn expiry_is_told_over_polling() {
    put_out("polling");
}

#[test]
fn expiry_is_told_over_websocket() {
    put_out("websocket");
}

/// Whose clients are put out at once, and when their token ends.
fn put_out(transports: &str) {
    undisturbed_with(&[("JWT_EXPIRES_IN", "15s")], "it/script/put_out.js", &[transports]);
}

fn recover(row: &[&str]) {
    undisturbed("it/script/recovery.js", row);
}

fn devices(row: &[&str]) {
    undisturbed("it/script/devices.js", row);
}

fn undisturbed(path: &str, row: &[&str]) {
    undisturbed_with(&[], path, row);
}

fn undisturbed_with(settings: &[(&str, &str)], path: &str, row: &[&str]) {
    let mut server = Server::start_with_admin(settings);
    let base = format!("http://{}", server.address());
    let arguments: Vec<&str> = std::iter::once(base.as_str()).chain(row.iter().copied()).collect();
    script::run(Language::JavaScript, path, &arguments, |_| None);
    server.assert_unharmed();
}

fn chat(language: Language, path: &str, row: &[&str]) {
    let mut server = Server::start_to_restart();
    let base = format!("http://{}", server.address());
    let arguments: Vec<&str> = std::iter::once(base.as_str()).chain(row.iter().copied()).collect();
    script::run(language, path, &arguments, |line| {
        (line == "restart").then(|| {
            server.kill_and_restart();
            "restarted".to_owned()
        })
    });
    server.assert_unharmed();
}
