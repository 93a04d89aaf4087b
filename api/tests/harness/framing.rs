//! Requests that a proxy in front may read otherwise than the server behind it: the table that every
//! listener of the product is held to, and a client that says such things.
//!
//! One clear answer and the end, or one reading that is safe: no bytes of one request are ever taken
//! for another. Each exchange is heard to its end, which it brings about itself. Source: RFC 9112 §11.2.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A request that must not be found in another one.
pub(crate) const TRAP: &str = "GET /api/v1/health HTTP/1.1\r\nHost: trap\r\n\r\n";

/// What is asked last, and answered otherwise than the trap: its connection ends with it, so that
/// nobody waits to see that nothing more comes.
pub(crate) const LAST: &str = "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A target that reads the body of a POST to its end, wherever REST is served.
pub(crate) const LOGIN: &str = "/api/v1/auth/login";

/// A POST to `target` whose framing has two readings is refused, once and for all.
pub(crate) fn assert_two_readings_are_refused(address: SocketAddr, target: &str) {
    let sized = |lines: &str| format!("{lines}Content-Length: {}\r\n", TRAP.len());
    let rows = [
        sized("Transfer-Encoding: chunked\r\n"),
        sized("") + "Transfer-Encoding: chunked\r\n",
        sized("Transfer-Encoding: identity\r\n"),
        sized("Transfer-Encoding : chunked\r\n"),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: gzip, chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, gzip\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding: \u{b}chunked\r\n".to_owned(),
        "Transfer-Encoding:\r\n chunked\r\n".to_owned(),
        "X: y\r\nTransfer-Encoding\t: chunked\r\n".to_owned(),
        "X: y\nTransfer-Encoding: chunked\r\n".to_owned(),
        sized("Content-Length: 0\r\n"),
        sized("Content-Length: 5\r\n"),
        sized("") + &sized(""),
        format!("Content-Length: {0}, {0}\r\n", TRAP.len()),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: -5\r\n".to_owned(),
        "Content-Length: 5 5\r\n".to_owned(),
        "Content-Length: 0x5\r\n".to_owned(),
        "Content-Length: 5.0\r\n".to_owned(),
        "Content-Length: \r\n".to_owned(),
        "Content-Length: 18446744073709551617\r\n".to_owned(),
        "Content-Length : 5\r\n".to_owned(),
        "Content-Length: 5\r\n Content-Length: 6\r\n".to_owned(),
        "Content-Length\0: 5\r\n".to_owned(),
        "X: a\0b\r\n".to_owned(),
        "X: a\rb\r\n".to_owned(),
        "X: a\r\n folded\r\n".to_owned(),
        "X\r\n".to_owned(),
        ": y\r\n".to_owned(),
        "Host: second\r\n".to_owned(),
    ];
    for row in &rows {
        let request = format!("POST {target} HTTP/1.1\r\nHost: a\r\n{row}\r\n0\r\n\r\n{TRAP}");
        assert_eq!(exchange(address, &request), [(400, true)], "{target} {row:?}");
    }
}

/// A head that is not quite HTTP is refused.
pub(crate) fn assert_odd_heads_are_refused(address: SocketAddr) {
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET /\r\n",
        "GET\r\n\r\n",
        "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let answers = exchange(address, &format!("{request}{TRAP}"));
        assert_eq!(answers, [(400, true)], "{request:?}");
    }
    let preface = exchange(address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(preface.is_empty() || preface == [(400, true)], "{preface:?}");
}

/// Chunks that a POST to `target` has are read strictly, and end their connection.
pub(crate) fn assert_odd_chunks_are_refused(address: SocketAddr, target: &str) {
    for chunks in [
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;x\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
        "g\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
    ] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
        let request = format!("{head}\r\n{chunks}{TRAP}");
        let answers = exchange(address, &request);
        assert_eq!(answers, [(400, true)], "{target} {chunks:?}");
    }
    // An end without its carriage return begins a trailer, and the trap is a part of it.
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
    let answers = exchange(address, &format!("{head}\r\n0\r\n\n{TRAP}"));
    assert!(matches!(answers[..], [(_, true)]), "{target}: {answers:?}");
    let extension = format!("0;{}\r\n\r\n", "x".repeat(100_000));
    let trailer = format!("0\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    for chunks in [extension, trailer] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
        let answers = exchange(address, &format!("{head}\r\n{chunks}{TRAP}"));
        assert_eq!(answers, [(400, true)], "{target} a hundred thousand bytes");
    }
}

/// Whole chunks of a POST to `target` are one request, whatever stands in them; the answer to it.
pub(crate) fn assert_whole_chunks_are_one_request(address: SocketAddr, target: &str, status: u16) {
    let inside = format!("{:x};x=y\r\n{TRAP}\r\n0\r\nTrailer: z\r\n\r\n{TRAP}", TRAP.len());
    let head = "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let request = format!("POST {target} {head}{inside}");
    assert_eq!(exchange(address, &request), [(status, true)], "{target}");
}

/// The body of a request that reads none is no request: `line` and `lines` make its head.
pub(crate) fn assert_unread_body_is_no_request(
    address: SocketAddr,
    line: &str,
    lines: &str,
    status: u16,
) {
    let length = TRAP.len();
    let request =
        format!("{line} HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: {length}\r\n\r\n{TRAP}");
    let statuses = statuses(address, &format!("{request}{LAST}"));
    // What comes behind the body is answered, or the connection is at its end.
    assert!(statuses == [status] || statuses == [status, 404], "{request}: {statuses:?}");
}

/// Requests one behind the other are answered in their order, as far as they may be read.
pub(crate) fn assert_requests_are_answered_in_order(address: SocketAddr) {
    let get = "GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /api/v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let nowhere = "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
    let posted = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(
        statuses(address, &format!("{get}\r\n{nowhere}{posted}{last}")),
        [200, 404, 404, 200]
    );
    let bad =
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(statuses(address, &format!("{get}{bad}{get}")), [200, 400]);
    assert_eq!(statuses(address, &format!("{nowhere}{posted}\0{get}")), [404, 404, 400]);
    let old = "GET /api/v1/health HTTP/1.0\r\n";
    assert_eq!(
        statuses(address, &format!("{old}Connection: keep-alive\r\n\r\n{old}\r\n{get}")),
        [200, 200]
    );
    assert_eq!(statuses(address, &format!("{last}{get}")), [200]);
}

/// A POST to `target` with three times the body that may be sent: its length declared, and in chunks.
pub(crate) fn three_megabytes(target: &str) -> [Vec<u8>; 2] {
    let body = vec![b'x'; 3_000_000];
    let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n");
    let mut declared = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    declared.extend_from_slice(&body);
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(60_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    [declared, chunked]
}

/// A request whose line is of another form is read safely.
pub(crate) fn assert_line_is_answered(address: SocketAddr, line: &str, status: u16) {
    let request = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(statuses(address, &request), [status], "{line}");
}

/// Lines of other forms that every listener with REST answers alike.
pub(crate) const LINES: [(&str, u16); 9] = [
    ("GET http://elsewhere.test/api/v1/health", 200),
    ("GET HTTP://elsewhere.test:1/api/v1/health?x", 200),
    ("HEAD /api/v1/health", 200),
    ("OPTIONS *", 204),
    ("get /api/v1/health", 405),
    ("CONNECT elsewhere.test:80", 404),
    ("TRACE /api/v1/health", 405),
    ("GET /api/v1/../v1/health", 404),
    ("GET //api/v1/health", 404),
];

/// The status of each answer to what is said.
pub(crate) fn statuses(address: SocketAddr, request: &str) -> Vec<u16> {
    exchange(address, request).into_iter().map(|(status, _)| status).collect()
}

/// Says something and hears everything until the server ends the connection: the status of each
/// answer, and whether it said that it was the last.
fn exchange(address: SocketAddr, request: &str) -> Vec<(u16, bool)> {
    let mut stream = TcpStream::connect(address).expect("the server accepts connections");
    stream.set_read_timeout(Some(SILENCE_MAX)).expect("an open socket takes options");
    // The server may have closed before it took everything.
    let _ = stream.write_all(request.as_bytes());
    let mut heard = Vec::new();
    if let Err(error) = stream.read_to_end(&mut heard) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{request:?}");
    }
    let text = String::from_utf8_lossy(&heard);
    let mut answers = Vec::new();
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let (head, behind) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let is_headless = request.starts_with("HEAD");
        let length =
            length.filter(|_| !is_headless).map_or(0, |text| text.parse().expect("a number"));
        answers.push((status.expect("a status"), head.contains("\nconnection: close")));
        rest = behind.get(length..).unwrap_or_else(|| panic!("cut short: {text}"));
    }
    answers
}

/// Beyond this a test gives up on the server; long enough for a loaded machine.
const SILENCE_MAX: Duration = Duration::from_secs(20);
