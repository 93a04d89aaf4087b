//! Joining a namespace.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{DOOR, POLLING, connected, ends, hear, opened};
use crate::engine::Poller;
use crate::example;
use crate::peer::{Heard, Peer};

#[test]
fn connect_answers_with_exactly_a_sid_of_its_own() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), DOOR);
    let open: Value = serde_json::from_str(&peer.hear_text()[1..]).unwrap();
    peer.say("40");
    let answer = hear(&mut peer);
    let json: Value = serde_json::from_str(answer.strip_prefix("40").unwrap()).unwrap();
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["sid"]);
    assert_eq!(json["sid"].as_str().unwrap().len(), 20);
    assert_ne!(json["sid"], open["sid"], "the engine's sid is a secret");
    assert_eq!(hear(&mut peer), r#"42["auth",{}]"#);
}

#[test]
fn connect_hands_over_the_auth_object() {
    let server = example::start();
    let rows = [
        (r#"40{"token":"123"}"#, r#"42["auth",{"token":"123"}]"#),
        (r#"40/,{"token":"123"}"#, r#"42["auth",{"token":"123"}]"#),
        (r#"40/custom,{"token":"abc"}"#, r#"42/custom,["auth",{"token":"abc"}]"#),
        ("40/custom,", r#"42/custom,["auth",{}]"#),
        ("40/custom", r#"42/custom,["auth",{}]"#),
        ("40/custom,{}", r#"42/custom,["auth",{}]"#),
        ("40/", r#"42["auth",{}]"#),
        ("40/,", r#"42["auth",{}]"#),
        ("40/custom?x=1", ""),
    ];
    for (connect, auth) in rows {
        let mut peer = opened(&server);
        peer.say(connect);
        if auth.is_empty() {
            assert!(hear(&mut peer).starts_with("44/custom?x=1,"), "{connect}");
            continue;
        }
        let name = if auth.starts_with("42/custom,") { "40/custom,{" } else { "40{" };
        let answer = hear(&mut peer);
        assert!(answer.starts_with(name), "{connect} got {answer}");
        assert_eq!(hear(&mut peer), auth, "{connect}");
    }
}

#[test]
fn connect_to_an_unknown_namespace_is_refused_and_the_connection_stays() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("40/random");
    assert_eq!(hear(&mut peer), r#"44/random,{"message":"Invalid namespace"}"#);
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"));
}

#[test]
fn connect_that_is_refused_is_told_why_in_words_and_in_data() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say(r#"40{"refuse":{"code":[1,"x"]}}"#);
    assert_eq!(hear(&mut peer), r#"44{"message":"Refused","data":{"code":[1,"x"]}}"#);
    peer.say(r#"40/custom,{"refuse":7}"#);
    assert_eq!(hear(&mut peer), r#"44/custom,{"message":"Refused","data":7}"#);
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"), "the connection stays");
}

#[test]
fn connect_is_awaited_for_a_second() {
    let server = example::start_as_it_comes(&PATIENT);
    let start = Instant::now();
    let mut peer = opened(&server);
    assert!(pings_until_the_end(&mut peer, "") <= 3, "three pings fit into a second");
    let took = start.elapsed();
    assert!(took + EARLY_MAX >= Duration::from_secs(1), "{took:?}");
}

#[test]
fn connect_that_is_refused_does_not_begin_the_second_anew() {
    let server = example::start_as_it_comes(&PATIENT);
    let mut peer = opened(&server);
    let pings = pings_until_the_end(&mut peer, "40/random");
    assert!(pings <= 3, "three pings fit into a second: {pings}");
}

#[test]
fn connect_in_time_ends_the_waiting_for_good() {
    let timeout = ["--connect-timeout-ms", example::SOON_MS];
    let server = example::start_with(&[example::PINGING, timeout].concat());
    let mut peer = connected(&server);
    peer.say("41");
    // More than that time, in which no namespace is joined any more.
    for _ in 0..35 {
        assert_eq!(peer.hear(), Heard::Text("2".into()));
        peer.say("3");
    }
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"));
}

#[test]
fn event_sent_together_with_the_connect_is_not_lost() {
    let server = example::start();
    for _ in 0..50 {
        let mut peer = opened(&server);
        peer.say("40");
        peer.say(r#"42["message",1]"#);
        peer.say(r#"427["message-with-ack","x"]"#);
        assert!(hear(&mut peer).starts_with("40{"));
        assert_eq!(hear(&mut peer), r#"42["auth",{}]"#);
        assert_eq!(hear(&mut peer), r#"42["message-back",1]"#);
        assert_eq!(hear(&mut peer), r#"437["x"]"#);
    }
}

#[test]
fn packets_in_one_payload_with_the_connect_are_not_lost() {
    let server = example::start();
    let poller = Poller::open_at(&server, POLLING);
    let packets = [
        "40",
        "40/custom,",
        r#"42["message",1]"#,
        r#"451-/custom,7["message-with-ack",{"_placeholder":true,"num":0}]"#,
        "bAQID",
        "41/custom",
    ];
    assert_eq!(poller.post(packets.join("\u{1e}")).text(), "ok");
    let mut heard = Vec::new();
    while heard.len() < 7 {
        heard.extend(poller.get().text().split('\u{1e}').map(str::to_owned));
    }
    assert!(heard[0].starts_with(r#"40{"sid":""#), "{heard:?}");
    assert_eq!(heard[1], r#"42["auth",{}]"#);
    assert!(heard[2].starts_with(r#"40/custom,{"sid":""#), "{heard:?}");
    assert_eq!(heard[3], r#"42/custom,["auth",{}]"#);
    assert_eq!(heard[4], r#"42["message-back",1]"#);
    assert_eq!(heard[5], r#"461-/custom,7[{"_placeholder":true,"num":0}]"#);
    assert_eq!(heard[6], "bAQID");
}

#[test]
fn second_connect_to_a_namespace_ends_the_connection() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say("40");
    assert!(ends(&mut peer));
    let mut peer = opened(&server);
    peer.say("40");
    peer.say("40");
    peer.hear_end();
}

#[test]
fn socket_id_is_another_in_each_namespace_and_each_time_it_is_joined() {
    let server = example::start();
    let mut peer = Peer::open(server.address(), DOOR);
    let open: Value = serde_json::from_str(&peer.hear_text()[1..]).unwrap();
    let mut sids = vec![open["sid"].as_str().unwrap().to_owned()];
    for _ in 0..3 {
        for namespace in ["/", "/custom"] {
            peer.say(format!("40{namespace},"));
            let answer = hear(&mut peer);
            let json: Value = serde_json::from_str(&answer[answer.find('{').unwrap()..]).unwrap();
            sids.push(json["sid"].as_str().unwrap().to_owned());
            hear(&mut peer);
        }
        peer.say("41");
        peer.say("41/custom");
    }
    let count = sids.len();
    sids.sort_unstable();
    sids.dedup();
    assert_eq!(sids.len(), count, "{sids:?}");
}

#[test]
fn socket_id_of_a_joined_namespace_is_never_given_to_another() {
    let server = example::start();
    let mut peer = opened(&server);
    peer.say("40");
    let root = hear(&mut peer).split_off("40".len());
    hear(&mut peer);
    // More often than a byte counts.
    for _ in 0..300 {
        peer.say("40/custom");
        let custom = hear(&mut peer).split_off("40/custom,".len());
        assert_ne!(custom, root);
        hear(&mut peer);
        peer.say("41/custom");
    }
}

/// Answers each ping, and says this behind it, until the end comes. Returns how many there were.
fn pings_until_the_end(peer: &mut Peer, words: &str) -> usize {
    let mut pings = 0;
    while pings < PINGS_MAX {
        match peer.hear() {
            Heard::Text(text) if text == "2" => {
                pings += 1;
                peer.say("3");
                if !words.is_empty() {
                    peer.say(words);
                }
            }
            Heard::Text(text) => assert!(text.starts_with("44/random,"), "{text}"),
            Heard::Binary(bytes) => panic!("{bytes:?}"),
            Heard::Closed(_) => return pings,
        }
    }
    panic!("the connection lives after {PINGS_MAX} pings");
}

/// A connection that is to end has ended long before.
const PINGS_MAX: usize = 20;

/// As it comes, but for the time to answer a ping.
const PATIENT: [&str; 2] = ["--ping-timeout-ms", "3600000"];

/// What a timer wheel may round away.
const EARLY_MAX: Duration = Duration::from_millis(30);
