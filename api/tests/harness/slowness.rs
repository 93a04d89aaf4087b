//! Peers that are slow on purpose, for every listener of the product. A server under test must soon
//! lose its patience, because each peer goes on until its connection is ended.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server under test waits: longer than a machine stops, so that whoever is not slow on
/// purpose is in time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// A head that never ends is cut off, however steadily it drips.
pub(crate) fn assert_slow_head_is_cut_off(address: SocketAddr) {
    std::thread::scope(|scope| {
        for head in ["GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET /", "\r\n"] {
            scope.spawn(move || {
                let drop = if head == "\r\n" { "\r\n" } else { "x" };
                assert_eq!(drip(address, head, drop), "", "{head:?}");
            });
        }
    });
}

/// A POST to each of these targets whose body never ends is answered 400, however steadily it drips.
pub(crate) fn assert_slow_body_is_answered_400(address: SocketAddr, targets: &[&str]) {
    std::thread::scope(|scope| {
        for target in targets {
            scope.spawn(move || {
                let head = format!(
                    "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                     Content-Length: 100000\r\n\r\n"
                );
                let answer = drip(address, &head, "x");
                assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
                assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{target}: {answer}");
            });
        }
    });
}

/// A connection that nothing more is asked on is closed, and so is one on which nothing ever was.
pub(crate) fn assert_idle_connection_is_closed(address: SocketAddr) {
    std::thread::scope(|scope| {
        for (request, answers) in [("", 0), ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 1)] {
            scope.spawn(move || {
                let mut stream = connect(address, SILENCE_MAX);
                stream.write_all(request.as_bytes()).expect("the server takes a request");
                let mut heard = String::new();
                stream.read_to_string(&mut heard).expect("the server closes it");
                assert_eq!(heard.matches("HTTP/1.1 200").count(), answers, "{heard}");
            });
        }
    });
}

/// Whoever asks on and reads none of the answers. Their connections are to be ended by the server.
#[derive(Debug)]
pub(crate) struct DeafReaders {
    streams: Vec<TcpStream>,
    requests: String,
}

impl DeafReaders {
    /// So many of them, who ask for something long.
    pub(crate) fn connect(address: SocketAddr, count: usize) -> Self {
        let requests = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10_000);
        let streams = (0..count).map(|_| connect(address, PACE)).collect();
        Self { streams, requests }
    }

    /// Each asks on, until none is left; `look` looks at the server meanwhile.
    ///
    /// # Panics
    /// When some are still served long after their server should have lost its patience.
    pub(crate) fn ask_on(&mut self, mut look: impl FnMut()) {
        for _ in 0..ROUNDS_MAX {
            self.streams.retain_mut(|stream| match stream.write_all(self.requests.as_bytes()) {
                Ok(()) => true,
                Err(error) => is_silence(&error),
            });
            look();
            if self.streams.is_empty() {
                return;
            }
        }
        panic!("{} of them are still served", self.streams.len());
    }
}

/// Sends a beginning, and then a drop at a time until the server ends the connection; what it said
/// before.
fn drip(address: SocketAddr, beginning: &str, drop: &str) -> String {
    let mut stream = connect(address, PACE);
    stream.write_all(beginning.as_bytes()).expect("the server takes a beginning");
    let mut heard = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let _ = stream.write_all(drop.as_bytes());
        let mut more = [0; 4096];
        match stream.read(&mut more) {
            Ok(0) => return String::from_utf8_lossy(&heard).into_owned(),
            Ok(count) => heard.extend(&more[..count]),
            Err(error) if is_silence(&error) => {}
            Err(_) => return String::from_utf8_lossy(&heard).into_owned(),
        }
    }
    panic!("still open after {ROUNDS_MAX} drops");
}

fn connect(address: SocketAddr, timeout: Duration) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server accepts connections");
    stream.set_nodelay(true).expect("an open socket takes options");
    stream.set_read_timeout(Some(timeout)).expect("an open socket takes options");
    stream.set_write_timeout(Some(timeout)).expect("an open socket takes options");
    stream
}

fn is_silence(error: &std::io::Error) -> bool {
    // Interrupted is whoever was stopped and continues.
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Between two drops.
const PACE: Duration = Duration::from_millis(50);

/// Drops within which a server has long lost its [`PATIENCE`].
const ROUNDS_MAX: usize = 1_200;

/// Beyond this a test gives up on the server; long enough for a loaded machine.
const SILENCE_MAX: Duration = Duration::from_secs(20);
