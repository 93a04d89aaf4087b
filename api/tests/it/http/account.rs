//! Registering, signing in and out. Source: contract O1.3, O2, 1.3.

use bytes::Bytes;
use http::{Method, StatusCode};
use protocol::rest::resource::Role;
use serde_json::{Value, json};

use super::desk::{Desk, PASSWORD, Person, asking};

const REGISTER: &str = "/api/v1/auth/register";
const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh-token";
const LOGOUT: &str = "/api/v1/auth/logout";
const PROFILE: &str = "/api/v1/auth/profile";

#[tokio::test]
async fn registering_answers_with_the_account_and_two_tokens() {
    let desk = Desk::open().await;
    let body = json!({ "name": "Ada", "email": "Ada@Example.com", "password": PASSWORD });
    let answer = desk.post(REGISTER, "", body).await;
    answer.is(StatusCode::CREATED, "User registered successfully");
    assert_eq!(
        answer.keys("/data/user"),
        [
            "__v",
            "_id",
            "avatar",
            "createdAt",
            "email",
            "isActive",
            "lastSeen",
            "name",
            "role",
            "status",
            "updatedAt"
        ]
    );
    assert_eq!(answer.at("/data/user/email"), "ada@example.com");
    assert_eq!(answer.at("/data/user/role"), "user");
    assert_eq!(answer.at("/data/user/status"), "offline");
    assert_eq!(answer.at("/data/user/avatar"), &Value::Null);
    assert_eq!(answer.at("/data/user/createdAt"), "2026-01-01T00:00:00.000Z");
    let person = Person::of(&answer);
    let profile = desk.get(PROFILE, &person.token).await;
    profile.is(StatusCode::OK, "Profile retrieved successfully");
    assert_eq!(profile.at("/data/user/userId"), person.id.as_str());
    assert_eq!(profile.at("/data/user/email"), "ada@example.com");
    assert_eq!(profile.at("/data/user/role"), "user");
}

#[tokio::test]
async fn registration_is_checked_in_the_originals_order() {
    let desk = Desk::open().await;
    let good = json!({ "name": "Ada", "email": "a@b.co", "password": "secret" });
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    for (index, (body, error)) in [
        (json!({}), "\"name\" is required"),
        (json!({ "x": 1 }), "\"name\" is required"),
        (with("name", Value::Null), "\"name\" must be a string"),
        (with("name", json!("")), "\"name\" is not allowed to be empty"),
        (with("name", json!("A")), "\"name\" length must be at least 2 characters long"),
        (
            with("name", json!("A".repeat(51))),
            "\"name\" length must be less than or equal to 50 characters long",
        ),
        (with("email", json!("nobody")), "\"email\" must be a valid email"),
        (with("email", json!(7)), "\"email\" must be a string"),
        (
            with("password", json!("short")),
            "\"password\" length must be at least 6 characters long",
        ),
        (with("role", json!("root")), "\"role\" must be one of [user, agent, admin]"),
        (with("role", Value::Null), "\"role\" must be one of [user, agent, admin]"),
        (with("isActive", json!(true)), "\"isActive\" is not allowed"),
        (json!([]), "\"value\" must be of type object"),
        (json!([good]), "\"value\" must be of type object"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = asking(Method::POST, REGISTER, "").header("content-type", "application/json");
        let peer = format!("203.0.113.{index}");
        let request = request.body(body.to_string().into()).unwrap();
        desk.knock_from(&peer, request).await.is_invalid(error);
    }
}

#[tokio::test]
async fn all_violations_are_listed() {
    let desk = Desk::open().await;
    let answer = desk.post(REGISTER, "", json!({ "name": "A", "email": 1, "extra": 0 })).await;
    let fields: Vec<_> =
        answer.at("/errors").as_array().unwrap().iter().map(|it| it["field"].clone()).collect();
    assert_eq!(fields, ["name", "email", "password", "extra"]);
}

#[tokio::test]
async fn password_over_72_bytes_is_refused_with_a_clear_text() {
    let desk = Desk::open().await;
    let body = json!({ "name": "Ada", "email": "a@b.co", "password": "ä".repeat(37) });
    let answer = desk.post(REGISTER, "", body).await;
    answer.is(StatusCode::BAD_REQUEST, "Validation error");
    assert!(answer.text("/error").contains("72 bytes"), "{answer:?}");
}

#[tokio::test]
async fn address_can_be_registered_once_whatever_its_case() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    let body = json!({ "name": "Other", "email": "ADA@example.COM", "password": PASSWORD });
    let answer = desk.post(REGISTER, "", body).await;
    answer.is(StatusCode::CONFLICT, "User already exists with this email");
    assert_eq!(answer.body["code"], "CONFLICT");
}

#[tokio::test]
async fn only_an_admin_registers_staff() {
    let desk = Desk::open().await;
    let admin = desk.staff("root", Role::Admin).await;
    let agent = desk.staff("smith", Role::Agent).await;
    let customer = desk.customer("ada").await;
    let body = |name: &str| {
        json!({ "name": name, "email": format!("{name}@x.org"), "password": PASSWORD,
                "role": "agent" })
    };
    for token in ["", &customer.token, &agent.token, "rubbish"] {
        let answer = desk.post(REGISTER, token, body("eve")).await;
        answer.is(StatusCode::FORBIDDEN, "Insufficient permissions");
        assert_eq!(answer.body["code"], "FORBIDDEN");
    }
    let answer = desk.post(REGISTER, &admin.token, body("bond")).await;
    answer.is(StatusCode::CREATED, "User registered successfully");
    assert_eq!(answer.at("/data/user/role"), "agent");
}

#[tokio::test]
async fn stale_token_does_not_keep_a_customer_from_registering() {
    let desk = Desk::open().await;
    let body = json!({ "name": "Ada", "email": "a@b.co", "password": PASSWORD });
    desk.post(REGISTER, "stale", body)
        .await
        .is(StatusCode::CREATED, "User registered successfully");
}

#[tokio::test]
async fn signing_in_sets_the_account_online() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    desk.app.clock.advance(5_000);
    let body = json!({ "email": "ADA@example.com", "password": PASSWORD });
    let answer = desk.post(LOGIN, "", body).await;
    answer.is(StatusCode::OK, "Login successful");
    assert_eq!(answer.at("/data/user/status"), "online");
    assert_eq!(answer.at("/data/user/lastSeen"), "2026-01-01T00:00:05.000Z");
    desk.get(PROFILE, &Person::of(&answer).token)
        .await
        .is(StatusCode::OK, "Profile retrieved successfully");
}

#[tokio::test]
async fn wrong_password_and_unknown_address_look_the_same() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    let wrong = json!({ "email": "ada@example.com", "password": "wrong" });
    let unknown = json!({ "email": "eve@example.com", "password": "wrong" });
    let (wrong, unknown) = (desk.post(LOGIN, "", wrong).await, desk.post(LOGIN, "", unknown).await);
    wrong.is(StatusCode::UNAUTHORIZED, "Invalid credentials");
    assert_eq!(wrong.bytes, unknown.bytes);
    let long = json!({ "email": "ada@example.com", "password": "x".repeat(100) });
    desk.post(LOGIN, "", long).await.is(StatusCode::UNAUTHORIZED, "Invalid credentials");
}

#[tokio::test]
async fn login_is_checked_in_the_originals_order() {
    let desk = Desk::open().await;
    for (body, error) in [
        (json!({}), "\"email\" is required"),
        (json!({ "email": "a@b.co" }), "\"password\" is required"),
        (json!({ "email": "a@b.co", "password": "" }), "\"password\" is not allowed to be empty"),
        (json!({ "email": "a@b.co", "password": "x", "y": 1 }), "\"y\" is not allowed"),
    ] {
        desk.post(LOGIN, "", body).await.is_invalid(error);
    }
}

#[tokio::test]
async fn forms_are_taken_like_json() {
    let desk = Desk::open().await;
    desk.customer("ada").await;
    let request = asking(Method::POST, LOGIN, "")
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .body(Bytes::from_static(b"email=ada%40example.com&password=correct+horse"))
        .unwrap();
    desk.knock(request).await.is(StatusCode::OK, "Login successful");
}

#[tokio::test]
async fn refreshing_gives_the_next_pair_and_a_retry_the_same() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    desk.app.clock.advance(60_000);
    let refresh = |token: &str| desk.post(REFRESH, "", json!({ "refreshToken": token }));
    let first = refresh(&ada.refresh).await;
    first.is(StatusCode::OK, "Token refreshed successfully");
    assert_eq!(first.keys("/data"), ["tokens"]);
    let next = first.text("/data/tokens/accessToken");
    assert_ne!(next, ada.token);
    desk.get(PROFILE, &next).await.is(StatusCode::OK, "Profile retrieved successfully");
    desk.app.clock.advance(9_000);
    assert_eq!(refresh(&ada.refresh).await.bytes, first.bytes);
    // Two hands hold it: the whole session ends.
    desk.app.clock.advance(2_000);
    refresh(&ada.refresh).await.is(StatusCode::UNAUTHORIZED, "Invalid refresh token");
    desk.get(PROFILE, &next).await.is(StatusCode::UNAUTHORIZED, "Invalid or expired token");
    refresh(&first.text("/data/tokens/refreshToken"))
        .await
        .is(StatusCode::UNAUTHORIZED, "Invalid refresh token");
}

#[tokio::test]
async fn whatever_is_no_refresh_token_is_the_same_401() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    for body in [
        json!({}),
        json!([]),
        json!({ "refreshToken": null }),
        json!({ "refreshToken": 7 }),
        json!({ "refreshToken": "" }),
        json!({ "refreshToken": "a.b.c" }),
        json!({ "refreshToken": "x".repeat(100_000) }),
        json!({ "refreshToken": ada.token }),
    ] {
        desk.post(REFRESH, "", body).await.is(StatusCode::UNAUTHORIZED, "Invalid refresh token");
    }
    desk.bare(Method::POST, REFRESH, "")
        .await
        .is(StatusCode::UNAUTHORIZED, "Invalid refresh token");
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    let elsewhere = Person::of(&desk.post(LOGIN, "", login).await);
    let answer = desk.bare(Method::POST, LOGOUT, &ada.token).await;
    answer.is(StatusCode::OK, "Logout successful");
    assert_eq!(answer.keys(""), ["message", "success"]);
    desk.get(PROFILE, &ada.token).await.is(StatusCode::UNAUTHORIZED, "Invalid or expired token");
    desk.post(REFRESH, "", json!({ "refreshToken": ada.refresh }))
        .await
        .is(StatusCode::UNAUTHORIZED, "Invalid refresh token");
    desk.get(PROFILE, &elsewhere.token).await.is(StatusCode::OK, "Profile retrieved successfully");
}

#[tokio::test]
async fn guard_says_what_is_missing() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let missing = "Access token is required";
    let invalid = "Invalid or expired token";
    for (header, message) in [
        (String::new(), missing),
        (format!("bearer {}", ada.token), missing),
        (format!("Basic {}", ada.token), missing),
        (ada.token.clone(), missing),
        ("Bearer x".to_owned(), invalid),
        (format!("Bearer  {}", ada.token), invalid),
        (format!("Bearer {}x", ada.token), invalid),
        (format!("Bearer {}", ada.refresh), invalid),
    ] {
        let request = asking(Method::GET, PROFILE, "").header("authorization", &header);
        let answer = desk.knock(request.body(Bytes::new()).unwrap()).await;
        answer.is(StatusCode::UNAUTHORIZED, message);
        assert_eq!(answer.body["code"], "UNAUTHENTICATED", "{header}");
    }
    desk.app.clock.advance(7 * 86_400_000);
    let answer = desk.get(PROFILE, &ada.token).await;
    answer.is(StatusCode::UNAUTHORIZED, invalid);
    assert_eq!(answer.body["code"], "TOKEN_EXPIRED");
}

#[tokio::test]
async fn unknown_path_under_auth_asks_for_a_token_first() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let path = "/api/v1/auth/nothing?x=1";
    desk.get(path, "").await.is(StatusCode::UNAUTHORIZED, "Access token is required");
    desk.get(path, &ada.token)
        .await
        .is(StatusCode::NOT_FOUND, "Route /api/v1/auth/nothing?x=1 not found");
}
