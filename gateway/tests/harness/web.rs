//! An HTTP/1.1 client that says exactly what a test tells it to, and reads answers strictly.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::peer;

/// One connection.
#[derive(Debug)]
pub(crate) struct Web {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its headers, names in lower case.
    headers: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Web {
    /// Connects.
    pub(crate) fn connect(host: SocketAddr) -> Self {
        Self { stream: BufReader::new(peer::connect(host)), host }
    }

    /// Writes bytes. That the server has gone shows at the next [`Self::answer`].
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
    }

    /// Sends a request; `headers` are whole lines. A body, or any method but GET, says its length.
    pub(crate) fn send(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) {
        let length = match (method, body.len()) {
            ("GET" | "HEAD" | "OPTIONS", 0) => String::new(),
            (_, len) => format!("Content-Length: {len}\r\n"),
        };
        let head =
            format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{headers}{length}\r\n", self.host);
        self.write([head.as_bytes(), body].concat());
    }

    /// A request and its answer.
    pub(crate) fn ask(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
        self.send(method, target, headers, body);
        self.answer_to(method)
    }

    /// The next answer.
    ///
    /// # Panics
    /// When none comes within [`peer::SILENCE_MAX`], or what comes is no HTTP.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// The status of an interim answer, which has neither headers nor a body.
    ///
    /// # Panics
    /// When something else comes.
    pub(crate) fn interim(&mut self) -> u16 {
        let line = self.line().expect("an interim answer comes");
        assert_eq!(self.line().as_deref(), Some(""), "after {line}");
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        status.unwrap_or_else(|| panic!("no status line: {line:?}"))
    }

    fn answer_to(&mut self, method: &str) -> Answer {
        let line = self.line().expect("the connection ended without an answer");
        let status = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line().expect("a head that was begun is ended");
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let has_body = method != "HEAD" && !matches!(status, 101 | 204 | 304);
        if has_body {
            let len = answer.header("content-length").expect("answers here say their length");
            answer.body = vec![0; len.parse().expect("a length is a number")];
            self.stream.read_exact(&mut answer.body).expect("a body comes in full");
        }
        answer
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                Some(line.strip_suffix("\r\n").unwrap_or_else(|| panic!("{line:?}")).to_owned())
            }
            Err(error) if is_silence(&error) => panic!("nothing came for {:?}", peer::SILENCE_MAX),
            // The server has reset the connection.
            Err(_) => None,
        }
    }

    /// Reads to the end, which comes without another answer.
    ///
    /// # Panics
    /// When more comes, or no end does.
    pub(crate) fn assert_ended(&mut self, why: &str) {
        let mut rest = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut rest) {
            assert!(!is_silence(&error), "{why}: the connection stays open");
        }
        assert!(rest.is_empty(), "{why}: more came: {}", String::from_utf8_lossy(&rest));
    }
}

impl Answer {
    /// A header's value; of several, the first.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }
}

/// A request on a connection of its own, and its answer.
pub(crate) fn ask(
    host: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> Answer {
    Web::connect(host).ask(method, target, headers, body)
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
