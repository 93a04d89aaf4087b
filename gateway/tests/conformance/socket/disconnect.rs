//! Leaving a namespace.

use super::{assert_pinged, connected, ends, hear};
use crate::example;

#[test]
fn disconnect_leaves_the_connection_open() {
    let server = example::start_with(&example::PINGING);
    let mut peer = connected(&server);
    peer.say("41");
    assert_pinged(&mut peer);
    peer.say("40");
    assert!(hear(&mut peer).starts_with("40{"));
}

#[test]
fn disconnect_from_one_namespace_leaves_the_other() {
    let server = example::start();
    for (leave, stay) in [("41/custom", ""), ("41/custom,", ""), ("41", "/custom,")] {
        let mut peer = connected(&server);
        peer.say("40/custom");
        hear(&mut peer);
        hear(&mut peer);
        peer.say(leave);
        peer.say(format!(r#"42{stay}["message","a"]"#));
        assert_eq!(hear(&mut peer), format!(r#"42{stay}["message-back","a"]"#), "{leave}");
    }
}

#[test]
fn disconnect_is_not_answered_and_nothing_more_comes_from_the_namespace() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say(r#"42["join_conversation","r"]"#);
    peer.say("40/custom");
    hear(&mut peer);
    hear(&mut peer);
    peer.say("41");
    let mut other = connected(&server);
    other.say(r#"42["join_conversation","r"]"#);
    other.say(r#"421["send_message",{"conversationId":"r"}]"#);
    assert_eq!(hear(&mut other), r#"42["new_message",{"conversationId":"r"}]"#);
    peer.say(r#"42/custom,["message"]"#);
    assert_eq!(hear(&mut peer), r#"42/custom,["message-back"]"#);
}

#[test]
fn disconnect_from_what_is_not_joined_ends_the_connection() {
    let server = example::start();
    for packet in ["41/custom", "41/random", "41/custom,"] {
        let mut peer = connected(&server);
        peer.say(packet);
        assert!(ends(&mut peer), "{packet}");
    }
    for packet in ["41", r#"42["message"]"#, "431[]", "42"] {
        let mut peer = connected(&server);
        peer.say("41");
        peer.say(packet);
        assert!(ends(&mut peer), "{packet} after the disconnect");
    }
}

#[test]
fn disconnect_in_the_middle_of_a_packet_ends_the_connection() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say(r#"451-["message",{"_placeholder":true,"num":0}]"#);
    peer.say("41");
    assert!(ends(&mut peer));
}
