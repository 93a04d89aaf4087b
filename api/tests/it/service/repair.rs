//! What a crash may leave behind, and how the next process goes on.

use api::domain::pair::PairKey;
use api::domain::{Conversation, Message, Pair};
use api::service::conversation;
use api::store::{Collection, Insert, bson_id};
use bson::RawDocumentBuf;
use protocol::id::{ConversationId, MessageId};
use protocol::rest::resource::Reference;
use protocol::time::Timestamp;

use super::world::{START, World, creation};

async fn put(world: &World, collection: Collection, document: RawDocumentBuf) {
    let insert = Insert { collection, document, follow_ups: Vec::new() };
    world.app.store.insert(insert).await.unwrap();
}

#[tokio::test]
async fn lost_follow_up_is_repaired_at_the_first_change_after_a_start() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    world.say(&ada, id, "one").await;
    let mut lost = Message::new(MessageId(world.app.clock.object_id()), id, bob.user_id);
    lost.content = "two".to_owned();
    lost.seq = 2;
    lost.stamp = (START.0 + 5_000) * 1_000;
    lost.created_at = Timestamp(START.0 + 5_000);
    put(&world, Collection::Messages, lost.encode_new()).await;
    assert_eq!(world.conversation(&ada, id).await.last_seq, 1);

    let world = world.restart(START).await;
    // Only a change looks, and what it finds is right even if the change itself is refused later.
    let next = world.say(&ada, id, "three").await;
    assert_eq!(next.seq, 3);
    let stored = world.app.store.get(Collection::Conversations, &bson_id(id.0)).await.unwrap();
    let stored = Conversation::decode(&stored.unwrap()).unwrap();
    assert_eq!((stored.last_seq, stored.last_message), (3, Some(next.id)));
    assert!(stored.stamp > lost.stamp, "a stamp is above all that the store holds");
}

#[cfg(feature = "mongodb")]
#[tokio::test]
async fn last_words_of_a_process_that_died_are_found_at_the_next_start() {
    use api::service::repair;
    use api::store::Store;
    use protocol::rest::reply::repair::Repaired;
    use protocol::rest::request::Sync;

    let address = crate::mongod::common().fresh_address();
    let world = World::over(Store::connect_mongodb(&address).await.unwrap()).await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    world.say(&ada, id, "one").await;
    let asking = |cursor| Sync { cursor, scope: None, conversations: Vec::new() };
    let sync = async |world: &World, cursor| match repair::sync(&world.app, &bob, asking(cursor))
        .await
        .unwrap()
    {
        Repaired::Missed(synced) => synced,
        Repaired::Reset(_) => panic!("a reset"),
    };
    // Long before the last words, and followed by other changes.
    world.app.clock.advance(2 * repair::MARGIN_MS);
    world.between(&world.user("eve").await, &ada).await;
    let cursor = sync(&world, None).await.cursor;
    let mut lost = Message::new(MessageId(world.app.clock.object_id()), id, ada.user_id);
    lost.content = "my last words".to_owned();
    lost.seq = 2;
    lost.stamp = world.app.clock.stamp().0;
    lost.created_at = world.app.clock.now();
    put(&world, Collection::Messages, lost.encode_new()).await;
    assert!(sync(&world, Some(cursor.clone())).await.conversations.is_empty());

    let now = world.app.clock.now();
    let world = world.restart(now).await;
    let missed = sync(&world, Some(cursor)).await;
    let [found] = &missed.conversations[..] else { panic!("{missed:?}") };
    assert_eq!((found.id, found.last_seq, found.unread_count), (id, 2, Some(2)));
    assert!(matches!(&found.last_message, Some(Reference::Full(it)) if it.id == lost.id));
}

#[tokio::test]
async fn stamps_go_on_above_the_store_although_the_clock_went_back() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    world.say(&ada, id, "one").await;
    let world = world.restart(Timestamp(START.0 - 3_600_000)).await;
    let before = world.conversation(&ada, id).await.last_message_at;
    world.say(&ada, id, "two").await;
    let stamp = world.app.clock.stamp();
    assert!(stamp.timestamp() >= before);
}

#[tokio::test]
async fn conversation_whose_maker_died_is_made_under_the_reserved_id() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let reserved = ConversationId(world.app.clock.object_id());
    let pair = Pair { key: PairKey::new(bob.user_id, ada.user_id), conversation_id: reserved };
    put(&world, Collection::Pairs, pair.encode()).await;
    let request = creation(Some(bob.user_id));
    let created = conversation::create(&world.app, &ada, request).await.unwrap();
    assert!(created.is_new);
    assert_eq!(created.conversation.id, reserved);
}

#[tokio::test]
async fn open_conversation_of_an_old_database_is_found_without_its_key() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = ConversationId(world.app.clock.object_id());
    let mut old = Conversation::new(id, bob.user_id, START);
    old.participants = vec![bob.user_id, ada.user_id];
    put(&world, Collection::Conversations, old.encode_new()).await;
    let request = creation(Some(bob.user_id));
    let created = conversation::create(&world.app, &ada, request).await.unwrap();
    assert!(!created.is_new);
    assert_eq!(created.conversation.id, id);
    assert_eq!(created.conversation.participants[0], Reference::Id(bob.user_id));
}
