//! What somebody is told who was away. Source: contract 1.6, point 4.

use api::auth::Caller;
use api::domain::Conversation;
use api::error::{Error, Kind};
use api::service::repair::{
    self, CHANGED_LEN_MAX, CONVERSATIONS_LEN_MAX, CURSOR_AGE_MS_MAX, MARGIN_MS, MISSED_LEN_MAX,
};
use api::service::{conversation, message};
use api::store::{Collection, Insert};
use protocol::event::client::{Join, ReadUpTo};
use protocol::id::{ConversationId, ObjectId};
use protocol::rest::reply::repair::{Entry, Joined, Repaired, Synced};
use protocol::rest::request::{ConversationChanges, Sync};
use protocol::rest::word::{ConversationStatus, Priority, Scope};

use super::world::{START, World, creation, kind};

/// Behind everything that a cursor could repeat.
const LATER_MS: i64 = 2 * MARGIN_MS;

async fn try_join(
    world: &World,
    caller: &Caller,
    id: ConversationId,
    last_seq: Option<i64>,
    cursor: Option<&str>,
) -> Result<Repaired<Joined>, Error> {
    let cursor = cursor.map(str::to_owned);
    repair::join(&world.app, caller, &Join { conversation_id: id, last_seq, cursor }).await
}

async fn join(
    world: &World,
    caller: &Caller,
    id: ConversationId,
    last_seq: Option<i64>,
    cursor: Option<&str>,
) -> Joined {
    told(try_join(world, caller, id, last_seq, cursor).await.unwrap())
}

fn asking(cursor: Option<&str>) -> Sync {
    Sync { cursor: cursor.map(str::to_owned), scope: None, conversations: Vec::new() }
}

async fn sync(world: &World, caller: &Caller, request: Sync) -> Synced {
    told(repair::sync(&world.app, caller, request).await.unwrap())
}

/// Something changes elsewhere, long after everything before it.
async fn stir(world: &World) {
    world.app.clock.advance(LATER_MS);
    let name = format!("somebody-{}", world.app.clock.now().0);
    let somebody = world.user(&name).await;
    conversation::create(&world.app, &somebody, creation(None)).await.unwrap();
}

fn told<T>(repaired: Repaired<T>) -> T {
    match repaired {
        Repaired::Missed(missed) => missed,
        Repaired::Reset(_) => panic!("a reset"),
    }
}

fn is_reset<T>(repaired: &Repaired<T>) -> bool {
    matches!(repaired, Repaired::Reset(_))
}

fn ids(synced: &Synced) -> Vec<ConversationId> {
    synced.conversations.iter().map(|it| it.id).collect()
}

/// `(seq, text)`; a tombstone has none.
fn texts(entries: &[Entry]) -> Vec<(i64, Option<String>)> {
    let text = |entry: &Entry| match entry {
        Entry::Message(message) => (message.seq, Some(message.content.clone())),
        Entry::Tombstone(tombstone) => (tombstone.seq, None),
    };
    entries.iter().map(text).collect()
}

fn seqs(entries: &[Entry]) -> Vec<i64> {
    texts(entries).into_iter().map(|(seq, _)| seq).collect()
}

fn changes() -> ConversationChanges {
    ConversationChanges { status: None, priority: None, tags: None, assigned_to: None }
}

#[tokio::test]
async fn join_brings_what_was_missed_edited_deleted_and_read() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut sent = Vec::new();
    for n in 1..=4 {
        sent.push(world.say(&ada, id, &format!("message {n}")).await.id);
    }
    world.app.clock.advance(LATER_MS);
    world.say(&ada, id, "what bob heard last").await;
    let first = join(&world, &bob, id, Some(0), None).await;
    assert_eq!((first.last_seq, seqs(&first.messages)), (5, vec![1, 2, 3, 4, 5]));
    assert!(first.changed.is_empty() && !first.truncated);

    world.app.clock.advance(LATER_MS);
    message::edit(&world.app, &ada, sent[1], "edited".to_owned()).await.unwrap();
    message::delete(&world.app, &ada, sent[2]).await.unwrap();
    world.say(&ada, id, "missed").await;
    let gone = world.say(&ada, id, "missed and deleted").await;
    message::delete(&world.app, &ada, gone.id).await.unwrap();
    let back = join(&world, &bob, id, Some(5), Some(&first.cursor)).await;
    assert_eq!(back.last_seq, 7);
    assert_eq!(texts(&back.messages), [(6, Some("missed".to_owned())), (7, None)]);
    assert_eq!(texts(&back.changed), [(2, Some("edited".to_owned())), (3, None)]);

    stir(&world).await;
    let next = join(&world, &bob, id, Some(7), Some(&back.cursor)).await;
    world.app.clock.advance(LATER_MS);
    let up_to = ReadUpTo::Message(sent[0]);
    message::mark_read(&world.app, &bob, up_to, None).await.unwrap();
    let next = join(&world, &ada, id, Some(7), Some(&next.cursor)).await;
    let [Entry::Message(read)] = &next.changed[..] else { panic!("{:?}", next.changed) };
    assert_eq!((read.seq, read.metadata.read_by[0].user_id), (1, bob.user_id));
    let again = join(&world, &ada, id, Some(7), Some(&next.cursor)).await;
    assert_eq!(again.changed, next.changed, "within the margin behind the newest change");
    stir(&world).await;
    let settled = join(&world, &ada, id, Some(7), Some(&again.cursor)).await;
    let quiet = join(&world, &ada, id, Some(7), Some(&settled.cursor)).await;
    assert!(quiet.changed.is_empty() && quiet.messages.is_empty(), "{quiet:?}");
}

#[tokio::test]
async fn bare_join_brings_the_place_and_a_cursor_and_nothing_else() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let id = world.between(&ada, &bob).await;
    world.say(&ada, id, "hello").await;
    let joined = join(&world, &bob, id, None, None).await;
    assert_eq!(joined.last_seq, 1);
    assert!(joined.messages.is_empty() && joined.changed.is_empty() && !joined.truncated);
    assert_eq!(joined.epoch, world.app.store.epoch());
    let nowhere = ConversationId(ObjectId::from_bytes([7; 12]));
    for place in [id, nowhere] {
        let refused = try_join(&world, &eve, place, Some(0), None).await;
        assert_eq!(kind(refused), Kind::NotFound);
    }
}

#[tokio::test]
async fn too_much_for_one_answer_is_told_in_several() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let cursor = join(&world, &bob, id, None, None).await.cursor;
    world.app.clock.advance(LATER_MS);
    let mut sent = Vec::new();
    for n in 0..MISSED_LEN_MAX + 50 {
        sent.push(world.say(&ada, id, &format!("message {n}")).await.id);
    }
    let (mut last, mut answers, mut heard) = (0, 0, Vec::new());
    loop {
        let joined = join(&world, &bob, id, Some(last), Some(&cursor)).await;
        heard.extend(seqs(&joined.messages));
        last = heard.last().copied().unwrap_or(0);
        answers += 1;
        if !joined.truncated {
            break;
        }
    }
    assert_eq!((answers, heard.len()), (2, sent.len()));
    assert!(heard.is_sorted());

    let mut at = sync(&world, &bob, asking(None)).await.cursor;
    let mut edited = sent.clone();
    edited.truncate(CHANGED_LEN_MAX + 30);
    for id in &edited {
        world.app.clock.advance(LATER_MS / 100);
        message::edit(&world.app, &ada, *id, "edited".to_owned()).await.unwrap();
    }
    let named = Sync { conversations: vec![(id, last)], ..asking(Some(&at)) };
    let overwhelmed = repair::sync(&world.app, &bob, named).await.unwrap();
    assert!(is_reset(&overwhelmed), "more than one sync repairs");
    let mut changed = std::collections::BTreeSet::new();
    let mut answers = 0;
    loop {
        let joined = join(&world, &bob, id, Some(last), Some(&at)).await;
        changed.extend(seqs(&joined.changed));
        at = joined.cursor;
        answers += 1;
        if !joined.truncated {
            break;
        }
    }
    assert_eq!((answers, changed.len()), (2, edited.len()));
}

#[tokio::test]
async fn cursors_of_others_are_refused_and_old_ones_reset() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let (ann, ben) = (elsewhere.user("ann").await, elsewhere.user("ben").await);
    let id = world.between(&ada, &bob).await;
    let there = elsewhere.between(&ann, &ben).await;
    let foreign = join(&elsewhere, &ann, there, None, None).await.cursor;
    assert!(is_reset(&try_join(&world, &ada, id, Some(0), Some(&foreign)).await.unwrap()));
    let synced = repair::sync(&world.app, &ada, asking(Some(&foreign))).await.unwrap();
    assert!(is_reset(&synced));
    for text in ["nonsense", "MQ", "%"] {
        assert_eq!(kind(try_join(&world, &ada, id, None, Some(text)).await), Kind::Invalid);
        let refused = repair::sync(&world.app, &ada, asking(Some(text))).await;
        assert_eq!(kind(refused), Kind::Invalid);
    }

    let cursor = sync(&world, &ada, asking(None)).await.cursor;
    world.app.clock.advance(CURSOR_AGE_MS_MAX);
    let month = sync(&world, &ada, asking(Some(&cursor))).await;
    world.app.clock.advance(1);
    assert!(is_reset(&repair::sync(&world.app, &ada, asking(Some(&cursor))).await.unwrap()));
    assert!(is_reset(&try_join(&world, &ada, id, None, Some(&cursor)).await.unwrap()));
    // Nothing happened in between, but who asked in time is not sent away.
    assert_eq!(ids(&sync(&world, &ada, asking(Some(&month.cursor))).await), [id]);
}

#[tokio::test]
async fn sync_tells_of_every_kind_of_change_and_of_nothing_else() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.agent("eve").await);
    let id = world.between(&ada, &bob).await;
    let quiet = world.between(&ada, &eve).await;
    let sent = world.say(&ada, id, "one").await;
    let all = sync(&world, &ada, asking(None)).await;
    assert_eq!(ids(&all), [quiet, id], "the lately changed last");
    let app = &world.app;
    for step in 0..8 {
        // What changed within the margin is told again, so let something newer change elsewhere.
        stir(&world).await;
        let before = sync(&world, &ada, asking(Some(&all.cursor))).await.cursor;
        assert_eq!(ids(&sync(&world, &ada, asking(Some(&before))).await), [], "before step {step}");
        let staff = |changes| conversation::update(app, &eve, id, changes);
        match step {
            0 => drop(world.say(&bob, id, "two").await),
            1 => drop(message::edit(app, &ada, sent.id, "edited".into()).await.unwrap()),
            2 => message::delete(app, &ada, sent.id).await.unwrap(),
            3 => message::mark_read(app, &ada, ReadUpTo::Message(sent.id), None).await.unwrap(),
            4 => {
                let status = Some(ConversationStatus::Resolved);
                drop(staff(ConversationChanges { status, ..changes() }).await.unwrap());
            }
            5 => {
                let priority = Some(Priority::Urgent);
                drop(staff(ConversationChanges { priority, ..changes() }).await.unwrap());
            }
            6 => {
                let tags = Some(vec!["late".to_owned()]);
                drop(staff(ConversationChanges { tags, ..changes() }).await.unwrap());
            }
            _ => drop(conversation::assign(app, &eve, id, Some(eve.user_id)).await.unwrap()),
        }
        let after = sync(&world, &ada, asking(Some(&before))).await;
        assert_eq!(ids(&after), [id], "step {step}");
        assert!(!after.truncated && after.messages.is_empty());
    }
}

#[tokio::test]
async fn staff_hear_of_what_left_the_queue_and_their_desk() {
    let world = World::new().await;
    let (ada, eve, max) =
        (world.user("ada").await, world.agent("eve").await, world.agent("max").await);
    let queued = async || {
        let created = conversation::create(&world.app, &ada, creation(None)).await.unwrap();
        created.conversation.id
    };
    let (claimed, waiting) = (queued().await, queued().await);
    let asking = |scope, cursor: Option<&str>| Sync { scope: Some(scope), ..asking(cursor) };
    let queue = sync(&world, &max, asking(Scope::Unassigned, None)).await;
    assert_eq!(ids(&queue), [claimed, waiting]);
    assert_eq!(ids(&sync(&world, &max, asking(Scope::Mine, None)).await), []);

    let assign = async |by: &Caller, id, agent: &Caller| {
        world.app.clock.advance(LATER_MS);
        conversation::assign(&world.app, by, id, Some(agent.user_id)).await.unwrap();
    };
    assign(&eve, claimed, &eve).await;
    let cursor = sync(&world, &max, asking(Scope::All, Some(&queue.cursor))).await.cursor;
    let left = sync(&world, &max, asking(Scope::Unassigned, Some(&queue.cursor))).await;
    assert_eq!(ids(&left), [waiting, claimed], "also what is claimed by now");
    assert_eq!(ids(&sync(&world, &max, asking(Scope::Mine, Some(&cursor))).await), []);
    assert_eq!(ids(&sync(&world, &eve, asking(Scope::Mine, Some(&cursor))).await), [claimed]);

    assign(&eve, claimed, &max).await;
    assign(&max, claimed, &eve).await;
    let desk = sync(&world, &max, asking(Scope::Mine, Some(&cursor))).await;
    assert_eq!(ids(&desk), [claimed], "it was mine while I was away");
    for scope in [Scope::All, Scope::Unassigned] {
        let refused = repair::sync(&world.app, &ada, asking(scope, None)).await;
        assert_eq!(kind(refused), Kind::Forbidden);
    }
}

#[tokio::test]
async fn named_conversations_bring_their_messages_and_others_are_silently_absent() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let (mine, theirs) = (world.between(&ada, &bob).await, world.between(&bob, &eve).await);
    let first = world.say(&ada, mine, "one").await;
    world.say(&eve, theirs, "secret").await;
    let cursor = sync(&world, &ada, asking(None)).await.cursor;
    world.app.clock.advance(LATER_MS);
    message::edit(&world.app, &ada, first.id, "edited".to_owned()).await.unwrap();
    world.say(&bob, mine, "two").await;
    let nowhere = ConversationId(ObjectId::from_bytes([7; 12]));
    let naming = |ids: &[ConversationId]| Sync {
        conversations: ids.iter().map(|id| (*id, i64::from(*id == mine))).collect(),
        ..asking(Some(&cursor))
    };
    let synced = sync(&world, &ada, naming(&[mine, theirs, nowhere])).await;
    assert_eq!(
        texts(&synced.messages),
        [(1, Some("edited".to_owned())), (2, Some("two".to_owned()))]
    );
    assert_eq!(ids(&synced), [mine]);
    let hidden = sync(&world, &ada, naming(&[theirs])).await;
    assert_eq!(hidden, sync(&world, &ada, naming(&[nowhere])).await, "as if it did not exist");
    assert_eq!(hidden, sync(&world, &ada, naming(&[])).await);
}

#[tokio::test]
async fn many_changes_come_page_by_page_each_once() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let eve = world.agent("eve").await;
    let mut all = Vec::new();
    for _ in 0..=2 * CONVERSATIONS_LEN_MAX {
        let created = conversation::create(&world.app, &ada, creation(None)).await.unwrap();
        all.push(created.conversation.id);
        world.app.clock.advance(1_000);
    }
    for caller in [&ada, &eve] {
        let scope = caller.is_staff().then_some(Scope::All);
        let (mut cursor, mut found, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = sync(&world, caller, Sync { scope, ..asking(cursor.as_deref()) }).await;
            found.extend(ids(&page));
            cursor = Some(page.cursor);
            pages += 1;
            if !page.truncated {
                break;
            }
        }
        assert_eq!((pages, &found), (3, &all));
        let rest = sync(&world, caller, Sync { scope, ..asking(cursor.as_deref()) }).await;
        // The margin, and the second in which the newest was made.
        assert_eq!(rest.conversations.len(), 30);
    }
}

#[tokio::test]
async fn missed_messages_of_many_conversations_come_in_several_answers() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut have = Vec::new();
    for n in 0..3 {
        let other = world.user(&format!("other-{n}")).await;
        let id = world.between(&ada, &other).await;
        for _ in 0..MISSED_LEN_MAX / 2 {
            world.say(&other, id, "hello").await;
        }
        have.push((id, 0));
    }
    let (mut cursor, mut answers) = (None, 0);
    loop {
        let asked = Sync { conversations: have.clone(), ..asking(cursor.as_deref()) };
        let answer = sync(&world, &ada, asked).await;
        for entry in &answer.messages {
            let Entry::Message(message) = entry else { panic!("nothing was deleted") };
            let known = have.iter_mut().find(|(id, _)| *id == message.conversation_id).unwrap();
            assert_eq!(message.seq, known.1 + 1, "in order, and without a hole");
            known.1 = message.seq;
        }
        assert!(answer.messages.len() <= MISSED_LEN_MAX);
        cursor = Some(answer.cursor);
        answers += 1;
        if !answer.truncated {
            break;
        }
    }
    assert_eq!(answers, 2);
    assert!(have.iter().all(|(_, seq)| *seq == 100));
}

#[tokio::test]
async fn one_cursor_for_everything_misses_nothing_elsewhere() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let (one, other) = (world.between(&ada, &bob).await, world.between(&ada, &eve).await);
    let cursor = sync(&world, &ada, asking(None)).await.cursor;
    world.app.clock.advance(LATER_MS);
    world.say(&eve, other, "missed").await;
    world.app.clock.advance(LATER_MS);
    world.say(&bob, one, "missed too").await;
    let joined = join(&world, &ada, one, Some(0), Some(&cursor)).await;
    let synced = sync(&world, &ada, asking(Some(&joined.cursor))).await;
    assert_eq!(ids(&synced), [other, one]);
}

#[tokio::test]
async fn creator_who_takes_no_part_is_told_too() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let id = ConversationId(world.app.clock.object_id());
    let mut old = Conversation::new(id, ada.user_id, START);
    old.participants = vec![bob.user_id, eve.user_id];
    old.stamp = START.0 * 1_000;
    let document = old.encode_new();
    let insert = Insert { collection: Collection::Conversations, document, follow_ups: Vec::new() };
    world.app.store.insert(insert).await.unwrap();
    for caller in [&ada, &bob, &eve] {
        assert_eq!(ids(&sync(&world, caller, asking(None)).await), [id]);
    }
}

#[tokio::test]
async fn change_that_was_stored_late_is_stamped_again() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let sent = world.say(&ada, id, "one").await;
    world.app.clock.hurry(MARGIN_MS);
    message::edit(&world.app, &ada, sent.id, "edited".to_owned()).await.unwrap();
    let stored = world.app.store.get(Collection::Messages, &api::store::bson_id(sent.id.0)).await;
    let stored = api::domain::Message::decode(&stored.unwrap().unwrap()).unwrap();
    let edited_us = stored.edited_at.unwrap().0 * 1_000;
    assert!(stored.change_stamp > edited_us + MARGIN_MS * 1_000 / 3, "{stored:?}");
    assert!(stored.stamp == stored.change_stamp);
}

#[tokio::test]
async fn caller_who_has_messages_that_are_not_there_starts_from_the_lists() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let seq = world.say(&ada, id, "one").await.seq;
    for (last_seq, is_lost) in [(seq, false), (seq + 1, true)] {
        let joined = try_join(&world, &bob, id, Some(last_seq), None).await.unwrap();
        assert_eq!(is_reset(&joined), is_lost, "{last_seq}");
        let request = Sync { conversations: vec![(id, last_seq)], ..asking(None) };
        let synced = repair::sync(&world.app, &bob, request).await.unwrap();
        assert_eq!(is_reset(&synced), is_lost, "{last_seq}");
    }
}
