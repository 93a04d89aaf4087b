//! The few REST calls that signing in takes: one request, one connection, no haste.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::swarm::Server;

/// POSTs `body` to `path`; returns the answer of a 2xx.
///
/// # Errors
/// No connection, another status (with the server's message), or an answer that is not JSON.
pub(super) fn post(server: &Server, path: &str, body: &Value) -> Result<Value> {
    let ask = || -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&server.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            server.authority,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().with_context(|| format!("POST {path} to {} failed", server.authority))?;
    parse(&answer).with_context(|| format!("POST {path} to {}", server.authority))
}

fn parse(answer: &[u8]) -> Result<Value> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n").context("the answer has no end of head")?;
    let (head, body) = answer.split_at(end);
    let head = String::from_utf8_lossy(head);
    let status: u16 = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .context("the answer is not HTTP")?;
    let header = |wanted: &str| {
        head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    ensure!(header("transfer-encoding").is_none(), "the answer comes in chunks");
    let body: Value = serde_json::from_slice(body.get(4..).unwrap_or_default())
        .with_context(|| format!("status {status} without a JSON body"))?;
    if !(200..300).contains(&status) {
        let message = body.get("message").and_then(Value::as_str).unwrap_or("no message");
        let error = body.get("error").and_then(Value::as_str).unwrap_or_default();
        let wait = header("retry-after")
            .map(|seconds| format!("; it asks to wait {seconds} s"))
            .unwrap_or_default();
        bail!("status {status}: {message} {error}{wait}");
    }
    Ok(body)
}

/// How long any step of a call may take; hashing a password takes part of a second.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read; a longer one is cut and then not JSON.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_2xx_with_json_is_an_answer() {
        let wire = b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}";
        assert_eq!(parse(wire).unwrap()["a"], "b");
    }

    #[test]
    fn a_refusal_keeps_the_servers_words_and_its_wish_to_wait() {
        let wire = b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n\r\n{\"message\":\"Too many\"}";
        let said = parse(wire).unwrap_err().to_string();
        assert!(said.contains("429: Too many") && said.contains("wait 7 s"), "{said}");
    }

    #[test]
    fn what_is_not_json_over_http_is_refused() {
        for wire in [
            b"".as_slice(),
            b"HTTP/1.1 200 OK\r\n\r\nhello",
            b"nonsense\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        ] {
            assert!(parse(wire).is_err());
        }
    }
}
