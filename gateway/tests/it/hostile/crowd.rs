//! A thousand clients at once who are slow on purpose, while two others chat.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::flow::narrow;
use super::frame::masked;
use super::{CLIENT_KIB_MAX, SLACK_KIB, Scene, hear_past_news};
use crate::chat::{Chat, Packet};
use crate::peer::{Heard, Peer};
use crate::rest;
use crate::server::Server;

#[test]
fn thousand_clients_who_send_a_byte_at_a_time_disturb_nobody_and_leave_nothing() {
    let (mut scene, mut pair) = set();
    let sign_in = format!("40{{\"token\":\"{}\"}}", scene.hostile.token);
    let sign_in = masked(0x81, sign_in.as_bytes());
    let (slowly, rest) = sign_in.split_at(SLOW_BYTES);
    let mut before_kib = None;
    for _ in 0..2 {
        let mut crowd: Vec<(Instant, Peer)> = Vec::new();
        for number in 0..CROWD {
            crowd.push((Instant::now(), scene.hostile_peer()));
            pair.exchange(u64::from(number % 100 == 0), "they come");
        }
        for byte in slowly.chunks(1) {
            for (_, peer) in &mut crowd {
                peer.write_raw(byte);
            }
            pair.exchange(4, "hello");
        }
        // It was a sign-in all the time.
        for (opened, peer) in crowd.iter_mut().step_by(50) {
            peer.write_raw(rest);
            match hear_past_news(peer) {
                Heard::Text(text) => assert!(text.starts_with("40{"), "{text}"),
                heard @ (Heard::Binary(_) | Heard::Closed(_)) => {
                    let waited = opened.elapsed();
                    assert!(waited >= SIGN_IN_MAX, "{heard:?} after {waited:?}");
                }
            }
        }
        scene.assert_open_for_newcomers("a slow crowd");
        drop(crowd);
        pair.exchange(50, "they are gone");
        before_kib.get_or_insert_with(|| scene.server.resident_kib());
    }
    let grown_kib = scene.server.resident_kib().saturating_sub(before_kib.unwrap_or_default());
    assert!(grown_kib < SLACK_KIB, "{grown_kib} KiB more than after the first crowd");
    scene.assert_open_for_newcomers("slow crowds");
}

#[test]
fn thousand_clients_who_never_read_are_closed_and_the_room_goes_on() {
    let (mut scene, mut pair) = set();
    let (before_kib, descriptors) = (scene.server.resident_kib(), scene.server.descriptors());
    let mut crowd = Deaf { chats: Vec::new(), alive_at: Instant::now() };
    for number in 0..CROWD {
        let mut chat = scene.hostile_chat();
        narrow(chat.peer().stream());
        chat.emit_unasked("join_conversation", &[json!(pair.conversation)]);
        crowd.chats.push(chat);
        crowd.stay_alive();
        pair.exchange(u64::from(number % 100 == 0), "they come");
    }
    assert!(scene.server.descriptors() >= descriptors + CROWD);
    let message = "x".repeat(5_000);
    while scene.server.descriptors() > descriptors + CROWD / 100 {
        crowd.stay_alive();
        pair.exchange(20, &message);
        assert!(pair.sent < LONG_MESSAGES_MAX, "they are kept on");
        let grown_kib = scene.server.resident_kib().saturating_sub(before_kib);
        // The messages are kept once, not once for each of the crowd.
        assert!(grown_kib < GROWTH_KIB_MAX, "{grown_kib} KiB for a thousand who never read");
    }
    let named = |said: &str| said.contains("too slow for their messages").then_some(());
    assert!(scene.server.said().find(named).is_some(), "nothing in the log");
    // How many lines there are depends on how long it took, and not on how many were closed.
    assert!(scene.server.said().text().matches("too slow").count() < CROWD / 10);
    pair.exchange(50, "they are gone");
    drop(crowd);
    scene.assert_open_for_newcomers("a deaf crowd");
}

/// A crowd that never reads.
struct Deaf {
    chats: Vec<Chat>,
    alive_at: Instant,
}

impl Deaf {
    /// Answers the heartbeats that it does not read, so that nobody is closed for those.
    fn stay_alive(&mut self) {
        if self.alive_at.elapsed() > ALIVE_EVERY {
            self.chats.iter_mut().for_each(|chat| chat.peer().say("3"));
            self.alive_at = Instant::now();
        }
    }
}

/// A server that may have a descriptor for each of the crowd, and two people who chat there: the
/// friend reads on a device of the hostile person, so that the crowd may join.
fn set() -> (Scene, Pair) {
    let scene = Scene::set_at(Server::start_with_descriptors(4 * CROWD));
    let address = scene.server.address();
    let sender = rest::register(address, "Sender");
    let conversation = rest::open_conversation(address, &sender, &scene.hostile);
    let mut pair = Pair {
        sender: Chat::connect(address, &sender.token),
        friend: scene.hostile_chat(),
        conversation,
        sent: 0,
    };
    for chat in [&mut pair.sender, &mut pair.friend] {
        let answer = chat.ask("join_conversation", &[json!(pair.conversation)]);
        assert_eq!(answer["success"], true, "{answer}");
    }
    (scene, pair)
}

/// Two people who notice everything.
struct Pair {
    sender: Chat,
    friend: Chat,
    conversation: String,
    /// Messages so far; the last one's `seq`.
    sent: u64,
}

impl Pair {
    /// Sends messages, some at once; all are acknowledged, and all heard, in order.
    fn exchange(&mut self, count: u64, content: &str) {
        let last = self.sent + count;
        while self.sent < last {
            let at_once = IN_FLIGHT_MAX.min(last - self.sent);
            let message = [json!({ "conversationId": self.conversation, "content": content })];
            let asked: Vec<u64> =
                (0..at_once).map(|_| self.sender.emit("send_message", &message)).collect();
            for id in asked {
                self.settle(id);
            }
            for _ in 0..at_once {
                self.sent += 1;
                let heard = self.heard();
                assert_eq!(
                    (&heard["seq"], &heard["content"]),
                    (&json!(self.sent), &json!(content))
                );
            }
        }
    }

    fn settle(&mut self, id: u64) {
        let answer = self.sender.hear_ack(id).expect("the sender is never closed");
        assert_eq!(answer["success"], true, "{answer:.200}");
    }

    /// The next message that the friend hears.
    fn heard(&mut self) -> Value {
        loop {
            match self.friend.hear() {
                Packet::Event(name, mut arguments) if name == "new_message" => {
                    return arguments.remove(0)["message"].take();
                }
                Packet::Event(..) => {}
                other @ (Packet::Ack(..) | Packet::Closed) => panic!("the friend heard {other:?}"),
            }
        }
    }
}

const CROWD: usize = 1_000;

/// How long whoever opens a connection may take to sign in. Source: contract O3.1.
const SIGN_IN_MAX: Duration = Duration::from_secs(45);

/// Less than a heartbeat's answer is waited for.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// How much each of the crowd sends slowly.
const SLOW_BYTES: usize = 12;

/// With 5,000 characters each: twice what a connection may have waiting, with us and in the kernel.
const LONG_MESSAGES_MAX: u64 = 900;

/// What the crowd may cost together, who could have cost a thousand times [`CLIENT_KIB_MAX`].
const GROWTH_KIB_MAX: u64 = 16 * CLIENT_KIB_MAX;

const IN_FLIGHT_MAX: u64 = 16;
