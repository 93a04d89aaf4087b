//! Somebody who follows nothing but `sync` ends with what the store holds, however many others
//! write meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::auth::Caller;
use api::error::Kind;
use api::service::{conversation, message, repair};
use protocol::event::client::ReadUpTo;
use protocol::id::{ConversationId, MessageId};
use protocol::rest::reply::repair::{Entry, Repaired, Synced};
use protocol::rest::request::{ConversationChanges, ListMessages, Page, Sync};
use protocol::rest::resource::{self, Reference};
use protocol::rest::word::{ConversationStatus, Priority, Scope};

use super::world::{World, creation};
use crate::engine;

const WRITERS: u64 = 4;

/// Of the clock, at each change: a handful of changes are as long as the margin of a cursor, so that
/// a margin too small, or none, shows.
const STEP_MS: i64 = 2_000;

/// A client that never hears an event.
#[derive(Default)]
struct Follower {
    cursor: Option<String>,
    scope: Option<Scope>,
    conversations: BTreeMap<ConversationId, resource::Conversation>,
    /// Text by place; none where the message is deleted.
    messages: BTreeMap<(ConversationId, i64), Option<String>>,
    last_seqs: BTreeMap<ConversationId, i64>,
    answers: usize,
}

impl Follower {
    async fn follow(&mut self, world: &World, caller: &Caller) {
        loop {
            let request = Sync {
                cursor: self.cursor.clone(),
                scope: self.scope,
                conversations: self.last_seqs.iter().map(|(id, seq)| (*id, *seq)).collect(),
            };
            match repair::sync(&world.app, caller, request).await.unwrap() {
                Repaired::Missed(synced) => {
                    if !self.take(synced) {
                        return;
                    }
                }
                Repaired::Reset(_) => panic!("this cursor is fresh"),
            }
        }
    }

    /// Whether there is more.
    fn take(&mut self, synced: Synced) -> bool {
        self.answers += 1;
        for entry in synced.messages {
            let (id, seq, text) = match entry {
                Entry::Message(it) => (it.conversation_id, it.seq, Some(it.content)),
                Entry::Tombstone(it) => (it.conversation_id, it.seq, None),
            };
            let last = self.last_seqs.entry(id).or_default();
            assert!(seq <= *last + 1, "a hole before {seq}");
            *last = seq.max(*last);
            self.messages.insert((id, seq), text);
        }
        let mut more = synced.truncated;
        for it in synced.conversations {
            // One that is new is named the next time.
            more |= it.last_seq > 0 && !self.last_seqs.contains_key(&it.id);
            self.last_seqs.entry(it.id).or_default();
            self.conversations.insert(it.id, it);
        }
        self.cursor = Some(synced.cursor);
        more
    }
}

/// A stream of numbers that looks random and is the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap()
    }
}

async fn write(world: &World, people: &[Caller], mut dice: Dice, changes: usize) {
    let (app, mut places, mut own) = (&world.app, Vec::new(), Vec::<(Caller, MessageId)>::new());
    let ben = &people[0];
    for _ in 0..changes {
        app.clock.advance(STEP_MS);
        let caller = &people[dice.roll(people.len())];
        if places.is_empty() || dice.roll(12) == 0 {
            let other = (caller.user_id != ben.user_id).then_some(ben.user_id);
            let created = conversation::create(app, caller, creation(other)).await.unwrap();
            places.push(created.conversation.id);
        }
        let id = places[dice.roll(places.len())];
        let staff = people.iter().find(|it| it.is_staff()).unwrap();
        let mut wish =
            ConversationChanges { status: None, priority: None, tags: None, assigned_to: None };
        match dice.roll(8) {
            0 if !own.is_empty() => {
                let (sender, message) = own[dice.roll(own.len())].clone();
                let text = format!("edited {}", dice.roll(1_000));
                refused(message::edit(app, &sender, message, text).await.map(drop));
            }
            1 if !own.is_empty() => {
                let (sender, message) = own.swap_remove(dice.roll(own.len()));
                refused(message::delete(app, &sender, message).await);
            }
            2 => wish.priority = Some([Priority::Low, Priority::Urgent][dice.roll(2)]),
            3 => wish.tags = Some(vec![format!("tag {}", dice.roll(9))]),
            4 => {
                wish.status =
                    Some([ConversationStatus::Open, ConversationStatus::Resolved][dice.roll(2)]);
            }
            5 => {
                let up_to = ReadUpTo::Place { conversation_id: id, seq: i64::MAX };
                message::mark_read(app, staff, up_to, None).await.unwrap();
            }
            6 => wish.assigned_to = Some([None, Some(staff.user_id)][dice.roll(2)]),
            _ => {
                let sent = world.say(staff, id, &format!("text {}", dice.roll(1_000))).await;
                own.push((staff.clone(), sent.id));
            }
        }
        if wish.priority.is_some()
            || wish.tags.is_some()
            || wish.status.is_some()
            || wish.assigned_to.is_some()
        {
            refused(conversation::update(app, staff, id, wish).await.map(drop));
        }
    }
}

/// Others were there first.
fn refused(result: Result<(), api::Error>) {
    if let Err(error) = result {
        assert!(matches!(error.kind(), Kind::NotFound | Kind::Conflict | Kind::Busy), "{error:?}");
    }
}

/// What is compared of a conversation: all that a list shows but the moment of the last touch.
fn face(it: &resource::Conversation) -> String {
    let newest = match &it.last_message {
        Some(Reference::Full(message)) => format!("{} {:?}", message.content, message.metadata),
        Some(Reference::Id(id)) => id.to_string(),
        None => String::new(),
    };
    let assigned = it.assigned_to.as_ref().map(|agent| match agent {
        Reference::Full(agent) => agent.id,
        Reference::Id(id) => *id,
    });
    format!(
        "{} {} {:?} {assigned:?} {} {:?} {newest}",
        it.status, it.priority, it.tags, it.last_seq, it.unread_count
    )
}

async fn compare(world: &World, caller: &Caller, follower: &Follower) {
    for (id, known) in &follower.conversations {
        let stored = world.conversation(caller, *id).await;
        assert_eq!((&known.status, known.last_seq), (&stored.status, stored.last_seq));
        let page = Page { page: 1, limit: 100, cursor: None };
        let mut after = 0;
        loop {
            let request = ListMessages {
                page: page.clone(),
                before: None,
                after_seq: Some(after),
                before_seq: None,
            };
            let listed = message::list(&world.app, caller, *id, request).await.unwrap().messages;
            let Some(last) = listed.last() else { break };
            after = last.seq;
            for it in listed {
                let text = (!it.is_deleted).then_some(it.content);
                assert_eq!(follower.messages.get(&(*id, it.seq)), Some(&text), "{id} {}", it.seq);
            }
        }
    }
}

async fn converge(worlds: [Arc<World>; 2], seed: u64) {
    let changes = if engine::is_across_a_network() { 25 } else { 60 };
    let world = Arc::clone(&worlds[0]);
    let people = [
        world.user("ben").await,
        world.agent("eve").await,
        world.agent("max").await,
        world.user("ada").await,
    ];
    let running = Arc::new(AtomicBool::new(true));
    let mut followers = tokio::task::JoinSet::new();
    for (index, scope) in [(0, None), (1, Some(Scope::All)), (3, None)] {
        let (world, running) = (Arc::clone(&worlds[index % 2]), Arc::clone(&running));
        let caller = people[index].clone();
        followers.spawn(async move {
            let mut follower = Follower { scope, ..Follower::default() };
            while running.load(Ordering::Acquire) {
                follower.follow(&world, &caller).await;
            }
            // One more, now that nothing changes any more.
            follower.follow(&world, &caller).await;
            (caller, follower)
        });
    }
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let world = Arc::clone(&worlds[usize::try_from(writer).unwrap() % 2]);
        let people = people.to_vec();
        writers.spawn(async move { write(&world, &people, Dice(seed + writer), changes).await });
    }
    writers.join_all().await;
    for world in &worlds {
        // A process answers a writer before all that follows from the write is stored; its own reader
        // waits for it, and the other's does not.
        Follower::default().follow(world, &people[0]).await;
    }
    running.store(false, Ordering::Release);
    for (caller, follower) in followers.join_all().await {
        compare(&world, &caller, &follower).await;
        let mut fresh = Follower { scope: follower.scope, ..Follower::default() };
        fresh.follow(&world, &caller).await;
        let faces = |it: &Follower| -> Vec<(ConversationId, String)> {
            it.conversations.iter().map(|(id, it)| (*id, face(it))).collect()
        };
        assert_eq!(faces(&follower), faces(&fresh), "{} answers", follower.answers);
        assert_eq!(follower.messages, fresh.messages);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_only_follows_sync_ends_with_what_the_store_holds() {
    let world = Arc::new(World::new().await);
    converge([Arc::clone(&world), world], 1).await;
}

#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_only_follows_sync_misses_nothing_of_another_process() {
    let address = crate::mongod::common().fresh_address();
    let world = async || {
        let store = api::store::Store::connect_mongodb(&address).await.unwrap();
        Arc::new(World::over(store).await)
    };
    let worlds = [world().await, world().await];
    // Clocks never agree.
    worlds[1].app.clock.advance(5_000);
    converge(worlds, 2).await;
}
