//! The table of permissions against every event: role by role, relation by relation. An event that
//! is missing here fails the build. Its twin for the routes is `api/tests/it/http/permission.rs`.

use std::collections::HashSet;

use api::auth::permission::{Action, Relation, Verdict, verdict};
use protocol::event::EventKind;
use protocol::rest::resource::Role;
use serde_json::{Value, json};

use crate::chat::Chat;
use crate::rest::{self, Person};
use crate::server::{ADMIN, Server};

/// What an event is about.
struct Place {
    conversation: String,
    message: String,
    agent: String,
    /// Of whoever asks.
    token: String,
}

/// One way to ask for something.
struct Ask {
    /// `None` for what everybody may do.
    action: Option<Action>,
    kind: EventKind,
    payload: Vec<Value>,
}

/// How each event is sent in earnest, and what it asks for.
fn ask(kind: EventKind, place: &Place) -> Ask {
    let Place { conversation, message, agent, token } = place;
    let about = json!({ "conversationId": conversation });
    let room = json!(format!("conversation:{conversation}"));
    let (action, payload) = match kind {
        EventKind::JoinConversation => (Some(Action::SeeConversation), json!(conversation)),
        EventKind::LeaveConversation => (None, json!(conversation)),
        EventKind::JoinRoom => (Some(Action::SeeConversation), room),
        EventKind::LeaveRoom => (None, room),
        EventKind::UpdateStatus => (None, json!("busy")),
        EventKind::UpdatePresence => (None, json!({ "mood": "fine" })),
        EventKind::SendMessage => {
            let payload = json!({ "conversationId": conversation, "content": "hello" });
            (Some(Action::SendMessage), payload)
        }
        EventKind::EditMessage => {
            let payload = json!({ "messageId": message, "content": "changed" });
            (Some(Action::EditMessage), payload)
        }
        EventKind::DeleteMessage => (Some(Action::DeleteMessage), json!({ "messageId": message })),
        EventKind::MarkAsRead => (Some(Action::MarkRead), json!({ "messageId": message })),
        EventKind::CreateConversation => {
            (Some(Action::CreateConversation), json!({ "subject": "Help" }))
        }
        EventKind::UpdateConversation => {
            (Some(Action::ChangeStatus), update(place, &json!({ "status": "resolved" })))
        }
        EventKind::AssignConversation => {
            let payload = json!({ "conversationId": conversation, "agentId": agent });
            (Some(Action::AssignConversation), payload)
        }
        EventKind::CloseConversation => (Some(Action::CloseConversation), about),
        EventKind::TypingStart | EventKind::TypingStop => (Some(Action::SendMessage), about),
        EventKind::GetTypingUsers | EventKind::GetMessages => {
            (Some(Action::SeeConversation), about)
        }
        EventKind::GetConversations => (Some(Action::ListConversations), json!({ "limit": 1 })),
        EventKind::Sync => (Some(Action::CatchUp), json!({})),
        EventKind::Ping => (None, json!({})),
        EventKind::RefreshAuth => (None, json!({ "token": token })),
    };
    Ask { action, kind, payload: vec![payload] }
}

/// What an event decides by more than its own action.
fn finer(place: &Place) -> Vec<Ask> {
    let ask = |action, kind, payload| Ask { action: Some(action), kind, payload: vec![payload] };
    let conversation = &place.conversation;
    let mut asks: Vec<Ask> = [
        json!({ "status": "pending" }),
        json!({ "priority": "high" }),
        json!({ "tags": ["vip"] }),
        json!({ "assignedTo": null }),
        json!({ "assignedTo": place.agent, "status": "open" }),
    ]
    .map(|updates| {
        let payload = update(place, &updates);
        ask(Action::TriageConversation, EventKind::UpdateConversation, payload)
    })
    .into();
    for scope in ["all", "unassigned"] {
        let payload = json!({ "scope": scope, "limit": 1 });
        asks.push(ask(Action::ListEverybodys, EventKind::GetConversations, payload));
        asks.push(ask(Action::ListEverybodys, EventKind::Sync, json!({ "scope": scope })));
    }
    let payload = json!({ "conversationId": conversation, "content": "x", "type": "system" });
    asks.push(ask(Action::SendSystemMessage, EventKind::SendMessage, payload));
    let payload = json!({ "conversationId": conversation, "seq": 1 });
    asks.push(ask(Action::MarkRead, EventKind::MarkAsRead, payload));
    let payload = json!({ "conversationId": conversation, "lastSeq": 0 });
    asks.push(ask(Action::SeeConversation, EventKind::JoinConversation, payload));
    asks
}

fn update(place: &Place, updates: &Value) -> Value {
    json!({ "conversationId": place.conversation, "updates": updates })
}

/// Those who take part in the walk.
struct Cast {
    server: Server,
    people: Vec<(Role, Person)>,
    partner: Person,
    other: Person,
    agent: Person,
}

impl Cast {
    fn new() -> Self {
        let server = Server::start_with_admin(&[]);
        let address = server.address();
        let admin = rest::sign_in(address, ADMIN);
        let appoint =
            |role: Role, name: &str| (role, rest::appoint(address, &admin, name, role.as_str()));
        let people = [(Role::User, "Ada"), (Role::Agent, "Ben"), (Role::Admin, "Cleo")]
            .map(|(role, name)| appoint(role, name))
            .into();
        let (_, agent) = appoint(Role::Agent, "Agent");
        let [partner, other] = ["Partner", "Other"].map(|name| rest::register(address, name));
        Self { server, people, partner, other, agent }
    }

    /// A place with a fresh message to which the person stands so.
    fn place(&self, person: &Person, relation: Relation) -> Place {
        let (with, sender) = match relation {
            Relation::Stranger => (&self.other, &self.other),
            Relation::Member => (person, &self.partner),
            Relation::Sender => (person, person),
        };
        let address = self.server.address();
        let conversation = rest::open_conversation(address, with, &self.partner);
        let body = json!({ "conversationId": conversation, "content": "hello" });
        let token = Some(sender.token.as_str());
        let sent = rest::succeed(address, "POST", "/api/v1/messages", token, Some(&body));
        let message = sent.pointer("/data/message/_id").and_then(Value::as_str);
        Place {
            message: message.expect("a sending answers with the message").to_owned(),
            conversation,
            agent: self.agent.id.clone(),
            token: person.token.clone(),
        }
    }
}

#[test]
fn every_event_does_what_the_table_says_for_every_role_and_relation() {
    let cast = Cast::new();
    let (mut walked, mut hidden) = (HashSet::new(), 0);
    for (role, person) in &cast.people {
        let mut chat = Chat::connect(cast.server.address(), &person.token);
        for relation in Relation::ALL {
            let finer_count = finer(&cast.place(person, relation)).len();
            let asks = EventKind::ALL.len() + finer_count;
            for index in 0..asks {
                let place = cast.place(person, relation);
                let asked = match EventKind::ALL.get(index) {
                    Some(kind) => ask(*kind, &place),
                    None => finer(&place).remove(index - EventKind::ALL.len()),
                };
                walked.extend(asked.action);
                let answer = chat.ask(asked.kind.name(), &asked.payload);
                let verdict =
                    asked.action.map_or(Verdict::Allowed, |it| verdict(*role, relation, it));
                let is_right = match verdict {
                    Verdict::Allowed => answer["success"] == true,
                    Verdict::Forbidden => answer["error"]["code"] == "FORBIDDEN",
                    Verdict::Hidden => answer["error"]["code"] == "NOT_FOUND",
                };
                hidden += usize::from(verdict == Verdict::Hidden);
                let (kind, payload) = (asked.kind.name(), &asked.payload);
                assert!(
                    is_right,
                    "{role:?} {relation:?}: {kind} {payload:?}\n{verdict:?}, but {answer}"
                );
            }
        }
    }
    assert!(hidden >= 10, "{hidden}");
    for action in Action::ALL {
        assert_eq!(walked.contains(action), !is_for_routes_alone(*action), "{action:?}");
    }
}

/// Whether no event asks for it.
fn is_for_routes_alone(action: Action) -> bool {
    match action {
        Action::UseOwnAccount
        | Action::AppointStaff
        | Action::ListPeople
        | Action::ManagePeople
        // What is seen in an answer has no request of its own.
        | Action::SeeEditHistory => true,
        Action::CatchUp
        | Action::CreateConversation
        | Action::ListConversations
        | Action::ListEverybodys
        | Action::SeeConversation
        | Action::ChangeStatus
        | Action::TriageConversation
        | Action::AssignConversation
        | Action::CloseConversation
        | Action::SendMessage
        | Action::SendSystemMessage
        | Action::MarkRead
        | Action::EditMessage
        | Action::DeleteMessage => false,
    }
}
