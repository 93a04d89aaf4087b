//! The table of permissions against every route: role by role, relation by relation. A route that
//! the walk cannot ask for fails it, and so does an action that no route asks for.

use std::collections::HashSet;

use api::auth::permission::{Action, Relation, Verdict, verdict};
use api::http::Access;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use protocol::rest::resource::Role;
use serde_json::{Value, json};

use super::desk::{Answer, Desk, PASSWORD, Person, asking};

const ROLES: [Role; 3] = [Role::User, Role::Agent, Role::Admin];
const NOBODY: &str = "507f1f77bcf86cd799439011";

/// What a request is about.
pub(super) struct Place {
    pub(super) conversation: String,
    pub(super) message: String,
    pub(super) person: String,
    pub(super) agent: String,
    /// Different in each request.
    pub(super) number: usize,
}

impl Place {
    fn nowhere(number: usize) -> Self {
        let nobody = || NOBODY.to_owned();
        Self {
            conversation: nobody(),
            message: nobody(),
            person: nobody(),
            agent: nobody(),
            number,
        }
    }
}

/// The routes behind a permission.
pub(super) fn guarded() -> impl Iterator<Item = (&'static Method, &'static str, Action)> {
    api::http::routes().filter_map(|(method, path, access)| match access {
        Access::Permitted(action) => Some((method, path, action)),
        Access::Probe | Access::Open => None,
    })
}

/// One way to ask for an action.
pub(super) struct Ask {
    action: Action,
    pub(super) method: Method,
    path: String,
    body: Option<Value>,
}

/// How each route behind a permission is asked for in earnest.
pub(super) fn ask(method: &Method, path: &'static str, action: Action, place: &Place) -> Ask {
    let about_message = path.starts_with("/api/v1/messages/{id}");
    let id = match path {
        "/api/v1/users/{id}" => &place.person,
        _ if about_message => &place.message,
        _ => &place.conversation,
    };
    let body = match (method.as_str(), path) {
        ("PATCH", "/api/v1/users/{id}") => Some(json!({ "isActive": true })),
        ("POST", "/api/v1/conversations") => Some(json!({ "subject": "Help" })),
        ("PUT", "/api/v1/conversations/{id}") => Some(json!({ "status": "resolved" })),
        ("POST", "/api/v1/conversations/{id}/assign") => Some(json!({ "agentId": place.agent })),
        ("POST", "/api/v1/sync") => Some(json!({ "conversations": { &place.conversation: 0 } })),
        ("POST", "/api/v1/messages") => {
            Some(json!({ "conversationId": place.conversation, "content": "hello" }))
        }
        ("PUT", "/api/v1/messages/{id}") => Some(json!({ "content": "changed" })),
        ("POST", "/api/v1/messages/conversation/{id}/read") => Some(json!({ "seq": 1 })),
        ("GET" | "DELETE", _)
        | (
            "POST",
            "/api/v1/auth/logout"
            | "/api/v1/conversations/{id}/close"
            | "/api/v1/messages/{id}/read",
        ) => None,
        (method, path) => panic!("say here how {method} {path} is asked for"),
    };
    Ask { action, method: method.clone(), path: path.replace("{id}", id), body }
}

/// What a route decides by more than its own action.
fn finer(place: &Place) -> Vec<Ask> {
    let ask = |action, method, path: &str, body| Ask { action, method, path: path.into(), body };
    let conversation = format!("/api/v1/conversations/{}", place.conversation);
    let mut asks: Vec<Ask> = [
        json!({ "status": "pending" }),
        json!({ "priority": "high" }),
        json!({ "tags": ["vip"] }),
        json!({ "assignedTo": null }),
        json!({ "assignedTo": place.agent, "status": "open" }),
    ]
    .map(|body| ask(Action::TriageConversation, Method::PUT, &conversation, Some(body)))
    .into();
    for scope in ["all", "unassigned"] {
        let path = format!("/api/v1/conversations?scope={scope}");
        asks.push(ask(Action::ListEverybodys, Method::GET, &path, None));
    }
    for scope in ["all", "unassigned"] {
        let body = Some(json!({ "scope": scope }));
        asks.push(ask(Action::ListEverybodys, Method::POST, "/api/v1/sync", body));
    }
    for role in ["agent", "admin"] {
        let email = format!("{role}{}@example.com", place.number);
        let body = json!({ "name": "New", "email": email, "password": PASSWORD, "role": role });
        let path = "/api/v1/auth/register";
        asks.push(ask(Action::AppointStaff, Method::POST, path, Some(body)));
    }
    let body = json!({ "conversationId": place.conversation, "content": "x", "type": "system" });
    asks.push(ask(Action::SendSystemMessage, Method::POST, "/api/v1/messages", Some(body)));
    asks
}

/// Those who take part in the walk.
struct Cast {
    desk: Desk,
    people: Vec<(Role, Person)>,
    partner: Person,
    other: Person,
    agent: Person,
    number: usize,
}

impl Cast {
    async fn new() -> Self {
        let desk = Desk::open().await;
        let mut people = Vec::new();
        for role in ROLES {
            people.push((role, desk.staff(&format!("the-{}", role.as_str()), role).await));
        }
        let (partner, other) = (desk.customer("partner").await, desk.customer("other").await);
        let agent = desk.staff("agent", Role::Agent).await;
        Self { desk, people, partner, other, agent, number: 0 }
    }

    /// A fresh place to which the person stands so.
    async fn place(&mut self, person: &Person, relation: Relation) -> Place {
        let desk = &self.desk;
        let (with, sender) = match relation {
            Relation::Stranger => (&self.other, &self.other),
            Relation::Member => (person, &self.partner),
            Relation::Sender => (person, person),
        };
        let conversation = desk.conversation(with, &self.partner).await;
        let message = desk.message(sender, &conversation, "hello").await;
        self.number += 1;
        let (person, agent) = (self.partner.id.clone(), self.agent.id.clone());
        Place { conversation, message, person, agent, number: self.number }
    }

    /// Every ask of the table about a place, one after the other, each about a fresh one.
    async fn walk(&mut self, mut visit: impl AsyncFnMut(&Desk, Role, Relation, &Person, Ask)) {
        for (role, person) in std::mem::take(&mut self.people) {
            for relation in Relation::ALL {
                for (method, path, action) in guarded() {
                    let place = self.place(&person, relation).await;
                    let asked = ask(method, path, action, &place);
                    visit(&self.desk, role, relation, &person, asked).await;
                }
                let count = finer(&Place::nowhere(0)).len();
                for index in 0..count {
                    let place = self.place(&person, relation).await;
                    let asked = finer(&place).remove(index);
                    visit(&self.desk, role, relation, &person, asked).await;
                }
            }
        }
    }
}

pub(super) async fn send(desk: &Desk, token: &str, ask: &Ask) -> Answer {
    let request = asking(ask.method.clone(), &ask.path, token);
    let request = match &ask.body {
        Some(body) => {
            let request = request.header(CONTENT_TYPE, "application/json");
            request.body(body.to_string().into()).unwrap()
        }
        None => request.body(Bytes::new()).unwrap(),
    };
    desk.knock(request).await
}

#[tokio::test]
async fn every_route_does_what_the_table_says_for_every_role_and_relation() {
    let mut walked = HashSet::new();
    let mut cast = Cast::new().await;
    cast.walk(async |desk, role, relation, person, ask| {
        walked.insert(ask.action);
        // Signing out must not end the walk.
        let again = if ask.path.ends_with("/logout") {
            let email = format!("the-{}@example.com", role.as_str());
            let body = json!({ "email": email, "password": PASSWORD });
            Some(Person::of(&desk.post("/api/v1/auth/login", "", body).await))
        } else {
            None
        };
        let token = &again.as_ref().unwrap_or(person).token;
        let answer = send(desk, token, &ask).await;
        let (Ask { action, method, path, body }, verdict) =
            (&ask, verdict(role, relation, ask.action));
        let is_right = match verdict {
            Verdict::Allowed => answer.status.is_success(),
            Verdict::Forbidden => answer.status == StatusCode::FORBIDDEN,
            Verdict::Hidden => answer.status == StatusCode::NOT_FOUND,
        };
        assert!(
            is_right,
            "{role:?} {relation:?} {action:?}: {method} {path} {body:?}\n{verdict:?}, but {answer:?}"
        );
    })
    .await;
    // What is seen in an answer has no request of its own; its test follows.
    walked.insert(Action::SeeEditHistory);
    for action in Action::ALL {
        assert!(walked.contains(action), "no route asks for {action:?}");
    }
}

#[tokio::test]
async fn every_guarded_route_asks_for_a_token_first() {
    let desk = Desk::open().await;
    for (method, path, access) in api::http::routes() {
        let Access::Permitted(action) = access else { continue };
        let ask = ask(method, path, action, &Place::nowhere(0));
        for token in ["", "forged"] {
            let answer = send(&desk, token, &ask).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_hidden_reads_like_what_is_missing() {
    let mut cast = Cast::new().await;
    let mut hidden = 0;
    cast.walk(async |desk, role, relation, person, asked| {
        if verdict(role, relation, asked.action) != Verdict::Hidden {
            return;
        }
        let answer = send(desk, &person.token, &asked).await;
        let is_hex = |piece: &&str| piece.len() == 24 && *piece != NOBODY;
        let id = asked.path.split('/').find(is_hex).map(str::to_owned);
        let body = asked.body.as_ref().map(|body| {
            let mut body = body.clone();
            if body.get("conversationId").is_some() {
                body["conversationId"] = NOBODY.into();
            }
            body
        });
        let path = id.map_or_else(|| asked.path.clone(), |id| asked.path.replace(&id, NOBODY));
        let missing = Ask { path, body, method: asked.method.clone(), ..asked };
        let missing = send(desk, &person.token, &missing).await;
        assert_eq!(answer.bytes, missing.bytes, "{} {}", asked.method, asked.path);
        assert_eq!(answer.status, missing.status);
        hidden += 1;
    })
    .await;
    assert!(hidden >= 10, "{hidden}");
}

#[tokio::test]
async fn earlier_texts_are_for_their_sender_and_staff() {
    let mut cast = Cast::new().await;
    for (role, person) in std::mem::take(&mut cast.people) {
        for relation in [Relation::Member, Relation::Sender] {
            let place = cast.place(&person, relation).await;
            let sender = if relation == Relation::Sender { &person } else { &cast.partner };
            let path = format!("/api/v1/messages/{}", place.message);
            cast.desk.put(&path, &sender.token, json!({ "content": "changed" })).await;
            let path = format!("/api/v1/messages/conversation/{}?limit=1", place.conversation);
            let page = cast.desk.get(&path, &person.token).await;
            let history = page.at("/data/messages/0/metadata/editHistory");
            let is_seen = verdict(role, relation, Action::SeeEditHistory).is_allowed();
            assert_eq!(history.is_array(), is_seen, "{role:?} {relation:?}");
        }
    }
}
