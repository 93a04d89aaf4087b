//! Two things at once, of which the later must see the earlier: many rounds of each, so that every
//! order comes up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::chat::{Chat, Packet};
use crate::peer::{Heard, Peer};
use crate::rest::{self, Person};
use crate::server::{Server, UNLIMITED};

#[test]
fn sign_out_during_sign_ins_leaves_no_socket_of_the_session() {
    let mut server = Server::start();
    let address = server.address();
    let bystander = rest::register(address, "Bystander");
    let mut bystander = Chat::connect(address, &bystander.token);
    for round in 0..SIGN_OUTS {
        let person = rest::register(address, &format!("Person{round}"));
        let mut peers: Vec<Peer> = (0..SOCKETS).map(|_| at_the_door(address)).collect();
        sign_out_among(address, &person, &mut peers, &mut bystander);
        for peer in &mut peers {
            end_of_session(peer);
        }
        peers.push(at_the_door(address));
        let late = &mut peers[SOCKETS];
        late.say(format!("40{}", json!({ "token": person.token })));
        assert!(!end_of_session(late), "nobody comes in after a sign-out");
        let (status, answer) =
            rest::request(address, "GET", "/api/v1/auth/profile", Some(&person.token), None);
        assert_eq!(status, 401, "{answer}");
        assert_eq!(bystander.ask("ping", &[])["success"], true, "another session goes on");
    }
    server.assert_unharmed();
}

/// Signs in on one after the other, and meanwhile out; what somebody else asks in between spreads the
/// sign-ins over the time that the sign-out takes.
fn sign_out_among(address: SocketAddr, person: &Person, peers: &mut [Peer], other: &mut Chat) {
    let sign_in = format!("40{}", json!({ "token": person.token }));
    std::thread::scope(|scope| {
        let mut leaving = None;
        for (number, peer) in peers.iter_mut().enumerate() {
            peer.say(&sign_in);
            other.ask("ping", &[]);
            if number == SOCKETS / 6 {
                leaving = Some(scope.spawn(|| {
                    let path = "/api/v1/auth/logout";
                    rest::request(address, "POST", path, Some(&person.token), None)
                }));
            }
        }
        let answer = leaving.map(|it| it.join().expect("the request does not panic"));
        assert_eq!(answer.expect("somebody has left").0, 200);
    });
}

/// Waits until a socket's session is over, and says whether it had begun: it is refused, or put out.
fn end_of_session(peer: &mut Peer) -> bool {
    let mut was_admitted = false;
    loop {
        match peer.hear() {
            Heard::Text(text) if text.starts_with("40{") => was_admitted = true,
            Heard::Text(text) if text.starts_with("44{") => {
                assert!(!was_admitted, "{text}");
                return false;
            }
            Heard::Text(text) if text == "41" => {
                assert!(was_admitted, "put out without having been in");
                return true;
            }
            // The first of the devices to come in is announced to the others.
            Heard::Text(text) if text.starts_with("42[\"user_status_update\"") => {
                assert!(was_admitted, "{text}");
            }
            Heard::Text(text) => {
                assert_eq!(text, "2", "nothing but heartbeats");
                peer.say("3");
            }
            other @ (Heard::Binary(_) | Heard::Closed(_)) => {
                panic!("expected a word, got {other:?}")
            }
        }
    }
}

fn at_the_door(address: SocketAddr) -> Peer {
    let mut peer = Peer::open(address, "/socket.io/?EIO=4&transport=websocket");
    assert!(peer.hear_text().starts_with("0{"));
    peer
}

#[test]
fn message_sent_during_a_join_is_in_its_answer_or_comes_live() {
    let mut server = Server::start_with_admin(&UNLIMITED);
    let address = server.address();
    let people = [rest::register(address, "Sender"), rest::register(address, "Comer")];
    let conversation = rest::open_conversation(address, &people[0], &people[1]);
    let (is_over, heard_of) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        // On several connections, so that some are on another shard than the comer: on its own, a join
        // and what is sent meanwhile are done one after the other.
        let sending: Vec<_> = (0..SENDERS)
            .map(|_| {
                let sender = Chat::connect(address, &people[0].token);
                scope.spawn(|| send_until(sender, &conversation, &heard_of, &is_over))
            })
            .collect();
        // However this ends, the senders end too.
        let over = SetOnDrop(&is_over);
        let mut comer = Chat::connect(address, &people[1].token);
        for round in 0..JOINS {
            join_without_gap(&mut comer, &conversation, &heard_of, round);
            let answer = comer.ask("leave_conversation", &[json!(conversation)]);
            assert_eq!(answer["success"], true, "{answer}");
        }
        drop(over);
        let sent = sending.into_iter().map(|it| it.join().expect("no sender panics"));
        let sent: u64 = sent.sum();
        let known = heard_of.load(Ordering::Acquire);
        assert!(sent >= known, "{sent} messages sent, {known} heard of");
    });
    server.assert_unharmed();
}

/// Joins, and hears on until a message has come live behind all that the answer brought. Everything
/// up to that message has been heard of then, and the senders are told at every step how far that is.
fn join_without_gap(comer: &mut Chat, conversation: &str, heard_of: &AtomicU64, round: usize) {
    let known = heard_of.load(Ordering::Acquire);
    let join = json!({ "conversationId": conversation, "lastSeq": known });
    let id = comer.emit("join_conversation", &[join]);
    let mut answered: Option<BTreeSet<u64>> = None;
    let mut live = BTreeSet::new();
    loop {
        match comer.hear() {
            Packet::Ack(answer_id, answer) if answer_id == id => {
                assert_eq!(answer["success"], true, "{answer}");
                let messages = answer.pointer("/data/messages").and_then(Value::as_array);
                let messages = messages.expect("a join that says how far it is gets the rest");
                assert!(messages.len() < ANSWERED_MAX, "too much was sent between two joins");
                let messages: BTreeSet<u64> = messages.iter().map(seq).collect();
                heard_of.fetch_max(messages.last().copied().unwrap_or(0), Ordering::AcqRel);
                answered = Some(messages);
            }
            Packet::Event(name, arguments) if name == "new_message" => {
                let seq = seq(&arguments[0]["message"]);
                live.insert(seq);
                heard_of.fetch_max(seq, Ordering::AcqRel);
            }
            Packet::Event(..) => {}
            other @ (Packet::Ack(..) | Packet::Closed) => panic!("round {round}: {other:?}"),
        }
        let Some(answered) = &answered else { continue };
        let (told, heard) = (answered.last().max(Some(&known)), live.last());
        if let Some(last) = heard.filter(|heard| Some(*heard) > told) {
            let missing: Vec<u64> = (known + 1..=*last)
                .filter(|seq| !answered.contains(seq) && !live.contains(seq))
                .collect();
            assert!(missing.is_empty(), "round {round}: {missing:?} neither told nor heard");
            return;
        }
    }
}

fn seq(message: &Value) -> u64 {
    message["seq"].as_u64().expect("a message has a number")
}

/// Sends one message after the other, as far ahead of who hears them as one join brings, and returns
/// how many.
fn send_until(
    mut sender: Chat,
    conversation: &str,
    heard_of: &AtomicU64,
    is_over: &AtomicBool,
) -> u64 {
    let message = [json!({ "conversationId": conversation, "content": "still here" })];
    let (mut sent, mut last) = (0, 0);
    while !is_over.load(Ordering::Acquire) {
        if last > heard_of.load(Ordering::Acquire) + AHEAD_MAX {
            sender.ask("ping", &[]);
            continue;
        }
        let answer = sender.ask("send_message", &message);
        assert_eq!(answer["success"], true, "{answer}");
        last = seq(&answer["data"]["message"]);
        sent += 1;
    }
    sent
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

const SIGN_OUTS: usize = 8;

const SOCKETS: usize = 60;

const SENDERS: usize = 6;

const JOINS: usize = 80;

/// How far a sender goes ahead; each of them may have one more under way.
const AHEAD_MAX: u64 = 150;

/// What one join brings at most; a full answer would not show that it is all.
const ANSWERED_MAX: usize = 200;
