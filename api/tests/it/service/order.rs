//! What is promised of the order of messages. Source: contract 1.6, points 1–3.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::bus::Delivery;
use api::service::message;
use protocol::rest::request::SendMessage;

use super::world::{World, announced_seq, sending};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_senders_leave_no_hole_and_are_announced_in_order() {
    const SENDERS: i64 = 64;
    const EACH: i64 = 3;
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut ear = world.listen();
    let mut senders = tokio::task::JoinSet::new();
    for n in 0..SENDERS {
        let (app, caller) = (Arc::clone(&world.app), if n % 2 == 0 { &ada } else { &bob }.clone());
        senders.spawn(async move {
            let mut seqs = Vec::new();
            for _ in 0..EACH {
                let sent = message::send(&app, &caller, sending(id, "hello")).await.unwrap();
                seqs.push(sent.message.seq);
            }
            seqs
        });
    }
    let mut answered = BTreeSet::new();
    for seqs in senders.join_all().await {
        assert!(seqs.is_sorted(), "a sender's own messages keep their order: {seqs:?}");
        answered.extend(seqs);
    }
    let all = || 1..=SENDERS * EACH;
    assert!(answered.into_iter().eq(all()));
    assert!(ear.heard().iter().filter_map(|it| announced_seq(it)).eq(all()));
    let conversation = world.conversation(&ada, id).await;
    assert_eq!(conversation.last_seq, SENDERS * EACH);
}

fn keyed(request: SendMessage, key: &str) -> SendMessage {
    SendMessage { client_message_id: Some(key.to_owned()), ..request }
}

#[tokio::test]
async fn retry_returns_the_first_message_and_is_broadcast_once() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut ear = world.listen();
    let first = message::send(&world.app, &ada, keyed(sending(id, "one"), "k")).await.unwrap();
    let again = message::send(&world.app, &ada, keyed(sending(id, "two"), "k")).await.unwrap();
    assert!(first.is_new && !again.is_new);
    assert_eq!(again.message, first.message);
    assert_eq!(ear.heard().len(), 1);
    let next = world.say(&ada, id, "three").await;
    assert_eq!(next.seq, 2, "a retry takes no place");
}

#[tokio::test]
async fn key_is_the_senders_own() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    for caller in [&ada, &bob] {
        let sent = message::send(&world.app, caller, keyed(sending(id, "hi"), "k")).await.unwrap();
        assert!(sent.is_new);
    }
    for _ in 0..2 {
        world.say(&ada, id, "a message without a key is always another one").await;
    }
    assert_eq!(world.history(&ada, id).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_at_once_store_one_message() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut ear = world.listen();
    let mut retries = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (app, caller) = (Arc::clone(&world.app), ada.clone());
        let request = keyed(sending(id, "hello"), "key");
        retries.spawn(async move { message::send(&app, &caller, request).await.unwrap() });
    }
    let answers = retries.join_all().await;
    assert_eq!(answers.iter().filter(|sent| sent.is_new).count(), 1);
    assert!(answers.iter().all(|sent| sent.message.id == answers[0].message.id));
    assert_eq!(ear.heard().len(), 1);
}

#[tokio::test]
async fn message_is_announced_although_its_sender_left() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut ear = world.listen();
    let sends = message::send(&world.app, &ada, sending(id, "hello"));
    // Polled once: the message is on its way to the store when the sender is dropped.
    assert!(tokio::time::timeout(Duration::ZERO, sends).await.is_err());
    let Delivery::Event(envelope) = ear.next().await else { panic!("a notice") };
    assert_eq!(announced_seq(&envelope), Some(1));
    assert_eq!(world.history(&bob, id).await.len(), 1);
}
