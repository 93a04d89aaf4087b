//! The list of people, and what admins change. Source: contract 1.3, 1.4.

use http::{Method, StatusCode};
use protocol::rest::resource::Role;
use serde_json::{Value, json};

use super::desk::{Answer, Desk, PASSWORD, Person};

const USERS: &str = "/api/v1/users";
const LOGIN: &str = "/api/v1/auth/login";
const PROFILE: &str = "/api/v1/auth/profile";

async fn patch(desk: &Desk, by: &Person, id: &str, body: Value) -> Answer {
    desk.with_json(Method::PATCH, &format!("{USERS}/{id}"), &by.token, body).await
}

fn names(answer: &Answer) -> Vec<&str> {
    let users = answer.at("/data/users").as_array().unwrap();
    users.iter().map(|user| user["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn staff_lists_people_by_role_status_and_part_of_a_name() {
    let desk = Desk::open().await;
    let smith = desk.staff("smith", Role::Agent).await;
    for name in ["zoe", "adam", "abel"] {
        desk.customer(name).await;
    }
    let list = async |query: &str| desk.get(&format!("{USERS}{query}"), &smith.token).await;
    let all = list("").await;
    all.is(StatusCode::OK, "Users retrieved successfully");
    assert_eq!(names(&all), ["abel", "adam", "smith", "zoe"]);
    assert_eq!(all.at("/pagination"), &json!({ "page": 1, "limit": 20, "total": 4, "pages": 1 }));
    assert!(!String::from_utf8_lossy(&all.bytes).contains("$2"), "a hash is shown");
    assert_eq!(names(&list("?role=agent").await), ["smith"]);
    assert_eq!(names(&list("?role=user&q=A").await), ["abel", "adam", "zoe"]);
    assert_eq!(names(&list("?q=DA").await), ["adam"]);
    assert_eq!(names(&list("?status=online").await), ["smith"]);
    assert_eq!(names(&list("?status=offline&limit=2").await), ["abel", "adam"]);
    list("?role=owner").await.is_invalid("\"role\" must be one of [user, agent, admin]");
}

#[tokio::test]
async fn cursor_walks_all_people_once() {
    let desk = Desk::open().await;
    let smith = desk.staff("smith", Role::Agent).await;
    for n in 0..9 {
        desk.customer(&format!("user{n}")).await;
    }
    for filter in ["", "&role=user", "&q=user"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = desk.get(&format!("{USERS}?limit=4{filter}{cursor}"), &smith.token).await;
            seen.extend(names(&page).into_iter().map(str::to_owned));
            match page.at("/pagination/nextCursor").as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), if filter.is_empty() { 10 } else { 9 });
        assert!(seen.is_sorted_by(|a, b| a == "smith" || b > a), "{seen:?}");
    }
    let bad = desk.get(&format!("{USERS}?cursor=MTIz"), &smith.token).await;
    bad.is_invalid("\"cursor\" is not one that this server gave");
}

#[tokio::test]
async fn role_changes_hold_at_once() {
    let desk = Desk::open().await;
    let root = desk.staff("root", Role::Admin).await;
    let ada = desk.customer("ada").await;
    desk.get(USERS, &ada.token).await.is(StatusCode::FORBIDDEN, "Insufficient permissions");
    let promoted = patch(&desk, &root, &ada.id, json!({ "role": "agent" })).await;
    promoted.is(StatusCode::OK, "User updated successfully");
    assert_eq!(promoted.at("/data/user/role"), "agent");
    desk.get(USERS, &ada.token).await.is(StatusCode::OK, "Users retrieved successfully");
    patch(&desk, &root, &ada.id, json!({ "role": "user" })).await;
    desk.get(USERS, &ada.token).await.is(StatusCode::FORBIDDEN, "Insufficient permissions");
}

#[tokio::test]
async fn deactivation_ends_every_session_and_refuses_new_ones() {
    let desk = Desk::open().await;
    let root = desk.staff("root", Role::Admin).await;
    let ada = desk.customer("ada").await;
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    let elsewhere = Person::of(&desk.post(LOGIN, "", login.clone()).await);
    let answer = patch(&desk, &root, &ada.id, json!({ "isActive": false })).await;
    answer.is(StatusCode::OK, "User updated successfully");
    for token in [&ada.token, &elsewhere.token] {
        assert_eq!(desk.get(PROFILE, token).await.status, StatusCode::UNAUTHORIZED);
    }
    for refresh in [&ada.refresh, &elsewhere.refresh] {
        let body = json!({ "refreshToken": refresh });
        desk.post("/api/v1/auth/refresh-token", "", body)
            .await
            .is(StatusCode::UNAUTHORIZED, "Invalid refresh token");
    }
    desk.post(LOGIN, "", login.clone()).await.is(StatusCode::UNAUTHORIZED, "Invalid credentials");
    patch(&desk, &root, &ada.id, json!({ "isActive": true })).await;
    // The old sessions stay ended.
    assert_eq!(desk.get(PROFILE, &ada.token).await.status, StatusCode::UNAUTHORIZED);
    desk.post(LOGIN, "", login).await.is(StatusCode::OK, "Login successful");
}

#[tokio::test]
async fn last_active_admin_stays_one() {
    let desk = Desk::open().await;
    let (root, second) =
        (desk.staff("root", Role::Admin).await, desk.staff("second", Role::Admin).await);
    let text = "At least one active admin must remain";
    let done = patch(&desk, &root, &second.id, json!({ "isActive": false })).await;
    done.is(StatusCode::OK, "User updated successfully");
    for body in [json!({ "role": "agent" }), json!({ "isActive": false })] {
        let refused = patch(&desk, &root, &root.id, body).await;
        refused.is(StatusCode::CONFLICT, text);
        assert_eq!(refused.body["code"], "CONFLICT");
    }
    desk.get(USERS, &root.token).await.is(StatusCode::OK, "Users retrieved successfully");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admins_who_depose_each_other_at_once_never_leave_nobody() {
    let desk = Desk::open().await;
    let (one, two) = (desk.staff("one", Role::Admin).await, desk.staff("two", Role::Admin).await);
    for _ in 0..20 {
        let agent = || json!({ "role": "agent" });
        tokio::join!(patch(&desk, &one, &two.id, agent()), patch(&desk, &two, &one.id, agent()));
        let ruling = desk.get(&format!("{USERS}?role=admin"), &one.token).await;
        let ruling = names(&ruling).into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert!(!ruling.is_empty());
        if let [left] = &ruling[..] {
            let (ruler, other) = if left == "one" { (&one, &two) } else { (&two, &one) };
            patch(&desk, ruler, &other.id, json!({ "role": "admin" }))
                .await
                .is(StatusCode::OK, "User updated successfully");
        }
    }
}

#[tokio::test]
async fn changes_of_people_are_checked() {
    let desk = Desk::open().await;
    let root = desk.staff("root", Role::Admin).await;
    let ada = desk.customer("ada").await;
    let role = "\"role\" must be one of [user, agent, admin]";
    patch(&desk, &root, &ada.id, json!({ "role": "owner" })).await.is_invalid(role);
    let active = "\"isActive\" must be a boolean";
    patch(&desk, &root, &ada.id, json!({ "isActive": "maybe" })).await.is_invalid(active);
    for field in ["email", "password", "name", "_id", "createdAt"] {
        let unknown = format!("\"{field}\" is not allowed");
        patch(&desk, &root, &ada.id, json!({ field: "x" })).await.is_invalid(&unknown);
    }
    patch(&desk, &root, "x", json!({})).await.is_invalid("\"id\" must be a valid id");
    patch(&desk, &root, "507f1f77bcf86cd799439011", json!({ "role": "agent" }))
        .await
        .is(StatusCode::NOT_FOUND, "User not found");
    let same = patch(&desk, &root, &ada.id, json!({})).await;
    same.is(StatusCode::OK, "User updated successfully");
    assert_eq!(same.at("/data/user/role"), "user");
}
