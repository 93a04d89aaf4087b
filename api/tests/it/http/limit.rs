//! How many requests, and how many failed attempts to sign in. Source: contract 1.9, O6.2.

use std::sync::Arc;

use api::domain::field;
use api::store::index::SESSIONS_BY_USER;
use api::store::{Collection, Direction, Insert, Scan};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::desk::{Answer, Desk, PASSWORD, asking};

const REGISTER: &str = "/api/v1/auth/register";
const LOGIN: &str = "/api/v1/auth/login";

fn health() -> Request<Bytes> {
    Request::get("/api/v1/health").body(Bytes::new()).unwrap()
}

async fn login(desk: &Desk, peer: &str, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password }).to_string();
    let request = asking(Method::POST, LOGIN, "").header("content-type", "application/json");
    desk.knock_from(peer, request.body(body.into()).unwrap()).await
}

/// So many sign-ins of one account from one address, none of which waits for another's answer.
async fn logins_at_once(desk: Desk, count: usize, password: &str) -> Vec<Answer> {
    at_once(desk, count, LOGIN, &json!({ "email": "ada@example.com", "password": password })).await
}

/// The same body so often, likewise.
async fn at_once(desk: Desk, count: usize, path: &'static str, body: &Value) -> Vec<Answer> {
    let desk = Arc::new(desk);
    let posts = (0..count).map(|_| {
        let (desk, body) = (Arc::clone(&desk), body.clone());
        async move { desk.post(path, "", body).await }
    });
    posts.collect::<JoinSet<_>>().join_all().await
}

#[tokio::test]
async fn requests_of_an_address_are_counted_and_said() {
    let desk = Desk::with(|settings| settings.requests.hits_max = 3).await;
    for remaining in ["2", "1", "0"] {
        let answer = desk.knock(health()).await;
        answer.is(StatusCode::OK, "API is healthy");
        assert_eq!(answer.headers["ratelimit-policy"], "3;w=900");
        assert_eq!(answer.headers["ratelimit-limit"], "3");
        assert_eq!(answer.headers["ratelimit-remaining"], remaining);
        assert_eq!(answer.headers["ratelimit-reset"], "900");
    }
    desk.app.clock.advance(1_500);
    let over = desk.get("/nothing", "").await;
    over.is(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later.");
    assert_eq!(over.body["code"], "RATE_LIMITED");
    assert_eq!(over.headers["retry-after"], "899");
    desk.knock_from("198.51.100.8", health()).await.is(StatusCode::OK, "API is healthy");
    desk.app.clock.advance(898_500);
    desk.knock(health()).await.is(StatusCode::OK, "API is healthy");
}

#[tokio::test]
async fn signed_in_people_behind_one_address_have_counters_of_their_own() {
    let desk = Desk::with(|settings| settings.requests.hits_max = 3).await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    for _ in 0..3 {
        desk.get("/api/v1/auth/profile", &ada.token)
            .await
            .is(StatusCode::OK, "Profile retrieved successfully");
    }
    assert_eq!(desk.get("/api/v1/auth/profile", &ada.token).await.status, 429);
    assert_eq!(desk.get("/api/v1/auth/profile", &bob.token).await.status, 200);
    // An invented token buys no counter.
    desk.get("/api/v1/auth/profile", "invented").await;
    assert_eq!(desk.get("/api/v1/auth/profile", "another").await.status, 429);
}

#[tokio::test]
async fn token_of_an_ended_session_costs_its_owner_nothing() {
    const PROFILE: &str = "/api/v1/auth/profile";
    let desk = Desk::with(|settings| settings.requests.hits_max = 3).await;
    let ended = desk.customer("ada").await.token;
    let live = login(&desk, "203.0.113.1", "ada@example.com", PASSWORD).await;
    let live = live.text("/data/tokens/accessToken");
    desk.bare(Method::POST, "/api/v1/auth/logout", &ended)
        .await
        .is(StatusCode::OK, "Logout successful");
    let shown_from = |peer, token| {
        let request = asking(Method::GET, PROFILE, token).body(Bytes::new()).unwrap();
        desk.knock_from(peer, request)
    };
    for _ in 0..3 {
        shown_from("203.0.113.2", &ended)
            .await
            .is(StatusCode::UNAUTHORIZED, "Invalid or expired token");
    }
    for _ in 0..3 {
        assert_eq!(shown_from("203.0.113.2", &ended).await.status, 429);
    }
    // Neither does whoever uses it up keep the owner out at the same address.
    let answer = shown_from("203.0.113.2", &live).await;
    answer.is(StatusCode::OK, "Profile retrieved successfully");
    assert_eq!(answer.headers["ratelimit-remaining"], "1");
}

#[tokio::test]
async fn token_that_opened_nothing_is_not_looked_up_for_a_spent_address() {
    let desk = Desk::with(|settings| settings.requests.hits_max = 2).await;
    let ada = desk.customer("ada").await;
    let scan = Scan {
        index: &SESSIONS_BY_USER,
        equals: &[field::id(ada.id.parse().unwrap())],
        after: &[],
        direction: Direction::Ascending,
        limit: 1,
    };
    let document = desk.app.store.scan(&scan).await.unwrap().remove(0);
    desk.bare(Method::POST, "/api/v1/auth/logout", &ada.token)
        .await
        .is(StatusCode::OK, "Logout successful");
    let shown_from = |peer| {
        let request = asking(Method::GET, "/api/v1/auth/profile", &ada.token);
        desk.knock_from(peer, request.body(Bytes::new()).unwrap())
    };
    for status in [401, 401, 429] {
        assert_eq!(shown_from("203.0.113.2").await.status, status);
    }
    // The session is there again, for whoever looks.
    let collection = Collection::Sessions;
    let insert = Insert { collection, document, follow_ups: Vec::new() };
    desk.app.store.insert(insert).await.unwrap();
    assert_eq!(shown_from("203.0.113.2").await.status, 429);
    assert_eq!(shown_from("203.0.113.3").await.status, 200);
}

#[tokio::test]
async fn forwarded_address_counts_only_behind_a_trusted_proxy() {
    let from = |client: &str| {
        Request::get("/").header("x-forwarded-for", client).body(Bytes::new()).unwrap()
    };
    let desk = Desk::with(|settings| settings.requests.hits_max = 1).await;
    desk.knock_from("10.0.0.1", from("203.0.113.1")).await;
    assert_eq!(desk.knock_from("10.0.0.1", from("203.0.113.2")).await.status, 429);
    let desk = Desk::with(|settings| {
        settings.requests.hits_max = 1;
        settings.trusted_proxies.push("10.0.0.0/8".parse().unwrap());
    })
    .await;
    desk.knock_from("10.0.0.1", from("203.0.113.1")).await;
    assert_eq!(desk.knock_from("10.0.0.1", from("203.0.113.2")).await.status, 200);
    assert_eq!(desk.knock_from("10.0.0.2", from("6.6.6.6, 203.0.113.1")).await.status, 429);
}

#[tokio::test]
async fn five_failures_close_an_account_to_an_address() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    for remaining in ["4", "3", "2", "1", "0"] {
        let answer = login(&desk, "203.0.113.1", "ada@example.com", "wrong").await;
        answer.is(StatusCode::UNAUTHORIZED, "Invalid credentials");
        assert_eq!(answer.headers["x-ratelimit-limit"], "5");
        assert_eq!(answer.headers["x-ratelimit-remaining"], remaining);
        assert_eq!(answer.headers["x-ratelimit-reset"], "1767226500");
    }
    let over = login(&desk, "203.0.113.1", "ADA@example.com", PASSWORD).await;
    let text = "Too many authentication attempts, please try again later.";
    over.is(StatusCode::TOO_MANY_REQUESTS, text);
    assert_eq!(over.headers["retry-after"], "900");
    // Neither another address nor another account is closed by it.
    login(&desk, "203.0.113.2", "ada@example.com", PASSWORD)
        .await
        .is(StatusCode::OK, "Login successful");
    desk.customer("bob").await;
    login(&desk, "203.0.113.1", "bob@example.com", PASSWORD)
        .await
        .is(StatusCode::OK, "Login successful");
    desk.app.clock.advance(900_000);
    login(&desk, "203.0.113.1", "ada@example.com", PASSWORD)
        .await
        .is(StatusCode::OK, "Login successful");
}

#[tokio::test]
async fn successes_never_add_up_to_a_refusal() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    for _ in 0..20 {
        login(&desk, "203.0.113.1", "ada@example.com", PASSWORD)
            .await
            .is(StatusCode::OK, "Login successful");
    }
}

#[tokio::test]
async fn correct_sign_ins_at_once_are_all_let_in() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    for answer in logins_at_once(desk, 16, PASSWORD).await {
        answer.is(StatusCode::OK, "Login successful");
    }
}

#[tokio::test]
async fn no_more_than_five_guesses_at_once_are_judged() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    let answers = logins_at_once(desk, 40, "wrong").await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(StatusCode::UNAUTHORIZED), count(StatusCode::TOO_MANY_REQUESTS)), (5, 35));
}

#[tokio::test]
async fn of_registrations_at_once_one_wins_and_all_others_hear_of_it() {
    let body = json!({ "name": "Ada", "email": "ada@example.com", "password": PASSWORD });
    let answers = at_once(Desk::open().await, 16, REGISTER, &body).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(StatusCode::CREATED), count(StatusCode::CONFLICT)), (1, 15));
}

#[tokio::test]
async fn failed_validations_count_too() {
    let desk = Desk::open().await;
    for _ in 0..5 {
        assert_eq!(desk.post(LOGIN, "", json!({})).await.status, 400);
    }
    assert_eq!(desk.post(REGISTER, "", json!({})).await.status, 429);
}

#[tokio::test]
async fn failed_validations_of_different_people_are_not_added_up() {
    let desk = Desk::open().await;
    let short = |n| {
        let email = format!("u{n}@example.com");
        desk.post(REGISTER, "", json!({ "name": "Ada", "email": email, "password": "short" }))
    };
    let text = "\"password\" length must be at least 6 characters long";
    for n in 0..7 {
        short(n).await.is_invalid(text);
    }
    for _ in 0..4 {
        short(0).await.is_invalid(text);
    }
    assert_eq!(short(0).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn fifty_failures_close_an_address_whatever_the_accounts() {
    let desk = Desk::open().await;
    for n in 0..50 {
        let answer = login(&desk, "203.0.113.1", &format!("u{n}@example.com"), "x").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{n}");
    }
    let over = login(&desk, "203.0.113.1", "new@example.com", "x").await;
    assert_eq!(over.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(over.headers["x-ratelimit-limit"], "50");
}
