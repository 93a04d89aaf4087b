//! A Socket.IO server to load: tungstenite's WebSocket, and by hand the few packets of a room
//! application. It is a thread per connection, and can be told to misbehave.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// What a peer does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing.
    Sound,
    /// Every third message is delivered to nobody.
    Loses,
    /// Every third message is delivered twice.
    Repeats,
    /// Every third message is refused.
    Refuses,
    /// Nothing is confirmed by acks; events do it.
    NeverAcks,
    /// The first message costs its sender the connection.
    HangsUp,
    /// Every second CONNECT is refused.
    Picks,
}

type Writer = Arc<Mutex<WebSocket<TcpStream>>>;

struct Peer {
    manner: Manner,
    rooms: Mutex<HashMap<String, Vec<Writer>>>,
    connections: AtomicU32,
    messages: AtomicU32,
}

/// Starts a peer on a free port; it lives as long as the test program.
pub(crate) fn start(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = Arc::new(Peer {
        manner,
        rooms: Mutex::default(),
        connections: AtomicU32::new(0),
        messages: AtomicU32::new(0),
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let peer = Arc::clone(&peer);
            // A connection that ends in an error has ended; the load test says what it makes of it.
            thread::spawn(move || peer.serve(stream).ok());
        }
    });
    address
}

impl Peer {
    fn serve(&self, stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
        let second_half = stream.try_clone()?;
        let mut reader = tungstenite::accept(stream)?;
        let writer = WebSocket::from_raw_socket(second_half, Role::Server, None);
        let writer = Arc::new(Mutex::new(writer));
        let open = json!({
            "sid": "AAAAAAAAAAAAAAAAAAAA", "upgrades": [],
            "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1_000_000,
        });
        say(&writer, &format!("0{open}"))?;
        loop {
            let Message::Text(text) = reader.read()? else { continue };
            if text.starts_with("40") {
                let nth = self.connections.fetch_add(1, Ordering::Relaxed);
                let refused = self.manner == Manner::Picks && nth % 2 == 1;
                let answer = if refused { r#"44{"message":"no"}"# } else { r#"40{"sid":"x"}"# };
                say(&writer, answer)?;
            } else if let Some(event) = text.strip_prefix("42") {
                let digits = event.find('[').unwrap_or_default();
                let (id, event) = event.split_at(digits);
                self.hear(&writer, id, &serde_json::from_str(event)?)?;
            }
        }
    }

    fn hear(&self, writer: &Writer, id: &str, event: &Value) -> tungstenite::Result<()> {
        let payload = &event[1];
        match event[0].as_str() {
            Some("join_conversation") => {
                let room = payload.as_str().unwrap_or_default().to_owned();
                self.rooms.lock().unwrap().entry(room).or_default().push(Arc::clone(writer));
                self.confirm(writer, id, "joined")
            }
            Some("get_typing_users") => say(writer, r#"42["typing_users_list",{}]"#),
            Some("message-with-ack") => self.confirm(writer, id, "echo"),
            Some("send_message") => self.deliver(writer, id, payload),
            _ => Ok(()),
        }
    }

    fn deliver(&self, writer: &Writer, id: &str, message: &Value) -> tungstenite::Result<()> {
        let third = self.messages.fetch_add(1, Ordering::Relaxed) % 3 == 2;
        let times = match self.manner {
            Manner::HangsUp => return writer.lock().unwrap().close(None),
            Manner::Refuses if third => {
                return say(writer, &format!(r#"43{id}[{{"success":false}}]"#));
            }
            Manner::Loses if third => 0,
            Manner::Repeats if third => 2,
            Manner::Sound
            | Manner::Loses
            | Manner::Repeats
            | Manner::Refuses
            | Manner::NeverAcks
            | Manner::Picks => 1,
        };
        let room = message["conversationId"].as_str().unwrap_or_default();
        let members = self.rooms.lock().unwrap().get(room).cloned().unwrap_or_default();
        let packet = format!("42{}", json!(["new_message", { "message": message }]));
        for _ in 0..times {
            for member in &members {
                say(member, &packet)?;
            }
        }
        if self.manner == Manner::NeverAcks {
            return say(writer, r#"42["message_sent",{}]"#);
        }
        self.confirm(writer, id, "sent")
    }

    fn confirm(&self, writer: &Writer, id: &str, what: &str) -> tungstenite::Result<()> {
        if self.manner == Manner::NeverAcks {
            return Ok(());
        }
        say(writer, &format!("43{id}{}", json!([{ "success": true, "data": what }])))
    }
}

fn say(writer: &Writer, text: &str) -> tungstenite::Result<()> {
    writer.lock().unwrap().send(Message::text(text))
}
