//! JSON as deep as nobody nests it, wherever a client may send JSON. The limit is 128 levels, the
//! argument array or the auth object among them; whoever goes beyond is closed. Source: contract 1.9.

use super::Scene;
use crate::peer::{Heard, Peer};

#[test]
fn event_is_read_down_to_128_levels_and_no_deeper() {
    let mut scene = Scene::set();
    for (open, close) in BRACKETS {
        for depth in DEPTHS {
            let mut chat = scene.hostile_chat();
            // The argument array is the first level.
            let deep = nested(open, close, depth - 1);
            chat.peer().say(format!("427[\"ping\",{deep}]"));
            let what = format!("{depth} levels of {open}");
            assert_read_or_closed(chat.peer(), depth, "42[\"pong\"", &what);
            scene.assert_unharmed(&what);
        }
    }
}

#[test]
fn event_that_carries_something_is_read_as_deep() {
    let mut scene = Scene::set();
    for depth in DEPTHS {
        let mut chat = scene.hostile_chat();
        let deep = nested("[", "]", depth - 2);
        chat.peer().say(format!("427[\"send_message\",{{\"metadata\":{deep}}}]"));
        let what = format!("{depth} levels in a message");
        assert_read_or_closed(chat.peer(), depth, "42[\"message_error\"", &what);
        scene.assert_unharmed(&what);
    }
}

#[test]
fn binary_event_is_read_as_deep() {
    let mut scene = Scene::set();
    for depth in DEPTHS {
        let mut chat = scene.hostile_chat();
        let deep = nested("[", "]", depth - 1);
        chat.peer().say(format!("451-7[\"ping\",{{\"_placeholder\":true,\"num\":0}},{deep}]"));
        chat.peer().say_binary(b"attached");
        let what = format!("{depth} levels beside an attachment");
        assert_read_or_closed(chat.peer(), depth, "42[\"pong\"", &what);
        scene.assert_unharmed(&what);
    }
}

#[test]
fn auth_object_is_read_as_deep() {
    let mut scene = Scene::set();
    let token = scene.hostile.token.clone();
    for (open, close) in BRACKETS {
        for depth in DEPTHS {
            let mut peer = scene.hostile_peer();
            let deep = nested(open, close, depth - 1);
            peer.say(format!("40{{\"token\":\"{token}\",\"deep\":{deep}}}"));
            let what = format!("{depth} levels of {open} in an auth object");
            assert_read_or_closed(&mut peer, depth, "40{\"sid\":", &what);
            scene.assert_unharmed(&what);
        }
    }
}

#[test]
fn answer_to_nothing_is_ignored_however_deep() {
    let mut scene = Scene::set();
    for depth in DEPTHS {
        let mut chat = scene.hostile_chat();
        let deep = nested("[", "]", depth);
        chat.peer().say(format!("430{deep}"));
        chat.peer().say(format!("43/nobody,1{deep}"));
        let id = chat.emit("ping", &[]);
        // The second names a namespace that was never joined.
        assert_eq!(chat.hear_ack(id), None, "{depth}");
        let mut chat = scene.hostile_chat();
        chat.peer().say(format!("43{deep}"));
        let answer = chat.ask("ping", &[]);
        assert_eq!(answer["success"], true, "{depth} levels: {answer}");
        scene.assert_unharmed(&format!("{depth} levels in an answer"));
    }
}

/// That the peer is answered like this if it kept to the limit, and else is closed.
fn assert_read_or_closed(peer: &mut Peer, depth: usize, answer: &str, what: &str) {
    let heard = super::hear_past_news(peer);
    if depth > DEPTH_MAX {
        assert_eq!(heard, Heard::Closed(Some(1002)), "{what}");
    } else {
        let is_answer = matches!(&heard, Heard::Text(text) if text.starts_with(answer));
        assert!(is_answer, "{what}: {heard:?}");
    }
}

/// This many levels around a number.
fn nested(open: &str, close: &str, depth: usize) -> String {
    [&open.repeat(depth), "1", &close.repeat(depth)].concat()
}

const BRACKETS: [(&str, &str); 2] = [("[", "]"), ("{\"a\":", "}")];

const DEPTHS: [usize; 5] = [127, 128, 129, 5_000, 100_000];

const DEPTH_MAX: usize = 128;
