//! The same thing asked for many times at once.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::desk::{Answer, Desk, PASSWORD, asking};

const ASKING: usize = 8;

/// The answers to these bodies, sent at once, each from an address of its own.
async fn post_at_once(
    desk: &Arc<Desk>,
    path: &'static str,
    requests: impl Iterator<Item = (String, Value)>,
) -> Vec<Answer> {
    let mut asking_all = JoinSet::new();
    for (index, (token, body)) in requests.enumerate() {
        let desk = Arc::clone(desk);
        let request = asking(Method::POST, path, &token).header(CONTENT_TYPE, "application/json");
        let request = request.body(body.to_string().into()).unwrap();
        let peer = format!("203.0.113.{index}");
        asking_all.spawn(async move { desk.knock_from(&peer, request).await });
    }
    asking_all.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_register_an_address_at_once_one_gets_it() {
    let desk = Arc::new(Desk::open().await);
    let register = |index: usize| {
        // The same address, however it is written.
        let email = if index.is_multiple_of(2) { "ada@example.com" } else { "Ada@Example.com" };
        (String::new(), json!({ "name": "Ada", "email": email, "password": PASSWORD }))
    };
    let path = "/api/v1/auth/register";
    let answers = post_at_once(&desk, path, (0..ASKING).map(register)).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == StatusCode::CREATED);
    assert_eq!((made.len(), refused.len()), (1, ASKING - 1));
    for answer in refused {
        answer.is(StatusCode::CONFLICT, "User already exists with this email");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_begin_at_once_get_the_same_conversation() {
    let desk = Arc::new(Desk::open().await);
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let begin = |index: usize| {
        let (by, with) = if index.is_multiple_of(2) { (&ada, &bob) } else { (&bob, &ada) };
        (by.token.clone(), json!({ "participantId": with.id }))
    };
    let path = "/api/v1/conversations";
    let answers = post_at_once(&desk, path, (0..ASKING).map(begin)).await;
    let id = answers[0].text("/data/conversation/_id");
    for answer in &answers {
        answer.is(StatusCode::CREATED, "Conversation created successfully");
        assert_eq!(answer.text("/data/conversation/_id"), id);
    }
    // Only a new one is shown with its people.
    let is_new = |answer: &&Answer| answer.at("/data/conversation/participants/0").is_object();
    assert_eq!(answers.iter().filter(is_new).count(), 1);
}
