//! The server's end of a Socket.IO connection, for servers that the tests make up: tungstenite's
//! WebSocket, the packet that opens a session, and a thread per connection.

use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// What is read from a client.
pub(crate) type Reader = WebSocket<TcpStream>;

/// The way to a client, for everybody who has something to say to it.
pub(crate) type Writer = Arc<Mutex<WebSocket<TcpStream>>>;

/// How serving a connection ended.
pub(crate) type End = Result<(), Box<dyn Error>>;

/// Serves each connection to a free port on a thread of its own, as long as the test program lives.
pub(crate) fn listen(serve: impl Fn(TcpStream) -> End + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            // A connection that ends in an error has ended; the client says what it makes of it.
            thread::spawn(move || serve(stream).ok());
        }
    });
    address
}

/// Accepts the WebSocket and opens the session.
pub(crate) fn open(stream: TcpStream) -> Result<(Reader, Writer), Box<dyn Error>> {
    let second_half = stream.try_clone()?;
    let reader = tungstenite::accept(stream)?;
    let writer = WebSocket::from_raw_socket(second_half, Role::Server, None);
    let writer = Arc::new(Mutex::new(writer));
    let open = json!({
        "sid": "AAAAAAAAAAAAAAAAAAAA", "upgrades": [],
        "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1_000_000,
    });
    say(&writer, &format!("0{open}"))?;
    Ok((reader, writer))
}

/// Sends a packet.
pub(crate) fn say(writer: &Writer, text: &str) -> tungstenite::Result<()> {
    say_times(writer, text, 1)
}

/// Sends the same packet so many times, in one write: who has heard it once has heard it as often.
pub(crate) fn say_times(writer: &Writer, text: &str, times: usize) -> tungstenite::Result<()> {
    let mut writer = writer.lock().unwrap();
    for _ in 0..times {
        writer.write(Message::text(text))?;
    }
    writer.flush()
}
