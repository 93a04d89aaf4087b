//! The rules on a database of the original.

use api::service::{account, conversation, message};
use protocol::event::client::ReadUpTo;
use protocol::id::{ConversationId, MessageId, ObjectId, UserId};
use protocol::rest::request::{ListConversations, Page};

use super::sample::{self, Original, id};
use crate::service::world::{World, creation, credentials, page};

const ADA: u32 = 8;
const BOB: u32 = 9;

pub(super) fn ours(number: u32) -> ObjectId {
    ObjectId::from_bytes(id(number).bytes())
}

/// Two people with an open conversation, one with a state that nobody knows, and one that is closed.
async fn world() -> World {
    let original = Original::new().await;
    let users = vec![
        sample::user(ADA, "ada", "user", "invisible"),
        sample::user(BOB, "bob", "supervisor", "online"),
    ];
    original.write("users", users).await;
    let conversations = vec![
        sample::conversation(1, [ADA, BOB], "archived"),
        sample::conversation(2, [ADA, BOB], "open"),
        sample::conversation(3, [ADA, BOB], "closed"),
    ];
    original.write("conversations", conversations).await;
    let messages = (10..20).map(|n| {
        let readers: &[u32] = if n < 14 { &[BOB] } else { &[] };
        sample::message(n, 2, if n == 19 { BOB } else { ADA }, readers)
    });
    original.write("messages", messages.collect()).await;
    World::over(original.open().await).await
}

pub(super) fn all() -> ListConversations {
    ListConversations {
        page: Page { page: 1, limit: 20, cursor: None },
        status: Vec::new(),
        priority: None,
        assigned_to: None,
        tag: None,
        scope: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_the_passwords_they_had() {
    let world = world().await;
    let signed_in = account::login(&world.app, credentials("ada")).await.unwrap();
    let caller = world.caller(&signed_in.tokens.access_token).await;
    assert_eq!(caller.user_id, UserId(ours(ADA)));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_unread_counts_go_on_from_the_read_marks() {
    let world = world().await;
    let signed_in = account::login(&world.app, credentials("bob")).await.unwrap();
    let bob = world.caller(&signed_in.tokens.access_token).await;
    let listed = conversation::list(&world.app, &bob, all()).await.unwrap().conversations;
    let seen: Vec<_> = listed.iter().map(|it| (it.id.0, it.status.as_str())).collect();
    assert_eq!(seen, [(ours(2), "open"), (ours(3), "closed"), (ours(1), "archived")]);
    // 10 to 13 are read, 19 is his own.
    assert_eq!(listed[0].unread_count, Some(5));
    assert_eq!(listed[0].last_seq, 10);
    let id = ConversationId(ours(2));
    message::mark_read(&world.app, &bob, ReadUpTo::Message(MessageId(ours(18))), None)
        .await
        .unwrap();
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_marks_keep_the_ids_they_were_stored_with() {
    let world = world().await;
    let signed_in = account::login(&world.app, credentials("ada")).await.unwrap();
    let ada = world.caller(&signed_in.tokens.access_token).await;
    let history = world.history(&ada, ConversationId(ours(2))).await;
    let marks = &history[0].metadata.read_by;
    assert_eq!((marks.len(), marks[0].id.0), (1, ours(900_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_message_stands_behind_the_old_ones() {
    let world = world().await;
    let signed_in = account::login(&world.app, credentials("ada")).await.unwrap();
    let ada = world.caller(&signed_in.tokens.access_token).await;
    let id = ConversationId(ours(2));
    let sent = world.say(&ada, id, "still here").await;
    assert_eq!(sent.seq, 11);
    let history = world.history(&ada, id).await;
    let seqs: Vec<i64> = history.iter().map(|it| it.seq).collect();
    assert_eq!(seqs, (1..=11).collect::<Vec<i64>>());
    assert_eq!(history[0].content, "message 10");
    let newest = message::list(&world.app, &ada, id, page(1, 3)).await.unwrap();
    assert_eq!(newest.messages.len(), 3);
    assert_eq!(newest.pagination.total, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_conversation_of_two_people_is_found_again() {
    let world = world().await;
    let signed_in = account::login(&world.app, credentials("ada")).await.unwrap();
    let ada = world.caller(&signed_in.tokens.access_token).await;
    let request = creation(Some(UserId(ours(BOB))));
    let found = conversation::create(&world.app, &ada, request).await.unwrap();
    assert!(!found.is_new);
    assert_eq!(found.conversation.id, ConversationId(ours(2)));
}
