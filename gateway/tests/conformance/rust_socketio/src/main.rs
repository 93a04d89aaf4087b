//! The Rust client crate has the conversation of the other stock clients with the echo application.
//!
//! usage: rust-socketio-echo BASE_URL TRANSPORT
//!   where TRANSPORT is "websocket", "polling" or "polling,websocket"

use std::error::Error;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use bytes::Bytes;
use rust_socketio::client::Client;
use rust_socketio::{ClientBuilder, Event, Payload, TransportType};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What a client heard, in order.
type Heard = Receiver<(String, Payload)>;

fn main() -> ExitCode {
    match converse() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn converse() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(base), Some(transport)) = (arguments.next(), arguments.next()) else {
        return Err("usage: rust-socketio-echo BASE_URL TRANSPORT".into());
    };
    let transport = match &*transport {
        "websocket" => TransportType::Websocket,
        "polling" => TransportType::Polling,
        "polling,websocket" => TransportType::WebsocketUpgrade,
        other => return Err(format!("unknown transport {other}").into()),
    };
    for namespace in ["/", "/custom"] {
        let (client, heard) = connect(&base, transport.clone(), namespace)?;
        echoes(&client, &heard)?;
        answers(&client, &heard)?;
        // On polling it posts its answers to heartbeats beside whatever else it posts, which no server
        // allows.
        if namespace == "/" && transport != TransportType::Polling {
            outlives_heartbeats(&client, &heard)?;
        }
        client.disconnect()?;
        println!("shown: {namespace}");
    }
    Ok(())
}

fn connect(base: &str, transport: TransportType, namespace: &str) -> Result<(Client, Heard)> {
    let (sender, heard) = mpsc::channel();
    let auth = json!({ "token": "123", "list": [1, null] });
    let client = ClientBuilder::new(base)
        .namespace(namespace)
        .transport_type(transport)
        .reconnect(false)
        .auth(auth.clone())
        .on_any(move |event, payload, _| {
            // Whoever does not listen any more has left.
            let _ = sender.send((String::from(event), payload));
        })
        .connect()?;
    assert_hears(&heard, "auth", &Payload::Text(vec![auth]))?;
    Ok((client, heard))
}

fn echoes(client: &Client, heard: &Heard) -> Result<()> {
    let payloads = [
        Payload::Text(vec![json!(1), json!("2"), json!({ "3": [true, null] })]),
        Payload::Text(vec![json!("Zoë 👋 \u{0} \u{1e}")]),
        Payload::Text(vec![json!("x".repeat(100_000))]),
        // It takes a byte 30 that comes in binary for the separator of polling.
        Payload::Binary(Bytes::from_static(&[0, 1, 255])),
        Payload::Binary(Bytes::from(vec![7; 50_000])),
    ];
    for payload in payloads {
        client.emit("message", payload.clone())?;
        assert_hears(heard, "message-back", &payload)?;
    }
    for number in 0..100 {
        client.emit("message", json!(number))?;
    }
    for number in 0..100 {
        assert_hears(heard, "message-back", &Payload::Text(vec![json!(number)]))?;
    }
    Ok(())
}

fn answers(client: &Client, heard: &Heard) -> Result<()> {
    let list = vec![json!(1), json!({ "3": [false] })];
    let answer = ask(client, Payload::Text(list.clone()))?.recv_timeout(STEP_MAX)?;
    // This client has the whole list for the one argument of an answer.
    assert_same(&answer, &Payload::Text(vec![Value::Array(list)]))?;

    // Of binary it makes an answer to nobody instead of a question. It is not answered, and costs
    // nothing: what comes behind it is.
    let unanswered = ask(client, Payload::Binary(Bytes::from_static(b"x")))?;
    client.emit("message", json!("after"))?;
    assert_hears(heard, "message-back", &Payload::Text(vec![json!("after")]))?;
    match unanswered.try_recv() {
        Err(mpsc::TryRecvError::Empty) => Ok(()),
        other => Err(format!("an answer to nobody was answered: {other:?}").into()),
    }
}

fn ask(client: &Client, payload: Payload) -> Result<Receiver<Payload>> {
    let (sender, answer) = mpsc::channel();
    client.emit_with_ack("message-with-ack", payload, STEP_MAX, move |payload, _| {
        let _ = sender.send(payload);
    })?;
    Ok(answer)
}

/// The server pings every 300 ms and waits 8 s; nothing but answers keeps the connection.
fn outlives_heartbeats(client: &Client, heard: &Heard) -> Result<()> {
    match heard.recv_timeout(Duration::from_secs(9)) {
        Err(mpsc::RecvTimeoutError::Timeout) => {}
        other => return Err(format!("in the silence came {other:?}").into()),
    }
    client.emit("message", json!("alive"))?;
    assert_hears(heard, "message-back", &Payload::Text(vec![json!("alive")]))
}

fn assert_hears(heard: &Heard, event: &str, payload: &Payload) -> Result<()> {
    loop {
        let (name, came) = heard.recv_timeout(STEP_MAX)?;
        match Event::from(&*name) {
            Event::Connect => {}
            Event::Custom(name) if name == event => return assert_same(&came, payload),
            _ => return Err(format!("waited for {event}, got {name} with {came:?}").into()),
        }
    }
}

fn assert_same(came: &Payload, expected: &Payload) -> Result<()> {
    if came == expected {
        return Ok(());
    }
    Err(format!("expected {expected:?}, got {came:?}").into())
}

/// Beyond this the client gives up on the server; long enough for a loaded machine.
const STEP_MAX: Duration = Duration::from_secs(60);
