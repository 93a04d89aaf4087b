//! Messages of odd parts.

use api::error::Kind;
use api::service::{conversation, message};
use api::store::{Collection, bson_id};
use bson::{Bson, bson, doc};
use protocol::event::client::ReadUpTo;
use protocol::id::{ConversationId, MessageId, ObjectId, UserId};
use protocol::rest::reply::repair::Entry;
use protocol::rest::resource::Reference;

use super::super::world::{World, kind, page};
use super::{at, conversation_of, id, list, message_of, synced};

#[tokio::test]
async fn a_message_without_a_sender_belongs_to_nobody_and_takes_no_list_away() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.agent("eve").await);
    let place = world.between(&ada, &bob).await;
    let senders = [None, Some(Bson::Null), Some("ada".into()), Some(bson!([{}]))];
    for ((number, seq), sender) in (1..).zip(1..).zip(senders) {
        let mut document = message_of(number, place, &ada, seq);
        match sender {
            Some(sender) => drop(document.insert("senderId", sender)),
            None => drop(document.remove("senderId")),
        }
        world.put(Collection::Messages, document).await;
    }
    world.say(&ada, place, "hello").await;
    let history = world.history(&bob, place).await;
    assert_eq!(history.iter().map(|it| it.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let nobody = Reference::Id(UserId(ObjectId::from_bytes([0; 12])));
    assert!(history[..4].iter().all(|it| it.sender_id == nobody));
    assert_eq!(synced(&world, &ada, Some(place)).await.messages.len(), 5);
    let first = MessageId(id(1));
    message::mark_read(&world.app, &bob, ReadUpTo::Message(first), None).await.unwrap();
    let changed = "mine?".to_owned();
    for person in [&ada, &bob, &eve] {
        let refused = message::edit(&world.app, person, first, changed.clone()).await;
        assert_eq!(kind(refused), Kind::Forbidden);
    }
    assert_eq!(kind(message::delete(&world.app, &ada, first).await), Kind::Forbidden);
    message::delete(&world.app, &eve, first).await.unwrap();
}

#[tokio::test]
async fn a_message_without_a_conversation_is_not_found() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.agent("eve").await);
    let place = world.between(&ada, &eve).await;
    let places = [None, Some(Bson::Null), Some("here".into()), Some(7.into())];
    for (number, stored) in (1..).zip(places) {
        let mut document = message_of(number, place, &ada, i64::from(number));
        match stored {
            Some(stored) => drop(document.insert("conversationId", stored)),
            None => drop(document.remove("conversationId")),
        }
        world.put(Collection::Messages, document).await;
        let it = MessageId(id(number));
        for person in [&ada, &eve] {
            let edited = message::edit(&world.app, person, it, "changed".to_owned()).await;
            assert_eq!(kind(edited), Kind::NotFound);
            assert_eq!(kind(message::delete(&world.app, person, it).await), Kind::NotFound);
            let read = message::mark_read(&world.app, person, ReadUpTo::Message(it), None).await;
            assert_eq!(kind(read), Kind::NotFound);
        }
    }
}

#[tokio::test]
async fn whatever_marks_a_message_as_deleted_hides_it_everywhere() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let place = ConversationId(id(100));
    let mut document = conversation_of(bson_id(place.0), &[&ada, &bob]);
    document.insert("lastMessage", bson_id(id(7)));
    document.insert("lastSeq", 9_i64);
    world.put(Collection::Conversations, document).await;
    let marks: [Bson; 7] =
        [true.into(), 1.into(), 0.into(), "true".into(), "false".into(), at(1), bson!({})];
    for ((number, seq), mark) in (1..).zip(1..).zip(marks) {
        let mut document = message_of(number, place, &ada, seq);
        document.extend(doc! { "isDeleted": mark, "deletedAt": at(20), "changeStamp": 5_i64 });
        world.put(Collection::Messages, document).await;
    }
    for (number, mark) in [(8, Some(Bson::Null)), (9, None)] {
        let mut document = message_of(number, place, &ada, i64::from(number));
        match mark {
            Some(mark) => drop(document.insert("isDeleted", mark)),
            None => drop(document.remove("isDeleted")),
        }
        world.put(Collection::Messages, document).await;
    }
    let shown: Vec<_> = world.history(&bob, place).await.iter().map(|it| it.seq).collect();
    assert_eq!(shown, [8, 9]);
    assert_eq!(
        message::list(&world.app, &bob, place, page(1, 1)).await.unwrap().pagination.total,
        2
    );
    let tombstones = synced(&world, &bob, Some(place)).await.messages;
    let tombstones = tombstones.iter().filter(|it| matches!(it, Entry::Tombstone(_)));
    assert_eq!(tombstones.count(), 7);
    assert_eq!(message::unread_count(&world.app, &bob, place).await.unwrap(), 2);
    let listed = conversation::list(&world.app, &bob, list::request(20, None)).await.unwrap();
    assert_eq!(listed.conversations[0].last_message, None);
    for number in 1..8 {
        let it = MessageId(id(number));
        let edited = message::edit(&world.app, &ada, it, "changed".to_owned()).await;
        assert_eq!(kind(edited), Kind::NotFound);
        assert_eq!(kind(message::delete(&world.app, &ada, it).await), Kind::NotFound);
    }
}

#[tokio::test]
async fn a_size_that_is_no_number_of_bytes_is_left_out() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let place = world.between(&ada, &bob).await;
    let sizes = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    for ((number, seq), size) in (1..).zip(1..).zip(sizes) {
        let mut document = message_of(number, place, &ada, seq);
        document.insert("metadata", doc! { "fileName": "a", "fileSize": size });
        world.put(Collection::Messages, document).await;
    }
    for shown in world.history(&bob, place).await {
        assert_eq!(shown.metadata.client.file_size, None);
        assert_eq!(shown.metadata.client.file_name.as_deref(), Some("a"));
    }
}
