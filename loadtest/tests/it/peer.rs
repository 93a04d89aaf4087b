//! A Socket.IO server to load: the few packets of a room application, by hand. It can be told to
//! misbehave.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tungstenite::Message;

use crate::socket::{self, End, Writer, say, say_times};

/// What a peer does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing.
    Sound,
    /// Every third message is delivered to nobody. Once the ninth is answered it hangs up on
    /// everybody: nothing more will come, so nobody need wait for it.
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

struct Peer {
    manner: Manner,
    rooms: Mutex<HashMap<String, Vec<Writer>>>,
    connections: AtomicU32,
    messages: AtomicU32,
}

/// Starts a peer on a free port; it lives as long as the test program.
pub(crate) fn start(manner: Manner) -> SocketAddr {
    let peer = Peer {
        manner,
        rooms: Mutex::default(),
        connections: AtomicU32::new(0),
        messages: AtomicU32::new(0),
    };
    socket::listen(move |stream| peer.serve(stream))
}

impl Peer {
    fn serve(&self, stream: TcpStream) -> End {
        let (mut reader, writer) = socket::open(stream)?;
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
        let nth = self.messages.fetch_add(1, Ordering::Relaxed);
        let third = nth % 3 == 2;
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
        for member in &members {
            // Whoever has gone away does not listen, which is no fault of the sender's.
            say_times(member, &packet, times).ok();
        }
        if self.manner == Manner::NeverAcks {
            return say(writer, r#"42["message_sent",{}]"#);
        }
        self.confirm(writer, id, "sent")?;
        if self.manner == Manner::Loses && nth == 8 {
            self.hang_up_on_all();
        }
        Ok(())
    }

    fn hang_up_on_all(&self) {
        for member in self.rooms.lock().unwrap().values().flatten() {
            // An error means that it has gone already.
            let _ = member.lock().unwrap().get_ref().shutdown(Shutdown::Both);
        }
    }

    fn confirm(&self, writer: &Writer, id: &str, what: &str) -> tungstenite::Result<()> {
        if self.manner == Manner::NeverAcks {
            return Ok(());
        }
        say(writer, &format!("43{id}{}", json!([{ "success": true, "data": what }])))
    }
}
