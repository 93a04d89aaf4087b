//! Staying signed in. Source: contract 1.3.

use api::bus::{Delivery, Notice};
use api::error::Kind;
use api::service::account;
use api::service::session::{
    self, AuthError, REFRESH_RETRY_MS, REPLACED_MAX, SESSIONS_PER_USER_MAX,
};
use protocol::rest::resource::Role;

use super::world::{World, credentials, kind};

#[tokio::test]
async fn refresh_token_works_once_and_repeats_itself_for_ten_seconds() {
    let world = World::new().await;
    let first = world.sign_up("ada", Role::User).await.tokens;
    world.app.clock.advance(60_000);
    let second = session::refresh(&world.app, &first.refresh_token).await.unwrap();
    assert_ne!(second.refresh, first.refresh_token);
    world.app.clock.advance(REFRESH_RETRY_MS);
    let again = session::refresh(&world.app, &first.refresh_token).await.unwrap();
    assert!(again == second, "a lost answer is given again, byte for byte");
    let third = session::refresh(&world.app, &second.refresh).await.unwrap();
    world.caller(&third.access).await;
}

#[tokio::test]
async fn reuse_after_the_window_ends_the_whole_session() {
    let world = World::new().await;
    let first = world.sign_up("ada", Role::User).await.tokens;
    let second = session::refresh(&world.app, &first.refresh_token).await.unwrap();
    world.app.clock.advance(REFRESH_RETRY_MS + 1);
    let mut ear = world.listen();
    let stolen = session::refresh(&world.app, &first.refresh_token).await;
    let error = stolen.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Unauthenticated, "Invalid refresh token"));
    assert!(matches!(ear.next().await, Delivery::Notice(Notice::SessionRevoked { .. })));
    assert_eq!(kind(session::refresh(&world.app, &second.refresh).await), Kind::Unauthenticated);
    let access = session::authenticate(&world.app, &second.access).await;
    assert!(matches!(access, Err(AuthError::Invalid)));
}

#[tokio::test]
async fn retry_gets_its_own_answer_again_after_others_have_gone_on_from_it() {
    let world = World::new().await;
    let mut token = world.sign_up("ada", Role::User).await.tokens.refresh_token;
    let mut exchanges = Vec::new();
    for _ in 0..4 {
        world.app.clock.advance(1_000);
        let pair = session::refresh(&world.app, &token).await.unwrap();
        exchanges.push((std::mem::replace(&mut token, pair.refresh.clone()), pair));
    }
    world.app.clock.advance(REFRESH_RETRY_MS - 3_000);
    for (used, pair) in &exchanges {
        let again = session::refresh(&world.app, used).await.unwrap();
        assert!(again == *pair, "each token is worth the same pair as at its first use");
    }
    // The first is too old now, whatever was exchanged since.
    world.app.clock.advance(1);
    assert!(session::refresh(&world.app, &exchanges[1].0).await.is_ok());
    assert_eq!(kind(session::refresh(&world.app, &exchanges[0].0).await), Kind::Unauthenticated);
    assert_eq!(kind(session::refresh(&world.app, &token).await), Kind::Unauthenticated);
}

#[tokio::test]
async fn only_so_many_exchanged_tokens_are_remembered() {
    let world = World::new().await;
    let mut tokens = vec![world.sign_up("ada", Role::User).await.tokens.refresh_token];
    for turn in 0..=REPLACED_MAX {
        tokens.push(session::refresh(&world.app, &tokens[turn]).await.unwrap().refresh);
    }
    assert!(session::refresh(&world.app, &tokens[1]).await.is_ok());
    assert_eq!(kind(session::refresh(&world.app, &tokens[0]).await), Kind::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshes_at_once_get_the_same_pair() {
    let world = World::new().await;
    let first = world.sign_up("ada", Role::User).await.tokens;
    let mut refreshes = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (app, token) = (std::sync::Arc::clone(&world.app), first.refresh_token.clone());
        refreshes.spawn(async move { session::refresh(&app, &token).await.unwrap() });
    }
    let pairs = refreshes.join_all().await;
    assert!(pairs.iter().all(|pair| *pair == pairs[0]));
}

/// Many tabs share one token and all refresh it at once, again and again: each round has one
/// successor, all of them get it, and nobody is signed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tabs_that_refresh_at_once_a_thousand_times_are_never_signed_out() {
    const TABS: usize = 64;
    let rounds = if crate::engine::is_across_a_network() { 100 } else { 1_000 };
    let world = World::new().await;
    let mut token = world.sign_up("ada", Role::User).await.tokens.refresh_token;
    let mut seen = std::collections::HashSet::from([token.clone()]);
    for round in 0..rounds {
        let mut refreshes = tokio::task::JoinSet::new();
        for _ in 0..TABS {
            let (app, token) = (std::sync::Arc::clone(&world.app), token.clone());
            refreshes.spawn(async move { session::refresh(&app, &token).await.unwrap() });
        }
        let pairs = refreshes.join_all().await;
        assert!(pairs.iter().all(|pair| *pair == pairs[0]), "round {round}");
        token.clone_from(&pairs[round % TABS].refresh);
        assert!(seen.insert(token.clone()), "round {round} has no successor");
        world.caller(&pairs[0].access).await;
    }
}

#[tokio::test]
async fn logout_ends_this_session_and_no_other() {
    let world = World::new().await;
    let phone = world.sign_up("ada", Role::User).await.tokens;
    let desk = account::login(&world.app, credentials("ada")).await.unwrap().tokens;
    let caller = world.caller(&phone.access_token).await;
    let mut ear = world.listen();
    account::logout(&world.app, &caller).await.unwrap();
    let revoked = session::authenticate(&world.app, &phone.access_token).await;
    assert!(matches!(revoked, Err(AuthError::Invalid)));
    assert!(session::refresh(&world.app, &phone.refresh_token).await.is_err());
    world.caller(&desk.access_token).await;
    let expected =
        Notice::SessionRevoked { session_id: caller.session_id, user_id: caller.user_id };
    assert!(matches!(ear.next().await, Delivery::Notice(notice) if notice == expected));
}

#[tokio::test]
async fn each_way_a_token_fails_is_told_apart() {
    let world = World::new().await;
    let tokens = world.sign_up("ada", Role::User).await.tokens;
    let authenticate = |token| session::authenticate(&world.app, token);
    assert!(matches!(authenticate("").await, Err(AuthError::Missing)));
    assert!(matches!(authenticate("rubbish").await, Err(AuthError::Invalid)));
    let refresh = authenticate(&tokens.refresh_token).await;
    assert!(matches!(refresh, Err(AuthError::Invalid)));
    let seven_days = 7 * 86_400_000;
    let authenticated = authenticate(&tokens.access_token).await.unwrap();
    assert_eq!(authenticated.expires_at.0, super::world::START.0 + seven_days);
    world.app.clock.advance(seven_days);
    assert!(matches!(authenticate(&tokens.access_token).await, Err(AuthError::Expired)));
}

#[tokio::test]
async fn hundred_and_first_session_ends_the_oldest() {
    let world = World::new().await;
    let first = world.sign_up("ada", Role::User).await.tokens;
    let mut last = None;
    for _ in 0..SESSIONS_PER_USER_MAX {
        last = Some(account::login(&world.app, credentials("ada")).await.unwrap().tokens);
    }
    let oldest = session::authenticate(&world.app, &first.access_token).await;
    assert!(matches!(oldest, Err(AuthError::Invalid)));
    world.caller(&last.unwrap().access_token).await;
}
