//! How much long polling there may be, and that what is left behind costs nothing.

use super::{DOOR, POLLING, Poller};
use crate::example;
use crate::peer::Peer;
use crate::process::Process;
use crate::web::{self, Web};

#[test]
fn session_beyond_the_limit_is_503_until_another_ends() {
    let server = example::start_with(&["--shards", "1", "--polling-sessions", "2"]);
    let (first, second) = (Poller::open(&server), Poller::open(&server));
    assert_full(&server);
    // A WebSocket is none of them.
    assert!(Peer::open(server.address(), DOOR).hear_text().starts_with("0{"));
    first.assert_alive("a refusal");
    assert_eq!(first.post("1").text(), "ok");
    let third = Poller::open(&server);
    assert_full(&server);
    // A session that has moved to a WebSocket is none either.
    let mut peer = Peer::open(server.address(), &second.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    peer.say("5");
    peer.say("4moved");
    assert_eq!(peer.hear_text(), "4moved");
    let _fourth = Poller::open(&server);
    assert_full(&server);
    third.assert_alive("a change");
}

#[test]
fn poll_beyond_the_limit_is_503_and_ends_its_session_alone() {
    let server = example::start_with(&["--shards", "1", "--parked-polls", "2"]);
    let pollers: Vec<Poller> = (0..3).map(|_| Poller::open(&server)).collect();
    let [first, second, third] = &pollers[..] else { panic!("three were opened") };
    let (mut one, _two) = (first.parked(), second.parked());
    // What needs not wait is answered as ever.
    third.assert_alive("two parked polls");
    let refused = third.get();
    assert_eq!((refused.status, refused.text()), (503, ""));
    assert_eq!(refused.header("retry-after"), Some("5"));
    third.assert_unknown("a refused poll");
    assert_eq!(first.post("4x").text(), "ok");
    assert_eq!(one.answer().text(), "4x");
    // Its place is free again.
    let mut again = first.parked();
    assert_eq!(first.post("4y").text(), "ok");
    assert_eq!(again.answer().text(), "4y");
}

#[test]
fn oldest_session_that_has_joined_nothing_gives_way_to_a_newcomer() {
    let server = example::start_with(&["--shards", "1", "--polling-sessions", "3"]);
    let open = || Poller::open_at(&server, SOCKET_POLLING);
    let (joined, first, second) = (open(), open(), open());
    assert_eq!(joined.post("40").text(), "ok");
    let mut parked = first.parked();
    let third = open();
    assert_eq!((parked.answer().status, first.get().status), (400, 400), "the oldest has ended");
    for poller in [&second, &third] {
        assert_eq!(poller.post("40").text(), "ok");
        assert!(poller.get().text().starts_with("40{"));
    }
    assert!(joined.get().text().starts_with("40{"));
    let answer = web::ask(server.address(), "GET", SOCKET_POLLING, "", b"");
    assert_eq!(answer.status, 503, "nobody who has joined gives way");
    // Nor does a WebSocket, whatever it was before.
    assert_eq!(joined.post("1").text(), "ok");
    let moved = open();
    let mut peer = Peer::open(server.address(), &moved.websocket());
    peer.say("2probe");
    assert_eq!(peer.hear_text(), "3probe");
    peer.say("5");
    peer.say("40/nowhere,");
    assert!(peer.hear_text().starts_with("44/nowhere,"));
    let fourth = open();
    let _fifth = open();
    fourth.assert_unknown("a newcomer");
    peer.say("40");
    assert!(peer.hear_text().starts_with("40{"));
}

#[test]
fn oldest_poll_of_a_session_that_has_joined_nothing_gives_way_to_another() {
    let server = example::start_with(&["--shards", "1", "--parked-polls", "2"]);
    let open = || Poller::open_at(&server, SOCKET_POLLING);
    let (joined, first, second, third) = (open(), open(), open(), open());
    assert_eq!(joined.post("40").text(), "ok");
    assert!(joined.get().text().starts_with("40{"));
    let mut of_joined = joined.parked();
    // A poll that was answered is not in the way.
    let mut answered = first.parked();
    assert_eq!(first.post("40/nowhere,").text(), "ok");
    assert!(answered.answer().text().starts_with("44/nowhere,"));
    let mut of_second = second.parked();
    let mut of_third = third.parked();
    assert_eq!((of_second.answer().status, second.get().status), (400, 400), "the oldest ends");
    assert_eq!(first.post("40").text(), "ok");
    assert!(first.get().text().starts_with("40{"), "who has no poll waiting goes on");
    for (poller, parked) in [(&third, &mut of_third), (&joined, &mut of_joined)] {
        assert_eq!(poller.post("40/custom,").text(), "ok");
        assert!(parked.answer().text().starts_with("40/custom,{"));
    }
}

#[test]
fn stranger_on_polling_who_hears_nothing_is_owed_little_and_then_put_out() {
    let server = example::start();
    let wishes = |count| vec!["40/nowhere,"; count].join("\u{1e}");
    // Whoever hears the refusals may come up with ever more wishes.
    let poller = Poller::open_at(&server, SOCKET_POLLING);
    for _ in 0..5 {
        assert_eq!(poller.post(wishes(100)).text(), "ok");
        let mut refused = 0;
        while refused < 100 {
            refused += poller.get().text().split('\u{1e}').count();
        }
        assert_eq!(refused, 100);
    }
    assert_eq!(poller.post(wishes(1_000)).text(), "ok");
    poller.assert_unknown("wishes that nobody heard the refusals of");
    // Whoever is known may fall behind as anybody on a WebSocket may.
    let poller = Poller::open_at(&server, SOCKET_POLLING);
    assert_eq!(poller.post(format!("40\u{1e}{}", wishes(1_000))).text(), "ok");
    assert!(poller.get().text().starts_with("40{"));
}

#[test]
fn poll_that_its_client_gives_up_leaves_its_place() {
    let server = example::start_with(&["--shards", "1", "--parked-polls", "1"]);
    for round in 0..5 {
        let poller = Poller::open(&server);
        drop(poller.parked());
        poller.assert_ends(&format!("the poll of round {round} was given up"));
    }
}

#[test]
fn connection_beyond_the_limit_takes_the_place_of_who_has_waited_for_longest() {
    let server = example::start_with(&["--shards", "1", "--connections", "2"]);
    let (mut first, mut second) = (Web::connect(server.address()), Web::connect(server.address()));
    let ask = |web: &mut Web| assert_eq!(web.ask("GET", POLLING, "", b"").status, 200);
    ask(&mut first);
    ask(&mut second);
    ask(&mut first);
    let mut third = Web::connect(server.address());
    ask(&mut third);
    second.assert_ended("a third connection");
    // One that has become a WebSocket is none of them.
    assert_eq!(first.ask("GET", DOOR, super::UPGRADE, b"").status, 101);
    let mut fourth = Web::connect(server.address());
    ask(&mut fourth);
    ask(&mut third);
}

#[test]
fn connection_beyond_the_limit_is_503_while_everybody_has_a_request_at_hand() {
    let server = example::start_with(&["--shards", "1", "--connections", "3"]);
    let (first, second) = (Poller::open(&server), Poller::open(&server));
    let (mut one, _two) = (first.parked(), second.parked());
    let mut third = Web::connect(server.address());
    let head = format!("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n", first.target());
    third.write(head + "Expect: 100-continue\r\n\r\n");
    assert_eq!(third.interim(), 100);
    let mut fourth = Web::connect(server.address());
    let refused = fourth.answer();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    fourth.assert_ended("its refusal");
    third.write("4x");
    assert_eq!(third.answer().text(), "ok");
    assert_eq!(one.answer().text(), "4x");
    assert_eq!(web::ask(server.address(), "GET", POLLING, "", b"").status, 200);
}

#[test]
fn abandoned_sessions_give_their_memory_back() {
    // Few at a time: most open in the places that others have left.
    let flags = ["--shards", "1", "--polling-sessions", "1000"];
    let mut server = example::start_as_it_comes(&flags);
    let mut web = Web::connect(server.address());
    assert_eq!(web.ask("GET", POLLING, "", b"").status, 200);
    let before_kib = resident_kib(&server);
    let mut opened = 0;
    // Each is left behind as soon as it is there.
    while opened < ABANDONED {
        match web.ask("GET", POLLING, "", b"").status {
            200 => opened += 1,
            503 => {}
            other => panic!("{other} after {opened}"),
        }
    }
    let grown_kib = resident_kib(&server).saturating_sub(before_kib);
    assert!(grown_kib < GROWN_KIB_MAX, "{grown_kib} KiB for {ABANDONED}");
    server.assert_unharmed();
}

fn assert_full(server: &Process) {
    let answer = web::ask(server.address(), "GET", POLLING, "", b"");
    assert_eq!((answer.status, answer.text()), (503, ""));
    assert_eq!(answer.header("retry-after"), Some("5"));
}

fn resident_kib(server: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("the kernel says how much memory a process has in use")
}

const SOCKET_POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// Sessions, one after the other.
const ABANDONED: usize = 20_000;

/// A thousand sessions take a third of it; all of them, if none were let go, six times as much.
const GROWN_KIB_MAX: u64 = 4 << 10;
