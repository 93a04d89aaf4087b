//! Leaving a namespace.

use super::{connected, hear};
use crate::example;
use crate::peer::Heard;

#[test]
fn disconnect_leaves_the_connection_open() {
    let server = example::start();
    let mut peer = connected(&server);
    peer.say("41");
    assert_eq!(peer.hear(), Heard::Text("2".into()), "the next frame is a ping");
    peer.say("3");
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
