//! Conversations. Source: contract O1.4, 1.4, 1.7.

use http::{Method, StatusCode};
use protocol::rest::resource::Role;
use serde_json::{Value, json};

use super::desk::Desk;

const CONVERSATIONS: &str = "/api/v1/conversations";
const ABSENT: &str = "507f1f77bcf86cd799439011";

#[tokio::test]
async fn new_conversation_names_its_members() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let body = json!({
        "participantId": bob.id, "subject": "Late parcel", "priority": "high",
        "tags": [" parcel ", "late"],
    });
    let answer = desk.post(CONVERSATIONS, &ada.token, body).await;
    answer.is(StatusCode::CREATED, "Conversation created successfully");
    let conversation = |key: &str| answer.at(&format!("/data/conversation/{key}"));
    assert_eq!(conversation("participants/0/_id"), ada.id.as_str());
    assert_eq!(conversation("participants/1/name"), "bob");
    assert_eq!(
        answer.keys("/data/conversation/participants/1"),
        ["_id", "avatar", "email", "name", "role", "status"]
    );
    assert_eq!(conversation("createdBy"), ada.id.as_str());
    assert_eq!(conversation("subject"), "Late parcel");
    assert_eq!(conversation("status"), "open");
    assert_eq!(conversation("priority"), "high");
    assert_eq!(conversation("tags"), &json!(["parcel", "late"]));
    assert_eq!(conversation("assignedTo"), &Value::Null);
    assert_eq!(conversation("closedAt"), &Value::Null);
    assert_eq!(conversation("lastSeq"), 0);
    assert_eq!(conversation("__v"), 0);
    assert!(!answer.keys("/data/conversation").contains(&"lastMessage"));
}

#[tokio::test]
async fn open_conversation_of_two_is_found_again() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    let body = json!({ "participantId": ada.id, "subject": "Again" });
    let again = desk.post(CONVERSATIONS, &bob.token, body).await;
    again.is(StatusCode::CREATED, "Conversation created successfully");
    assert_eq!(again.text("/data/conversation/_id"), id);
    assert_eq!(again.at("/data/conversation/participants/0"), ada.id.as_str());
    assert!(!again.keys("/data/conversation").contains(&"subject"));
}

#[tokio::test]
async fn creation_is_checked_in_the_originals_order() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    for (extra, error) in [
        (json!({ "participantId": 7 }), "\"participantId\" must be a string"),
        (json!({ "participantId": "x" }), "\"participantId\" must be a valid id"),
        (json!({ "subject": "" }), "\"subject\" is not allowed to be empty"),
        (
            json!({ "subject": "x".repeat(201) }),
            "\"subject\" length must be less than or equal to 200 characters long",
        ),
        (json!({ "priority": "now" }), "\"priority\" must be one of [low, medium, high, urgent]"),
        (json!({ "tags": "x" }), "\"tags\" must be an array"),
        (json!({ "tags": [7] }), "\"tags[0]\" must be a string"),
        (json!({ "tags": ["a", ""] }), "\"tags[1]\" is not allowed to be empty"),
        (json!({ "tags": many }), "\"tags\" must contain less than or equal to 10 items"),
        (json!({ "status": "closed" }), "\"status\" is not allowed"),
        (json!({ "participants": [] }), "\"participants\" is not allowed"),
    ] {
        let mut body = json!({ "participantId": bob.id });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        desk.post(CONVERSATIONS, &ada.token, body).await.is_invalid(error);
    }
}

#[tokio::test]
async fn nobody_talks_to_nobody_or_to_oneself() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    for id in [ABSENT, &ada.id] {
        let answer = desk.post(CONVERSATIONS, &ada.token, json!({ "participantId": id })).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert_eq!(answer.body["code"], "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn conversation_without_a_participant_waits_in_the_queue() {
    let desk = Desk::open().await;
    let (ada, smith) = (desk.customer("ada").await, desk.staff("smith", Role::Agent).await);
    let created = desk.post(CONVERSATIONS, &ada.token, json!({ "subject": "Help" })).await;
    created.is(StatusCode::CREATED, "Conversation created successfully");
    let path = format!("{CONVERSATIONS}?scope=unassigned");
    let queue = desk.get(&path, &smith.token).await;
    assert_eq!(queue.at("/pagination/total"), 1);
    let id = created.text("/data/conversation/_id");
    assert_eq!(queue.at("/data/conversations/0/_id"), id.as_str());
}

#[tokio::test]
async fn only_members_and_staff_see_a_conversation() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let (eve, smith) = (desk.customer("eve").await, desk.staff("smith", Role::Agent).await);
    let id = desk.conversation(&ada, &bob).await;
    let path = format!("{CONVERSATIONS}/{id}");
    for person in [&ada, &bob, &smith] {
        let answer = desk.get(&path, &person.token).await;
        answer.is(StatusCode::OK, "Conversation retrieved successfully");
        assert_eq!(answer.at("/data/conversation/createdBy/_id"), ada.id.as_str());
    }
    let hidden = desk.get(&path, &eve.token).await;
    hidden.is(StatusCode::NOT_FOUND, "Conversation not found");
    let absent = desk.get(&format!("{CONVERSATIONS}/{ABSENT}"), &eve.token).await;
    assert_eq!(absent.bytes, hidden.bytes);
    desk.get(&path, "").await.is(StatusCode::UNAUTHORIZED, "Access token is required");
}

#[tokio::test]
async fn malformed_id_is_a_400_everywhere() {
    let desk = Desk::open().await;
    let smith = desk.staff("smith", Role::Agent).await;
    for id in ["x", "507f1f77bcf86cd79943901", "%00", "507f1f77bcf86cd79943901%31", "null"] {
        for (method, path) in [
            (Method::GET, format!("{CONVERSATIONS}/{id}")),
            (Method::PUT, format!("{CONVERSATIONS}/{id}")),
            (Method::POST, format!("{CONVERSATIONS}/{id}/assign")),
            (Method::POST, format!("{CONVERSATIONS}/{id}/close")),
            (Method::GET, format!("/api/v1/messages/conversation/{id}")),
            (Method::GET, format!("/api/v1/messages/conversation/{id}/unread-count")),
            (Method::PUT, format!("/api/v1/messages/{id}")),
            (Method::DELETE, format!("/api/v1/messages/{id}")),
            (Method::POST, format!("/api/v1/messages/{id}/read")),
        ] {
            desk.bare(method, &path, &smith.token).await.is_invalid("\"id\" must be a valid id");
        }
    }
}

#[tokio::test]
async fn list_shows_the_callers_conversations_newest_first() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let mut ids = Vec::new();
    for name in ["bob", "cat", "dan"] {
        desk.app.clock.advance(1_000);
        let other = desk.customer(name).await;
        ids.insert(0, desk.conversation(&ada, &other).await);
    }
    let answer = desk.get(&format!("{CONVERSATIONS}?limit=2"), &ada.token).await;
    answer.is(StatusCode::OK, "Conversations retrieved successfully");
    let listed: Vec<_> = answer.at("/data/conversations").as_array().unwrap().iter().collect();
    let listed: Vec<_> = listed.iter().map(|it| it["_id"].as_str().unwrap()).collect();
    assert_eq!(listed, ids[..2]);
    assert_eq!(answer.at("/pagination/page"), 1);
    assert_eq!(answer.at("/pagination/limit"), 2);
    assert_eq!(answer.at("/pagination/total"), 3);
    assert_eq!(answer.at("/pagination/pages"), 2);
    let second = desk.get(&format!("{CONVERSATIONS}?limit=2&page=2"), &ada.token).await;
    assert_eq!(second.at("/data/conversations/0/_id"), ids[2].as_str());
    let eve = desk.customer("eve").await;
    let none = desk.get(CONVERSATIONS, &eve.token).await;
    assert_eq!(none.at("/data/conversations"), &json!([]));
    assert_eq!(none.at("/pagination/total"), 0);
}

#[tokio::test]
async fn listed_conversation_carries_its_newest_message_and_the_unread() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    desk.message(&ada, &id, "first").await;
    let message = desk.message(&ada, &id, "second").await;
    let list = desk.get(CONVERSATIONS, &bob.token).await;
    let item = |key: &str| list.at(&format!("/data/conversations/0/{key}"));
    assert_eq!(item("lastMessage/_id"), message.as_str());
    assert_eq!(item("lastMessage/content"), "second");
    assert_eq!(item("lastMessage/senderId"), ada.id.as_str());
    assert_eq!(item("lastSeq"), 2);
    assert_eq!(item("unreadCount"), 2);
}

#[tokio::test]
async fn lists_refuse_wrong_pages_and_clamp_long_ones() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    for (query, status) in [
        ("page=0", 400),
        ("page=-1", 400),
        ("page=x", 400),
        ("page=1.5", 400),
        ("page=101", 400),
        ("limit=-1", 400),
        ("limit=x", 400),
        ("assignedTo=x", 400),
        ("scope=everything", 400),
        ("cursor=rubbish", 400),
        ("limit=1000", 200),
        ("status=nonsense", 200),
        ("status=open&status=closed", 200),
        ("unknown=1", 200),
        ("", 200),
        ("&&==&%", 200),
    ] {
        let answer = desk.get(&format!("{CONVERSATIONS}?{query}"), &ada.token).await;
        assert_eq!(answer.status, status, "{query} {answer:?}");
    }
    let clamped = desk.get(&format!("{CONVERSATIONS}?limit=1000"), &ada.token).await;
    assert_eq!(clamped.at("/pagination/limit"), 100);
}

#[tokio::test]
async fn scopes_are_for_staff() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    for scope in ["all", "unassigned"] {
        let answer = desk.get(&format!("{CONVERSATIONS}?scope={scope}"), &ada.token).await;
        answer.is(StatusCode::FORBIDDEN, "Insufficient permissions");
    }
}

#[tokio::test]
async fn customers_change_the_status_and_staff_the_rest() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let smith = desk.staff("smith", Role::Agent).await;
    let path = format!("{CONVERSATIONS}/{}", desk.conversation(&ada, &bob).await);
    let answer = desk.put(&path, &bob.token, json!({ "status": "resolved" })).await;
    answer.is(StatusCode::OK, "Conversation updated successfully");
    assert_eq!(answer.at("/data/conversation/status"), "resolved");
    for body in [
        json!({ "priority": "urgent" }),
        json!({ "tags": [] }),
        json!({ "assignedTo": smith.id }),
        json!({ "assignedTo": null }),
        json!({ "status": "open", "priority": "low" }),
    ] {
        desk.put(&path, &ada.token, body)
            .await
            .is(StatusCode::FORBIDDEN, "Insufficient permissions");
    }
    let body = json!({ "priority": "urgent", "tags": ["vip"], "assignedTo": smith.id });
    let answer = desk.put(&path, &smith.token, body).await;
    answer.is(StatusCode::OK, "Conversation updated successfully");
    assert_eq!(answer.at("/data/conversation/assignedTo/_id"), smith.id.as_str());
    let answer = desk.put(&path, &smith.token, json!({ "assignedTo": null })).await;
    assert_eq!(answer.at("/data/conversation/assignedTo"), &Value::Null);
    desk.bare(Method::PUT, &path, &ada.token)
        .await
        .is(StatusCode::OK, "Conversation updated successfully");
    desk.put(&path, &ada.token, json!({ "subject": "x" }))
        .await
        .is_invalid("\"subject\" is not allowed");
    let eve = desk.customer("eve").await;
    desk.put(&path, &eve.token, json!({ "status": "open" }))
        .await
        .is(StatusCode::NOT_FOUND, "Conversation not found or access denied");
}

#[tokio::test]
async fn assigning_asks_for_the_role_before_the_body() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let smith = desk.staff("smith", Role::Agent).await;
    let path = format!("{CONVERSATIONS}/{}/assign", desk.conversation(&ada, &bob).await);
    for body in [json!({ "agentId": smith.id }), json!({ "agentId": 7 }), json!([])] {
        desk.post(&path, &ada.token, body)
            .await
            .is(StatusCode::FORBIDDEN, "Insufficient permissions");
    }
    let answer = desk.post(&path, &smith.token, json!({ "agentId": smith.id })).await;
    answer.is(StatusCode::OK, "Conversation assigned successfully");
    assert_eq!(answer.at("/data/conversation/status"), "pending");
    assert_eq!(answer.at("/data/conversation/assignedTo/_id"), smith.id.as_str());
    for body in [json!({}), json!({ "agentId": ada.id }), json!({ "agentId": ABSENT })] {
        desk.post(&path, &smith.token, body)
            .await
            .is(StatusCode::BAD_REQUEST, "Invalid agent or agent not found");
    }
    let absent = format!("{CONVERSATIONS}/{ABSENT}/assign");
    desk.post(&absent, &smith.token, json!({ "agentId": smith.id }))
        .await
        .is(StatusCode::NOT_FOUND, "Conversation not found");
}

#[tokio::test]
async fn two_agents_cannot_claim_the_same_conversation() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let (smith, jones) =
        (desk.staff("smith", Role::Agent).await, desk.staff("jones", Role::Agent).await);
    let created = desk.post(CONVERSATIONS, &ada.token, json!({ "subject": "Help" })).await;
    let path = format!("{CONVERSATIONS}/{}/assign", created.text("/data/conversation/_id"));
    let claims = (
        desk.post(&path, &smith.token, json!({ "agentId": smith.id })),
        desk.post(&path, &jones.token, json!({ "agentId": jones.id })),
    );
    let (first, second) = tokio::join!(claims.0, claims.1);
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{first:?} {second:?}");
}

#[tokio::test]
async fn closing_says_who_and_when() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let path = format!("{CONVERSATIONS}/{}/close", desk.conversation(&ada, &bob).await);
    let eve = desk.customer("eve").await;
    desk.bare(Method::POST, &path, &eve.token)
        .await
        .is(StatusCode::NOT_FOUND, "Conversation not found");
    let answer = desk.bare(Method::POST, &path, &bob.token).await;
    answer.is(StatusCode::OK, "Conversation closed successfully");
    assert_eq!(answer.at("/data/conversation/status"), "closed");
    assert_eq!(answer.at("/data/conversation/closedBy"), bob.id.as_str());
    assert_eq!(answer.at("/data/conversation/closedAt"), "2026-01-01T00:00:00.000Z");
}
