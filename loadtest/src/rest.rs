//! REST, as far as clients of a load test need it: one request at a time, no haste.
//!
//! [`post`] opens a connection of its own; [`Line`] keeps one for many questions.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::swarm::Server;

/// A connection that is kept between questions.
#[derive(Debug)]
pub struct Line<'a> {
    server: &'a Server,
    stream: Option<TcpStream>,
}

/// An answer to a question.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// How long it asks to wait, in the server's words.
    pub retry_after: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl<'a> Line<'a> {
    /// A line to `server`; nobody is called yet.
    pub const fn new(server: &'a Server) -> Self {
        Self { server, stream: None }
    }

    /// GETs `path` for whom `token` is. Asks once more when the kept connection turns out dead.
    ///
    /// # Errors
    /// No connection, or an answer that is not HTTP with a length of at most 1 MiB.
    pub fn get(&mut self, path: &str, token: &str) -> Result<Answer> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.server.authority
        );
        let kept = self.stream.is_some();
        let answer = match self.ask(request.as_bytes()) {
            Err(_) if kept => self.ask(request.as_bytes()),
            answer => answer,
        };
        answer.with_context(|| format!("GET {path} from {} failed", self.server.authority))
    }

    fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.server)?,
        };
        stream.write_all(request)?;
        let answer = read_answer(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

/// POSTs `body` to `path`; returns the answer of a 2xx.
///
/// # Errors
/// No connection, another status (with the server's message), or an answer that is not JSON.
pub fn post(server: &Server, path: &str, body: &Value) -> Result<Value> {
    let ask = || -> Result<Answer> {
        let mut stream = connect(server)?;
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            server.authority,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        read_answer(&mut stream)
    };
    let answer = ask().with_context(|| format!("POST {path} to {} failed", server.authority))?;
    accept(&answer).with_context(|| format!("POST {path} to {}", server.authority))
}

fn connect(server: &Server) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server.address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until the answer is whole.
fn read_answer(stream: &mut TcpStream) -> Result<Answer> {
    let mut wire = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        if let Some(answer) = parse(&wire)? {
            return Ok(answer);
        }
        match stream.read(&mut part) {
            Ok(0) => bail!("the server hung up before its answer was whole"),
            Ok(read) => wire.extend_from_slice(part.get(..read).unwrap_or_default()),
            // This program was stopped for a while: a read with a timeout is not taken up again.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        ensure!(wire.len() <= ANSWER_BYTES_MAX, "the answer is longer than 1 MiB");
    }
}

/// The answer at the start of `wire`; `None` while it is incomplete.
fn parse(wire: &[u8]) -> Result<Option<Answer>> {
    let Some(end) = memchr::memmem::find(wire, b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = wire.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    ensure!(head.starts_with("HTTP/1."), "the answer is not HTTP");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let header = |wanted: &str| {
        head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let len: usize = header("content-length")
        .context("the answer does not say how long it is")?
        .parse()
        .context("the answer is of no known length")?;
    let answer = |body: &[u8]| -> Result<Answer> {
        let status = status.context("the answer has no status")?;
        Ok(Answer { status, retry_after: header("retry-after"), body: body.to_vec() })
    };
    body.get(..len).map(answer).transpose()
}

/// The JSON of a 2xx.
fn accept(answer: &Answer) -> Result<Value> {
    let status = answer.status;
    let body: Value = serde_json::from_slice(&answer.body)
        .with_context(|| format!("status {status} without a JSON body"))?;
    if !(200..300).contains(&status) {
        let message = body.get("message").and_then(Value::as_str).unwrap_or("no message");
        let error = body.get("error").and_then(Value::as_str).unwrap_or_default();
        let wait = answer.retry_after.as_deref();
        let wait = wait.map(|seconds| format!("; it asks to wait {seconds} s")).unwrap_or_default();
        bail!("status {status}: {message} {error}{wait}");
    }
    Ok(body)
}

/// How long any step of a call may take; hashing a password takes part of a second.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read; a longer one is an error.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{accept, parse};

    #[test]
    fn a_2xx_with_json_is_an_answer() {
        let wire = b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}HTTP";
        let answer = parse(wire).unwrap().unwrap();
        assert_eq!(accept(&answer).unwrap()["a"], "b");
    }

    #[test]
    fn an_answer_is_taken_only_when_whole() {
        let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{} ";
        for cut in 0..wire.len() {
            assert!(parse(&wire[..cut]).unwrap().is_none(), "cut at {cut}");
        }
        assert_eq!(parse(wire).unwrap().unwrap().body, b"{} ");
    }

    #[test]
    fn a_refusal_keeps_the_servers_words_and_its_wish_to_wait() {
        let wire = b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 22\r\n\r\n\
            {\"message\":\"Too many\"}";
        let answer = parse(wire).unwrap().unwrap();
        let said = accept(&answer).unwrap_err().to_string();
        assert!(said.contains("429: Too many") && said.contains("wait 7 s"), "{said}");
    }

    #[test]
    fn what_is_not_json_over_http_is_refused() {
        let no_json = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert!(accept(&parse(no_json).unwrap().unwrap()).is_err());
        for wire in [
            b"nonsense\r\n\r\n{}".as_slice(),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        ] {
            assert!(parse(wire).is_err());
        }
    }
}
