//! Packets with attachments, which follow in messages of their own.

use super::{DOOR, POLLING, assert_pinged, connected, ends, hear, skip_pings};
use crate::engine::Poller;
use crate::example;
use crate::peer::{Heard, Peer};

#[test]
fn attachments_come_back_behind_their_event() {
    let server = example::start();
    let mut peer = connected(&server);
    for (list, attachments) in [
        (r#",{"_placeholder":true,"num":0}"#, &[&b"\x00\x1e\xff"[..]][..]),
        (r#","é",{"of":[{"_placeholder":true,"num":0}]}"#, &[b""]),
        // The order of the placeholders is the client's, as is that of their keys.
        (r#",{"num":1,"_placeholder":true},{"_placeholder":true,"num":0}"#, &[b"a", b"b"]),
        (r#",{"_placeholder":true,"num":0,"more":[1]}"#, &[b"x"]),
        // One that nothing stands for.
        (r#",{"_placeholder":true,"num":1}"#, &[b"unused", b"used"]),
        // Objects that only look like placeholders.
        (r#",{"_placeholder":1,"num":9},{"num":9},{"_placeholder":"true"}"#, &[b"x"]),
    ] {
        let count = attachments.len();
        peer.say(format!(r#"45{count}-["message"{list}]"#));
        for bytes in attachments {
            peer.say_binary(bytes);
        }
        assert_eq!(hear(&mut peer), format!(r#"45{count}-["message-back"{list}]"#));
        for bytes in attachments {
            assert_eq!(skip_pings(&mut peer), Heard::Binary(bytes.to_vec()));
        }
    }
}

#[test]
fn attachments_come_back_behind_their_answer_and_in_their_namespace() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say("40/custom");
    hear(&mut peer);
    hear(&mut peer);
    for (head, answer) in [("451-7", "461-7"), ("451-/custom,0", "461-/custom,0")] {
        peer.say(format!(r#"{head}["message-with-ack",{{"_placeholder":true,"num":0}}]"#));
        peer.say_binary(b"x");
        assert_eq!(hear(&mut peer), format!(r#"{answer}[{{"_placeholder":true,"num":0}}]"#));
        assert_eq!(skip_pings(&mut peer), Heard::Binary(b"x".to_vec()));
    }
}

#[test]
fn attachments_are_ten_at_most() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say(r#"4510-["message"]"#);
    for index in 0..10 {
        peer.say_binary(&[index]);
    }
    assert_eq!(hear(&mut peer), r#"4510-["message-back"]"#);
    for index in 0..10 {
        assert_eq!(skip_pings(&mut peer), Heard::Binary(vec![index]));
    }
    peer.say(r#"4511-["message"]"#);
    assert!(ends(&mut peer));
}

#[test]
fn packet_that_owes_no_attachment_is_a_plain_one_and_poisons_nothing() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say(r#"450-["message",1]"#);
    assert_eq!(hear(&mut peer), r#"42["message-back",1]"#);
    peer.say(r#"450-7["message-with-ack",{"_placeholder":true,"num":0}]"#);
    assert_eq!(hear(&mut peer), r#"437[{"_placeholder":true,"num":0}]"#);
    peer.say("460-7[]");
    peer.say(r#"42["message",2]"#);
    assert_eq!(hear(&mut peer), r#"42["message-back",2]"#);
}

#[test]
fn heartbeat_may_come_between_a_packet_and_its_attachment() {
    let server = example::start_with(&example::PINGING);
    let mut peer = connected(&server);
    peer.say(r#"451-["message",{"_placeholder":true,"num":0}]"#);
    assert_pinged(&mut peer);
    peer.say_binary(b"x");
    assert_eq!(hear(&mut peer), r#"451-["message-back",{"_placeholder":true,"num":0}]"#);
}

#[test]
fn binary_answer_to_a_question_of_nobody_is_ignored_with_its_attachments() {
    let server = example::start();
    for head in [
        r#"461-7[{"_placeholder":true,"num":0}]"#,
        r#"461-[{"_placeholder":true,"num":0}]"#,
        // What `rust_socketio` 0.6 sends where it emits binary and asks for an answer.
        r#"461-7["message-with-ack",{"_placeholder":true,"num":0}]"#,
    ] {
        let mut peer = connected(&server);
        peer.say(head);
        peer.say_binary(b"x");
        peer.say(r#"42["message","after"]"#);
        assert_eq!(hear(&mut peer), r#"42["message-back","after"]"#, "{head}");

        let poller = Poller::open_at(&server, POLLING);
        let packets = ["40", head, "beA==", r#"42["message","after"]"#];
        assert_eq!(poller.post(packets.join("\u{1e}")).text(), "ok");
        let mut heard = String::new();
        while !heard.contains("message-back") {
            heard.push_str(poller.get().text());
        }
        assert!(heard.ends_with(r#"42["message-back","after"]"#), "{heard}");
    }
}

#[test]
fn attachments_are_not_awaited_for_somebody_who_has_joined_nothing() {
    let server = example::start_with(&["--slow-ping"]);
    for head in [
        r#"451-["message",{"_placeholder":true,"num":0}]"#,
        r#"451-/custom,["message",{"_placeholder":true,"num":0}]"#,
        "461-0[]",
    ] {
        let mut peer = super::opened(&server);
        peer.say(head);
        assert_eq!(peer.hear(), Heard::Closed(Some(1002)), "{head}");
    }
}

#[test]
fn binary_packet_that_is_malformed_ends_the_connection() {
    let server = example::start();
    let heads = [
        "45",
        "451",
        "451-",
        "45-",
        r#"45-["message"]"#,
        r#"45["message"]"#,
        r#"45x-["message"]"#,
        r#"45-1-["message"]"#,
        r#"451.0-["message"]"#,
        r#"4511-["message"]"#,
        r#"451000000000-["message"]"#,
        r#"4518446744073709551616-["message"]"#,
        "451-{}",
        r#"451-"message""#,
        r#"451-["message""#,
        r#"451-["message",{"_placeholder":true}]"#,
        r#"451-["message",{"_placeholder":true,"num":1}]"#,
        r#"451-["message",{"_placeholder":true,"num":-1}]"#,
        r#"451-["message",{"_placeholder":true,"num":0.5}]"#,
        r#"451-["message",{"_placeholder":true,"num":"0"}]"#,
        r#"451-["message",{"_placeholder":true,"num":null}]"#,
        r#"451-["message",{"_placeholder":true,"num":1000000000}]"#,
        r#"451-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
        r#"461-7{"_placeholder":true,"num":0}"#,
    ];
    let survived = heads.into_iter().filter(|head| {
        let mut peer = connected(&server);
        peer.say(*head);
        peer.say_binary(b"x");
        !ends(&mut peer)
    });
    assert_eq!(survived.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn binary_event_is_held_to_the_same_names_and_namespaces() {
    let server = example::start();
    for head in [
        r#"451-["connect",{"_placeholder":true,"num":0}]"#,
        r#"451-[{"_placeholder":true,"num":0}]"#,
        r#"451-/custom,["message",{"_placeholder":true,"num":0}]"#,
        r#"461-/custom,7[{"_placeholder":true,"num":0}]"#,
    ] {
        let mut peer = connected(&server);
        peer.say(head);
        peer.say_binary(b"x");
        assert!(ends(&mut peer), "{head}");
    }
}

#[test]
fn text_instead_of_an_attachment_ends_the_connection() {
    let server = example::start();
    for text in [r#"42["message"]"#, "41", "40/custom", r#"451-["message"]"#, "43[]"] {
        let mut peer = connected(&server);
        peer.say(r#"451-["message",{"_placeholder":true,"num":0}]"#);
        peer.say(text);
        assert!(ends(&mut peer), "{text}");
    }
}

#[test]
fn binary_that_nobody_announced_ends_the_connection() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say_binary(&[1, 2, 3]);
    assert!(ends(&mut peer));
    let mut peer = connected(&server);
    peer.say(r#"451-["message"]"#);
    peer.say_binary(b"announced");
    peer.say_binary(b"not");
    assert_eq!(hear(&mut peer), r#"451-["message-back"]"#);
    assert_eq!(skip_pings(&mut peer), Heard::Binary(b"announced".to_vec()));
    assert!(ends(&mut peer));
}

#[test]
fn attachments_are_next_to_their_packet_while_others_send() {
    let server = example::start();
    let address = server.address();
    let join = r#"42["join_conversation","r"]"#;
    let mut peer = connected(&server);
    peer.say(join);
    let talkers: Vec<_> = (0..3)
        .map(|_| {
            let mut talker = Peer::open(address, DOOR);
            std::thread::spawn(move || {
                talker.say("40");
                for _ in 0..EACH {
                    talker.say(r#"42["send_message",{"conversationId":"r"}]"#);
                }
                // Whoever is answered has been heard.
                talker.say(r#"421["message-with-ack"]"#);
                while talker.hear_text() != "431[]" {}
            })
        })
        .collect();
    for _ in 0..EACH {
        peer.say(r#"452-["message",{"_placeholder":true,"num":0}]"#);
        peer.say_binary(b"first");
        peer.say_binary(b"second");
    }
    let (mut echoes, mut messages) = (0, 0);
    while echoes < EACH || messages < 3 * EACH {
        if hear(&mut peer) == r#"42["new_message",{"conversationId":"r"}]"# {
            messages += 1;
            continue;
        }
        echoes += 1;
        assert_eq!(peer.hear(), Heard::Binary(b"first".to_vec()));
        assert_eq!(peer.hear(), Heard::Binary(b"second".to_vec()));
    }
    for talker in talkers {
        talker.join().unwrap();
    }
}

/// Messages of each sender.
const EACH: usize = 300;
