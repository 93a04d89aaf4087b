//! Lists of conversations.

use api::auth::Caller;
use api::error::Kind;
use api::service::conversation::{self, ConversationPage};
use api::service::message;
use protocol::event::client::ReadUpTo;
use protocol::id::ConversationId;
use protocol::rest::request::{ConversationChanges, CreateConversation, ListConversations, Page};
use protocol::rest::resource::Reference;
use protocol::rest::word::{ConversationStatus, Priority, Scope};

use super::world::{World, creation, kind};

fn request() -> ListConversations {
    ListConversations {
        page: Page { page: 1, limit: 20, cursor: None },
        status: Vec::new(),
        priority: None,
        assigned_to: None,
        tag: None,
        scope: None,
    }
}

async fn list(world: &World, caller: &Caller, request: ListConversations) -> ConversationPage {
    conversation::list(&world.app, caller, request).await.unwrap()
}

fn ids(page: &ConversationPage) -> Vec<ConversationId> {
    page.conversations.iter().map(|it| it.id).collect()
}

/// A conversation in the queue.
async fn queue(world: &World, caller: &Caller, priority: Priority, tag: &str) -> ConversationId {
    world.app.clock.advance(1_000);
    let request = CreateConversation { priority, tags: vec![tag.to_owned()], ..creation(None) };
    conversation::create(&world.app, caller, request).await.unwrap().conversation.id
}

#[tokio::test]
async fn lately_active_comes_first_with_its_newest_message_and_unread_count() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.agent("eve").await);
    let first = world.between(&ada, &bob).await;
    world.app.clock.advance(1_000);
    let second = world.between(&ada, &eve).await;
    assert_eq!(ids(&list(&world, &ada, request()).await), [second, first]);
    world.app.clock.advance(1_000);
    let sent = world.say(&bob, first, "hello").await;
    let page = list(&world, &ada, request()).await;
    assert_eq!(ids(&page), [first, second]);
    let top = &page.conversations[0];
    assert_eq!((top.unread_count, top.last_seq), (Some(1), 1));
    assert!(matches!(&top.last_message, Some(Reference::Full(message))
        if message.id == sent.id && message.sender_id == Reference::Id(bob.user_id)));
    assert_eq!(page.conversations[1].unread_count, Some(0));
    message::delete(&world.app, &bob, sent.id).await.unwrap();
    let page = list(&world, &ada, request()).await;
    assert_eq!(page.conversations[0].last_message, None);
}

#[tokio::test]
async fn everybody_lists_its_own_and_staff_all_and_the_queue() {
    let world = World::new().await;
    let (ada, bob, eve, joe) = (
        world.user("ada").await,
        world.user("bob").await,
        world.agent("eve").await,
        world.agent("joe").await,
    );
    let direct = world.between(&ada, &bob).await;
    let free = queue(&world, &ada, Priority::Medium, "x").await;
    let taken = queue(&world, &bob, Priority::Medium, "x").await;
    conversation::assign(&world.app, &eve, taken, Some(eve.user_id)).await.unwrap();
    let scoped = |scope| ListConversations { scope, ..request() };
    for (caller, scope, expected) in [
        (&ada, None, &[free, direct][..]),
        (&bob, Some(Scope::Mine), &[taken, direct]),
        (&eve, None, &[taken]),
        (&eve, Some(Scope::Mine), &[taken]),
        (&joe, None, &[]),
        (&joe, Some(Scope::All), &[taken, free, direct]),
        (&joe, Some(Scope::Unassigned), &[free, direct]),
    ] {
        let page = list(&world, caller, scoped(scope)).await;
        assert_eq!(ids(&page), expected, "{} {scope:?}", caller.name);
        assert_eq!(page.pagination.total, expected.len() as u64, "{} {scope:?}", caller.name);
    }
    for scope in [Scope::All, Scope::Unassigned] {
        let refused = conversation::list(&world.app, &ada, scoped(Some(scope))).await;
        assert_eq!(kind(refused), Kind::Forbidden);
    }
}

/// What somebody takes part in, holds, or both, on pages that show less than there is.
#[tokio::test]
async fn a_total_counts_what_is_ones_own_in_several_ways_once() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.agent("eve").await);
    world.between(&ada, &eve).await;
    for holds in [false, true, true] {
        let id = queue(&world, &ada, Priority::Medium, "x").await;
        if holds {
            conversation::assign(&world.app, &eve, id, Some(eve.user_id)).await.unwrap();
        }
    }
    let own = queue(&world, &eve, Priority::Medium, "x").await;
    conversation::assign(&world.app, &eve, own, Some(eve.user_id)).await.unwrap();
    conversation::close(&world.app, &eve, own).await.unwrap();
    for (caller, status, expected) in [
        (&ada, &[][..], 4),
        (&eve, &[], 4),
        (&eve, &["closed"], 1),
        (&eve, &["open"], 1),
        (&eve, &["open", "pending", "open"], 3),
        (&eve, &["closed", "open", "pending"], 4),
    ] {
        let page = Page { page: 1, limit: 1, cursor: None };
        let status = status.iter().map(|&it: &&str| it.to_owned()).collect();
        let page = list(&world, caller, ListConversations { page, status, ..request() }).await;
        assert_eq!(page.pagination.total, expected, "{}", caller.name);
        assert_eq!(page.conversations.len(), 1, "{}", caller.name);
    }
}

#[tokio::test]
async fn filters_narrow_every_scope_and_unknown_states_match_nothing() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.agent("eve").await);
    let urgent = queue(&world, &ada, Priority::Urgent, "billing").await;
    let low = queue(&world, &ada, Priority::Low, "billing").await;
    let other = queue(&world, &ada, Priority::Low, "other").await;
    let resolve = ConversationChanges {
        status: Some(ConversationStatus::Resolved),
        ..ConversationChanges::default()
    };
    conversation::update(&world.app, &ada, low, resolve).await.unwrap();
    conversation::assign(&world.app, &eve, other, Some(eve.user_id)).await.unwrap();
    let status = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    for (caller, scope) in [(&ada, None), (&eve, Some(Scope::All))] {
        let with = |narrowed: ListConversations| ListConversations { scope, ..narrowed };
        for (narrowed, expected) in [
            (ListConversations { status: status(&["resolved"]), ..request() }, &[low][..]),
            (
                ListConversations { status: status(&["open", "pending"]), ..request() },
                &[other, urgent],
            ),
            (ListConversations { status: status(&["bogus"]), ..request() }, &[]),
            (ListConversations { priority: Some(Priority::Low), ..request() }, &[other, low]),
            (ListConversations { tag: Some("billing".to_owned()), ..request() }, &[low, urgent]),
            (ListConversations { assigned_to: Some(eve.user_id), ..request() }, &[other]),
        ] {
            let page = list(&world, caller, with(narrowed.clone())).await;
            assert_eq!(ids(&page), expected, "{} {narrowed:?}", caller.name);
            assert_eq!(page.pagination.total, expected.len() as u64);
        }
    }
}

#[tokio::test]
async fn pages_and_cursors_walk_the_same_list() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.agent("eve").await);
    let mut all = Vec::new();
    for n in 0..7 {
        // The first four share a moment: their ids decide.
        if n >= 4 {
            world.app.clock.advance(1_000);
        }
        let created = conversation::create(&world.app, &ada, creation(None)).await.unwrap();
        all.insert(0, created.conversation.id);
    }
    for (caller, scope) in [(&ada, None), (&eve, Some(Scope::All)), (&eve, Some(Scope::Unassigned))]
    {
        let mut cursor = None;
        for (number, expected) in [(1, &all[..3]), (2, &all[3..6]), (3, &all[6..])] {
            let page = Page { page: number, limit: 3, cursor: None };
            let by_page =
                list(&world, caller, ListConversations { page, scope, ..request() }).await;
            assert_eq!(ids(&by_page), expected);
            assert_eq!((by_page.pagination.total, by_page.pagination.pages), (7, 3));
            let page = Page { page: 1, limit: 3, cursor: cursor.take() };
            let by_cursor =
                list(&world, caller, ListConversations { page, scope, ..request() }).await;
            assert_eq!(ids(&by_cursor), expected);
            assert_eq!(by_cursor.pagination.total, 7);
            cursor = by_cursor.pagination.next_cursor;
        }
        assert_eq!(cursor, None);
    }
}

#[tokio::test]
async fn every_conversation_of_a_page_has_its_own_count() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut expected = Vec::new();
    for number in 0..8_i64 {
        world.app.clock.advance(1_000);
        let created = conversation::create(&world.app, &ada, creation(None)).await.unwrap();
        let id = created.conversation.id;
        let agent = world.agent(&format!("agent {number}")).await;
        // Of the agent 1, 3 and 5, of the customer 2, 4 and 6.
        let mut sent = Vec::new();
        for n in 0..3 {
            sent.push((&agent, world.say(&agent, id, &format!("{n}")).await));
            sent.push((&ada, world.say(&ada, id, &format!("answer {n}")).await));
        }
        // The fifth is unread until everything is read, the sixth never was.
        for (sender, message) in
            [&sent[4], &sent[5]].into_iter().take(usize::try_from(number % 3).unwrap())
        {
            message::delete(&world.app, sender, message.id).await.unwrap();
        }
        let up_to = ReadUpTo::Place { conversation_id: id, seq: number };
        message::mark_read(&world.app, &ada, up_to, None).await.unwrap();
        let left = [1, 3, 5].into_iter().filter(|&seq| seq > number).count();
        let deleted = usize::from(number % 3 > 0 && number < 5);
        expected.push((id, Some(u32::try_from(left - deleted).unwrap())));
    }
    let page = list(&world, &ada, request()).await;
    let mut found: Vec<_> = page.conversations.iter().map(|it| (it.id, it.unread_count)).collect();
    found.reverse();
    assert_eq!(found, expected);
    for (id, unread) in found {
        assert_eq!(message::unread_count(&world.app, &ada, id).await.unwrap(), unread.unwrap());
    }
}
