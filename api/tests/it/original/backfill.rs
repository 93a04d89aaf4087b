//! What a start adds to the original's documents.

use api::store::mongo::{Filled, Reach};
use bson::{Bson, Document, doc};

use super::sample::{Original, at, conversation, id, message};

fn read_up_to(conversation: &Document, reader: u32) -> Option<i64> {
    let cursors = conversation.get_document("readCursors").ok()?;
    cursors.get_document(id(reader).to_hex()).ok()?.get_i64("seq").ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_get_places_in_the_order_of_their_creation() {
    let original = Original::new().await;
    original.write("conversations", vec![conversation(1, [8, 9], "open")]).await;
    let mut messages: Vec<_> = (10..1_300).map(|n| message(n, 1, 8, &[])).collect();
    // The smallest id was created last; two were created at once.
    messages[0].insert("createdAt", at(9_000));
    messages[2].insert("createdAt", at(11));
    original.write("messages", messages).await;
    let filled = original.fill(Reach::Usual).await;
    assert_eq!(filled, Filled { conversations: 1, messages: 1_290 });
    let expected: Vec<_> = (1..).zip((11..1_300).chain([10])).collect();
    assert_eq!(original.places(1).await, expected);
    let conversation = original.one("conversations", 1).await;
    assert_eq!(conversation.get_i64("lastSeq").unwrap(), 1_290);
    assert!(conversation.get_i64("stamp").unwrap() >= 9_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn filling_again_adds_nothing() {
    let original = Original::new().await;
    let conversations = (1..40).map(|n| conversation(n, [8, 9], "archived")).collect();
    original.write("conversations", conversations).await;
    original.write("messages", (100..300).map(|n| message(n, n % 39 + 1, 8, &[9])).collect()).await;
    assert_eq!(original.fill(Reach::Usual).await.conversations, 39);
    let before = original.one("conversations", 7).await;
    for reach in [Reach::Usual, Reach::Whole] {
        assert_eq!(original.fill(reach).await, Filled::default());
    }
    assert_eq!(original.one("conversations", 7).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_cursors_come_from_the_newest_mark_of_each_person() {
    let original = Original::new().await;
    original.write("conversations", vec![conversation(1, [8, 9], "open")]).await;
    let messages = vec![
        message(10, 1, 8, &[9]),
        message(11, 1, 8, &[9, 7]),
        message(12, 1, 8, &[7]),
        message(13, 1, 8, &[]),
    ];
    original.write("messages", messages).await;
    original.fill(Reach::Usual).await;
    let conversation = original.one("conversations", 1).await;
    assert_eq!(read_up_to(&conversation, 9), Some(2));
    assert_eq!(read_up_to(&conversation, 7), Some(3));
    assert_eq!(read_up_to(&conversation, 8), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_that_was_killed_on_the_way_goes_on_where_it_stopped() {
    let original = Original::new().await;
    original.write("conversations", vec![conversation(1, [8, 9], "open")]).await;
    original.write("messages", (10..20).map(|n| message(n, 1, 8, &[9])).collect()).await;
    // What an earlier attempt left: some places, no word in the conversation.
    for (seq, number) in [(1_i64, 10), (2, 11), (3, 12)] {
        original.set("messages", number, doc! { "seq": seq, "stamp": 1_i64 }).await;
    }
    assert_eq!(original.fill(Reach::Usual).await.messages, 7);
    let expected: Vec<_> = (1..).zip(10..20).collect();
    assert_eq!(original.places(1).await, expected);
    let conversation = original.one("conversations", 1).await;
    assert_eq!(read_up_to(&conversation, 9), Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_original_wrote_after_a_return_to_it_is_filled_at_the_next_start() {
    let original = Original::new().await;
    let conversations = vec![conversation(1, [8, 9], "open"), conversation(2, [8, 9], "open")];
    original.write("conversations", conversations).await;
    original.write("messages", vec![message(10, 1, 8, &[]), message(11, 2, 8, &[])]).await;
    original.fill(Reach::Usual).await;
    original.write("messages", vec![message(20, 1, 9, &[8]), message(21, 1, 8, &[])]).await;
    assert_eq!(original.fill(Reach::Usual).await, Filled { conversations: 1, messages: 2 });
    assert_eq!(original.places(1).await, [(1, 10), (2, 20), (3, 21)]);
    let conversation = original.one("conversations", 1).await;
    assert_eq!(conversation.get_i64("lastSeq").unwrap(), 3);
    assert_eq!(read_up_to(&conversation, 8), Some(2));
    assert_eq!(conversation.get_object_id("lastMessage").unwrap(), id(21));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_fill_at_once() {
    let original = Original::new().await;
    let conversations = (1..30).map(|n| conversation(n, [8, 9], "open")).collect();
    original.write("conversations", conversations).await;
    original.write("messages", (100..700).map(|n| message(n, n % 29 + 1, 8, &[])).collect()).await;
    let (one, other) = tokio::join!(original.fill(Reach::Usual), original.fill(Reach::Whole));
    assert_eq!(one.messages + other.messages, 600);
    for conversation in 1..30 {
        let places = original.places(conversation).await;
        let seqs: Vec<i64> = places.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, (1..).take(places.len()).collect::<Vec<i64>>(), "{conversation}");
        assert!(places.is_sorted_by_key(|(_, number)| *number), "{conversation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_newest_message_is_shown_no_more() {
    let original = Original::new().await;
    let mut conversation = conversation(1, [8, 9], "open");
    conversation.insert("lastMessage", id(12));
    original.write("conversations", vec![conversation]).await;
    let mut deleted = message(12, 1, 8, &[]);
    deleted.extend(doc! { "isDeleted": true, "deletedAt": at(50) });
    original.write("messages", vec![message(10, 1, 8, &[]), message(11, 1, 8, &[]), deleted]).await;
    original.fill(Reach::Usual).await;
    let conversation = original.one("conversations", 1).await;
    assert_eq!(conversation.get_object_id("lastMessage").unwrap(), id(11));
    assert_eq!(conversation.get_i64("lastSeq").unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_originals_documents_is_lost() {
    let original = Original::new().await;
    let (before, sent) = (conversation(1, [8, 9], "open"), message(10, 1, 8, &[9]));
    original.write("conversations", vec![before.clone()]).await;
    original.write("messages", vec![sent.clone()]).await;
    original.fill(Reach::Usual).await;
    for (collection, number, fields) in [("conversations", 1, before), ("messages", 10, sent)] {
        let after = original.one(collection, number).await;
        for (name, value) in fields {
            assert_eq!(after.get(&name), Some(&value), "{collection} {name}");
        }
    }
    let message = original.one("messages", 10).await;
    assert_eq!(message.get("seq"), Some(&Bson::Int64(1)));
}
