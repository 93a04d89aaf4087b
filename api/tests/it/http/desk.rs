//! The doors of a fresh product, and what it takes to knock on them.

use std::net::IpAddr;
use std::sync::Arc;

use api::auth::{Lifetime, Passwords, Secrets, Tokens};
use api::bus::Bus;
use api::clock::Clock;
use api::http::limit::Policy;
use api::http::{Door, Settings};
use api::service::account;
use api::{App, Parts};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode, request};
use protocol::rest::request::Register;
use protocol::rest::resource::Role;
use protocol::time::Timestamp;
use serde_json::{Value, json};

use super::published::Published;
use crate::engine;

/// 2026-01-01T00:00:00.000Z
pub(super) const START: Timestamp = Timestamp(1_767_225_600_000);
pub(super) const PASSWORD: &str = "correct horse";
/// Signs the access tokens.
pub(super) const SECRET: &str = "a secret of more than thirty-two bytes";

/// The product in a folder of its own, its clock standing still.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    pub(super) door: Arc<Door>,
    pub(super) published: Published,
    _folder: Option<tempfile::TempDir>,
}

/// Somebody who is signed in.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) refresh: String,
}

/// An answer whose outer form has been checked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    /// `null` where there is no body.
    pub(super) body: Value,
}

impl Desk {
    pub(super) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let (store, folder) = engine::fresh().await;
        let secrets = Secrets::new(SECRET, None).unwrap();
        let parts = Parts {
            store,
            bus: Bus::local(),
            passwords: Passwords::new(4).unwrap(),
            tokens: Tokens::new(&secrets, Lifetime::ACCESS_DEFAULT, Lifetime::REFRESH_DEFAULT),
            clock: Clock::fixed(START).unwrap(),
            cache_age_ms_max: i64::MAX,
        };
        let mut settings = Settings {
            origins: vec!["https://shop.example".parse().unwrap()],
            trusted_proxies: Vec::new(),
            requests: Policy { hits_max: 10_000, window_ms: 900_000 },
        };
        adjust(&mut settings);
        let app = App::open(parts).await.unwrap();
        let door = Arc::new(Door::new(Arc::clone(&app), settings));
        let request = Request::get("/api/v1/openapi.json").body(Bytes::new()).unwrap();
        // From an address that no test speaks from, so that it is counted for none.
        let document = door.respond(request, "192.0.2.1".parse().unwrap()).await.into_body();
        let published = Published(serde_json::from_slice(&document).unwrap());
        Self { app, door, published, _folder: folder }
    }

    /// A request, from anywhere.
    pub(super) async fn knock(&self, request: Request<Bytes>) -> Answer {
        self.knock_from("198.51.100.7", request).await
    }

    pub(super) async fn knock_from(&self, peer: &str, request: Request<Bytes>) -> Answer {
        let peer: IpAddr = peer.parse().unwrap();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (parts, bytes) = self.door.respond(request, peer).await.into_parts();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: if bytes.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&bytes).unwrap()
            },
            bytes,
        };
        answer.check(&method);
        let body = Some(&answer.body).filter(|body| !body.is_null());
        self.published.foresees(&method, uri.path(), answer.status, body);
        answer
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Answer {
        self.knock(asking(Method::GET, path, token).body(Bytes::new()).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.with_json(Method::POST, path, token, body).await
    }

    pub(super) async fn put(&self, path: &str, token: &str, body: Value) -> Answer {
        self.with_json(Method::PUT, path, token, body).await
    }

    pub(super) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.knock(asking(Method::DELETE, path, token).body(Bytes::new()).unwrap()).await
    }

    /// A request without a body.
    pub(super) async fn bare(&self, method: Method, path: &str, token: &str) -> Answer {
        self.knock(asking(method, path, token).body(Bytes::new()).unwrap()).await
    }

    pub(super) async fn with_json(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Value,
    ) -> Answer {
        let request = asking(method, path, token).header(CONTENT_TYPE, "application/json");
        self.knock(request.body(body.to_string().into()).unwrap()).await
    }

    /// Registers a customer through the front door.
    pub(super) async fn customer(&self, name: &str) -> Person {
        let body =
            json!({ "name": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        let answer = self.post("/api/v1/auth/register", "", body).await;
        answer.is(StatusCode::CREATED, "User registered successfully");
        Person::of(&answer)
    }

    /// Makes a member of the staff, and signs in.
    pub(super) async fn staff(&self, name: &str, role: Role) -> Person {
        let email = format!("{name}@example.com");
        let request = Register {
            name: name.to_owned(),
            email: email.clone(),
            password: PASSWORD.to_owned(),
            role,
        };
        account::create(&self.app, request).await.unwrap();
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = self.post("/api/v1/auth/login", "", body).await;
        answer.is(StatusCode::OK, "Login successful");
        Person::of(&answer)
    }

    /// A conversation of these two.
    pub(super) async fn conversation(&self, of: &Person, with: &Person) -> String {
        let body = json!({ "participantId": with.id });
        let answer = self.post("/api/v1/conversations", &of.token, body).await;
        answer.is(StatusCode::CREATED, "Conversation created successfully");
        answer.text("/data/conversation/_id")
    }

    /// A message in it.
    pub(super) async fn message(&self, of: &Person, conversation: &str, content: &str) -> String {
        let body = json!({ "conversationId": conversation, "content": content });
        let answer = self.post("/api/v1/messages", &of.token, body).await;
        answer.is(StatusCode::CREATED, "Message sent successfully");
        answer.text("/data/message/_id")
    }
}

impl Person {
    pub(super) fn of(answer: &Answer) -> Self {
        Self {
            id: answer.text("/data/user/_id"),
            token: answer.text("/data/tokens/accessToken"),
            refresh: answer.text("/data/tokens/refreshToken"),
        }
    }
}

/// A request with a token, unless that is empty.
pub(super) fn asking(method: Method, path: &str, token: &str) -> request::Builder {
    let request = Request::builder().method(method).uri(path);
    if token.is_empty() {
        request
    } else {
        request.header(AUTHORIZATION, format!("Bearer {token}"))
    }
}

impl Answer {
    /// What holds for every answer.
    fn check(&self, method: &Method) {
        assert!(!self.status.is_server_error() || self.status == 503, "{self:?}");
        for name in ["x-request-id", "x-content-type-options", "content-security-policy", "vary"] {
            assert!(self.headers.contains_key(name), "{name}: {self:?}");
        }
        let is_bare = self.status == 204 || self.status == 304 || method == Method::HEAD;
        assert_eq!(self.bytes.is_empty(), is_bare, "{self:?}");
        if is_bare {
            return;
        }
        assert_eq!(self.headers[CONTENT_TYPE], "application/json; charset=utf-8");
        assert_eq!(self.headers["content-length"], self.bytes.len().to_string());
        assert_eq!(self.body["success"], self.status.is_success(), "{self:?}");
        assert!(self.body["message"].is_string(), "{self:?}");
        assert_eq!(self.body["code"].is_string(), !self.status.is_success(), "{self:?}");
        assert!(!self.headers.contains_key("x-powered-by"));
    }

    #[track_caller]
    pub(super) fn is(&self, status: StatusCode, message: &str) {
        assert_eq!(
            (self.status, self.body["message"].as_str()),
            (status, Some(message)),
            "{self:?}"
        );
    }

    /// A failed validation whose first complaint is this.
    #[track_caller]
    pub(super) fn is_invalid(&self, error: &str) {
        self.is(StatusCode::BAD_REQUEST, "Validation error");
        assert_eq!(self.body["code"], "VALIDATION_FAILED");
        assert_eq!(self.body["error"], error, "{self:?}");
        assert_eq!(self.body["errors"][0]["message"], error);
    }

    #[track_caller]
    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    #[track_caller]
    pub(super) fn text(&self, pointer: &str) -> String {
        let text = self.at(pointer).as_str();
        text.map_or_else(|| panic!("{pointer}: {self:?}"), str::to_owned)
    }

    /// The keys of the object there, sorted.
    #[track_caller]
    pub(super) fn keys(&self, pointer: &str) -> Vec<&str> {
        self.at(pointer).as_object().unwrap().keys().map(String::as_str).collect()
    }
}
