//! Events and answers, and what is none.

use super::{connected, ends, hear, opened};
use crate::example;
use crate::peer::Heard;

#[test]
fn event_is_echoed_with_the_same_arguments() {
    let server = example::start();
    let mut peer = connected(&server);
    for list in ["", ",1", r#",1,"2",{"3":[true,null]}"#, r#","Zoë 👋""#, ",1.5,-0.25"] {
        peer.say(format!(r#"42["message"{list}]"#));
        assert_eq!(hear(&mut peer), format!(r#"42["message-back"{list}]"#));
    }
    peer.say("40/custom,");
    hear(&mut peer);
    hear(&mut peer);
    peer.say(r#"42/custom,["message","there"]"#);
    assert_eq!(hear(&mut peer), r#"42/custom,["message-back","there"]"#);
}

#[test]
fn event_is_known_by_its_name_however_that_is_written() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say(r#"42["mess\u0061ge",1]"#);
    assert_eq!(hear(&mut peer), r#"42["message-back",1]"#);
}

#[test]
fn ack_carries_the_id_of_its_event() {
    let server = example::start();
    let mut peer = connected(&server);
    for id in ["0", "7", "456", "4294967296", "9007199254740992"] {
        peer.say(format!(r#"42{id}["message-with-ack",1,"2",{{"3":[false]}}]"#));
        assert_eq!(hear(&mut peer), format!(r#"43{id}[1,"2",{{"3":[false]}}]"#));
    }
    peer.say(r#"4212["message-with-ack"]"#);
    assert_eq!(hear(&mut peer), "4312[]");
}

#[test]
fn packet_has_its_namespace_before_its_id_and_its_id_before_its_payload() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say("40/custom,");
    hear(&mut peer);
    hear(&mut peer);
    for (packet, answer) in [
        (r#"42/custom,7["message-with-ack",1]"#, "43/custom,7[1]"),
        (r#"42/,7["message-with-ack",1]"#, "437[1]"),
        (r#"42/,["message"]"#, r#"42["message-back"]"#),
        // An id is a number, however it is written.
        (r#"42007["message-with-ack"]"#, "437[]"),
    ] {
        peer.say(packet);
        assert_eq!(hear(&mut peer), answer, "{packet}");
    }
}

#[test]
fn packet_that_means_nothing_is_ignored() {
    let server = example::start();
    let packets = [
        "42",
        "421",
        "42/,",
        "43",
        "431",
        "431[]",
        "439999[1,2]",
        r#"42["nobody listens"]"#,
        r#"42[""]"#,
        // An event may be named by a number.
        "42[1]",
        r#"42[-1.5e3,"x"]"#,
        // Only whole names are reserved.
        r#"42["Connect"]"#,
        r#"42["connect "]"#,
    ];
    for packet in packets {
        let mut peer = connected(&server);
        peer.say(packet);
        peer.say(r#"42["message","after"]"#);
        assert_eq!(hear(&mut peer), r#"42["message-back","after"]"#, "{packet}");
    }
}

#[test]
fn packet_before_the_connect_ends_the_connection() {
    let server = example::start();
    for packet in [r#"42["message"]"#, "43[]", "41/x,{}", "4abc", "4", "49"] {
        let mut peer = opened(&server);
        peer.say(packet);
        assert!(ends(&mut peer), "{packet}");
    }
}

#[test]
fn packet_that_is_malformed_ends_the_connection() {
    let server = example::start();
    let packets = [
        "4",
        "47",
        "49",
        "4x",
        "4-1",
        "40{",
        "40[]",
        "40null",
        r#"40"x""#,
        "40/custom,[]",
        "40/custom,null",
        "41{}",
        "41[]",
        "44",
        r#"44{"message":"x"}"#,
        r#"44/custom,{"message":"x"}"#,
        "42{}",
        "42[",
        "42[]",
        "42[null]",
        "42[{}]",
        "42[[]]",
        "42[true]",
        "42 []",
        r#"42"message""#,
        r#"42["message""#,
        r#"42["message"]x"#,
        r#"42["connect"]"#,
        r#"42["connect_error"]"#,
        r#"42["disconnect"]"#,
        r#"42["disconnecting"]"#,
        r#"42["newListener"]"#,
        r#"42["removeListener"]"#,
        r#"42["c\u006fnnect"]"#,
        r#"42/random,["message"]"#,
        r#"42/custom,["message"]"#,
        "43{}",
        "431{}",
        r#"431"x""#,
        // Beyond 2^53 JavaScript would answer to another id.
        r#"429007199254740993["message-with-ack"]"#,
        r#"4218446744073709551616["message-with-ack"]"#,
        r#"4299999999999999999999999["message-with-ack"]"#,
        "439007199254740993[]",
    ];
    let survived = packets.into_iter().filter(|packet| {
        let mut peer = connected(&server);
        peer.say(*packet);
        !ends(&mut peer)
    });
    assert_eq!(survived.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn packet_nested_deeply_is_echoed_or_ends_its_connection() {
    let mut server = example::start();
    for depth in [100, 5_000, 400_000] {
        let mut peer = connected(&server);
        let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        peer.say(format!(r#"42["message",{nested}]"#));
        match peer.hear() {
            Heard::Text(text) => assert_eq!(text, format!(r#"42["message-back",{nested}]"#)),
            Heard::Closed(_) => assert!(depth > 128, "{depth} levels are legal"),
            Heard::Binary(bytes) => panic!("{bytes:?}"),
        }
        server.assert_unharmed();
    }
}
