//! The HTTP half of opening a WebSocket.

/// The example key of RFC 6455 §1.3. A fixed key spares the client a hash per connection, and its
/// answer still shows a server that did not read it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const KEY_ACCEPTED: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The longest response head that is read; a longer one fails the connection.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Why a server is not speaking WebSocket with us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Any status but 101, as its first line says it.
    #[error("the upgrade was answered `{0}`")]
    Status(String),
    /// A 101 that does not prove that the key was read.
    #[error("the upgrade was accepted for another key")]
    Key,
    /// A head longer than 16 KiB.
    #[error("the upgrade was answered with over 16 KiB of headers")]
    TooLong,
}

/// The upgrade request for `path_and_query` at `authority`.
pub fn request(authority: &str, path_and_query: &str) -> Vec<u8> {
    format!(
        "GET {path_and_query} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The length of the response head in `input`; `None` while it is incomplete.
///
/// # Errors
/// An answer that is not an upgrade.
pub fn response(input: &[u8]) -> Result<Option<usize>, HandshakeError> {
    let Some(end) = memchr::memmem::find(input, b"\r\n\r\n") else {
        let too_long = input.len() > HEAD_BYTES_MAX;
        return if too_long { Err(HandshakeError::TooLong) } else { Ok(None) };
    };
    let head = String::from_utf8_lossy(input.get(..end).unwrap_or_default());
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(HandshakeError::Status(status.chars().take(80).collect()));
    }
    let accepted = lines.filter_map(|line| line.split_once(':')).any(|(name, value)| {
        name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == KEY_ACCEPTED
    });
    if accepted { Ok(Some(end + 4)) } else { Err(HandshakeError::Key) }
}

#[cfg(test)]
mod tests {
    use super::{HEAD_BYTES_MAX, HandshakeError, KEY_ACCEPTED, response};

    #[test]
    fn a_101_for_our_key_ends_the_handshake_and_leaves_what_follows() {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nSEC-WEBSOCKET-ACCEPT: {KEY_ACCEPTED}\r\n\r\n"
        );
        let wire = [head.as_bytes(), b"\x81\x01x"].concat();
        assert_eq!(response(&wire), Ok(Some(head.len())));
        assert_eq!(response(&wire[..head.len() - 1]), Ok(None));
    }

    #[test]
    fn other_answers_fail_with_what_the_server_said() {
        let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        let said = HandshakeError::Status("HTTP/1.1 403 Forbidden".into());
        assert_eq!(response(refusal), Err(said));
        let other = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n";
        assert_eq!(response(other), Err(HandshakeError::Key));
        assert_eq!(response(&vec![b'x'; HEAD_BYTES_MAX + 1]), Err(HandshakeError::TooLong));
    }
}
