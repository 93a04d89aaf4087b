//! Presence per person, whatever their devices do. Source: contract 1.5, O3.3.

use std::sync::Arc;

use api::App;
use api::auth::Caller;
use api::service::presence::{self, ABSENCE_MS, LEASE_MS};
use api::service::{account, conversation};
use protocol::event::{Envelope, ServerEvent};
use protocol::id::UserId;
use protocol::rest::resource::Role;
use protocol::rest::word::Availability;
use protocol::room::Room;
use protocol::time::Timestamp;

use super::world::{Ear, START, World, creation, credentials, registration};

/// Lets so much time pass, and settles.
async fn after(world: &World, ms: i64) {
    world.app.clock.advance(ms);
    presence::settle(&world.app).await;
}

/// Somebody who is not there, and has never been.
async fn newcomer(world: &World, name: &str) -> UserId {
    account::create(&world.app, registration(name, Role::User)).await.unwrap().id
}

/// The statuses that were announced, and about whom.
fn told(ear: &mut Ear) -> Vec<(UserId, String)> {
    ear.heard().iter().filter_map(|envelope| status_of(envelope)).collect()
}

fn status_of(envelope: &Envelope) -> Option<(UserId, String)> {
    if let ServerEvent::UserStatus(event) = &envelope.event {
        Some((event.user_id, event.status.clone()))
    } else {
        None
    }
}

async fn stored(app: &Arc<App>, caller: &Caller) -> (String, Timestamp) {
    let profile = account::profile(app, caller).await.unwrap();
    (profile.status, profile.last_seen)
}

fn is(user_id: UserId, status: &str) -> Vec<(UserId, String)> {
    vec![(user_id, status.to_owned())]
}

#[tokio::test]
async fn first_socket_is_an_arrival_and_the_last_one_a_departure() {
    let world = World::new().await;
    let ada = newcomer(&world, "ada").await;
    let mut ear = world.listen();
    presence::arrive(&world.app, ada);
    presence::arrive(&world.app, ada);
    after(&world, 0).await;
    assert_eq!(told(&mut ear), is(ada, "online"));
    presence::leave(&world.app, ada);
    after(&world, 10 * ABSENCE_MS).await;
    assert_eq!(told(&mut ear), [], "another device is there");
    presence::leave(&world.app, ada);
    after(&world, ABSENCE_MS - 1).await;
    assert_eq!(told(&mut ear), []);
    after(&world, 1).await;
    assert_eq!(told(&mut ear), is(ada, "offline"));
    after(&world, 10 * ABSENCE_MS).await;
    assert_eq!(told(&mut ear), [], "told once");
}

#[tokio::test]
async fn reload_of_a_page_is_nobodys_news() {
    let world = World::new().await;
    let ada = newcomer(&world, "ada").await;
    presence::arrive(&world.app, ada);
    after(&world, 0).await;
    let mut ear = world.listen();
    for _ in 0..10 {
        presence::leave(&world.app, ada);
        after(&world, ABSENCE_MS - 1).await;
        presence::arrive(&world.app, ada);
        after(&world, 1).await;
    }
    assert_eq!(told(&mut ear), []);
}

#[tokio::test]
async fn departure_stores_when_somebody_was_last_seen() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    presence::arrive(&world.app, ada.user_id);
    after(&world, 60_000).await;
    presence::leave(&world.app, ada.user_id);
    after(&world, ABSENCE_MS).await;
    let gone_at = Timestamp(START.0 + 60_000 + ABSENCE_MS);
    assert_eq!(stored(&world.app, &ada).await, ("offline".to_owned(), gone_at));
}

#[tokio::test]
async fn what_somebody_says_is_stored_and_holds_while_a_socket_lives() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    presence::arrive(&world.app, ada.user_id);
    after(&world, 0).await;
    let mut ear = world.listen();
    presence::say(&world.app, &ada, Availability::Busy).await.unwrap();
    assert_eq!(told(&mut ear), is(ada.user_id, "busy"));
    // Another device comes and goes, a third one signs in.
    presence::arrive(&world.app, ada.user_id);
    after(&world, LEASE_MS).await;
    presence::leave(&world.app, ada.user_id);
    after(&world, LEASE_MS).await;
    account::login(&world.app, credentials("ada")).await.unwrap();
    after(&world, 10 * LEASE_MS).await;
    assert_eq!(told(&mut ear), []);
    assert_eq!(stored(&world.app, &ada).await.0, "busy");
}

#[tokio::test]
async fn status_concerns_those_who_share_a_conversation_and_staff_and_nobody_else() {
    let world = World::new().await;
    let (ada, bob, eve) =
        (world.user("ada").await, world.user("bob").await, world.user("eve").await);
    let agent = world.agent("agent").await;
    let rooms = async |caller: &Caller| {
        let mut rooms = presence::concerned(&world.app, caller.user_id).await.unwrap().to_vec();
        rooms.sort_by_key(ToString::to_string);
        rooms
    };
    let people = |others: &[&Caller]| {
        let mut rooms: Vec<_> = others.iter().map(|it| Room::User(it.user_id)).collect();
        rooms.push(Room::Staff);
        rooms.sort_by_key(ToString::to_string);
        rooms
    };
    assert_eq!(rooms(&ada).await, people(&[&ada]));
    // What is remembered is forgotten when somebody new is concerned.
    world.between(&ada, &bob).await;
    assert_eq!(rooms(&ada).await, people(&[&ada, &bob]));
    assert_eq!(rooms(&bob).await, people(&[&ada, &bob]));
    assert_eq!(rooms(&eve).await, people(&[&eve]));
    // A customer hears of the agent in charge, and of no other.
    assert_eq!(rooms(&agent).await, people(&[&agent]));
    let id = conversation::create(&world.app, &eve, creation(None)).await.unwrap().conversation.id;
    conversation::assign(&world.app, &agent, id, Some(agent.user_id)).await.unwrap();
    assert_eq!(rooms(&agent).await, people(&[&agent, &eve]));
    let mut ear = world.listen();
    presence::say(&world.app, &agent, Availability::Away).await.unwrap();
    assert_eq!(ear.only().rooms.len(), people(&[&agent, &eve]).len());
}

#[tokio::test]
async fn audience_of_somebody_with_very_many_conversations_is_bounded() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let people = presence::AUDIENCE_LEN_MAX + 5;
    for n in 0..people {
        let other = newcomer(&world, &format!("person-{n}")).await;
        let request = creation(Some(other));
        conversation::create(&world.app, &ada, request).await.unwrap();
    }
    let rooms = presence::concerned(&world.app, ada.user_id).await.unwrap();
    assert_eq!(rooms.len(), presence::AUDIENCE_LEN_MAX + 2);
}

#[tokio::test]
async fn sign_in_without_a_socket_ends_with_its_lease() {
    let world = World::new().await;
    presence::settle(&world.app).await;
    let ada = world.user("ada").await;
    assert_eq!(stored(&world.app, &ada).await.0, "online");
    let mut ear = world.listen();
    after(&world, LEASE_MS - 1).await;
    assert_eq!(told(&mut ear), []);
    after(&world, 1).await;
    assert_eq!(told(&mut ear), is(ada.user_id, "offline"));
}

#[tokio::test]
async fn sign_out_is_a_departure_unless_another_device_is_there() {
    let world = World::new().await;
    let phone = world.user("ada").await;
    let signed_in = account::login(&world.app, credentials("ada")).await.unwrap();
    let desk = world.caller(&signed_in.tokens.access_token).await;
    presence::arrive(&world.app, phone.user_id);
    account::logout(&world.app, &desk).await.unwrap();
    assert_eq!(stored(&world.app, &phone).await.0, "online");
    presence::leave(&world.app, phone.user_id);
    let mut ear = world.listen();
    account::logout(&world.app, &phone).await.unwrap();
    assert_eq!(told(&mut ear), is(phone.user_id, "offline"));
    after(&world, 10 * LEASE_MS).await;
    assert_eq!(told(&mut ear), [], "nothing is left to settle");
}

#[tokio::test]
async fn those_whom_a_killed_process_left_behind_end_with_their_lease_unless_they_came_back() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let idle = newcomer(&world, "idle").await;
    presence::say(&world.app, &bob, Availability::Away).await.unwrap();
    let seen_at = stored(&world.app, &bob).await.1;
    let world = world.restart(Timestamp(START.0 + 3_600_000)).await;
    let mut ear = world.listen();
    presence::arrive(&world.app, ada.user_id);
    after(&world, LEASE_MS).await;
    presence::end_left_over(&world.app).await.unwrap();
    assert_eq!(told(&mut ear), is(bob.user_id, "offline"), "{idle:?}");
    assert_eq!(stored(&world.app, &ada).await.0, "online");
    assert_eq!(stored(&world.app, &bob).await, ("offline".to_owned(), seen_at));
}
