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
async fn a_conversation_was_active_when_its_newest_message_came_or_later() {
    let original = Original::new().await;
    let mut later = conversation(2, [8, 9], "open");
    later.insert("lastMessageAt", at(70));
    let conversations = vec![conversation(1, [8, 9], "open"), later];
    original.write("conversations", conversations).await;
    let mut deleted = message(12, 1, 8, &[]);
    deleted.extend(doc! { "isDeleted": true, "deletedAt": at(50) });
    let messages = vec![message(10, 1, 8, &[]), deleted, message(13, 2, 8, &[])];
    original.write("messages", messages).await;
    original.fill(Reach::Usual).await;
    for (number, expected) in [(1, at(12)), (2, at(70))] {
        let conversation = original.one("conversations", number).await;
        assert_eq!(conversation.get_datetime("lastMessageAt").unwrap(), &expected, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_originals_documents_is_lost() {
    let original = Original::new().await;
    let (mut before, sent) = (conversation(1, [8, 9], "open"), message(10, 1, 8, &[9]));
    before.extend(doc! { "lastMessage": id(10), "lastMessageAt": at(10) });
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

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_without_a_date_of_activity_gets_one_even_if_it_was_filled_before() {
    let original = Original::new().await;
    let undated = [None, Some(Bson::Null), Some("2024-01-01T00:00:00.000Z".into()), Some(7.into())];
    let above = Bson::Timestamp(bson::Timestamp { time: 1, increment: 1 });
    let undated: Vec<_> = undated.into_iter().chain([Some(above), Some(Bson::MaxKey)]).collect();
    let touched = |number: u32, value: Option<Bson>| {
        let mut it = conversation(number, [8, 9], "open");
        match value {
            Some(value) => drop(it.insert("lastMessageAt", value)),
            None => drop(it.remove("lastMessageAt")),
        }
        it
    };
    let numbered = || (1..).zip(undated.clone());
    let conversations = numbered().map(|(number, value)| touched(number, value)).collect();
    original.write("conversations", conversations).await;
    original.write("messages", vec![message(100, 1, 8, &[]), message(101, 1, 8, &[])]).await;
    let mut nothing = touched(50, None);
    nothing.remove("createdAt");
    original.write("conversations", vec![nothing]).await;
    for _ in 0..2 {
        assert_eq!(original.fill(Reach::Usual).await.conversations, 7);
        for (number, value) in numbered() {
            let expected = if number == 1 { at(101) } else { at(0) };
            let filled = original.one("conversations", number).await;
            assert_eq!(filled.get_datetime("lastMessageAt").unwrap(), &expected, "{value:?}");
            original.set("conversations", number, doc! { "lastMessageAt": value }).await;
        }
        let filled = original.one("conversations", 50).await;
        assert_eq!(filled.get_datetime("lastMessageAt").unwrap(), &id(50).timestamp());
        original.set("conversations", 50, doc! { "lastMessageAt": Bson::Null }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_message_is_deleted_is_said_once_and_counted_so() {
    let original = Original::new().await;
    original.write("conversations", vec![conversation(1, [8, 9], "open")]).await;
    let messages = || {
        let contradictions = [
            doc! { "isDeleted": true, "deletedAt": Bson::Null },
            doc! { "isDeleted": "true", "deletedAt": "yesterday" },
            doc! { "isDeleted": false, "deletedAt": at(7) },
            doc! { "isDeleted": Bson::Null, "deletedAt": at(7) },
        ];
        (10..).zip(contradictions)
    };
    let written = messages().map(|(number, parts)| {
        let mut it = message(number, 1, 8, &[]);
        it.extend(parts);
        it
    });
    original.write("messages", written.collect()).await;
    for reach in [Reach::Usual, Reach::Whole] {
        original.fill(reach).await;
        for (number, expected) in [(10, Some(at(10))), (11, Some(at(11))), (12, None), (13, None)] {
            let filled = original.one("messages", number).await;
            assert_eq!(filled.get_datetime("deletedAt").ok().copied(), expected, "{number}");
        }
        let filled = original.one("conversations", 1).await;
        assert_eq!(filled.get_object_id("lastMessage").unwrap(), id(13));
        // By hand, in a database that is filled already.
        for (number, parts) in messages() {
            original.set("messages", number, parts).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_in_the_far_future_does_not_set_the_clock_forward() {
    let original = Original::new().await;
    let (mut changed, mut sent) = (conversation(1, [8, 9], "open"), message(10, 1, 8, &[]));
    changed.insert("updatedAt", bson::DateTime::MAX);
    sent.insert("updatedAt", at(10_000_000_000));
    original.write("conversations", vec![changed]).await;
    original.write("messages", vec![sent]).await;
    original.fill(Reach::Usual).await;
    let now_us = bson::DateTime::now().timestamp_millis() * 1_000;
    for (collection, number) in [("conversations", 1), ("messages", 10)] {
        let stamp = original.one(collection, number).await.get_i64("stamp").unwrap();
        assert!(stamp <= now_us, "{collection}: {stamp}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_with_ids_of_another_kind_hide_no_others() {
    let original = Original::new().await;
    let handmade = (0..1_100).map(|number| {
        let mut it = conversation(1, [8, 9], "open");
        it.insert("_id", format!("handmade {number}"));
        it
    });
    original.write("conversations", handmade.collect()).await;
    original.write("conversations", vec![conversation(1, [8, 9], "open")]).await;
    let mut stray = message(11, 1, 8, &[]);
    stray.insert("conversationId", "nowhere");
    original.write("messages", vec![message(10, 1, 8, &[]), stray]).await;
    let filled = original.fill(Reach::Usual).await;
    assert_eq!(filled, Filled { conversations: 1, messages: 1 });
    assert_eq!(original.fill(Reach::Usual).await, Filled::default());
}
