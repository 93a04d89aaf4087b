//! Messages. Source: contract O1.5, 1.4, 1.6, 1.7, 1.8.

use http::{Method, StatusCode};
use protocol::rest::resource::Role;
use serde_json::{Value, json};

use super::desk::{Answer, Desk};

const MESSAGES: &str = "/api/v1/messages";
const ABSENT: &str = "507f1f77bcf86cd799439011";

fn contents(answer: &Answer) -> Vec<String> {
    let messages = answer.at("/data/messages").as_array().unwrap();
    messages.iter().map(|it| it["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn sent_message_names_its_sender_and_its_place() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    let body = json!({
        "conversationId": id, "content": "  Hello <b>you</b>\n", "type": "file",
        "metadata": { "fileName": "a.png", "fileSize": 12, "readBy": ["x"], "isEdited": true },
        "clientMessageId": "k1",
    });
    let answer = desk.post(MESSAGES, &ada.token, body).await;
    answer.is(StatusCode::CREATED, "Message sent successfully");
    let message = |key: &str| answer.at(&format!("/data/message/{key}"));
    assert_eq!(message("conversationId"), id.as_str());
    assert_eq!(answer.keys("/data/message/senderId"), ["_id", "avatar", "email", "name", "role"]);
    assert_eq!(message("senderId/_id"), ada.id.as_str());
    assert_eq!(message("content"), "  Hello <b>you</b>\n");
    assert_eq!(message("type"), "file");
    assert_eq!(message("seq"), 1);
    assert_eq!(message("isDeleted"), false);
    assert_eq!(message("deletedAt"), &Value::Null);
    assert_eq!(message("metadata/fileName"), "a.png");
    assert_eq!(message("metadata/fileSize").as_f64(), Some(12.0));
    assert_eq!(message("metadata/isEdited"), false);
    assert!(message("metadata/readBy").as_array().unwrap().iter().all(|it| it != "x"));
}

#[tokio::test]
async fn sending_is_checked_in_the_originals_order() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    for (body, error) in [
        (json!({}), "\"conversationId\" is required"),
        (json!({ "conversationId": 7 }), "\"conversationId\" must be a string"),
        (json!({ "conversationId": "x" }), "\"conversationId\" must be a valid id"),
        (json!({ "conversationId": id }), "\"content\" is required"),
        (json!({ "conversationId": id, "content": 7 }), "\"content\" must be a string"),
        (json!({ "conversationId": id, "content": "" }), "\"content\" is not allowed to be empty"),
        (
            json!({ "conversationId": id, "content": "é".repeat(5_001) }),
            "\"content\" length must be less than or equal to 5000 characters long",
        ),
        (
            json!({ "conversationId": id, "content": "x", "type": "video" }),
            "\"type\" must be one of [text, file, image, system]",
        ),
        (
            json!({ "conversationId": id, "content": "x", "metadata": [] }),
            "\"metadata\" must be of type object",
        ),
        (json!({ "conversationId": id, "content": "x", "seq": 9 }), "\"seq\" is not allowed"),
        (
            json!({ "conversationId": id, "content": "x", "senderId": bob.id }),
            "\"senderId\" is not allowed",
        ),
    ] {
        desk.post(MESSAGES, &ada.token, body).await.is_invalid(error);
    }
    let blank = json!({ "conversationId": id, "content": " \n\t" });
    let answer = desk.post(MESSAGES, &ada.token, blank).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let longest = json!({ "conversationId": id, "content": "é".repeat(5_000) });
    desk.post(MESSAGES, &ada.token, longest)
        .await
        .is(StatusCode::CREATED, "Message sent successfully");
}

#[tokio::test]
async fn strangers_cannot_send_read_or_learn_anything() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let eve = desk.customer("eve").await;
    let id = desk.conversation(&ada, &bob).await;
    let message = desk.message(&ada, &id, "secret").await;
    let denied = "Conversation not found or access denied";
    for id in [id.as_str(), ABSENT] {
        let body = json!({ "conversationId": id, "content": "x" });
        desk.post(MESSAGES, &eve.token, body).await.is(StatusCode::NOT_FOUND, denied);
        desk.get(&format!("{MESSAGES}/conversation/{id}"), &eve.token)
            .await
            .is(StatusCode::NOT_FOUND, denied);
        let unread = format!("{MESSAGES}/conversation/{id}/unread-count");
        assert_eq!(desk.get(&unread, &eve.token).await.status, StatusCode::NOT_FOUND);
    }
    for id in [message.as_str(), ABSENT] {
        let path = format!("{MESSAGES}/{id}");
        let denied = "Message not found or access denied";
        desk.put(&path, &eve.token, json!({ "content": "x" }))
            .await
            .is(StatusCode::NOT_FOUND, denied);
        desk.delete(&path, &eve.token).await.is(StatusCode::NOT_FOUND, denied);
        let read = desk.bare(Method::POST, &format!("{path}/read"), &eve.token).await;
        assert_eq!(read.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn nobody_sends_system_messages() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let root = desk.staff("root", Role::Admin).await;
    let id = desk.conversation(&ada, &bob).await;
    for person in [&ada, &root] {
        let body = json!({ "conversationId": id, "content": "x", "type": "system" });
        desk.post(MESSAGES, &person.token, body)
            .await
            .is(StatusCode::FORBIDDEN, "Insufficient permissions");
    }
}

#[tokio::test]
async fn retry_with_the_same_key_is_the_same_message() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    let body = || json!({ "conversationId": id, "content": "once", "clientMessageId": "k" });
    let first = desk.post(MESSAGES, &ada.token, body()).await;
    desk.message(&bob, &id, "between").await;
    let again = desk.post(MESSAGES, &ada.token, body()).await;
    again.is(StatusCode::CREATED, "Message sent successfully");
    assert_eq!(again.text("/data/message/_id"), first.text("/data/message/_id"));
    assert_eq!(again.at("/data/message/seq"), 1);
    let history = desk.get(&format!("{MESSAGES}/conversation/{id}"), &ada.token).await;
    assert_eq!(contents(&history), ["once", "between"]);
}

#[tokio::test]
async fn first_page_is_the_newest_and_reads_oldest_first() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    for n in 1..=5 {
        desk.app.clock.advance(1_000);
        desk.message(&ada, &id, &n.to_string()).await;
    }
    let path = format!("{MESSAGES}/conversation/{id}");
    let page = async |query: &str| desk.get(&format!("{path}?{query}"), &bob.token).await;
    let first = page("limit=2").await;
    first.is(StatusCode::OK, "Messages retrieved successfully");
    assert_eq!(contents(&first), ["4", "5"]);
    assert_eq!(
        (first.at("/pagination/total"), first.at("/pagination/pages")),
        (&json!(5), &json!(3))
    );
    assert_eq!(contents(&page("limit=2&page=2").await), ["2", "3"]);
    assert_eq!(contents(&page("limit=2&page=3").await), ["1"]);
    assert_eq!(contents(&page("afterSeq=3").await), ["4", "5"]);
    assert_eq!(contents(&page("beforeSeq=3").await), ["1", "2"]);
    let before = page("before=2026-01-01T00:00:03.000Z").await;
    assert_eq!(contents(&before), ["1", "2"]);
    assert_eq!(before.at("/pagination/total"), 2);
    for query in ["before=soon", "page=0", "limit=x", "afterSeq=x"] {
        assert_eq!(page(query).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn sender_edits_a_message_and_nobody_else() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    let path = format!("{MESSAGES}/{}", desk.message(&ada, &id, "tpyo").await);
    desk.app.clock.advance(1_000);
    let answer = desk.put(&path, &ada.token, json!({ "content": "typo", "extra": 1 })).await;
    answer.is(StatusCode::OK, "Message edited successfully");
    assert_eq!(answer.at("/data/message/content"), "typo");
    assert_eq!(answer.at("/data/message/metadata/isEdited"), true);
    assert_eq!(answer.at("/data/message/metadata/editedAt"), "2026-01-01T00:00:01.000Z");
    let denied = desk.put(&path, &bob.token, json!({ "content": "mine" })).await;
    denied.is(StatusCode::FORBIDDEN, "Message not found or access denied");
    desk.put(&path, &ada.token, json!({})).await.is_invalid("\"content\" is required");
    assert_eq!(desk.bare(Method::PUT, &path, &ada.token).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn deleted_message_is_gone_from_every_answer() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    desk.message(&ada, &id, "stays").await;
    let path = format!("{MESSAGES}/{}", desk.message(&ada, &id, "goes").await);
    assert_eq!(desk.delete(&path, &bob.token).await.status, StatusCode::FORBIDDEN);
    let answer = desk.delete(&path, &ada.token).await;
    answer.is(StatusCode::OK, "Message deleted successfully");
    assert_eq!(answer.keys(""), ["message", "success"]);
    desk.delete(&path, &ada.token)
        .await
        .is(StatusCode::NOT_FOUND, "Message not found or access denied");
    let edit = desk.put(&path, &ada.token, json!({ "content": "back" })).await;
    edit.is(StatusCode::NOT_FOUND, "Message not found or access denied");
    let history = desk.get(&format!("{MESSAGES}/conversation/{id}"), &bob.token).await;
    assert_eq!(contents(&history), ["stays"]);
    assert_eq!(history.at("/pagination/total"), 1);
    let list = desk.get("/api/v1/conversations", &bob.token).await;
    assert_eq!(list.at("/data/conversations/0/lastMessage/content"), "stays");
    for answer in [history, list] {
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("goes"));
    }
}

#[tokio::test]
async fn reading_a_message_reads_everything_up_to_it() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let id = desk.conversation(&ada, &bob).await;
    desk.message(&ada, &id, "1").await;
    let second = desk.message(&ada, &id, "2").await;
    desk.message(&ada, &id, "3").await;
    let path = format!("{MESSAGES}/conversation/{id}/unread-count");
    let unread = async || desk.get(&path, &bob.token).await.at("/data/unreadCount").clone();
    assert_eq!(unread().await, 3);
    for _ in 0..2 {
        let read = desk.bare(Method::POST, &format!("{MESSAGES}/{second}/read"), &bob.token).await;
        read.is(StatusCode::OK, "Message marked as read");
        assert_eq!(read.keys(""), ["message", "success"]);
        assert_eq!(unread().await, 1);
    }
    let place = format!("{MESSAGES}/conversation/{id}/read");
    assert_eq!(desk.post(&place, &bob.token, json!({ "seq": 3 })).await.status, StatusCode::OK);
    assert_eq!(unread().await, 0);
    desk.get(&path, &ada.token).await.is(StatusCode::OK, "Unread count retrieved successfully");
}
