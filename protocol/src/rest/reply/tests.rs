use super::body::{Health, Profile, ProfileBody, Refreshed, Root, Tokens, UnreadBody};
use super::repair::{Entry, Joined, Repaired, Synced, Tombstone};
use super::{Code, Failure, Success};
use crate::rest::resource::{Pagination, Role, User};
use crate::schema::Violation;
use crate::time::Timestamp;

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn tokens() -> Tokens {
    Tokens { access_token: "a.b.c".to_owned(), refresh_token: "d.e.f".to_owned() }
}

#[test]
fn success_omits_what_it_does_not_have() {
    assert_eq!(
        json(&Success::bare("Logout successful")),
        r#"{"success":true,"message":"Logout successful"}"#
    );
    let refreshed = Refreshed { tokens: tokens() };
    assert_eq!(
        json(&Success::with("Token refreshed successfully", refreshed)),
        concat!(
            r#"{"success":true,"message":"Token refreshed successfully","data":{"tokens":"#,
            r#"{"accessToken":"a.b.c","refreshToken":"d.e.f"}}}"#
        )
    );
    assert_eq!(
        json(&Success::with("Unread count retrieved successfully", UnreadBody { unread_count: 3 })),
        r#"{"success":true,"message":"Unread count retrieved successfully","data":{"unreadCount":3}}"#
    );
}

#[test]
fn pagination_stands_beside_data() {
    let page = Success::page("ok", [1], Pagination::new(2, 20, 41, None));
    assert_eq!(
        json(&page),
        concat!(
            r#"{"success":true,"message":"ok","data":[1],"#,
            r#""pagination":{"page":2,"limit":20,"total":41,"pages":3}}"#
        )
    );
    let next = Pagination::new(1, 20, 0, Some("c".to_owned()));
    assert_eq!(json(&next), r#"{"page":1,"limit":20,"total":0,"pages":0,"nextCursor":"c"}"#);
}

#[test]
fn failure_names_the_first_violation_and_all_of_them() {
    assert_eq!(
        json(&Failure::new(Code::NotFound, "Conversation not found")),
        r#"{"success":false,"message":"Conversation not found","code":"NOT_FOUND"}"#
    );
    let errors = [Violation::new("name", "is required"), Violation::new("x", "is not allowed")];
    assert_eq!(
        json(&Failure::invalid("Validation error", &errors)),
        concat!(
            r#"{"success":false,"message":"Validation error","code":"VALIDATION_FAILED","#,
            r#""error":"\"name\" is required","errors":["#,
            r#"{"field":"name","message":"\"name\" is required"},"#,
            r#"{"field":"x","message":"\"x\" is not allowed"}]}"#
        )
    );
}

#[test]
fn every_code_is_a_word_of_its_own() {
    let words: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    assert!(words.iter().all(|word| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
    assert_eq!(json(&Code::UnsupportedMediaType), r#""UNSUPPORTED_MEDIA_TYPE""#);
}

#[test]
fn health_and_root_are_those_of_the_original() {
    let now = Timestamp(951_782_400_000);
    assert_eq!(
        json(&Health::new(now)),
        r#"{"success":true,"message":"API is healthy","timestamp":"2000-02-29T00:00:00.000Z"}"#
    );
    assert_eq!(
        json(&Root::new(now)),
        concat!(
            r#"{"success":true,"message":"Voxora Chat API","version":"1.0.0","#,
            r#""timestamp":"2000-02-29T00:00:00.000Z"}"#
        )
    );
}

#[test]
fn profile_keeps_the_names_of_the_original_beside_the_stored_fields() {
    let id = "507f1f77bcf86cd799439011".parse().unwrap();
    let user = User {
        id,
        name: "Ann".to_owned(),
        email: "ann@example.com".to_owned(),
        role: Role::Agent,
        avatar: None,
        status: "online".to_owned(),
        is_active: true,
        last_seen: Timestamp(0),
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        version: 0,
    };
    assert_eq!(
        json(&ProfileBody { user: Profile { user_id: id, user } }),
        concat!(
            r#"{"user":{"userId":"507f1f77bcf86cd799439011","_id":"507f1f77bcf86cd799439011","#,
            r#""name":"Ann","email":"ann@example.com","role":"agent","avatar":null,"#,
            r#""status":"online","isActive":true,"lastSeen":"1970-01-01T00:00:00.000Z","#,
            r#""createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z","#,
            r#""__v":0}}"#
        )
    );
}

#[test]
fn repairs_are_those_of_the_contract() {
    let id = "507f1f77bcf86cd799439011";
    let tombstone = Tombstone::new(id.parse().unwrap(), id.parse().unwrap(), 7, Timestamp(0));
    let mut joined = Joined {
        last_seq: 9,
        messages: Vec::new(),
        changed: vec![Entry::Tombstone(tombstone)],
        cursor: "c".to_owned(),
        epoch: "e".to_owned(),
        truncated: false,
    };
    assert_eq!(
        json(&joined),
        concat!(
            r#"{"lastSeq":9,"messages":[],"changed":[{"_id":"507f1f77bcf86cd799439011","#,
            r#""conversationId":"507f1f77bcf86cd799439011","seq":7,"isDeleted":true,"#,
            r#""deletedAt":"1970-01-01T00:00:00.000Z"}],"cursor":"c","epoch":"e"}"#
        )
    );
    joined.truncated = true;
    assert!(json(&joined).ends_with(r#","truncated":true}"#));
    let synced = Synced {
        cursor: "c".to_owned(),
        epoch: "e".to_owned(),
        conversations: Vec::new(),
        messages: Vec::new(),
        truncated: false,
    };
    assert_eq!(json(&synced), r#"{"cursor":"c","epoch":"e","conversations":[],"messages":[]}"#);
    assert_eq!(json(&Repaired::<Synced>::RESET), r#"{"reset":true}"#);
}

#[test]
fn tokens_are_not_shown() {
    assert_eq!(format!("{:?}", tokens()), "Tokens { .. }");
}
