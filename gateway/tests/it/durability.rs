//! What was acknowledged is kept, whenever the power goes or the server is told to stop.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::{Value, json};

use crate::chat::{Chat, Packet};
use crate::peer::SILENCE_MAX;
use crate::rest::{self, Person};
use crate::server::Server;

#[test]
fn acknowledged_message_survives_a_kill_at_any_moment() {
    let mut server = Server::start_to_restart();
    let people = [rest::register(server.address(), "Ada"), rest::register(server.address(), "Ben")];
    let [ada, ben] = &people;
    let conversation = rest::open_conversation(server.address(), ada, ben);
    let mut ledgers = [Ledger::new("ada"), Ledger::new("ben")];
    for round in 0..KILLS {
        // Where in the burst the kill falls: 1 to 97 acks in, differently each time.
        let acks = 1 + round * 31 % 97;
        burst(server.address(), &people, &conversation, &mut ledgers, |heard| {
            (0..acks).all(|_| heard.recv_timeout(SILENCE_MAX).is_ok());
            server.kill_and_restart();
        });
        if round % 5 == 0 {
            // The next kill may hit the recovery from the last.
            server.kill_and_restart();
        }
        compare(&rest::history(server.address(), ada, &conversation), &ledgers);
    }
    for (person, ledger) in people.iter().zip(&mut ledgers) {
        ledger.settle(&mut Chat::connect(server.address(), &person.token), &conversation);
    }
    let history = rest::history(server.address(), ben, &conversation);
    compare(&history, &ledgers);
    let sent: usize = ledgers.iter().map(|ledger| ledger.sent).sum();
    assert_eq!(history.len(), sent, "everything sent was acknowledged in the end, once");
    assert!(sent > KILLS, "only {sent} messages were sent");
    server.assert_unharmed();
}

#[test]
fn stop_in_a_burst_acknowledges_what_it_stores_and_stores_what_it_acknowledges() {
    let mut server = Server::start_to_restart();
    let people = [rest::register(server.address(), "Ada"), rest::register(server.address(), "Ben")];
    let conversation = rest::open_conversation(server.address(), &people[0], &people[1]);
    let mut ledgers = [Ledger::new("ada"), Ledger::new("ben")];
    for round in 0..STOPS {
        let acks = 1 + round * 31 % 97;
        burst(server.address(), &people, &conversation, &mut ledgers, |heard| {
            (0..acks).all(|_| heard.recv_timeout(SILENCE_MAX).is_ok());
            server.stop_and_restart();
        });
        let history = rest::history(server.address(), &people[0], &conversation);
        compare(&history, &ledgers);
        let acknowledged: usize = ledgers.iter().map(|ledger| ledger.acknowledged.len()).sum();
        assert_eq!(history.len(), acknowledged, "round {round}: stored, and never acknowledged");
    }
    server.assert_unharmed();
}

#[test]
fn full_disk_refuses_messages_until_there_is_room_and_loses_none() {
    let mut server = Server::start_on_a_small_disk();
    let address = server.address();
    let [ada, ben] = ["Ada", "Ben"].map(|name| rest::register(address, name));
    let conversation = rest::open_conversation(address, &ada, &ben);
    let [mut sender, mut member] = [&ada, &ben].map(|person| Chat::connect(address, &person.token));
    assert_eq!(member.ask("join_conversation", &[json!(conversation)])["success"], true);
    let mut ledger = Ledger::new("ada");
    for _ in 0..FULL_DISKS {
        for _ in 0..3 {
            ledger.send(&mut sender, &conversation);
        }
        server.limit_files(Some(0));
        // The next message meets the full disk, the others a store that cannot be opened again.
        for _ in 0..3 {
            ledger.send(&mut sender, &conversation);
        }
        assert_eq!(ledger.unanswered.len(), 3, "stored on a full disk");
        assert_eq!(rest::request(address, "GET", "/readyz", None, None).0, 503);
        server.limit_files(None);
        ledger.settle(&mut sender, &conversation);
    }
    let history = rest::history(address, &ada, &conversation);
    compare(&history, std::slice::from_ref(&ledger));
    assert_eq!(history.len(), ledger.sent);
    let heard: Vec<_> = (0..history.len()).map(|_| member.hear_event("new_message")).collect();
    let seqs: Vec<_> = heard.iter().map(|event| event["message"]["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=ledger.sent as u64).map(Some).collect::<Vec<_>>());
    assert_eq!(rest::request(address, "GET", "/readyz", None, None).0, 200);
    server.assert_unharmed();
}

/// Both people send as fast as they may until `end` has ended the server.
fn burst(
    address: SocketAddr,
    people: &[Person; 2],
    conversation: &str,
    ledgers: &mut [Ledger; 2],
    end: impl FnOnce(&Receiver<()>),
) {
    let mut chats = people.each_ref().map(|person| Chat::connect(address, &person.token));
    let (acked, heard) = sync_channel(HEARD_MAX);
    std::thread::scope(|scope| {
        for (chat, ledger) in chats.iter_mut().zip(ledgers) {
            let acked = acked.clone();
            scope.spawn(move || ledger.send_until_the_end(chat, conversation, &acked));
        }
        drop(acked);
        end(&heard);
    });
}

/// That the history holds all that was acknowledged, in one unbroken order, and nothing twice.
fn compare(history: &[Value], ledgers: &[Ledger]) {
    for (index, message) in history.iter().enumerate() {
        assert_eq!(message["seq"], index + 1, "{message}");
        assert_eq!(message["content"], message["clientMessageId"], "{message}");
    }
    let keys: BTreeSet<&str> =
        history.iter().filter_map(|message| message["clientMessageId"].as_str()).collect();
    assert_eq!(keys.len(), history.len(), "a message is there twice");
    for (key, seq) in ledgers.iter().flat_map(|ledger| &ledger.acknowledged) {
        let place = usize::try_from(*seq - 1).expect("a seq is a small number from 1");
        let found = history.get(place).map(|message| &message["clientMessageId"]);
        assert_eq!(found, Some(&Value::from(key.as_str())), "lost, or moved from {seq}");
    }
}

/// What one person has sent, and what became of it.
#[derive(Debug)]
struct Ledger {
    name: &'static str,
    sent: usize,
    /// Seq by client message id.
    acknowledged: BTreeMap<String, u64>,
    /// Sent before and not acknowledged: these are sent again, under the same id.
    unanswered: VecDeque<String>,
}

impl Ledger {
    const fn new(name: &'static str) -> Self {
        Self { name, sent: 0, acknowledged: BTreeMap::new(), unanswered: VecDeque::new() }
    }

    fn send_until_the_end(&mut self, chat: &mut Chat, conversation: &str, acked: &SyncSender<()>) {
        let mut in_flight = BTreeMap::new();
        loop {
            while in_flight.len() < IN_FLIGHT_MAX {
                let key = self.unanswered.pop_front().unwrap_or_else(|| self.next_key());
                in_flight.insert(emit(chat, conversation, &key), key);
            }
            match chat.hear() {
                Packet::Ack(id, answer) => {
                    let key = in_flight.remove(&id).expect("an ack answers an emit");
                    self.note(key, &answer);
                    // Nobody counts any more once the kill is on its way.
                    let _ = acked.try_send(());
                }
                Packet::Event(..) => {}
                Packet::Closed => break,
            }
        }
        self.unanswered.extend(in_flight.into_values());
    }

    /// Sends one message and waits for what becomes of it.
    fn send(&mut self, chat: &mut Chat, conversation: &str) {
        let key = self.next_key();
        let id = emit(chat, conversation, &key);
        let answer = chat.hear_ack(id).expect("nobody ends the server");
        self.note(key, &answer);
    }

    /// Sends again what was never answered, one after the other, until it is stored.
    fn settle(&mut self, chat: &mut Chat, conversation: &str) {
        while let Some(key) = self.unanswered.pop_front() {
            let id = emit(chat, conversation, &key);
            let answer = chat.hear_ack(id).expect("nobody ends the server any more");
            self.note(key, &answer);
        }
    }

    fn note(&mut self, key: String, answer: &Value) {
        if answer["success"] == true {
            let seq = answer["data"]["message"]["seq"].as_u64().expect("a message has a seq");
            self.acknowledged.insert(key, seq);
        } else {
            let code = answer["error"]["code"].as_str().unwrap_or_default();
            assert!(["BUSY", "RATE_LIMITED", "UNAVAILABLE"].contains(&code), "{answer}");
            self.unanswered.push_back(key);
        }
    }

    fn next_key(&mut self) -> String {
        self.sent += 1;
        format!("{}-{}", self.name, self.sent)
    }
}

fn emit(chat: &mut Chat, conversation: &str, key: &str) -> u64 {
    let message = json!({ "conversationId": conversation, "content": key, "clientMessageId": key });
    chat.emit("send_message", &[message])
}

const KILLS: usize = 50;
const STOPS: usize = 5;
const FULL_DISKS: usize = 3;
/// A person's messages on their way at once.
const IN_FLIGHT_MAX: usize = 16;
/// Acks that nobody has counted yet; beyond it they are not counted.
const HEARD_MAX: usize = 1024;
