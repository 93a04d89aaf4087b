//! What holds whatever is asked for: paths, methods, headers, health. Source: contract O1.1, O6.3.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use tracing_subscriber::fmt::MakeWriter;

use super::desk::{Desk, asking};

#[tokio::test]
async fn root_and_health_answer_as_the_original() {
    let desk = Desk::open().await;
    let root = desk.get("/", "").await;
    root.is(StatusCode::OK, "Voxora Chat API");
    assert_eq!(root.keys(""), ["message", "success", "timestamp", "version"]);
    assert_eq!(root.at("/version"), "1.0.0");
    let health = desk.get("/api/v1/health", "").await;
    health.is(StatusCode::OK, "API is healthy");
    assert_eq!(health.at("/timestamp"), "2026-01-01T00:00:00.000Z");
    desk.get("/API/v1/Health/", "").await.is(StatusCode::OK, "API is healthy");
}

#[tokio::test]
async fn probes_are_not_counted_and_drain_shows() {
    let desk = Desk::open().await;
    for path in ["/healthz", "/readyz"] {
        let answer = desk.get(path, "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.headers.contains_key("ratelimit-limit"));
    }
    desk.door.begin_drain();
    let answer = desk.get("/readyz", "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(desk.get("/healthz", "").await.status, StatusCode::OK);
    desk.get("/api/v1/health", "").await.is(StatusCode::OK, "API is healthy");
}

#[tokio::test]
async fn unknown_route_is_named_with_its_query() {
    let desk = Desk::open().await;
    for path in ["/api/v1/nothing", "/nothing?a=1&b=%22", "/api/v1/conversation/x"] {
        let answer = desk.get(path, "").await;
        answer.is(StatusCode::NOT_FOUND, &format!("Route {path} not found"));
        assert_eq!(answer.body["code"], "NOT_FOUND");
    }
}

#[tokio::test]
async fn other_method_is_told_which_there_are() {
    let desk = Desk::open().await;
    let answer = desk.bare(Method::PATCH, "/api/v1/conversations", "").await;
    answer.is(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    assert_eq!(answer.body["code"], "METHOD_NOT_ALLOWED");
    assert_eq!(answer.headers["allow"], "POST, GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let desk = Desk::open().await;
    let get = desk.get("/api/v1/health", "").await;
    let head = desk.bare(Method::HEAD, "/api/v1/health", "").await;
    assert_eq!(head.status, StatusCode::OK);
    for name in ["content-length", "content-type", "etag"] {
        assert_eq!(head.headers[name], get.headers[name]);
    }
}

#[tokio::test]
async fn unchanged_answer_is_not_sent_again() {
    let desk = Desk::open().await;
    let first = desk.get("/api/v1/health", "").await;
    let etag = first.headers["etag"].clone();
    assert!(etag.to_str().unwrap().starts_with("W/\""));
    let again = || asking(Method::GET, "/api/v1/health", "").header("if-none-match", &etag);
    let fresh = desk.knock(again().body(Bytes::new()).unwrap()).await;
    assert_eq!(fresh.status, StatusCode::NOT_MODIFIED);
    assert_eq!(fresh.headers["etag"], etag);
    assert!(!fresh.headers.contains_key("content-length"));
    let insists = again().header("cache-control", "no-cache").body(Bytes::new()).unwrap();
    assert_eq!(desk.knock(insists).await.status, StatusCode::OK);
    desk.app.clock.advance(1);
    assert_eq!(desk.knock(again().body(Bytes::new()).unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn refusal_is_never_fresh() {
    let desk = Desk::open().await;
    let any = |path| {
        let request = asking(Method::GET, path, "").header("if-none-match", "*");
        request.body(Bytes::new()).unwrap()
    };
    assert_eq!(desk.knock(any("/nothing")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.knock(any("/api/v1/messages/x")).await.status, 405);
}

#[tokio::test]
async fn preflight_answers_for_any_path() {
    let desk = Desk::open().await;
    for path in ["/api/v1/auth/login", "/nothing", "*"] {
        let request = Request::options(path)
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "PUT")
            .body(Bytes::new())
            .unwrap();
        let answer = desk.knock(request).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let headers = &answer.headers;
        assert_eq!(headers["access-control-allow-origin"], "https://shop.example");
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert_eq!(headers["access-control-allow-methods"], "GET,POST,PUT,PATCH,DELETE,OPTIONS");
        assert_eq!(headers["access-control-allow-headers"], "Content-Type,Authorization");
        assert_eq!(headers["vary"], "Origin");
        assert!(!headers.contains_key("ratelimit-limit"));
    }
}

#[tokio::test]
async fn unlisted_origin_gets_the_answer_but_not_the_permission() {
    let desk = Desk::open().await;
    for origin in
        ["https://evil.example", "https://shop.example.evil", "null", "HTTPS://shop.example"]
    {
        let request = Request::get("/api/v1/health").header("origin", origin);
        let answer = desk.knock(request.body(Bytes::new()).unwrap()).await;
        answer.is(StatusCode::OK, "API is healthy");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}");
        assert_eq!(answer.headers["vary"], "Origin");
    }
}

#[tokio::test]
async fn security_headers_are_the_originals() {
    let desk = Desk::open().await;
    let answer = desk.get("/nothing", "").await;
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';\
             frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';\
             script-src-attr 'none';style-src 'self' https: 'unsafe-inline';\
             upgrade-insecure-requests",
        ),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("origin-agent-cluster", "?1"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=15552000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-dns-prefetch-control", "off"),
        ("x-download-options", "noopen"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-permitted-cross-domain-policies", "none"),
        ("x-xss-protection", "0"),
    ] {
        assert_eq!(answer.headers[name], value);
    }
    assert!(!answer.headers.contains_key("cross-origin-embedder-policy"));
}

#[tokio::test]
async fn access_log_has_a_line_per_request_and_no_query() {
    let desk = Desk::open().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let logged = tracing::subscriber::set_default(subscriber);
    for (method, path) in [
        (Method::GET, "/api/v1/health?token=hidden"),
        (Method::POST, "/api/v1/auth/login?password=hidden"),
        (Method::DELETE, "/nothing?x=hidden"),
        (Method::OPTIONS, "/api/v1/conversations?x=hidden"),
    ] {
        let request = asking(method.clone(), path, "hidden").header("x-request-id", "trace-7");
        let answer = desk.knock(request.body(Bytes::new()).unwrap()).await;
        let lines = log.take();
        assert_eq!(lines.lines().count(), 1, "{lines}");
        let (path, _) = path.split_once('?').unwrap();
        for part in [
            format!("method={method}"),
            format!("path=\"{path}\""),
            format!("status={}", answer.status.as_u16()),
            "address=198.51.100.7".to_owned(),
            "request_id=trace-7".to_owned(),
        ] {
            assert!(lines.contains(&part), "{part}: {lines}");
        }
        assert!(!lines.contains("hidden"), "{lines}");
    }
    drop(logged);
}

/// What was logged since it was last taken.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn request_id_is_echoed_when_sane_and_made_when_not() {
    let desk = Desk::open().await;
    let id_of = async |id: &str| {
        let request = Request::get("/").header("x-request-id", id).body(Bytes::new()).unwrap();
        desk.knock(request).await.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id_of("trace-7").await, "trace-7");
    let made = id_of("<script>").await;
    assert!(made.len() == 24 && made != id_of("").await);
}

#[tokio::test]
async fn early_refusal_reads_like_any_other() {
    let desk = Desk::open().await;
    let request = Request::post("/api/v1/messages").header("origin", "https://shop.example");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let error =
        api::http::body::collect(http_body_util::Full::new(Bytes::from(vec![0; 1_000_001])))
            .await
            .unwrap_err();
    let answer = desk.door.refuse(&parts, "198.51.100.7".parse().unwrap(), &error);
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example");
    assert_eq!(
        answer.body(),
        r#"{"success":false,"message":"request entity too large","code":"PAYLOAD_TOO_LARGE"}"#
    );
}
