//! Binary events whose attachments are too many, too big, forged, or never come. No event of the chat
//! has any, so a legal one is answered as if it had none.

use serde_json::{Value, json};

use super::Scene;
use crate::chat::Chat;
use crate::peer::Heard;

#[test]
fn count_of_attachments_is_a_number_up_to_ten() {
    let mut scene = Scene::set();
    let long = "0".repeat(100_000);
    let legal = [("0", 0), ("1", 1), ("10", 10), ("010", 10), (long.as_str(), 0)];
    for (count, owed) in legal {
        let mut chat = scene.hostile_chat();
        chat.peer().say(format!("45{count}-7[\"ping\"]"));
        (0..owed).for_each(|_| chat.peer().say_binary(b"attached"));
        assert_answered(&mut chat, count);
    }
    let illegal = [
        "11",
        "255",
        "256",
        "1000000000",
        "-1",
        "18446744073709551616",
        "1e1",
        "0x1",
        "1.0",
        "+1",
        " 1",
        "",
        &"9".repeat(100_000),
    ];
    for count in illegal {
        let mut chat = scene.hostile_chat();
        chat.peer().say(format!("45{count}-7[\"ping\"]"));
        assert_closed(&mut chat, count);
        scene.assert_unharmed(count.get(..20).unwrap_or(count));
    }
}

#[test]
fn placeholder_that_names_no_attachment_closes_its_connection() {
    let mut scene = Scene::set();
    let forged = [
        json!({ "_placeholder": true, "num": 1 }),
        json!({ "_placeholder": true, "num": -1 }),
        json!({ "_placeholder": true, "num": 0.5 }),
        json!({ "_placeholder": true, "num": 1e300 }),
        json!({ "_placeholder": true, "num": u64::MAX }),
        json!({ "_placeholder": true, "num": "0" }),
        json!({ "_placeholder": true, "num": null }),
        json!({ "_placeholder": true, "num": [0] }),
        json!({ "_placeholder": true, "num": { "_placeholder": true, "num": 0 } }),
        json!({ "_placeholder": true }),
        json!([{ "a": [{ "_placeholder": true, "num": 7 }] }]),
    ];
    for placeholder in forged {
        let mut chat = scene.hostile_chat();
        chat.peer().say(format!("451-7[\"ping\",{placeholder}]"));
        chat.peer().say_binary(b"attached");
        assert_closed(&mut chat, &placeholder.to_string());
    }
    scene.assert_open_for_newcomers("forged placeholders");
}

#[test]
fn placeholder_that_is_named_twice_closes_its_connection() {
    let mut scene = Scene::set();
    let once = json!({ "_placeholder": true, "num": 0 });
    let often: Value = std::iter::repeat_n(once.clone(), 10_000).collect();
    for twice in [json!([once, once]), json!({ "a": once, "b": [once] }), often] {
        let mut chat = scene.hostile_chat();
        chat.peer().say(format!("451-7[\"ping\",{twice}]"));
        chat.peer().say_binary(&vec![0; 900_000]);
        assert_closed(&mut chat, "named twice");
    }
    scene.assert_open_for_newcomers("attachments named twice");
}

#[test]
fn object_that_only_looks_like_a_placeholder_is_an_argument() {
    let mut scene = Scene::set();
    let harmless = [
        json!({ "_placeholder": "true", "num": 7 }),
        json!({ "_placeholder": 1, "num": 7 }),
        json!({ "_placeholder": null, "num": 7 }),
        json!({ "_placeholder": [true], "num": 7 }),
        json!({ "_Placeholder": true, "num": 7 }),
        json!({ "num": 7 }),
        json!("{\"_placeholder\":true,\"num\":7}"),
    ];
    for argument in harmless {
        let mut chat = scene.hostile_chat();
        chat.peer().say(format!("451-7[\"ping\",{argument}]"));
        chat.peer().say_binary(b"attached");
        assert_answered(&mut chat, &argument.to_string());
        // In an event without attachments a placeholder stands for nothing.
        let id = chat.emit("ping", &[json!({ "_placeholder": true, "num": 0 })]);
        assert_eq!(chat.hear_ack(id).expect("an answer")["success"], true, "{argument}");
    }
    scene.assert_unharmed("what looks like placeholders");
}

#[test]
fn text_while_attachments_are_owed_closes_its_connection() {
    let mut scene = Scene::set();
    for text in ["42[\"ping\"]", "41", "43[]", "451-[\"ping\"]", "40/nobody,", "3x"] {
        let mut chat = scene.hostile_chat();
        chat.peer().say("452-7[\"ping\"]");
        chat.peer().say_binary(b"attached");
        chat.peer().say(text);
        if text == "3x" {
            // A heartbeat's answer is the engine's, not a packet of the layer that is owed something.
            chat.peer().say_binary(b"attached");
            assert_answered(&mut chat, text);
        } else {
            assert_closed(&mut chat, text);
        }
        scene.assert_unharmed(text);
    }
}

#[test]
fn attachment_that_nobody_announced_closes_its_connection() {
    let mut scene = Scene::set();
    for head in ["450-7[\"ping\"]", "451-7[\"ping\"]"] {
        let mut chat = scene.hostile_chat();
        chat.peer().say(head);
        (0..2).for_each(|_| chat.peer().say_binary(b"attached"));
        assert_eq!(chat.peer().hear_end(), Some(1002), "{head}");
    }
    scene.assert_unharmed("attachments out of place");
}

#[test]
fn attachments_and_their_event_have_four_megabytes_together() {
    let mut scene = Scene::set();
    scene.assert_costs_nothing_for_good(|scene| {
        let head = "454-7[\"ping\"]";
        let rest = ATTACHED_BYTES_MAX - (head.len() - 1) - 3 * 1_000_000;
        for (last, is_legal) in [(rest, true), (rest + 1, false)] {
            let mut chat = scene.hostile_chat();
            chat.peer().say(head);
            (0..3).for_each(|_| chat.peer().say_binary(&vec![0; 1_000_000]));
            chat.peer().say_binary(&vec![0; last]);
            if is_legal {
                assert_answered(&mut chat, "four megabytes");
            } else {
                assert_eq!(
                    super::hear_past_news(chat.peer()),
                    Heard::Closed(Some(1009)),
                    "a byte more"
                );
            }
        }
        scene.assert_unharmed("large attachments");
    });
}

#[test]
fn attachments_that_never_come_cost_what_has_come_of_them() {
    let mut scene = Scene::set();
    scene.assert_costs_little(OWING, |scene| {
        let mut chat = scene.hostile_chat();
        chat.peer().say("4510-[\"ping\"]");
        (0..4).for_each(|_| chat.peer().say_binary(&vec![0; 900_000]));
        // Nearly all of the next would still be allowed, and its last byte never comes.
        chat.peer().write_raw(
            &[&[0x82, 0xff][..], &399_900_u64.to_be_bytes(), &vec![0; 300_000]].concat(),
        );
        chat
    });
}

fn assert_answered(chat: &mut Chat, what: &str) {
    let answer = chat.hear_ack(7);
    let is_success = answer.as_ref().is_some_and(|answer| answer["success"] == true);
    assert!(is_success, "{what}: {answer:?}");
}

fn assert_closed(chat: &mut Chat, what: &str) {
    let heard = super::hear_past_news(chat.peer());
    assert_eq!(heard, Heard::Closed(Some(1002)), "{what:.40}");
}

/// Source: contract 1.9.
const ATTACHED_BYTES_MAX: usize = 4_000_000;

const OWING: usize = 10;
