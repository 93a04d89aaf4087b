//! Several processes on one MongoDB, and a MongoDB whose nodes come and go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::auth::Caller;
use api::error::Kind;
use api::service::message;
use api::store::Store;
use protocol::id::ConversationId;
use protocol::rest::request::{ListMessages, Page, SendMessage};
use tokio::task::JoinSet;

use crate::mongod::{self, ReplicaSet, until};
use crate::service::world::{World, sending};

/// How long a sender tries: longer than an election.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends until it is acknowledged, as a client does: with the same key.
async fn send_surely(world: &World, caller: &Caller, id: ConversationId, key: String) -> i64 {
    let sending = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let request = SendMessage { client_message_id: Some(key.clone()), ..sending(id, &key) };
            match message::send(&world.app, caller, request).await {
                Ok(sent) => return sent.message.seq,
                Err(error) => assert!(
                    matches!(error.kind(), Kind::Unavailable | Kind::Busy),
                    "{error} ({:?})",
                    error.kind()
                ),
            }
        }
    };
    tokio::time::timeout(PATIENCE, sending).await.expect("it is acknowledged in time")
}

/// `(seq, text)` of the whole history.
async fn whole_history(world: &World, caller: &Caller, id: ConversationId) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    loop {
        let after_seq = Some(found.last().map_or(0, |(seq, _)| *seq));
        let page = Page { page: 1, limit: 100, cursor: None };
        let request = ListMessages { page, before: None, after_seq, before_seq: None };
        let listed = message::list(&world.app, caller, id, request).await.unwrap().messages;
        if listed.is_empty() {
            return found;
        }
        found.extend(listed.into_iter().map(|it| (it.seq, it.content)));
    }
}

/// Every acknowledged message is there, once, at its place, and there is no hole.
fn compare(history: &[(i64, String)], acknowledged: &BTreeSet<(i64, String)>) {
    let seqs: Vec<i64> = history.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..).take(seqs.len()).collect::<Vec<i64>>(), "a hole or a repetition");
    let stored: BTreeSet<_> = history.iter().cloned().collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged, but lost: {lost:?}");
    assert_eq!(stored.len(), acknowledged.len(), "each is stored once");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_number_a_conversation_together() {
    const EACH: usize = 40;
    let address = mongod::common().fresh_address();
    let worlds = [
        Arc::new(World::over(Store::connect_mongodb(&address).await.unwrap()).await),
        Arc::new(World::over(Store::connect_mongodb(&address).await.unwrap()).await),
    ];
    let (ada, bob) = (worlds[0].user("ada").await, worlds[0].user("bob").await);
    let id = worlds[0].between(&ada, &bob).await;
    let mut senders = JoinSet::new();
    for (process, world) in worlds.iter().enumerate() {
        let (world, caller) = (Arc::clone(world), if process == 0 { &ada } else { &bob }.clone());
        senders.spawn(async move {
            let mut acknowledged = BTreeSet::new();
            for number in 0..EACH {
                let key = format!("{process}-{number}");
                let seq = send_surely(&world, &caller, id, key.clone()).await;
                acknowledged.insert((seq, key));
            }
            acknowledged
        });
    }
    let acknowledged: BTreeSet<_> = senders.join_all().await.into_iter().flatten().collect();
    assert_eq!(acknowledged.len(), 2 * EACH);
    compare(&whole_history(&worlds[1], &ada, id).await, &acknowledged);
    let conversation = worlds[1].conversation(&bob, id).await;
    until("the head is what both wrote", async || {
        worlds[1].conversation(&bob, id).await.last_seq == 80
    })
    .await;
    assert_eq!(conversation.id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_steps_down_or_dies_takes_nothing_acknowledged_with_it() {
    const SENDERS: usize = 4;
    const EACH: usize = 60;
    let mut set = ReplicaSet::start().await;
    // People and the history are another process's, which nothing hurries.
    let store = Store::connect_mongodb(&set.patient_address("chat")).await.unwrap();
    let calm = World::over(store).await;
    let (ada, bob) = (calm.user("ada").await, calm.user("bob").await);
    let busy = calm.between(&ada, &bob).await;
    let store = Store::connect_mongodb(&set.address("chat")).await.unwrap();
    let world = Arc::new(World::over(store).await);
    let sent = Arc::new(AtomicUsize::new(0));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (world, sent) = (Arc::clone(&world), Arc::clone(&sent));
        let caller = if sender % 2 == 0 { &ada } else { &bob }.clone();
        senders.spawn(async move {
            let mut acknowledged = BTreeSet::new();
            for number in 0..EACH {
                let key = format!("{sender}-{number}");
                let seq = send_surely(&world, &caller, busy, key.clone()).await;
                acknowledged.insert((seq, key));
                sent.fetch_add(1, Ordering::Relaxed);
            }
            acknowledged
        });
    }
    let reached = async |count: usize| {
        until("so many are sent", async || sent.load(Ordering::Relaxed) >= count).await;
    };
    reached(SENDERS * EACH / 4).await;
    set.step_down().await;
    reached(SENDERS * EACH / 2).await;
    set.kill_primary().await;
    let acknowledged: BTreeSet<_> = senders.join_all().await.into_iter().flatten().collect();
    assert_eq!(acknowledged.len(), SENDERS * EACH);
    compare(&whole_history(&calm, &ada, busy).await, &acknowledged);
}
