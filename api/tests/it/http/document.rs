//! The published document and its page.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use protocol::rest::resource::Role;
use serde_json::Value;

use super::desk::Desk;

async fn fetch(desk: &Desk, path: &str) -> Response<Bytes> {
    let request = Request::get(path).body(Bytes::new()).unwrap();
    let response = desk.door.respond(request, "198.51.100.7".parse().unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response
}

#[tokio::test]
async fn document_is_published_as_openapi_3_1() {
    let desk = Desk::open().await;
    let response = fetch(&desk, "/api/v1/openapi.json").await;
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    let document: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(document["openapi"], "3.1.1");
    for (method, path, _) in api::http::routes() {
        let method = method.as_str().to_ascii_lowercase();
        assert!(document["paths"][path][method].is_object(), "{path}");
    }
}

#[tokio::test]
async fn a_body_is_said_to_be_required_exactly_where_none_is_refused() {
    let desk = Desk::open().await;
    let (root, ada) = (desk.staff("root", Role::Admin).await, desk.customer("ada").await);
    let conversation = desk.conversation(&root, &ada).await;
    let message = desk.message(&root, &conversation, "hello").await;
    let paths = desk.published.0["paths"].as_object().unwrap().clone();
    let mut optional = Vec::new();
    for (path, operations) in &paths {
        let id = match path.as_str() {
            path if path.starts_with("/api/v1/users") => &ada.id,
            path if path.contains("conversation") => &conversation,
            _ => &message,
        };
        for (method, operation) in operations.as_object().unwrap() {
            let Value::Bool(is_required) = operation["requestBody"]["required"] else { continue };
            let asked = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let answer = desk.bare(asked, &path.replace("{id}", id), &root.token).await;
            let refusals = [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED];
            let is_refused = refusals.contains(&answer.status);
            assert!(is_refused || answer.status.is_success(), "{method} {path} {answer:?}");
            assert_eq!(is_required, is_refused, "{method} {path} {answer:?}");
            if !is_required {
                optional.push(format!("{method} {path}"));
            }
        }
    }
    assert_eq!(optional, ["put /api/v1/conversations/{id}", "post /api/v1/sync"]);
}

#[tokio::test]
async fn socket_events_are_published_for_programs_and_for_compilers() {
    let desk = Desk::open().await;
    let response = fetch(&desk, "/api/v1/asyncapi.json").await;
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    let document: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document["operations"]["send_message"]["action"], "receive");
    let response = fetch(&desk, "/api/v1/events.d.ts").await;
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(text.contains("export interface ServerToClientEvents {"));
    let page = fetch(&desk, "/api/v1/docs").await;
    let html = String::from_utf8_lossy(page.body()).into_owned();
    for path in ["/api/v1/openapi.json", "/api/v1/asyncapi.json", "/api/v1/events.d.ts"] {
        assert!(html.contains(&format!("href=\"{path}\"")), "{path}");
    }
}

#[tokio::test]
async fn page_fetches_nothing_from_elsewhere_and_needs_no_inline_code() {
    let desk = Desk::open().await;
    let page = fetch(&desk, "/api/v1/docs/").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("script-src 'self'"));
    assert!(!policy.contains("unsafe-inline") && !policy.contains("upgrade-insecure-requests"));
    let html = String::from_utf8_lossy(page.body()).into_owned();
    for (path, media_type) in [
        ("/api/v1/docs/page.js", "text/javascript; charset=utf-8"),
        ("/api/v1/docs/page.css", "text/css; charset=utf-8"),
    ] {
        assert!(html.contains(path));
        let file = fetch(&desk, path).await;
        assert_eq!(file.headers()["content-type"], media_type);
        let text = String::from_utf8_lossy(file.body()).into_owned();
        for address in ["http://", "https://", "innerHTML", "@import"] {
            assert!(!text.contains(address) && !html.contains(address), "{path}: {address}");
        }
    }
    for inline in ["<style", " style=", " onclick", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
}
