//! Reading and what is unread.

use std::collections::HashSet;
use std::sync::Arc;

use api::service::message;
use protocol::event::client::ReadUpTo;
use protocol::event::server::MessageRead;
use protocol::event::{Envelope, Except, ServerEvent};
use protocol::id::SocketId;
use protocol::rest::resource::Message;
use protocol::room::Room;

use super::world::{Ear, World, announced_seq};

/// The marks that were told so far.
fn marks(ear: &mut Ear) -> Vec<(Arc<Envelope>, MessageRead)> {
    let mark = |envelope: Arc<Envelope>| {
        let ServerEvent::MessageRead(mark) = &envelope.event else { return None };
        let mark = mark.clone();
        Some((envelope, mark))
    };
    ear.heard().into_iter().filter_map(mark).collect()
}

#[tokio::test]
async fn each_mark_has_an_id_of_its_own_that_stays() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.agent("eve").await);
    let id = world.between(&ada, &bob).await;
    for content in ["one", "two"] {
        world.say(&ada, id, content).await;
    }
    for reader in [&bob, &eve] {
        let up_to = ReadUpTo::Place { conversation_id: id, seq: 2 };
        message::mark_read(&world.app, reader, up_to, None).await.unwrap();
    }
    let ids = |history: Vec<Message>| {
        let marks = history.into_iter().flat_map(|it| it.metadata.read_by);
        marks.map(|mark| mark.id).collect::<Vec<_>>()
    };
    let first = ids(world.history(&ada, id).await);
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), 4, "{first:?}");
    world.say(&ada, id, "three").await;
    let up_to = ReadUpTo::Place { conversation_id: id, seq: 3 };
    message::mark_read(&world.app, &bob, up_to, None).await.unwrap();
    assert_eq!(ids(world.history(&bob, id).await)[..4], first);
}

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
    let own = Room::User(bob.user_id);
    let told = marks(&mut ear);
    let rooms: Vec<_> = told.iter().map(|(envelope, _)| &envelope.rooms[..]).collect();
    assert_eq!(rooms, [&[Room::Conversation(id)][..], std::slice::from_ref(&own)]);
    let left_out: Vec<_> = told.iter().map(|(envelope, _)| envelope.except.clone()).collect();
    assert_eq!(left_out, [Some(Except::Room(own)), Some(Except::Socket(origin))]);
    for (_, mark) in &told {
        assert_eq!((mark.message_id, mark.read_by), (sent[2].id, bob.user_id));
    }
    let unread: Vec<_> = told.iter().map(|(_, mark)| mark.unread_count).collect();
    assert_eq!(unread, [None, Some(1)], "how much is unread is nobody else's business");

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_made_at_once_are_told_as_advances_only() {
    const MESSAGES: i64 = 50;
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut sent = Vec::new();
    for n in 0..MESSAGES {
        sent.push(world.say(&ada, id, &format!("message {n}")).await);
    }
    let mut ear = world.listen();
    let mut marking = tokio::task::JoinSet::new();
    // The newest first, as a client does that scrolls up: the others must not undo it.
    for seq in (1..=MESSAGES).rev() {
        let (app, bob) = (Arc::clone(&world.app), bob.clone());
        let up_to = ReadUpTo::Place { conversation_id: id, seq };
        marking.spawn(async move { message::mark_read(&app, &bob, up_to, None).await.unwrap() });
    }
    marking.join_all().await;
    let told: Vec<_> = marks(&mut ear).into_iter().map(|(_, mark)| mark).collect();
    let place = |mark: &MessageRead| sent.iter().position(|it| it.id == mark.message_id);
    let to_others: Vec<_> = told.iter().filter(|it| it.unread_count.is_none()).map(place).collect();
    assert!(to_others.is_sorted_by(|one, next| one < next), "{to_others:?}");
    assert_eq!(to_others.last(), Some(&Some(sent.len() - 1)));
    assert_eq!(told.last().and_then(|it| it.unread_count), Some(0));
    assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), 0);
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

#[tokio::test]
async fn own_devices_hear_with_every_mark_what_it_leaves_unread() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(world.say(&ada, id, &format!("message {n}")).await);
    }
    world.say(&bob, id, "my own").await;
    message::delete(&world.app, &ada, sent[3].id).await.unwrap();
    let mut ear = world.listen();
    let mark = |seq| {
        let up_to = ReadUpTo::Place { conversation_id: id, seq };
        message::mark_read(&world.app, &bob, up_to, None)
    };
    for (seq, left) in [(1, 3), (2, 2), (4, 1), (6, 0)] {
        mark(seq).await.unwrap();
        let counts: Vec<_> = marks(&mut ear).iter().map(|(_, mark)| mark.unread_count).collect();
        assert_eq!(counts, [None, Some(left)], "up to {seq}");
        assert_eq!(message::unread_count(&world.app, &bob, id).await.unwrap(), left);
    }
}

#[tokio::test]
async fn count_that_is_told_is_of_the_messages_announced_before_it() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    world.say(&ada, id, "first").await;
    let mut ear = world.listen();
    for round in 0..20 {
        let seq = 2 * round + 1;
        let up_to = ReadUpTo::Place { conversation_id: id, seq };
        let (read, _, _) = tokio::join!(
            message::mark_read(&world.app, &bob, up_to, None),
            world.say(&ada, id, "meanwhile"),
            world.say(&ada, id, "and again"),
        );
        read.unwrap();
    }
    let (mut announced, mut told) = (1, 0);
    for envelope in ear.heard() {
        if let ServerEvent::MessageRead(mark) = &envelope.event {
            let Some(unread) = mark.unread_count else { continue };
            let read = 2 * told + 1;
            told += 1;
            assert_eq!(i64::from(unread), announced - read, "mark {told}");
        } else {
            announced = announced_seq(&envelope).unwrap();
        }
    }
    assert_eq!((announced, told), (41, 20));
}
