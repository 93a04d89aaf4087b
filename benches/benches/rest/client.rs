//! An HTTP client that costs little: one connection, one request at a time, bytes made beforehand.

use std::io;
use std::net::SocketAddr;

use memchr::memmem;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A kept connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// The last answer, head and all.
    answer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Sends a request and reads its answer, which must be a success; returns its body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let (body, end) = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(body) = memmem::find(&self.answer, b"\r\n\r\n").map(|end| end + 4) else {
                continue;
            };
            let end = body + content_length(&self.answer[..body])?;
            if self.answer.len() >= end {
                break (body, end);
            }
        };
        if !self.answer.starts_with(b"HTTP/1.1 20") {
            return Err(io::Error::other(String::from_utf8_lossy(&self.answer).into_owned()));
        }
        Ok(&self.answer[body..end])
    }

    /// The same, and reads the body as JSON.
    pub(crate) async fn ask_json(&mut self, request: &[u8]) -> io::Result<Value> {
        Ok(serde_json::from_slice(self.ask(request).await?)?)
    }
}

/// A request as it goes over the wire.
pub(crate) fn request(method: &str, path: &str, token: &str, body: Option<&Value>) -> Box<[u8]> {
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let body = body.map(Value::to_string).unwrap_or_default();
    let content = match body.len() {
        0 => String::new(),
        len => format!("Content-Type: application/json\r\nContent-Length: {len}\r\n"),
    };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{content}");
    let request = format!("{head}\r\n{body}");
    request.into_bytes().into()
}

/// How long the body behind this head is.
fn content_length(head: &[u8]) -> io::Result<usize> {
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let line = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let len = line.and_then(|(_, len)| len.trim().parse().ok());
    len.ok_or_else(|| io::Error::other("an answer does not say how long it is"))
}
