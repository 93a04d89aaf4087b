use proptest::prelude::*;

use super::*;

/// What becomes of these bytes: how many were let through, and where the guard stands then.
fn fate(pieces: &[&[u8]]) -> (usize, Option<String>) {
    let mut guard = Guard::default();
    let mut seen = 0;
    for piece in pieces {
        match guard.check(piece) {
            Ok(()) => seen += piece.len(),
            Err(index) => return (seen + index, None),
        }
    }
    (seen, Some(format!("{:?}", guard.at)))
}

fn passes(request: &str) -> bool {
    fate(&[request.as_bytes()]).1.is_some()
}

fn with(lines: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn one_reading_passes() {
    for lines in [
        "",
        "Content-Length: 0\r\n",
        "Content-Length:5\r\n",
        "content-length: \t 5 \t\r\n",
        "Transfer-Encoding: chunked\r\n",
        "TRANSFER-ENCODING:  Chunked \r\n",
        "X: a\tb \u{e9}\r\nY:\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "X-Content-Length: -1\r\nContent-Length-X: z\r\n",
    ] {
        assert!(passes(&with(lines)), "{lines:?}");
    }
    assert!(passes("\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n"));
    assert!(passes("GET / HTTP/1.0\r\n\r\n"));
}

#[test]
fn two_readings_are_refused() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked chunked\r\n",
        "Transfer-Encoding: chunke\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5;\r\n",
        "Content-Length: \r\n",
        "Content-Length: 9999999999999999999\r\n",
        "Content-Length : 5\r\n",
        "Content-Length\t: 5\r\n",
        " Content-Length: 5\r\n",
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        "X: a\nY: b\r\n",
        "X: a\rb\r\n",
        "X: a\r\r\n",
        "X: a\0b\r\n",
        "X: a\u{7f}b\r\n",
        "X\0: a\r\n",
        ": a\r\n",
        "X\r\n",
        "X(: a\r\n",
        "Host: a\r\n",
        "\n",
    ] {
        assert!(!passes(&with(lines)), "{lines:?}");
    }
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n",
        "\0",
    ] {
        assert!(!passes(request), "{request:?}");
    }
}

#[test]
fn a_body_is_no_request_and_the_request_behind_it_is_judged() {
    let first = with("Content-Length: 7\r\n") + "a\nb\0c\r\n";
    assert!(passes(&first));
    assert!(passes(&(first.clone() + &with(""))));
    let (seen, at) = fate(&[(first.clone() + "GET / HTTP/1.1\n").as_bytes()]);
    assert_eq!((seen, at), (first.len() + "GET / HTTP/1.1".len(), None));
}

#[test]
fn behind_the_last_request_nothing_is_judged() {
    for lines in ["Transfer-Encoding: chunked\r\n", "Upgrade: foo, wwebsockeWebSocket\r\n"] {
        let (_, at) = fate(&[with(lines).as_bytes(), b"\0\n\xff"]);
        assert_eq!(at.as_deref(), Some("Last"), "{lines}");
    }
}

proptest! {
    #[test]
    fn pieces_are_judged_as_the_whole(
        text in "(GET|POST) /[ -~]{0,4} HTTP/1\\.[01]\r\n((host|content-length|transfer-encoding|upgrade|x):[ 0-9a-z,\r\n]{0,12}\r\n){0,4}\r\n[ -~\r\n]{0,20}",
        cut in 0..200_usize,
    ) {
        let bytes = text.as_bytes();
        let (head, rest) = bytes.split_at(cut.min(bytes.len()));
        prop_assert_eq!(fate(&[bytes]), fate(&[head, rest]));
        let singles: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(fate(&[bytes]), fate(&singles));
    }

    #[test]
    fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (seen, _) = fate(&[&bytes]);
        prop_assert!(seen <= bytes.len());
    }
}
