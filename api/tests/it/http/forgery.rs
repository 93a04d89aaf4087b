//! What an attacker writes: tokens, operators, fields that are not theirs, addresses.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use protocol::rest::resource::Role;
use ring::hmac;
use serde_json::{Value, json};

use super::desk::{Answer, Desk, SECRET, asking};

const PROFILE: &str = "/api/v1/auth/profile";
const NOBODY: &str = "507f1f77bcf86cd799439011";

/// A body, sent from an address of its own.
async fn send(desk: &Desk, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    static PEER: AtomicU32 = AtomicU32::new(0);
    let n = PEER.fetch_add(1, Ordering::Relaxed);
    let peer = std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string();
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
    let request = asking(method, path, token).header(CONTENT_TYPE, "application/json");
    desk.knock_from(&peer, request.body(body.to_string().into()).unwrap()).await
}

/// A token with this encoded header and these claims, as whoever knows the secret signs it.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes())))
}

#[tokio::test]
async fn forged_tokens_open_nothing() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let [header, claims, signature] = ada.token.split('.').collect::<Vec<_>>()[..] else {
        panic!("a token has three pieces")
    };
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let mut forged = vec![
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}.{}.{signature}", encode(&plain.replace("\"user\"", "\"admin\""))),
        format!("{header}.{claims}.{}", encode("signature")),
        ada.refresh.clone(),
    ];
    for algorithm in ["none", "None", "NONE", "RS256", "PS256", "ES256", "HS512", "EdDSA"] {
        let header = encode(&format!("{{\"typ\":\"JWT\",\"alg\":\"{algorithm}\"}}"));
        forged.push(format!("{header}.{claims}."));
        forged.push(format!("{header}.{claims}.{signature}"));
    }
    // From here on the signature is right, so that the claims alone are judged.
    assert_eq!(signed(header, &plain), ada.token);
    let exp = plain.find("\"exp\":").unwrap();
    for time in ["-1", "1e400", "1e308", "null", "true", "\"1\"", "\"x\"", "[]", "{}", "1.5"] {
        forged.push(signed(header, &format!("{}\"exp\":{time}}}", &plain[..exp])));
        forged.push(signed(header, &format!("{{\"nbf\":{time},{}", &plain[1..])));
    }
    forged.push(signed(header, &format!("{}}}", plain[..exp].trim_end_matches(','))));
    forged.push(signed(header, &format!("{{\"nbf\":4102444800,{}", &plain[1..])));
    forged.push(signed(&encode(r#"{"alg":"HS256","crit":["x"],"x":1}"#), &plain));
    for token in &forged {
        let answer = desk.get(PROFILE, token).await;
        answer.is(StatusCode::UNAUTHORIZED, "Invalid or expired token");
    }
    desk.get(PROFILE, &ada.token).await.is(StatusCode::OK, "Profile retrieved successfully");
}

/// Every field of every published body, one after the other, holding a database's operators. That
/// each complaint names its field also shows that the published table is the one that decodes.
#[tokio::test]
async fn operators_are_refused_in_every_field_of_every_body() {
    let desk = Desk::open().await;
    let root = desk.staff("root", Role::Admin).await;
    let bob = desk.customer("bob").await;
    let conversation = desk.conversation(&root, &bob).await;
    let message = desk.message(&root, &conversation, "hello").await;
    let document = &desk.published.0;
    let mut count = 0;
    for (template, operations) in document["paths"].as_object().unwrap() {
        let id = match template.as_str() {
            "/api/v1/users/{id}" => &bob.id,
            "/api/v1/messages/{id}" => &message,
            _ => &conversation,
        };
        for (method, operation) in operations.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let Some(schema) = schema.as_str() else { continue };
            let table = document.pointer(schema.trim_start_matches('#')).unwrap();
            for field in table["properties"].as_object().unwrap().keys() {
                for operator in
                    [json!({ "$ne": null }), json!({ "$gt": "" }), json!([{ "$in": [] }])]
                {
                    let path = template.replace("{id}", id);
                    let body = json!({ field: operator });
                    let answer = send(&desk, method, &path, &root.token, &body).await;
                    if template.ends_with("/refresh-token") {
                        answer.is(StatusCode::UNAUTHORIZED, "Invalid refresh token");
                        continue;
                    }
                    // Of an object that drops what it does not know, nothing may be left.
                    if field == "metadata" && operator.is_object() {
                        continue;
                    }
                    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{method} {path} {body}");
                    let names = answer.body["errors"].as_array().unwrap().iter();
                    let mut names = names.map(|error| error["field"].as_str().unwrap());
                    assert!(names.any(|name| name.starts_with(field)), "{method} {path} {body}");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 60, "{count}");
}

#[tokio::test]
async fn operators_in_queries_and_cursors_find_nothing_more() {
    let desk = Desk::open().await;
    let root = desk.staff("root", Role::Admin).await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let conversation = desk.conversation(&ada, &bob).await;
    let history = format!("/api/v1/messages/conversation/{conversation}");
    for list in ["/api/v1/users", "/api/v1/conversations", history.as_str()] {
        for name in ["page", "limit", "cursor", "role", "q", "assignedTo", "priority", "before"] {
            let operators = ["[$ne]=", "[$gt]=1", "[$regex]=.*", "[$where]=1", "[]=x&{}[$ne]=1"];
            for operator in operators {
                let path = format!("{list}?{name}{}", operator.replace("{}", name));
                let path = path.replace('$', "%24").replace('[', "%5B").replace(']', "%5D");
                let answer = desk.get(&path, &root.token).await;
                assert!(answer.status == 400 || answer.status == 200, "{path} {answer:?}");
                let found = answer.at("/data/conversations").as_array();
                assert!(found.is_none_or(Vec::is_empty), "{path} shows other people's");
            }
        }
        for cursor in ["{\"$ne\":null}", "[\"x\"]", "0.507f1f77bcf86cd799439011", "@{$gt:1}"] {
            let cursor = URL_SAFE_NO_PAD.encode(cursor);
            let answer = desk.get(&format!("{list}?cursor={cursor}"), &ada.token).await;
            assert!(!answer.status.is_server_error(), "{cursor}");
        }
    }
    for id in ["%7B%22$ne%22:null%7D", "[$ne]", "507f1f77bcf86cd79943901g", "$where"] {
        let answer = desk.get(&format!("/api/v1/conversations/{id}"), &ada.token).await;
        answer.is_invalid("\"id\" must be a valid id");
    }
}

#[tokio::test]
async fn fields_that_are_not_the_clients_cannot_be_set() {
    let desk = Desk::open().await;
    let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
    let conversation = desk.conversation(&ada, &bob).await;
    let message = desk.message(&ada, &conversation, "hello").await;
    let theirs = ["_id", "senderId", "seq", "readBy", "isEdited", "isDeleted", "createdAt"];
    let place = format!("/api/v1/conversations/{conversation}");
    for key in theirs.iter().chain(&["participants", "createdBy", "lastSeq", "isActive", "__v"]) {
        let refused = format!("\"{key}\" is not allowed");
        let mut body = json!({ "conversationId": conversation, "content": "x" });
        body[key] = json!(NOBODY);
        desk.post("/api/v1/messages", &ada.token, body).await.is_invalid(&refused);
        let body = json!({ (*key): NOBODY });
        desk.put(&place, &ada.token, body.clone()).await.is_invalid(&refused);
        desk.post("/api/v1/conversations", &ada.token, body).await.is_invalid(&refused);
    }
    for key in ["isActive", "_id", "status", "createdAt", "emailVerified"] {
        let mut body = json!({ "name": "Eve", "email": "eve@example.com", "password": "hunter22" });
        body[key] = json!(true);
        let path = "/api/v1/auth/register";
        let answer = send(&desk, "post", path, "", &body).await;
        answer.is_invalid(&format!("\"{key}\" is not allowed"));
    }
    // Where the original drops unknown keys in silence, they stay without effect.
    let metadata = json!({ "readBy": [bob.id], "isEdited": true, "fileName": "a.png" });
    let body = json!({ "conversationId": conversation, "content": "x", "metadata": metadata });
    let sent = desk.post("/api/v1/messages", &ada.token, body).await;
    assert_eq!(
        sent.at("/data/message/metadata"),
        &json!({ "fileName": "a.png", "isEdited": false, "readBy": [] })
    );
    let edit = json!({ "content": "y", "senderId": bob.id, "seq": 99, "isDeleted": true });
    let edited = desk.put(&format!("/api/v1/messages/{message}"), &ada.token, edit).await;
    edited.is(StatusCode::OK, "Message edited successfully");
    assert_eq!(edited.at("/data/message/seq"), 1);
    assert_eq!(edited.at("/data/message/senderId/_id"), &json!(ada.id));
    assert_eq!(edited.at("/data/message/isDeleted"), false);
}

#[tokio::test]
async fn forged_addresses_buy_no_second_counter() {
    let from = |header: &str| {
        Request::get("/").header("x-forwarded-for", header).body(Bytes::new()).unwrap()
    };
    let one_each = |trusted: &'static str| {
        Desk::with(move |settings| {
            settings.requests.hits_max = 1;
            settings.trusted_proxies.push(trusted.parse().unwrap());
        })
    };
    // A peer that is no proxy may claim what it likes.
    let desk = one_each("10.0.0.0/8").await;
    assert_eq!(desk.knock_from("203.0.113.9", from("198.51.100.1")).await.status, 200);
    for claim in ["198.51.100.2", "10.0.0.1", "::1", "rubbish", "1.1.1.1, 2.2.2.2"] {
        assert_eq!(desk.knock_from("203.0.113.9", from(claim)).await.status, 429, "{claim}");
    }
    // Behind a proxy only what the proxy wrote counts, however much stands before it.
    assert_eq!(desk.knock_from("10.0.0.1", from("198.51.100.3")).await.status, 200);
    for claim in ["1.1.1.1, 198.51.100.3", "10.0.0.7, 8.8.8.8, 198.51.100.3", "x, 198.51.100.3"] {
        assert_eq!(desk.knock_from("10.0.0.1", from(claim)).await.status, 429, "{claim}");
    }
    // A subscriber has a /64 to choose addresses from.
    let desk = one_each("fd00::/8").await;
    assert_eq!(desk.knock_from("2001:db8:1:2::1", from("")).await.status, 200);
    assert_eq!(desk.knock_from("2001:db8:1:2:ffff::7", from("")).await.status, 429);
    assert_eq!(desk.knock_from("2001:db8:1:3::1", from("")).await.status, 200);
    assert_eq!(desk.knock_from("fd00::1", from("2001:db8:1:2:aaaa::1")).await.status, 429);
}
