//! GET and POST of one session. Source: Engine.IO v4 "HTTP long-polling".

use super::Poller;
use crate::example;
use crate::peer::Peer;
use crate::web::{self, Web};

/// Longest body, in bytes.
const PAYLOAD_BYTES_MAX: usize = 1_000_000;

#[test]
fn poll_waits_until_there_is_something_to_say() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut parked = poller.parked();
    assert_eq!(poller.post("4hello").text(), "ok");
    let answer = parked.answer();
    assert_eq!((answer.status, answer.text()), (200, "4hello"));
}

#[test]
fn answers_say_what_they_are_and_are_never_kept() {
    let server = example::start();
    let poller = Poller::open(&server);
    let posted = poller.post("4x");
    assert_eq!((posted.status, posted.text()), (200, "ok"));
    assert_eq!(posted.header("content-type"), Some("text/html"));
    assert_eq!(posted.header("cache-control"), Some("no-store"));
    let polled = poller.get();
    assert_eq!(polled.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(polled.header("cache-control"), Some("no-store"));
}

#[test]
fn second_poll_ends_both_and_the_session() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut first = Web::connect(server.address());
    first.send("GET", &poller.target(), "", b"");
    // Whichever comes first to the session's shard is the one that is told.
    let mut answers = [poller.get(), first.answer()];
    answers.sort_by_key(|answer| answer.status);
    let answers = answers.each_ref().map(|answer| (answer.status, answer.text()));
    assert_eq!(answers, [(200, "1"), (400, "")]);
    poller.assert_unknown("two polls");
}

#[test]
fn second_post_beside_an_unfinished_one_ends_the_session() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut first = unfinished_post(&poller);
    let second = poller.post("4b");
    assert_eq!((second.status, second.text()), (400, ""));
    poller.assert_unknown("two posts");
    first.write("a");
    // The rest of the first is nobody's any more.
    assert_eq!(first.answer().status, 200);
}

#[test]
fn post_beside_a_poll_is_no_overlap() {
    let server = example::start();
    let poller = Poller::open(&server);
    for round in 0..20 {
        let mut parked = poller.parked();
        assert_eq!(poller.post(format!("4{round}")).text(), "ok");
        assert_eq!(parked.answer().text(), format!("4{round}"));
    }
}

#[test]
fn poll_that_its_client_gives_up_ends_the_session() {
    let server = example::start();
    let poller = Poller::open(&server);
    drop(poller.parked());
    poller.assert_ends("its poll was given up");
}

#[test]
fn close_packet_in_a_post_answers_the_poll_with_a_noop_and_ends_the_session() {
    let server = example::start_with(&["--shards", "1"]);
    let poller = Poller::open(&server);
    let mut parked = poller.parked();
    assert_eq!(poller.post("1").text(), "ok");
    let answer = parked.answer();
    assert_eq!((answer.status, answer.text()), (200, "6"));
    poller.assert_unknown("a close packet");
}

#[test]
fn close_by_the_server_is_remembered_for_the_next_poll() {
    let flags = ["--connect-timeout-ms", "1000", "--shards", "1"];
    let server = example::start_with(&[&example::PINGING, &flags[..]].concat());
    let poller = Poller::open_at(&server, "/socket.io/?EIO=4&transport=polling");
    // Sessions that join no namespace are closed after a second: this one, and then another.
    Peer::open(server.address(), "/socket.io/?EIO=4&transport=websocket").hear_end();
    assert_eq!(poller.post("40").text(), "ok", "what comes after the end is taken and dropped");
    // The ping that waited goes first; where the machine stopped until all was over, there is none.
    let mut answer = poller.get();
    if answer.text() == "2" {
        answer = poller.get();
    }
    assert_eq!((answer.status, answer.text()), (200, "6\u{1e}1"));
    poller.assert_unknown("the farewell");
}

#[test]
fn body_at_the_maximum_is_taken_and_one_byte_more_is_413_with_the_session_alive() {
    let server = example::start();
    let poller = Poller::open(&server);
    let longest = format!("4{}", "x".repeat(PAYLOAD_BYTES_MAX - 1));
    assert_eq!(poller.post(&longest).text(), "ok");
    assert!(poller.get().text() == longest, "echoed whole");
    let answer = poller.post(format!("{longest}x"));
    assert_eq!((answer.status, answer.text()), (413, ""));
    poller.assert_alive("a body that is too long");
    let chunk = format!("{:x}\r\n{longest}x\r\n0\r\n\r\n", longest.len() + 1);
    let chunked = chunked_post(&poller, chunk.as_bytes());
    assert_eq!((chunked.status, chunked.text()), (413, ""), "a length that is not declared");
    poller.assert_alive("chunks that are too long");
}

#[test]
fn limit_of_a_body_counts_bytes_and_not_characters() {
    let server = example::start();
    let poller = Poller::open(&server);
    let within = format!("4{}", "é".repeat(PAYLOAD_BYTES_MAX / 2 - 1));
    assert_eq!(poller.post(&within).status, 200);
    assert!(poller.get().text() == within, "echoed whole");
    assert_eq!(poller.post(format!("{within}é")).status, 413);
}

#[test]
fn body_in_chunks_is_taken_as_a_whole() {
    let server = example::start();
    let poller = Poller::open(&server);
    let answer = chunked_post(&poller, b"2\r\n4a\r\n3;ext=1\r\nbc\x1e\r\n2\r\n4d\r\n0\r\n\r\n");
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    assert_eq!(poller.get().text(), "4abc\u{1e}4d");
}

#[test]
fn octet_stream_is_refused_and_ends_the_session() {
    let server = example::start();
    let poller = Poller::open(&server);
    let binary = "Content-Type: application/octet-stream\r\n";
    let answer = web::ask(server.address(), "POST", &poller.target(), binary, b"4x");
    assert_eq!((answer.status, answer.text()), (400, ""));
    poller.assert_unknown("an octet stream");
}

#[test]
fn garbage_is_answered_ok_and_the_session_is_closed_behind_it() {
    let server = example::start();
    for garbage in ["", "abc", "9", "2", "2probe", "\u{1e}", "4a\u{1e}", "b===", "4a\u{1e}x", "-1"]
    {
        let poller = Poller::open(&server);
        let answer = poller.post(garbage);
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{garbage:?}");
        poller.assert_unknown(garbage);
    }
    let poller = Poller::open(&server);
    assert_eq!(poller.post(b"4\xff\xfe").text(), "ok");
    poller.assert_unknown("broken UTF-8");
}

#[test]
fn packets_before_garbage_are_still_taken() {
    let server = example::start_with(&["--shards", "1"]);
    let poller = Poller::open(&server);
    let mut parked = poller.parked();
    assert_eq!(poller.post("4first\u{1e}garbage").text(), "ok");
    assert_eq!(parked.answer().text(), "4first\u{1e}1");
}

#[test]
fn one_connection_serves_a_whole_session() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut web = Web::connect(server.address());
    for round in 0..100 {
        let posted = web.ask("POST", &poller.target(), "", format!("4{round}").as_bytes());
        assert_eq!(posted.text(), "ok");
        assert_eq!(web.ask("GET", &poller.target(), "", b"").text(), format!("4{round}"));
    }
}

#[test]
fn json_with_padding_is_not_spoken() {
    let server = example::start();
    let poller = Poller::open_at(&server, "/engine.io/?EIO=4&transport=polling&j=0");
    assert_eq!(poller.post("4x").text(), "ok");
    assert_eq!(poller.get().text(), "4x");
}

/// A POST of two bytes of which the second is still to come.
fn unfinished_post(poller: &Poller) -> Web {
    let mut web = Web::connect(poller.address);
    // With the server's `100 Continue` the session has the request.
    web.write(format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        poller.target()
    ));
    assert_eq!(web.interim(), 100);
    web.write("4");
    web
}

fn chunked_post(poller: &Poller, body: &[u8]) -> web::Answer {
    let mut web = Web::connect(poller.address);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        poller.target()
    );
    web.write([head.as_bytes(), body].concat());
    web.answer()
}
