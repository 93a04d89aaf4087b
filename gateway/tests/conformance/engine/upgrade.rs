//! From polling to WebSocket. Source: Engine.IO v4 "Upgrade"; A5.

use protocol::engine::session::PROBES_MAX;

use super::{BAD_REQUEST, POLLING, Poller};
use crate::example;
use crate::peer::{Heard, Peer};
use crate::web;

#[test]
fn upgrade_probes_then_swaps_and_answers_the_waiting_poll_with_a_noop() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut parked = poller.parked();
    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    let answer = parked.answer();
    assert_eq!((answer.status, answer.text()), (200, "6"));
    peer.say("5");
    peer.say("4swapped");
    assert_eq!(peer.hear_text(), "4swapped");
    for method in ["GET", "POST"] {
        let answer = web::ask(server.address(), method, &poller.target(), "", b"");
        assert_eq!((answer.status, answer.text()), (400, BAD_REQUEST), "{method}");
    }
}

#[test]
fn upgrade_answers_every_poll_with_a_noop_until_the_swap() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    for poll in 0..5 {
        let answer = poller.get();
        assert_eq!((answer.status, answer.text()), (200, "6"), "poll {poll}");
    }
    peer.say("5");
    peer.say("4swapped");
    assert_eq!(peer.hear_text(), "4swapped");
}

#[test]
fn upgrade_that_waits_for_no_answer_gets_it_all_the_same_and_first() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    // `2probe`, `5` and `4x`, masked by zeros.
    let words = b"\x81\x86\0\0\0\x002probe\x81\x81\0\0\0\x005\x81\x82\0\0\0\x004x";
    peer.write_raw(words);
    assert_eq!(peer.hear_text(), "3probe");
    assert_eq!(peer.hear_text(), "4x");
}

#[test]
fn upgrade_flushes_what_no_poll_has_taken_in_order() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    let sent: Vec<String> = (0..50).map(|number| format!("4{number}")).collect();
    assert_eq!(poller.post(sent.join("\u{1e}")).text(), "ok");
    assert_eq!(poller.get().text(), "6", "during the upgrade a poll brings nothing else");
    peer.say("5");
    for text in &sent {
        assert_eq!(peer.hear_text(), *text);
    }
}

#[test]
fn upgrade_is_given_up_when_the_websocket_says_anything_else() {
    let server = example::start();
    for first in ["4hello", "2", "2prob", "3", "1", "6", "x", ""] {
        let poller = Poller::open(&server);
        let mut peer = Peer::open(server.address(), &poller.websocket());
        peer.say(first);
        peer.hear_end();
        poller.assert_alive(first);
    }
    let poller = Poller::open(&server);
    Peer::open(server.address(), &poller.websocket()).say_binary(b"x");
    poller.assert_alive("a binary message");
}

#[test]
fn upgrade_that_was_probed_and_then_left_leaves_polling_as_it_was() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    assert_eq!(poller.post("4kept").text(), "ok");
    peer.say("1");
    peer.hear_end();
    assert_eq!(poller.get().text(), "4kept");
    let mut again = Peer::open(server.address(), &poller.websocket());
    again.say("2probe");
    assert_eq!(again.hear_text(), "3probe");
}

#[test]
fn upgrade_that_failed_is_over_at_once_and_spoils_no_later_one() {
    let server = example::start_with(&["--slow-ping", "--shards", "1"]);
    let poller = Poller::open(&server);
    let mut failed = Peer::open(server.address(), &poller.websocket());
    failed.say("2probe");
    assert_eq!(failed.hear_text(), "3probe");
    assert_eq!(poller.post("4kept").text(), "ok");
    // A reserved opcode; its connection stays for a while, for its client to close.
    failed.write_raw(&[0x83, 0x80, 0, 0, 0, 0]);
    assert_eq!(failed.hear(), Heard::Closed(Some(1002)));
    assert_eq!(poller.get().text(), "4kept");
    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    drop(failed);
    assert_eq!(poller.get().text(), "6");
    peer.say("5");
    peer.say("4swapped");
    assert_eq!(peer.hear_text(), "4swapped");
}

#[test]
fn second_websocket_is_closed_during_an_upgrade_and_after_it() {
    let server = example::start_with(&["--shards", "1"]);
    let poller = Poller::open(&server);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    Peer::open(server.address(), &poller.websocket()).hear_end();
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    Peer::open(server.address(), &poller.websocket()).hear_end();
    peer.say("5");
    peer.say("4mine");
    assert_eq!(peer.hear_text(), "4mine");
    let mut late = Peer::open(server.address(), &poller.websocket());
    late.say("2probe");
    assert!(matches!(late.hear(), Heard::Closed(_)));
    peer.say("4still mine");
    assert_eq!(peer.hear_text(), "4still mine");
}

#[test]
fn upgrade_that_is_not_done_in_time_closes_the_websocket_and_polling_goes_on() {
    let server = example::start_with(&["--upgrade-timeout-ms", example::SOON_MS]);
    let begun = [&[][..], &["2probe"]].map(|words| {
        let poller = Poller::open(&server);
        let mut peer = Peer::open(server.address(), &poller.websocket());
        for word in words {
            peer.say(*word);
            assert_eq!(peer.hear_text(), "3probe");
        }
        (poller, peer)
    });
    for (poller, mut peer) in begun {
        peer.hear_end();
        poller.assert_alive("an upgrade that took too long");
    }
}

#[test]
fn upgrade_that_is_only_probed_closes_the_websocket_and_polling_goes_on() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    for _ in 0..PROBES_MAX {
        peer.say("2probe");
        assert_eq!(peer.hear_text(), "3probe");
    }
    peer.say("2probe");
    assert_eq!(peer.hear(), Heard::Closed(Some(1002)));
    poller.assert_alive("a flood of probes");
}

#[test]
fn upgrade_without_a_probe_is_taken_too() {
    let server = example::start();
    let poller = Poller::open(&server);
    let mut peer = Peer::open(server.address(), &poller.websocket());
    peer.say("5");
    peer.say("4hello");
    assert_eq!(peer.hear_text(), "4hello");
}

#[test]
fn upgrade_of_a_request_for_polling_is_refused() {
    let server = example::start();
    let poller = Poller::open(&server);
    for target in [POLLING.to_owned(), poller.target()] {
        let answer = web::ask(server.address(), "GET", &target, super::UPGRADE, b"");
        assert_eq!((answer.status, answer.text()), (400, "Bad request"), "{target}");
    }
    poller.assert_alive("a strange upgrade");
}
