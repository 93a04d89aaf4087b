//! A WebSocket client that says exactly what a test tells it to, well-formed or not.
//!
//! tungstenite speaks RFC 6455 for it, so that our own codec is never its own judge.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

/// One connection to a server under test.
#[derive(Debug)]
pub(crate) struct Peer(WebSocket<Resumed>);

/// A stream whose owner may be stopped and continued: with a time-out set, what was waited for then
/// is interrupted, which means nothing. Source: signal(7).
#[derive(Debug)]
struct Resumed(TcpStream);

/// What came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The connection ended, with the code of the close frame if there was one.
    Closed(Option<u16>),
}

impl Peer {
    /// Opens a WebSocket at `target`, a path with its query.
    ///
    /// # Panics
    /// When the server refuses.
    pub(crate) fn open(address: SocketAddr, target: &str) -> Self {
        let url = format!("ws://{address}{target}");
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let stream = Resumed(connect(address));
        let (socket, _) = tungstenite::client::client_with_config(url, stream, Some(config))
            .expect("the server accepts the handshake");
        Self(socket)
    }

    /// Sends a text message. That the server has gone shows at the next [`Self::hear`].
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        let _ = self.0.send(Message::text(text.into()));
    }

    /// Sends a binary message.
    pub(crate) fn say_binary(&mut self, bytes: &[u8]) {
        let _ = self.0.send(Message::binary(bytes.to_vec()));
    }

    /// Writes bytes past the codec.
    pub(crate) fn write_raw(&mut self, bytes: &[u8]) {
        let _ = self.stream().write_all(bytes);
    }

    /// The stream under the codec.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.0.get_mut().0
    }

    /// The next message, or the end.
    ///
    /// # Panics
    /// When nothing comes within [`SILENCE_MAX`].
    pub(crate) fn hear(&mut self) -> Heard {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Heard::Text(text.as_str().to_owned()),
                Ok(Message::Binary(bytes)) => return Heard::Binary(bytes.to_vec()),
                Ok(Message::Close(frame)) => {
                    return Heard::Closed(frame.map(|frame| frame.code.into()));
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    panic!("nothing came for {SILENCE_MAX:?}");
                }
                Err(_) => return Heard::Closed(None),
            }
        }
    }

    /// The next text message.
    ///
    /// # Panics
    /// When something else comes.
    pub(crate) fn hear_text(&mut self) -> String {
        match self.hear() {
            Heard::Text(text) => text,
            other @ (Heard::Binary(_) | Heard::Closed(_)) => panic!("expected text, got {other:?}"),
        }
    }

    /// Reads to the end, answering nothing, and returns the close code.
    pub(crate) fn hear_end(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.hear() {
                return code;
            }
        }
    }
}

impl Read for Resumed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        resumed(|| self.0.read(buffer))
    }
}

impl Write for Resumed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        resumed(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What comes of a call that is made again whenever it is interrupted.
fn resumed<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// A TCP connection whose reads end after [`SILENCE_MAX`].
///
/// # Panics
/// When nothing listens there.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server accepts connections");
    stream.set_nodelay(true).expect("an open socket takes options");
    stream.set_read_timeout(Some(SILENCE_MAX)).expect("an open socket takes options");
    stream.set_write_timeout(Some(SILENCE_MAX)).expect("an open socket takes options");
    stream
}

/// Beyond this a test gives up on the server; long enough for a loaded machine.
pub(crate) const SILENCE_MAX: Duration = Duration::from_mins(1);
