//! Reading and what is unread.

use api::service::message;
use protocol::event::ServerEvent;
use protocol::event::client::ReadUpTo;
use protocol::id::SocketId;
use protocol::room::Room;

use super::world::World;

#[tokio::test]
async fn mark_covers_everything_before_it_and_never_goes_back() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut sent = Vec::new();
    for n in 0..4 {
        sent.push(world.say(&ada, id, &format!("message {n}")).await);
    }
    world.say(&bob, id, "my own").await;
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 4);
    let mut ear = world.listen();
    let origin = SocketId::new(1, 0, 7, 9);
    let up_to = ReadUpTo::Message(sent[2].id);
    message::mark_read(&world.app, &bob, up_to, Some(origin)).await.unwrap();
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 1);
    let envelope = ear.only();
    assert_eq!(envelope.rooms[..], [Room::Conversation(id), Room::User(bob.user_id)]);
    assert_eq!(envelope.except, Some(origin));
    assert!(matches!(&envelope.event, ServerEvent::MessageRead(event)
        if event.message_id == sent[2].id && event.read_by == bob.user_id));

    for earlier in &sent[..3] {
        let up_to = ReadUpTo::Message(earlier.id);
        message::mark_read(&world.app, &bob, up_to, None).await.unwrap();
    }
    assert!(ear.heard().is_empty(), "what is read already is not told again");
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 1);
    let read: Vec<_> =
        world.history(&ada, id).await.iter().map(|it| it.metadata.read_by.len()).collect();
    assert_eq!(read, [1, 1, 1, 0, 0]);
}

#[tokio::test]
async fn place_behind_the_end_means_the_newest_message() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mark = |seq| {
        let up_to = ReadUpTo::Place { conversation_id: id, seq };
        message::mark_read(&world.app, &bob, up_to, None)
    };
    mark(5).await.unwrap();
    world.say(&ada, id, "one").await;
    mark(0).await.unwrap();
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 1);
    mark(i64::MAX).await.unwrap();
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 0);
    world.say(&ada, id, "two").await;
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 1);
}

#[tokio::test]
async fn deleted_messages_are_not_unread() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let sent = world.say(&ada, id, "one").await;
    world.say(&ada, id, "two").await;
    message::delete(&world.app, &ada, sent.id).await.unwrap();
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 1);
}
