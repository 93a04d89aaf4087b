//! What was missed, by its REST door. Source: contract 1.6, point 4.

use api::service::repair::{CURSOR_AGE_MS_MAX, MARGIN_MS};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::desk::{Answer, Desk, Person};

const SYNC: &str = "/api/v1/sync";

async fn sync(desk: &Desk, of: &Person, body: Value) -> Answer {
    let answer = desk.post(SYNC, &of.token, body).await;
    answer.is(StatusCode::OK, "Changes retrieved successfully");
    answer
}

#[tokio::test]
async fn who_was_away_is_told_what_changed_and_what_was_said() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    let kept = desk.message(&ada, &id, "kept").await;
    let gone = desk.message(&ada, &id, "gone").await;
    let first = sync(&desk, &bob, json!({})).await;
    assert_eq!(first.keys("/data"), ["conversations", "cursor", "epoch", "messages"]);
    assert_eq!(first.at("/data/conversations/0/_id"), id.as_str());
    assert_eq!(first.at("/data/conversations/0/unreadCount"), 2);

    desk.app.clock.advance(2 * MARGIN_MS);
    desk.put(&format!("/api/v1/messages/{kept}"), &ada.token, json!({ "content": "new" })).await;
    desk.delete(&format!("/api/v1/messages/{gone}"), &ada.token).await;
    desk.message(&ada, &id, "missed").await;
    let body = json!({ "cursor": first.text("/data/cursor"), "conversations": { &id: 2 } });
    let back = sync(&desk, &bob, body).await;
    assert_eq!(back.at("/data/epoch"), first.at("/data/epoch"));
    assert_eq!(back.at("/data/messages/0/content"), "new");
    let tombstone = "/data/messages/1";
    assert_eq!(back.keys(tombstone), ["_id", "conversationId", "deletedAt", "isDeleted", "seq"]);
    assert_eq!(back.at("/data/messages/1/_id"), gone.as_str());
    assert_eq!(back.at("/data/messages/1/isDeleted"), true);
    assert_eq!(back.at("/data/messages/2/content"), "missed");
    assert_eq!(back.at("/data/conversations/0/lastSeq"), 3);
    assert_eq!(back.at("/data/conversations/0/lastMessage/content"), "missed");
}

#[tokio::test]
async fn an_old_cursor_resets_and_one_of_nobody_is_invalid() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let cursor = desk.bare(Method::POST, SYNC, &ada.token).await.text("/data/cursor");
    desk.app.clock.advance(CURSOR_AGE_MS_MAX + 1);
    let email = json!({ "email": "ada@example.com", "password": super::desk::PASSWORD });
    let ada = Person::of(&desk.post("/api/v1/auth/login", "", email).await);
    let reset = sync(&desk, &ada, json!({ "cursor": cursor })).await;
    assert_eq!(reset.at("/data"), &json!({ "reset": true }));

    let asked = desk.post(SYNC, &ada.token, json!({ "cursor": "nonsense" })).await;
    asked.is_invalid("\"cursor\" is not one that this server gave");
    for body in [
        json!({ "conversations": { "short": 1 } }),
        json!({ "conversations": { "507f1f77bcf86cd799439011": -1 } }),
        json!({ "conversations": [] }),
        json!({ "scope": "everything" }),
    ] {
        let asked = desk.post(SYNC, &ada.token, body.clone()).await;
        assert_eq!(asked.status, StatusCode::BAD_REQUEST, "{body}");
    }
}
