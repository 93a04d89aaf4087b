//! A copy of the embedded store, put back later.

use std::path::Path;

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::process;
use crate::rest::{self, Person};
use crate::server::{Server, VOXORA};

#[test]
fn client_that_saw_more_than_a_backup_holds_starts_from_the_lists() {
    let mut server = Server::start_to_restart();
    let [ada, ben] = ["Ada", "Ben"].map(|name| rest::register(server.address(), name));
    let id = rest::open_conversation(server.address(), &ada, &ben);
    say(&server, &ada, &id, ["one", "two", "three"]);
    let mut backup = Vec::new();
    server.kill_and_restart_after(|data| backup = std::fs::read(data.join(STORE)).unwrap());
    say(&server, &ada, &id, ["four", "five"]);
    let seen = join(&server, &ben, &json!({ "conversationId": id, "lastSeq": 3 }));
    assert_eq!(seen["lastSeq"], 5);

    // Nobody says that it is a backup, and what came after it is not there yet.
    server.kill_and_restart_after(|data| std::fs::write(data.join(STORE), &backup).unwrap());
    for request in [
        json!({ "conversationId": id, "lastSeq": 5, "cursor": seen["cursor"] }),
        json!({ "conversationId": id, "lastSeq": 5 }),
    ] {
        assert_eq!(join(&server, &ben, &request)["reset"], true, "{request}");
    }
    let request = json!({ "conversations": { (id.as_str()): 5 } });
    assert_eq!(ask(&server, &ben, "sync", &request)["reset"], true);
    let fine = join(&server, &ben, &json!({ "conversationId": id, "lastSeq": 3 }));
    assert_eq!((&fine["lastSeq"], &fine["epoch"]), (&json!(3), &seen["epoch"]));

    // What came after it is something else, and only the name of the history tells.
    server.kill_and_restart_after(declare_restored);
    say(&server, &ada, &id, ["another four", "another five"]);
    let request = json!({ "conversationId": id, "lastSeq": 5, "cursor": seen["cursor"] });
    assert_eq!(join(&server, &ben, &request)["reset"], true);
    let fresh = join(&server, &ben, &json!({ "conversationId": id }));
    assert_ne!(fresh["epoch"], seen["epoch"]);
    let request = json!({ "conversationId": id, "lastSeq": 5, "cursor": fresh["cursor"] });
    assert_eq!(join(&server, &ben, &request)["messages"], json!([]));
    server.assert_unharmed();
}

fn say<const N: usize>(server: &Server, person: &Person, id: &str, texts: [&str; N]) {
    for text in texts {
        ask(server, person, "send_message", &json!({ "conversationId": id, "content": text }));
    }
}

fn join(server: &Server, person: &Person, request: &Value) -> Value {
    ask(server, person, "join_conversation", request)
}

fn ask(server: &Server, person: &Person, event: &str, request: &Value) -> Value {
    let mut chat = Chat::connect(server.address(), &person.token);
    let mut answer = chat.ask(event, std::slice::from_ref(request));
    assert_eq!(answer["success"], true, "{answer}");
    answer["data"].take()
}

fn declare_restored(data: &Path) {
    let mut command = process::command(VOXORA);
    command.args(["admin", "restored", "--data-dir"]).arg(data);
    let output = command.output().expect("the product was built beside this test");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("what it says is text");
    assert_eq!(said, "clients will read everything anew once a server is started\n");
}

/// The file of the embedded store.
const STORE: &str = "voxora.redb";
