//! Lists in which odd documents stand.

use api::auth::Caller;
use api::service::{account, conversation, message};
use api::store::{Collection, bson_id};
use bson::{Bson, doc};
use protocol::id::{ConversationId, UserId};
use protocol::rest::request::{ListConversations, ListUsers, Page};
use protocol::rest::resource::Role;

use super::super::world::{World, page};
use super::{account as person, at, conversation_of, id, message_of, synced};

pub(super) fn request(limit: u32, cursor: Option<String>) -> ListConversations {
    ListConversations {
        page: Page { page: 1, limit, cursor },
        status: Vec::new(),
        priority: None,
        assigned_to: None,
        tag: None,
        scope: None,
    }
}

/// Every conversation that the caller's list leads to.
async fn walked(world: &World, caller: &Caller, limit: u32) -> Vec<ConversationId> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = conversation::list(&world.app, caller, request(limit, cursor)).await.unwrap();
        found.extend(page.conversations.iter().map(|it| it.id));
        assert!(found.len() <= 1_000, "the list does not end");
        cursor = page.pagination.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn a_newest_message_of_another_conversation_is_not_shown() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let elsewhere = world.between(&ada, &eve).await;
    let secret = world.say(&eve, elsewhere, "for ada alone").await;
    let mut document = conversation_of(bson_id(id(100)), &[&bob, &ada]);
    document.insert("lastMessage", bson_id(secret.id.0));
    world.put(Collection::Conversations, document).await;
    let listed = conversation::list(&world.app, &bob, request(20, None)).await.unwrap();
    assert_eq!(listed.conversations.len(), 1);
    assert_eq!(listed.conversations[0].last_message, None);
}

#[tokio::test]
async fn a_list_of_conversations_without_activity_ends() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    // More than are read at once.
    for number in 0..=220 {
        let mut document = conversation_of(bson_id(id(number)), &[&ada, &bob]);
        document.remove("lastMessageAt");
        if number % 2 == 0 {
            document.insert("lastMessageAt", Bson::Null);
        }
        world.put(Collection::Conversations, document).await;
    }
    for limit in [100, 7] {
        let mut found = walked(&world, &ada, limit).await;
        found.sort_unstable();
        let all: Vec<_> = (0..=220).map(|number| ConversationId(id(number))).collect();
        assert_eq!(found, all);
    }
}

#[tokio::test]
async fn documents_that_cannot_be_read_take_no_list_away() {
    let world = World::new().await;
    let (ada, bob, boss) =
        (world.user("ada").await, world.user("bob").await, world.person("boss", Role::Admin).await);
    let place = ConversationId(id(100));
    world.put(Collection::Conversations, conversation_of(bson_id(place.0), &[&ada, &bob])).await;
    // More than are read at once.
    for number in 0..220 {
        let mut document = conversation_of(format!("handmade {number:03}"), &[&ada, &bob]);
        document.insert("lastMessageAt", at(10));
        world.put(Collection::Conversations, document).await;
    }
    world.put(Collection::Messages, message_of(1, place, &ada, 1)).await;
    for seq in 2..30 {
        let mut document = message_of(0, place, &ada, seq);
        document.insert("_id", format!("handmade {seq}"));
        world.put(Collection::Messages, document).await;
    }
    let mut handmade = person(0, "user");
    handmade.extend(doc! { "_id": "handmade", "email": "aaa@example.com" });
    world.put(Collection::Users, handmade).await;
    assert_eq!(walked(&world, &ada, 20).await, [place]);
    let shown = message::list(&world.app, &bob, place, page(1, 5)).await.unwrap().messages;
    assert_eq!(shown.iter().map(|it| it.seq).collect::<Vec<_>>(), [1]);
    for caller in [&ada, &boss] {
        let synced = synced(&world, caller, None).await;
        assert!(!synced.truncated);
        assert_eq!(synced.conversations.len(), usize::from(caller.role == Role::User));
    }
    let people = ListUsers {
        page: Page { page: 1, limit: 20, cursor: None },
        role: None,
        status: None,
        query: None,
    };
    assert_eq!(account::list(&world.app, &boss, people).await.unwrap().users.len(), 3);
}

#[tokio::test]
async fn a_list_of_people_passes_an_address_that_is_no_text() {
    let world = World::new().await;
    let boss = world.person("boss", Role::Admin).await;
    let addresses = [Bson::Null, 7.into(), "a@b.co".into(), true.into(), at(1)];
    for (number, address) in (1..).zip(addresses) {
        let mut document = person(number, "user");
        document.insert("email", address);
        world.put(Collection::Users, document).await;
    }
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = Page { page: 1, limit: 1, cursor };
        let request = ListUsers { page, role: None, status: None, query: None };
        let page = account::list(&world.app, &boss, request).await.unwrap();
        found.extend(page.users.iter().map(|it| it.id));
        assert!(found.len() <= 6, "the list does not end");
        cursor = page.pagination.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected = [id(1), id(2), id(3), boss.user_id.0, id(4), id(5)];
    assert_eq!(found, expected.map(UserId));
}
