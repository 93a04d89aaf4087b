//! The product on a MongoDB instead of its own store.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::chat::Chat;
use crate::mongod::Mongod;
use crate::peer::Peer;
use crate::port::Port;
use crate::process::Process;
use crate::{rest, server};

#[test]
fn product_serves_from_a_mongodb_and_outlives_its_absence() {
    let mut mongod = Mongod::start();
    let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
    let uri = mongod.address();
    let start = |port| {
        let mut command = server::command(folder.path(), port);
        command.env("MONGODB_URI", &uri);
        Process::start(command)
    };
    let port = Port::take();
    let mut product = start(port.number());
    let address = product.address();
    let warned = |said: &str| said.contains("MongoDB without Redis").then_some(());
    assert!(product.said().find(warned).is_some(), "{}", product.said().text());
    let people = ["Ada", "Ben", "Cy"].map(|name| rest::register(address, name));
    let [ada, ben, cy] = &people;
    let conversation = rest::open_conversation(address, ada, ben);
    let mut chat = Chat::connect(address, &ada.token);
    let message = |text: &str| json!({ "conversationId": conversation, "content": text });
    let sent = chat.ask("send_message", &[message("before")]);
    assert_eq!(sent["success"], true, "{sent}");

    // Nothing of it was in the process: another one on the same database knows it all.
    product.kill();
    let mut product = start(port.number());
    let mut chat = Chat::connect(address, &ben.token);
    assert_eq!(rest::history(address, ada, &conversation).len(), 1);

    mongod.kill();
    let refused = chat.ask("send_message", &[message("meanwhile")]);
    assert_eq!(refused["error"]["code"], "UNAVAILABLE", "{refused}");
    let (status, answer) = rest::request(address, "GET", "/readyz", None, None);
    assert_eq!(status, 503, "{answer}");
    // Nobody has asked this process for Cy yet. A token that cannot be looked up is not a wrong one.
    let mut late = Peer::open(address, "/socket.io/?EIO=4&transport=websocket");
    late.hear_text();
    late.say(format!("40{}", json!({ "token": cy.token })));
    let refused =
        r#"44{"message":"Service temporarily unavailable","data":{"code":"UNAVAILABLE"}}"#;
    assert_eq!(late.hear_text(), refused);

    mongod.restart();
    let started = Instant::now();
    while rest::request(address, "GET", "/readyz", None, None).0 != 200 {
        assert!(started.elapsed() < RECOVERY_MAX, "the product does not find its store again");
    }
    let sent = chat.ask("send_message", &[message("after")]);
    assert_eq!(sent["success"], true, "{sent}");
    assert_eq!(rest::history(address, ada, &conversation).len(), 2);
    product.assert_unharmed();
}

/// Longer than the driver needs to notice.
const RECOVERY_MAX: Duration = Duration::from_mins(1);
