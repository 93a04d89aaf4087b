//! Whether anybody is there. Source: Engine.IO v4 "Heartbeat".

use std::time::{Duration, Instant};

use super::{Poller, opened};
use crate::example;
use crate::peer::Heard;

#[test]
fn heartbeat_comes_every_interval_while_it_is_answered() {
    let server = example::start_with(&example::PINGING);
    let start = Instant::now();
    let mut peer = opened(&server);
    for _ in 0..4 {
        assert_eq!(peer.hear(), Heard::Text("2".into()));
        peer.say("3");
    }
    // A machine may be late, and never early.
    let took = start.elapsed();
    assert!(took + EARLY_MAX * 4 >= PING_INTERVAL * 4, "{took:?}");
}

#[test]
fn heartbeat_goes_on_behind_an_answer_that_took_longer_than_the_interval() {
    let server = example::start_with(&example::PINGING);
    let mut late = opened(&server);
    assert_eq!(late.hear(), Heard::Text("2".into()));
    // Three intervals of another client go by.
    let mut other = opened(&server);
    for _ in 0..3 {
        assert_eq!(other.hear(), Heard::Text("2".into()));
        other.say("3");
    }
    late.say("3");
    assert_eq!(late.hear(), Heard::Text("2".into()));
}

#[test]
fn heartbeat_without_an_answer_ends_the_session() {
    let server = example::start_as_it_comes(&[]);
    let start = Instant::now();
    let mut peer = opened(&server);
    assert_eq!(peer.hear(), Heard::Text("2".into()));
    assert_eq!(peer.hear(), Heard::Closed(Some(1001)), "instead of another heartbeat");
    let took = start.elapsed();
    assert!(took + EARLY_MAX * 2 >= PING_INTERVAL + PING_TIMEOUT, "{took:?}");
}

#[test]
fn heartbeat_is_not_replaced_by_other_traffic() {
    let server = example::start_as_it_comes(&[]);
    let mut peer = opened(&server);
    let mut pings = 0;
    loop {
        peer.say("4busy");
        match peer.hear() {
            Heard::Text(text) if text == "2" => pings += 1,
            Heard::Text(text) => assert_eq!(text, "4busy"),
            Heard::Binary(bytes) => panic!("{bytes:?}"),
            Heard::Closed(_) => break,
        }
    }
    assert_eq!(pings, 1);
}

#[test]
fn heartbeat_answer_without_a_question_is_harmless() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("3");
    peer.say("3");
    peer.say("4still here");
    assert_eq!(peer.hear(), Heard::Text("4still here".into()));
}

#[test]
fn heartbeat_on_polling_is_asked_by_the_server_and_answered_in_a_post() {
    let server = example::start_with(&example::PINGING);
    let poller = Poller::open(&server);
    for _ in 0..3 {
        let answer = poller.get();
        assert_eq!((answer.status, answer.text()), (200, "2"));
        assert_eq!(poller.post("3").text(), "ok");
    }
    assert_eq!(poller.post("4alive").text(), "ok");
    let answer = poller.get();
    // A fourth may come along.
    assert!(["4alive", "2\u{1e}4alive", "4alive\u{1e}2"].contains(&answer.text()), "{answer:?}");
}

#[test]
fn heartbeat_on_polling_without_an_answer_ends_the_session() {
    let timeout = ["--ping-timeout-ms", example::SOON_MS];
    let server = example::start_with(&[example::PINGING, timeout].concat());
    let poller = Poller::open(&server);
    assert_eq!(poller.get().text(), "2");
    // The poll that waits is told; whoever comes later finds nobody.
    let last = poller.get();
    assert!(matches!((last.status, last.text()), (200, "1") | (400, _)), "{last:?}");
    poller.assert_unknown("an unanswered heartbeat");
}

const PING_INTERVAL: Duration = Duration::from_millis(300);
const PING_TIMEOUT: Duration = Duration::from_millis(200);
/// What a timer wheel may round away.
const EARLY_MAX: Duration = Duration::from_millis(30);
