//! Messages: editing, deleting, paging; and what nobody may see of it.

use api::error::Kind;
use api::service::message;
use protocol::event::ServerEvent;
use protocol::rest::request::{ListMessages, Page};
use protocol::rest::resource::Reference;
use protocol::room::Room;

use super::world::{World, kind, page};

#[tokio::test]
async fn message_carries_its_sender_and_goes_to_its_conversation() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut ear = world.listen();
    let sent = world.say(&ada, id, "hello").await;
    assert_eq!((sent.seq, sent.kind.as_str()), (1, "text"));
    assert!(matches!(&sent.sender_id, Reference::Full(sender) if sender.name == "ada"));
    let envelope = ear.only();
    assert_eq!(envelope.rooms[..], [Room::Conversation(id)]);
    assert_eq!(envelope.except, None, "the sender's own sockets hear it too");
    assert!(matches!(&envelope.event, ServerEvent::NewMessage(event) if event.message == sent));
    assert_eq!(world.history(&bob, id).await, std::slice::from_ref(&sent));
    let conversation = world.conversation(&bob, id).await;
    assert_eq!(conversation.last_message, Some(Reference::Id(sent.id)));
    assert_eq!(conversation.last_message_at, sent.created_at);
}

#[tokio::test]
async fn earlier_texts_are_kept_for_the_sender_and_staff_and_end_at_twenty() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.agent("eve").await);
    let id = world.between(&ada, &bob).await;
    let first = world.say(&ada, id, "text 0").await;
    let mut ear = world.listen();
    for n in 1..=message::EDITS_KEPT_MAX + 2 {
        let edited = message::edit(&world.app, &ada, first.id, format!("text {n}")).await.unwrap();
        assert_eq!(edited.content, format!("text {n}"));
        assert!(edited.metadata.is_edited && edited.metadata.edited_at.is_some());
        let expected = n.min(message::EDITS_KEPT_MAX);
        assert_eq!(edited.metadata.edit_history.len(), expected);
        assert_eq!(edited.metadata.edit_history[expected - 1].content, format!("text {}", n - 1));
    }
    for envelope in ear.heard() {
        assert!(matches!(&envelope.event, ServerEvent::MessageEdited(event)
            if event.message_id == first.id && event.conversation_id == id));
    }
    assert!(world.history(&bob, id).await[0].metadata.edit_history.is_empty());
    assert_eq!(world.history(&eve, id).await[0].metadata.edit_history.len(), 20);
}

#[tokio::test]
async fn deleted_text_is_nowhere_and_the_conversation_shows_what_is_left() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let one = world.say(&ada, id, "one").await;
    let two = world.say(&ada, id, "secret two").await;
    message::edit(&world.app, &ada, two.id, "secret three".to_owned()).await.unwrap();
    let mut ear = world.listen();
    message::delete(&world.app, &ada, two.id).await.unwrap();
    assert!(matches!(&ear.only().event, ServerEvent::MessageDeleted(event)
        if event.message_id == two.id && event.deleted_by == ada.user_id));
    let conversation = world.conversation(&bob, id).await;
    assert_eq!(conversation.last_message, Some(Reference::Id(one.id)));
    assert_eq!(conversation.last_seq, 2, "its place stays");
    for caller in [&ada, &bob] {
        assert_eq!(world.history(caller, id).await.len(), 1);
        let request = ListMessages { after_seq: Some(0), ..page(1, 10) };
        let by_place = message::list(&world.app, caller, id, request).await.unwrap().messages;
        assert_eq!(by_place.len(), 2);
        assert!(by_place[1].is_deleted);
        assert!(!serde_json::to_string(&by_place).unwrap().contains("secret"));
    }
    let edit = message::edit(&world.app, &ada, two.id, "again".to_owned()).await;
    assert_eq!(kind(edit), Kind::NotFound);
    message::delete(&world.app, &ada, one.id).await.unwrap();
    assert_eq!(world.conversation(&bob, id).await.last_message, None);
}

/// A conversation of twelve messages, of which 4, 9 and 11 are deleted.
async fn twelve(world: &World) -> (api::auth::Caller, protocol::id::ConversationId) {
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    for n in 1..=12_i64 {
        world.app.clock.advance(1_000);
        let sent = world.say(&ada, id, &format!("message {n}")).await;
        if [4, 9, 11].contains(&n) {
            message::delete(&world.app, &ada, sent.id).await.unwrap();
        }
    }
    (ada, id)
}

#[tokio::test]
async fn pages_go_from_the_newest_back_without_the_deleted() {
    let world = World::new().await;
    let (ada, id) = twelve(&world).await;
    let mut cursor = None;
    for (number, expected) in [(1, &[6, 7, 8, 10, 12][..]), (2, &[1, 2, 3, 5]), (3, &[])] {
        let by_page = message::list(&world.app, &ada, id, page(number, 5)).await.unwrap();
        let seqs: Vec<_> = by_page.messages.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, expected, "page {number}");
        assert_eq!((by_page.pagination.total, by_page.pagination.pages), (9, 2));
        if number < 3 {
            let page = Page { page: 1, limit: 5, cursor };
            let request = ListMessages { page, ..super::world::page(1, 5) };
            let by_cursor = message::list(&world.app, &ada, id, request).await.unwrap();
            assert_eq!(by_cursor.messages, by_page.messages);
            cursor = by_cursor.pagination.next_cursor;
        }
    }
    assert_eq!(cursor, None, "the last page has no next one");
}

#[tokio::test]
async fn moment_narrows_the_pages_and_their_count() {
    let world = World::new().await;
    let (ada, id) = twelve(&world).await;
    let eighth = world.history(&ada, id).await.into_iter().find(|it| it.seq == 8).unwrap();
    let request = ListMessages { before: Some(eighth.created_at), ..page(1, 3) };
    let before = message::list(&world.app, &ada, id, request).await.unwrap();
    let seqs: Vec<_> = before.messages.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, [5, 6, 7]);
    assert_eq!(before.pagination.total, 6);
}

#[tokio::test]
async fn places_bound_a_walk_in_both_directions() {
    let world = World::new().await;
    let (ada, id) = twelve(&world).await;
    for (after_seq, before_seq, expected) in [
        (Some(7), None, &[8, 9, 10][..]),
        (Some(11), None, &[12]),
        (Some(12), None, &[]),
        (None, Some(5), &[2, 3, 4]),
        (None, Some(0), &[]),
        (None, Some(i64::MAX), &[10, 11, 12]),
        (Some(3), Some(6), &[4, 5]),
        (Some(i64::MAX), Some(i64::MAX), &[]),
    ] {
        let request = ListMessages { after_seq, before_seq, ..page(1, 3) };
        let found = message::list(&world.app, &ada, id, request).await.unwrap();
        let seqs: Vec<_> = found.messages.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, expected, "{after_seq:?} {before_seq:?}");
    }
}
