//! Registering and signing in.

use api::config::FirstAdmin;
use api::error::Kind;
use api::service::account::FirstAdminOutcome;
use api::service::session::AuthError;
use api::service::{account, session};
use protocol::rest::request::{Login, UpdateUser};
use protocol::rest::resource::Role;

use super::world::{PASSWORD, World, credentials, kind, registration};

#[tokio::test]
async fn anybody_registers_as_a_user_and_is_signed_in() {
    let world = World::new().await;
    let signed_in = account::register(&world.app, registration("ada", Role::User), None).await;
    let signed_in = signed_in.unwrap();
    assert_eq!((signed_in.user.role, signed_in.user.status.as_str()), (Role::User, "offline"));
    let caller = world.caller(&signed_in.tokens.access_token).await;
    assert_eq!((caller.user_id, caller.name.as_str()), (signed_in.user.id, "ada"));
    let profile = account::profile(&world.app, &caller).await.unwrap();
    assert_eq!(profile, signed_in.user);
}

#[tokio::test]
async fn only_an_admin_registers_staff() {
    let world = World::new().await;
    let (ada, eve) = (world.user("ada").await, world.agent("eve").await);
    let root = world.person("root", Role::Admin).await;
    for (name, role) in [("joe", Role::Agent), ("ann", Role::Admin)] {
        for by in [None, Some(&ada), Some(&eve)] {
            let result = account::register(&world.app, registration(name, role), by).await;
            assert_eq!(kind(result), Kind::Forbidden);
        }
        let made = account::register(&world.app, registration(name, role), Some(&root)).await;
        assert_eq!(made.unwrap().user.role, role);
    }
}

#[tokio::test]
async fn address_is_taken_once_even_by_two_at_once() {
    let world = World::new().await;
    let register = || account::register(&world.app, registration("ada", Role::User), None);
    let (one, other) = tokio::join!(register(), register());
    assert!(one.is_ok() != other.is_ok());
    let lost = if one.is_ok() { other } else { one };
    let error = lost.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert_eq!(error.message(), "User already exists with this email");
    assert_eq!(kind(register().await), Kind::Conflict);
}

#[tokio::test]
async fn every_wrong_sign_in_is_answered_alike() {
    let world = World::new().await;
    world.user("ada").await;
    let wrong = Login { password: "wrong".to_owned(), ..credentials("ada") };
    for request in [wrong, credentials("nobody")] {
        let error = account::login(&world.app, request).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthenticated);
        assert_eq!(error.message(), "Invalid credentials");
    }
    let signed_in = account::login(&world.app, credentials("ada")).await.unwrap();
    assert_eq!(signed_in.user.status, "online");
}

#[tokio::test]
async fn accounts_and_sessions_outlive_a_restart() {
    let world = World::new().await;
    let signed_in = world.sign_up("ada", Role::User).await;
    let world = world.restart(super::world::START).await;
    let caller = world.caller(&signed_in.tokens.access_token).await;
    assert_eq!(caller.user_id, signed_in.user.id);
    assert!(account::exists(&world.app, "ADA@example.com").await.unwrap());
    let refreshed = session::refresh(&world.app, &signed_in.tokens.refresh_token).await;
    assert!(refreshed.is_ok());
}

#[tokio::test]
async fn change_of_an_account_holds_at_once_and_only_admins_make_one() {
    let world = World::new().await;
    let tokens = world.sign_up("ada", Role::User).await.tokens;
    let root = world.person("root", Role::Admin).await;
    let ada = world.caller(&tokens.access_token).await;
    let promote = || UpdateUser { role: Some(Role::Agent), is_active: None };
    let by_herself = account::update(&world.app, &ada, ada.user_id, promote()).await;
    assert_eq!(kind(by_herself), Kind::Forbidden);
    account::update(&world.app, &root, ada.user_id, promote()).await.unwrap();
    assert_eq!(world.caller(&tokens.access_token).await.role, Role::Agent);

    let deactivate = UpdateUser { role: None, is_active: Some(false) };
    account::update(&world.app, &root, ada.user_id, deactivate).await.unwrap();
    let refused = session::authenticate(&world.app, &tokens.access_token).await;
    assert!(matches!(refused, Err(AuthError::Invalid)));
    assert!(session::refresh(&world.app, &tokens.refresh_token).await.is_err());
    let login = account::login(&world.app, credentials("ada")).await;
    assert_eq!(kind(login), Kind::Unauthenticated);
}

fn first_admin(name: &str) -> FirstAdmin {
    FirstAdmin { email: format!("{name}@example.com"), password: PASSWORD.to_owned() }
}

async fn role_of(world: &World, name: &str) -> Role {
    account::login(&world.app, credentials(name)).await.unwrap().user.role
}

#[tokio::test]
async fn first_admin_is_made_once_whatever_address_is_named_then() {
    let world = World::new().await;
    world.user("ada").await;
    world.agent("eve").await;
    let first = account::create_first_admin(&world.app, &first_admin("root")).await;
    assert_eq!(first.unwrap(), FirstAdminOutcome::Made);
    assert_eq!(role_of(&world, "root").await, Role::Admin);
    for name in ["root", "second", "ada"] {
        let again = account::create_first_admin(&world.app, &first_admin(name)).await;
        assert_eq!(again.unwrap(), FirstAdminOutcome::Ruled, "{name}");
    }
    assert!(!account::exists(&world.app, "second@example.com").await.unwrap());
    assert!(account::create_admin(&world.app, &first_admin("second")).await.unwrap());
}

#[tokio::test]
async fn address_that_somebody_registered_does_not_become_the_first_admin() {
    let world = World::new().await;
    world.user("boss").await;
    let taken = account::create_first_admin(&world.app, &first_admin("boss")).await;
    assert_eq!(taken.unwrap(), FirstAdminOutcome::Taken);
    assert_eq!(role_of(&world, "boss").await, Role::User);
    let other = account::create_first_admin(&world.app, &first_admin("root")).await;
    assert_eq!(other.unwrap(), FirstAdminOutcome::Made);
}

#[tokio::test]
async fn two_starts_at_once_make_one_first_admin() {
    let world = World::new().await;
    let admin = first_admin("root");
    let start = || account::create_first_admin(&world.app, &admin);
    let (one, other) = tokio::join!(start(), start());
    let mut outcomes = [one.unwrap(), other.unwrap()];
    outcomes.sort_by_key(|outcome| *outcome != FirstAdminOutcome::Made);
    assert_eq!(outcomes, [FirstAdminOutcome::Made, FirstAdminOutcome::Ruled]);
}
