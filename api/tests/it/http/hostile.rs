//! What no client may bring about: a 5xx, a hang, an answer that shows our insides.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};

use super::desk::{Desk, Person, asking};

/// Every route that reads a body.
const BODIES: [(Method, &str); 11] = [
    (Method::POST, "/api/v1/auth/register"),
    (Method::POST, "/api/v1/auth/login"),
    (Method::POST, "/api/v1/auth/refresh-token"),
    (Method::PATCH, "/api/v1/users/507f1f77bcf86cd799439011"),
    (Method::POST, "/api/v1/sync"),
    (Method::POST, "/api/v1/conversations"),
    (Method::PUT, "/api/v1/conversations/507f1f77bcf86cd799439011"),
    (Method::POST, "/api/v1/conversations/507f1f77bcf86cd799439011/assign"),
    (Method::POST, "/api/v1/messages"),
    (Method::PUT, "/api/v1/messages/507f1f77bcf86cd799439011"),
    (Method::POST, "/api/v1/messages/conversation/507f1f77bcf86cd799439011/read"),
];

/// What the other routes that might read one end with.
const BODILESS: [&str; 3] = ["/logout", "/close", "/messages/{id}/read"];

#[test]
fn no_route_that_reads_a_body_is_left_out() {
    let mut routes: Vec<_> = api::http::routes()
        .filter(|(method, path, _)| {
            [Method::POST, Method::PUT, Method::PATCH].contains(method)
                && !BODILESS.iter().any(|end| path.ends_with(end))
        })
        .map(|(method, path, _)| {
            (method.to_string(), path.replace("{id}", "507f1f77bcf86cd799439011"))
        })
        .collect();
    let mut bodies = BODIES.map(|(method, path)| (method.to_string(), path.to_owned())).to_vec();
    routes.sort();
    bodies.sort();
    assert_eq!(bodies, routes);
}

/// Sends a body everywhere, each time from an address of its own, and hands over the answers.
async fn everywhere(
    desk: &Desk,
    person: &Person,
    content_type: Option<&'static [u8]>,
    body: &Bytes,
    mut check: impl FnMut(&str, StatusCode),
) {
    static PEER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    for (method, path) in BODIES {
        let mut request = asking(method, path, &person.token);
        if let Some(content_type) = content_type {
            request =
                request.header("content-type", HeaderValue::from_bytes(content_type).unwrap());
        }
        let n = PEER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let peer = std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string();
        let answer = desk.knock_from(&peer, request.body(body.clone()).unwrap()).await;
        check(path, answer.status);
    }
}

const JSON: Option<&[u8]> = Some(b"application/json");
const FORM: Option<&[u8]> = Some(b"application/x-www-form-urlencoded");

#[tokio::test]
async fn malformed_json_is_a_400_wherever_a_body_is_read() {
    let desk = Desk::open().await;
    let root = desk.staff("root", protocol::rest::resource::Role::Admin).await;
    let deep = "[".repeat(500_000);
    let nested = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
    let many = format!("[{}0]", "0,".repeat(400_000));
    let bodies: [&[u8]; 22] = [
        b"{",
        b"}",
        b"nul",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"\"\\u12\"",
        b"\"",
        b"01",
        b"NaN",
        b"1e",
        b"\xff\xfe",
        b"{\"name\":\"\xc3\x28\"}",
        b"\0",
        b" ",
        b"{\"a\":1}{",
        b"[1",
        b"{\"a\" 1}",
        b"\xef\xbb\xbf",
        deep.as_bytes(),
        nested.as_bytes(),
        many.as_bytes(),
    ];
    for body in bodies {
        everywhere(&desk, &root, JSON, &Bytes::copy_from_slice(body), |path, status| {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {shown}");
        })
        .await;
    }
}

#[tokio::test]
async fn values_of_every_kind_cost_their_sender_a_4xx() {
    let desk = Desk::open().await;
    let root = desk.staff("root", protocol::rest::resource::Role::Admin).await;
    let big = format!("{{\"content\":\"{}\"}}", "x".repeat(990_000));
    let keys: Vec<String> = (0..20_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let keys = format!("{{{}}}", keys.join(","));
    for body in [
        "null",
        "true",
        "7",
        "-1e308",
        "1e400",
        "\"text\"",
        "[]",
        "[{}]",
        "[[[]]]",
        "{\"__proto__\":{\"role\":\"admin\"}}",
        "{\"constructor\":1}",
        "{\"name\":{\"$gt\":\"\"},\"email\":{\"$ne\":null},\"password\":{\"$regex\":\".\"}}",
        "{\"email\":[\"a@b.co\"],\"password\":[\"x\"]}",
        "{\"email\":\"a@b.co\",\"email\":\"c@d.co\",\"password\":\"\\u0000\"}",
        "{\"participantId\":{\"$oid\":\"507f1f77bcf86cd799439011\"}}",
        "{\"content\":\"\\ud83d\",\"conversationId\":\"507f1f77bcf86cd799439011\"}",
        "{\"seq\":-1}",
        "{\"seq\":1e30}",
        "{\"seq\":9223372036854775808}",
        &big,
        &keys,
    ] {
        everywhere(&desk, &root, JSON, &Bytes::copy_from_slice(body.as_bytes()), |path, status| {
            assert!(status.is_client_error(), "{path} {status} {}", &body[..body.len().min(60)]);
        })
        .await;
    }
}

#[tokio::test]
async fn other_content_types_are_a_415() {
    let desk = Desk::open().await;
    let root = desk.staff("root", protocol::rest::resource::Role::Admin).await;
    let body = Bytes::from_static(b"{\"seq\":1}");
    for content_type in [
        None,
        Some(&b"text/plain"[..]),
        Some(b"application/xml"),
        Some(b"multipart/form-data; boundary=x"),
        Some(b"application/json; charset=utf-16"),
        Some(b"\xff\xff"),
        Some(b";;;"),
        Some(b""),
    ] {
        everywhere(&desk, &root, content_type, &body, |path, status| {
            assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {content_type:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn forms_of_every_kind_cost_their_sender_a_4xx() {
    let desk = Desk::open().await;
    let root = desk.staff("root", protocol::rest::resource::Role::Admin).await;
    let pairs = "a=1&".repeat(200_000);
    for body in [
        "=",
        "%",
        "%%%=%",
        "a[b][c]=1",
        "[]=1",
        "a[]=1&a[]=2",
        "__proto__[x]=1",
        "a=%ff%fe",
        "email=a&email=b",
        &pairs,
    ] {
        everywhere(&desk, &root, FORM, &Bytes::copy_from_slice(body.as_bytes()), |path, status| {
            assert!(status.is_client_error(), "{path} {status} {}", &body[..body.len().min(60)]);
        })
        .await;
    }
}

#[tokio::test]
async fn header_junk_changes_nothing() {
    let desk = Desk::open().await;
    let junk: [&[u8]; 6] = [b"\xff\xfe", b"", b"\"", b"W/\"", b",,,,", &[b'a'; 8_000]];
    for value in junk {
        let value = HeaderValue::from_bytes(value).unwrap();
        let mut request = Request::get("/api/v1/health").body(Bytes::new()).unwrap();
        for name in [
            "authorization",
            "origin",
            "if-none-match",
            "cache-control",
            "x-request-id",
            "x-forwarded-for",
            "content-type",
            "content-encoding",
            "accept",
            "cookie",
        ] {
            request.headers_mut().insert(name, value.clone());
        }
        desk.knock(request).await.is(StatusCode::OK, "API is healthy");
    }
}

#[tokio::test]
async fn absurd_addresses_are_answered() {
    let desk = Desk::open().await;
    let ada = desk.customer("ada").await;
    let long = format!("/{}", "a".repeat(60_000));
    for path in [
        "/%00",
        "/%ff",
        "//",
        "///api",
        "/api/v1//conversations",
        "/..",
        "/api/v1/../v1/health",
        "/api/v1/conversations/%2e%2e",
        "/api/v1/conversations/{id}",
        "/*",
        "/?",
        "/?%",
        &long,
        "http://other.example/nothing",
    ] {
        let answer = desk.get(path, &ada.token).await;
        assert!(!answer.status.is_server_error(), "{path}");
    }
    for method in ["BREW", "TRACE", "CONNECT", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = desk.bare(method.clone(), "/api/v1/health", "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}
