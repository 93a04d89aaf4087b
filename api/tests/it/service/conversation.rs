//! Conversations: their pair, their agent, their state.

use std::sync::Arc;

use api::error::Kind;
use api::service::{account, conversation};
use protocol::event::ServerEvent;
use protocol::id::UserId;
use protocol::rest::request::{ConversationChanges, UpdateUser};
use protocol::rest::resource::{Reference, Role};
use protocol::rest::word::{ConversationStatus, Priority};
use protocol::room::Room;

use super::world::{World, creation, kind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_get_one_conversation_however_many_ask_at_once() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let mut ear = world.listen();
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..32 {
        let app = Arc::clone(&world.app);
        let (caller, other) = if n % 2 == 0 { (&ada, &bob) } else { (&bob, &ada) };
        let (caller, request) = (caller.clone(), creation(Some(other.user_id)));
        asking.spawn(async move { conversation::create(&app, &caller, request).await.unwrap() });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|created| created.is_new).count(), 1);
    let id = answers[0].conversation.id;
    assert!(answers.iter().all(|created| created.conversation.id == id));
    let rooms = &ear.only().rooms;
    for person in [&ada, &bob] {
        assert!(rooms.contains(&Room::User(person.user_id)));
    }
    assert!(!rooms.contains(&Room::Staff));
}

#[tokio::test]
async fn pair_whose_conversation_was_closed_gets_a_new_one_until_a_message_reopens_it() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let first = world.between(&ada, &bob).await;
    conversation::close(&world.app, &bob, first).await.unwrap();
    world.say(&ada, first, "still there?").await;
    let reopened = world.conversation(&ada, first).await;
    assert_eq!(reopened.status, "open");
    assert!(reopened.closed_at.is_some(), "the traces of the closing stay");
    assert_eq!(world.between(&bob, &ada).await, first);

    conversation::close(&world.app, &bob, first).await.unwrap();
    let second = world.between(&ada, &bob).await;
    assert_ne!(second, first);
    assert_eq!(world.between(&bob, &ada).await, second);
}

#[tokio::test]
async fn new_one_is_expanded_and_an_existing_one_is_not() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let request = || creation(Some(bob.user_id));
    let made = conversation::create(&world.app, &ada, request()).await.unwrap().conversation;
    assert!(matches!(&made.participants[..], [Reference::Full(one), Reference::Full(other)]
        if one.email == "ada@example.com" && other.status.as_deref() == Some("online")));
    assert_eq!(made.created_by, Reference::Id(ada.user_id));
    let found = conversation::create(&world.app, &ada, request()).await.unwrap().conversation;
    let ids = [Reference::Id(ada.user_id), Reference::Id(bob.user_id)];
    assert_eq!(found.participants[..], ids);
}

#[tokio::test]
async fn oneself_and_nobody_are_no_participants() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let nobody = UserId(world.app.clock.object_id());
    for other in [ada.user_id, nobody] {
        let result = conversation::create(&world.app, &ada, creation(Some(other))).await;
        assert_eq!(kind(result), Kind::Invalid);
    }
}

#[tokio::test]
async fn queue_is_told_to_staff_and_claimed_by_one_of_two_agents() {
    let world = World::new().await;
    let (ada, eve, joe) =
        (world.user("ada").await, world.agent("eve").await, world.agent("joe").await);
    let mut ear = world.listen();
    let queued = conversation::create(&world.app, &ada, creation(None)).await.unwrap();
    let id = queued.conversation.id;
    assert!(ear.only().rooms.contains(&Room::Staff));
    let claim = |caller: &api::auth::Caller| {
        let (app, caller) = (Arc::clone(&world.app), caller.clone());
        let agent = Some(caller.user_id);
        async move { conversation::assign(&app, &caller, id, agent).await }
    };
    let (eves, joes) = tokio::join!(claim(&eve), claim(&joe));
    assert!(eves.is_ok() != joes.is_ok());
    let lost = if eves.is_ok() { joes } else { eves };
    assert_eq!(kind(lost), Kind::Conflict);
    let envelope = ear.only();
    let ServerEvent::ConversationAssigned(event) = &envelope.event else { panic!("{envelope:?}") };
    let winner = event.assigned_to.unwrap();
    for room in [Room::Conversation(id), Room::User(ada.user_id), Room::User(winner), Room::Staff] {
        assert!(envelope.rooms.contains(&room), "{room}");
    }
}

#[tokio::test]
async fn assigning_makes_pending_and_transfers_what_another_agent_holds() {
    let world = World::new().await;
    let (ada, eve, joe) =
        (world.user("ada").await, world.agent("eve").await, world.agent("joe").await);
    let id = conversation::create(&world.app, &ada, creation(None)).await.unwrap().conversation.id;
    conversation::close(&world.app, &ada, id).await.unwrap();
    let assign = |by, to: UserId| conversation::assign(&world.app, by, id, Some(to));
    let assigned = assign(&eve, eve.user_id).await.unwrap();
    assert_eq!(assigned.status, "pending");
    assert_eq!(kind(assign(&joe, joe.user_id).await), Kind::Conflict);
    let transferred = assign(&eve, joe.user_id).await.unwrap();
    assert!(
        matches!(transferred.assigned_to, Some(Reference::Full(agent)) if agent.id == joe.user_id)
    );
    assert_eq!(kind(assign(&eve, ada.user_id).await), Kind::Invalid);
    let nobody = conversation::assign(&world.app, &eve, id, None).await;
    assert_eq!(kind(nobody), Kind::Invalid);
    let unassign =
        ConversationChanges { assigned_to: Some(None), ..ConversationChanges::default() };
    let freed = conversation::update(&world.app, &eve, id, unassign).await.unwrap();
    assert_eq!(freed.assigned_to, None);
}

#[tokio::test]
async fn conversation_of_somebody_who_is_no_agent_any_more_can_be_claimed() {
    let world = World::new().await;
    let (ada, joe) = (world.user("ada").await, world.agent("joe").await);
    let root = world.person("root", Role::Admin).await;
    let demote = UpdateUser { role: Some(Role::User), is_active: None };
    let deactivate = UpdateUser { role: None, is_active: Some(false) };
    for (name, change) in [("eve", demote), ("max", deactivate)] {
        let holder = world.agent(name).await;
        let queued = conversation::create(&world.app, &ada, creation(None)).await.unwrap();
        let id = queued.conversation.id;
        let assign = |by, to| conversation::assign(&world.app, by, id, Some(to));
        assign(&holder, holder.user_id).await.unwrap();
        assert_eq!(kind(assign(&joe, joe.user_id).await), Kind::Conflict, "{name}");
        account::update(&world.app, &root, holder.user_id, change).await.unwrap();
        assign(&joe, joe.user_id).await.unwrap();
        assert_eq!(kind(assign(&root, root.user_id).await), Kind::Conflict, "{name}");
    }
}

#[tokio::test]
async fn update_echoes_what_was_asked_for_to_the_conversation() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.agent("eve").await);
    let id = world.between(&ada, &eve).await;
    let mut ear = world.listen();
    let changes = ConversationChanges {
        status: Some(ConversationStatus::Resolved),
        priority: Some(Priority::High),
        tags: Some(vec!["billing".to_owned()]),
        ..ConversationChanges::default()
    };
    let updated = conversation::update(&world.app, &eve, id, changes.clone()).await.unwrap();
    assert_eq!((updated.status.as_str(), updated.priority.as_str()), ("resolved", "high"));
    assert_eq!(updated.tags, ["billing"]);
    let envelope = ear.only();
    assert_eq!(envelope.rooms[..], [Room::Conversation(id)]);
    let ServerEvent::ConversationUpdated(event) = &envelope.event else { panic!("{envelope:?}") };
    assert_eq!(event.updates, changes);
    assert_eq!(event.updated_by.user_id, eve.user_id);
}

#[tokio::test]
async fn closing_says_who_and_when() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let mut ear = world.listen();
    let closed = conversation::close(&world.app, &ada, id).await.unwrap();
    assert_eq!(closed.status, "closed");
    assert_eq!(closed.closed_by, Some(ada.user_id));
    assert!(closed.closed_at.is_some());
    assert!(matches!(&ear.only().event, ServerEvent::ConversationClosed(event)
        if event.closed_by.user_id == ada.user_id && event.conversation_id == id));
}

#[tokio::test]
async fn participants_whose_account_is_gone_vanish_where_expanded() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    let users = api::store::Collection::Users;
    let gone = api::store::bson_id(bob.user_id.0);
    assert!(world.app.store.delete(users, &gone, &[]).await.unwrap());
    let world = world.restart(super::world::START).await;
    assert_eq!(world.conversation(&ada, id).await.participants.len(), 1);
}
