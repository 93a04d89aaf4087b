//! What the original did to a filled database that was returned to it, found by the next start.

use api::service::{account, conversation, message};
use api::store::mongo::{Filled, Reach};
use bson::{Bson, DateTime, Document, bson, doc};
use protocol::id::ConversationId;
use protocol::rest::resource::Reference;

use super::sample::{self, Original, at, id};
use super::serving::{all, ours};
use crate::service::world::{World, credentials};

const ADA: u32 = 8;
const BOB: u32 = 9;

/// Two people, and Ada's messages 10 to 13; filled.
async fn filled() -> Original {
    let original = Original::new().await;
    let people = vec![
        sample::user(ADA, "ada", "user", "offline"),
        sample::user(BOB, "bob", "user", "offline"),
    ];
    original.write("users", people).await;
    let mut conversation = sample::conversation(1, [ADA, BOB], "open");
    conversation.extend(doc! { "lastMessage": id(13), "lastMessageAt": at(13) });
    original.write("conversations", vec![conversation]).await;
    let messages = (10..14).map(|n| sample::message(n, 1, ADA, &[])).collect();
    original.write("messages", messages).await;
    original.fill(Reach::Usual).await;
    original
}

/// What the original writes when Bob reads a message: with the date that Mongoose gives.
fn read() -> Document {
    let mark = bson!({ "userId": id(BOB), "readAt": DateTime::now(), "_id": id(900_000) });
    doc! { "metadata.readBy": [mark], "updatedAt": DateTime::now() }
}

/// What it writes when a message is deleted.
fn deleted() -> Document {
    doc! { "isDeleted": true, "deletedAt": DateTime::now(), "updatedAt": DateTime::now() }
}

fn stamp(document: &Document, name: &str) -> i64 {
    document.get_i64(name).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_read_and_deleted_meanwhile_are_so_for_everybody() {
    let original = filled().await;
    for number in 10..13 {
        original.set("messages", number, read()).await;
    }
    original.set("messages", 13, deleted()).await;
    let world = World::over(original.open().await).await;
    let signed_in = account::login(&world.app, credentials("bob")).await.unwrap();
    let bob = world.caller(&signed_in.tokens.access_token).await;
    let listed = conversation::list(&world.app, &bob, all()).await.unwrap().conversations;
    assert_eq!(listed[0].unread_count, Some(0));
    assert!(matches!(&listed[0].last_message, Some(Reference::Full(it)) if it.id.0 == ours(12)));
    let unread = message::unread_count(&world.app, &bob, ConversationId(ours(1))).await;
    assert_eq!(unread.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_away_is_told_once() {
    let original = filled().await;
    let before = original.one("conversations", 1).await;
    original.set("messages", 11, read()).await;
    original.set("messages", 12, deleted()).await;
    let filled = Filled { conversations: 1, messages: 0 };
    assert_eq!(original.fill(Reach::Usual).await, filled);
    let after = original.one("conversations", 1).await;
    assert!(stamp(&after, "stamp") > stamp(&before, "stamp"));
    for (number, is_told) in [(10, false), (11, true), (12, true), (13, false)] {
        let message = original.one("messages", number).await;
        assert_eq!(stamp(&message, "changeStamp") > stamp(&before, "stamp"), is_told, "{number}");
        assert!(stamp(&message, "changeStamp") <= stamp(&after, "stamp"), "{number}");
    }
    for reach in [Reach::Usual, Reach::Whole] {
        assert_eq!(original.fill(reach).await, Filled::default());
    }
    assert_eq!(original.one("conversations", 1).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_date_tells_of_is_found_where_everything_is_looked_through() {
    let original = filled().await;
    let mut mark = read();
    mark.remove("updatedAt");
    original.set("messages", 12, mark).await;
    original.set("conversations", 1, doc! { "lastMessage": id(10) }).await;
    assert_eq!(original.fill(Reach::Usual).await, Filled::default());
    assert_eq!(original.fill(Reach::Whole).await.conversations, 1);
    let conversation = original.one("conversations", 1).await;
    let cursors = conversation.get_document("readCursors").unwrap();
    let cursor = cursors.get_document(id(BOB).to_hex()).unwrap();
    assert_eq!(cursor.get_i64("seq").unwrap(), 3);
    assert_eq!(conversation.get_object_id("lastMessage").unwrap(), id(13));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_far_behind_the_newest_messages_are_found_where_everything_is_looked_through() {
    let original = filled().await;
    let messages = (1_000..1_200).map(|n| sample::message(n, 1, ADA, &[])).collect();
    original.write("messages", messages).await;
    original.fill(Reach::Usual).await;
    original.set("messages", 10, deleted()).await;
    assert_eq!(original.fill(Reach::Whole).await.conversations, 1);
    assert!(stamp(&original.one("messages", 10).await, "changeStamp") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_messages_are_deleted_none_is_shown() {
    let original = filled().await;
    for number in 10..14 {
        original.set("messages", number, deleted()).await;
    }
    original.fill(Reach::Usual).await;
    assert_eq!(original.one("conversations", 1).await.get("lastMessage"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_that_are_none_or_to_come_are_no_changes() {
    let original = filled().await;
    let odd = [DateTime::MAX.into(), DateTime::MIN.into(), Bson::Null, "2999".into()];
    for (number, value) in (10..).zip(odd) {
        original.set("messages", number, doc! { "updatedAt": value }).await;
    }
    original.set("conversations", 1, doc! { "updatedAt": DateTime::MAX }).await;
    for reach in [Reach::Usual, Reach::Whole] {
        assert_eq!(original.fill(reach).await, Filled::default());
    }
}
