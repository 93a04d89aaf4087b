//! Whatever a database holds that hands have touched: no route fails on it, every list ends, and
//! every answer is still what the published document says. Source: contract 1.1, 1.2.

use api::store::{Collection, Insert, bson_id};
use bson::{Bson, DateTime, Document, RawDocumentBuf, Regex, bson, doc};
use http::Method;
use protocol::id::ObjectId;
use protocol::rest::resource::Role;
use serde_json::json;

use super::desk::{Answer, Desk, PASSWORD, Person};
use super::permission::{self, Place};

/// What a field may turn out to be; `None`: it is not there.
fn oddities() -> Vec<Option<Bson>> {
    let regex = Regex { pattern: "a".try_into().unwrap(), options: "".try_into().unwrap() };
    let values = [
        Bson::Null,
        Bson::Undefined,
        false.into(),
        0.into(),
        1.5.into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
        i64::MAX.into(),
        "odd".into(),
        "2024-01-01T00:00:00.000Z".into(),
        bson!([]),
        bson!([Bson::Null, "odd", {}, [], 7]),
        bson!({ "a": { "b": 1 } }),
        DateTime::MAX.into(),
        DateTime::MIN.into(),
        bson::oid::ObjectId::from_bytes([7; 12]).into(),
        regex.into(),
        Bson::MaxKey,
    ];
    std::iter::once(None).chain(values.into_iter().map(Some)).collect()
}

/// A field of the original, dotted.
fn put_at(document: &mut Document, path: &str, value: Option<Bson>) {
    if let Some((first, rest)) = path.split_once('.') {
        return put_at(document.get_document_mut(first).unwrap(), rest, value);
    }
    match value {
        Some(value) => drop(document.insert(path, value)),
        None => drop(document.remove(path)),
    }
}

fn at(seconds: i64) -> Bson {
    DateTime::from_millis(1_704_067_200_000 + seconds * 1_000).into()
}

fn stored(id: &str) -> Bson {
    bson_id(id.parse::<ObjectId>().unwrap())
}

/// Those who look at what is odd.
struct Hall {
    desk: Desk,
    ada: Person,
    bob: Person,
    boss: Person,
    number: u32,
}

impl Hall {
    async fn open() -> Self {
        let desk = Desk::with(|settings| settings.requests.hits_max = 1_000_000).await;
        let (ada, bob) = (desk.customer("ada").await, desk.customer("bob").await);
        let boss = desk.staff("boss", Role::Admin).await;
        Self { desk, ada, bob, boss, number: 0 }
    }

    fn next_id(&mut self) -> String {
        self.number += 1;
        format!("{:024x}", 0xABC_0000 + self.number)
    }

    /// Whether the store takes it: not every one can be stored under the indexes.
    async fn put(&self, collection: Collection, document: &Document) -> bool {
        let document = RawDocumentBuf::try_from(document).unwrap();
        let insert = Insert { collection, document, follow_ups: Vec::new() };
        self.desk.app.store.insert(insert).await.is_ok()
    }

    /// Every guarded route whose path this is true of, deleting last.
    async fn ask(
        &self,
        person: &Person,
        place: &Place,
        what: &str,
        is_meant: impl Fn(&str) -> bool,
    ) {
        let mut asks: Vec<_> = permission::guarded()
            .filter(|(_, path, _)| is_meant(path) && !path.ends_with("/logout"))
            .map(|(method, path, action)| permission::ask(method, path, action, place))
            .collect();
        asks.sort_by_key(|ask| ask.method == Method::DELETE);
        for ask in asks {
            holds(&permission::send(&self.desk, &person.token, &ask).await, what);
        }
    }

    /// Every page of a list.
    async fn page_through(&self, path: &str, person: &Person, what: &str) {
        let mut cursor = String::new();
        for _ in 0..100 {
            let path = format!("{path}limit=8{cursor}");
            let answer = self.desk.get(&path, &person.token).await;
            holds(&answer, what);
            let Some(next) = answer.at("/pagination/nextCursor").as_str() else { return };
            cursor = format!("&cursor={next}");
        }
        panic!("{what}: {path} does not end");
    }

    async fn lists(&self, place: &Place, what: &str) {
        let history = format!("/api/v1/messages/conversation/{}", place.conversation);
        for person in [&self.ada, &self.boss] {
            self.page_through("/api/v1/conversations?", person, what).await;
            self.page_through(&format!("{history}?"), person, what).await;
            for more in ["?page=2&limit=8", "?afterSeq=0", "?before=2024-01-01T00:00:05.000Z"] {
                holds(&self.desk.get(&format!("{history}{more}"), &person.token).await, what);
            }
        }
        for list in
            ["conversations?scope=all&", "conversations?scope=unassigned&", "users?", "users?q=o&"]
        {
            self.page_through(&format!("/api/v1/{list}"), &self.boss, what).await;
        }
        for person in [&self.ada, &self.boss] {
            self.ask(person, place, what, |path| !path.contains("{id}")).await;
        }
    }

    async fn place(&self) -> Place {
        let nothing = "000000000000000000000001".to_owned();
        Place {
            conversation: self.desk.conversation(&self.ada, &self.bob).await,
            message: nothing.clone(),
            person: nothing,
            agent: self.boss.id.clone(),
            number: 0,
        }
    }
}

#[track_caller]
fn holds(answer: &Answer, what: &str) {
    assert!(!answer.status.is_server_error(), "{what}: {answer:?}");
}

#[tokio::test]
async fn no_field_of_a_message_can_make_a_route_fail() {
    let fields = ["conversationId", "senderId", "content", "type", "metadata", "isDeleted"];
    ask_about_messages(&fields).await;
    ask_about_messages(&["deletedAt", "createdAt", "updatedAt", "__v"]).await;
}

#[tokio::test]
async fn nothing_said_about_a_message_can_make_a_route_fail() {
    ask_about_messages(&[
        "metadata.isEdited",
        "metadata.editedAt",
        "metadata.editHistory",
        "metadata.readBy",
        "metadata.fileName",
        "metadata.fileSize",
        "metadata.fileUrl",
    ])
    .await;
}

/// What the routes of messages and all lists make of each of these fields.
async fn ask_about_messages(fields: &[&str]) {
    for &field in fields {
        let mut hall = Hall::open().await;
        let mut place = hall.place().await;
        let mut messages = Vec::new();
        for (seq, value) in (1_i64..).zip(oddities()) {
            let id = hall.next_id();
            let mut document = doc! {
                "_id": stored(&id), "conversationId": stored(&place.conversation),
                "senderId": stored(&hall.ada.id), "content": "hello", "type": "text",
                "metadata": { "isEdited": false, "readBy": [] }, "isDeleted": false,
                "deletedAt": Bson::Null, "createdAt": at(seq), "updatedAt": at(seq), "__v": 0,
                "seq": seq, "stamp": seq,
            };
            put_at(&mut document, field, value.clone());
            assert!(hall.put(Collection::Messages, &document).await, "{field}: {value:?}");
            messages.push((id, format!("{field}: {value:?}")));
        }
        hall.lists(&place, field).await;
        for (id, what) in messages {
            place.message = id;
            let about = |path: &str| path.starts_with("/api/v1/messages/{id}");
            hall.ask(&hall.ada, &place, &what, about).await;
        }
    }
}

#[tokio::test]
async fn nobody_whom_a_conversation_names_can_make_a_route_fail() {
    let fields = ["participants", "assignedTo", "createdBy", "closedBy", "lastMessage"];
    ask_about_conversations(&fields).await;
}

#[tokio::test]
async fn nothing_said_about_a_conversation_can_make_a_route_fail() {
    ask_about_conversations(&["subject", "status", "priority", "tags", "metadata"]).await;
}

#[tokio::test]
async fn no_date_of_a_conversation_can_make_a_route_fail() {
    let fields = ["lastMessageAt", "closedAt", "createdAt", "updatedAt", "__v"];
    ask_about_conversations(&fields).await;
}

/// What the routes of conversations and all lists make of each of these fields.
async fn ask_about_conversations(fields: &[&str]) {
    for &field in fields {
        let mut hall = Hall::open().await;
        let mut place = hall.place().await;
        let mut conversations = Vec::new();
        for value in oddities() {
            let id = hall.next_id();
            let people = [stored(&hall.ada.id), stored(&hall.bob.id)];
            let mut document = doc! {
                "_id": stored(&id), "participants": people.to_vec(), "status": "open",
                "priority": "medium", "assignedTo": Bson::Null, "tags": ["billing"],
                "lastMessageAt": at(0), "createdBy": stored(&hall.ada.id),
                "closedAt": Bson::Null, "closedBy": Bson::Null, "createdAt": at(0),
                "updatedAt": at(0), "__v": 0, "lastSeq": 0_i64, "stamp": 1_i64,
            };
            put_at(&mut document, field, value.clone());
            if hall.put(Collection::Conversations, &document).await {
                conversations.push((id, format!("{field}: {value:?}")));
            } else {
                // Two arrays under one index, as participants are one; MongoDB stores none such.
                assert!(["assignedTo", "lastMessageAt", "status"].contains(&field), "{field}");
                assert!(value.unwrap().as_array().is_some(), "{field}");
            }
        }
        hall.lists(&place, field).await;
        for (id, what) in conversations {
            place.conversation = id;
            let about = |path: &str| {
                path.contains("{id}") && path.contains("conversation") || path == "/api/v1/messages"
            };
            hall.ask(&hall.boss, &place, &what, about).await;
        }
    }
}

const OF_USERS: [&str; 11] = [
    "name",
    "email",
    "password",
    "role",
    "avatar",
    "status",
    "lastSeen",
    "isActive",
    "createdAt",
    "updatedAt",
    "__v",
];

#[tokio::test]
async fn no_field_of_an_account_can_make_a_route_fail() {
    let mut peer = 0_u16;
    for field in OF_USERS {
        let mut hall = Hall::open().await;
        let mut place = hall.place().await;
        let mut people = Vec::new();
        for value in oddities() {
            let id = hall.next_id();
            let mut document = doc! {
                "_id": stored(&id), "name": "odd", "email": format!("{id}@example.com"),
                "password": "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
                "role": "agent", "avatar": Bson::Null, "status": "offline", "isActive": true,
                "lastSeen": at(0), "createdAt": at(0), "updatedAt": at(0), "__v": 0,
            };
            put_at(&mut document, field, value.clone());
            // Two without an address share one under the unique index.
            assert!(hall.put(Collection::Users, &document).await || field == "email");
            people.push((id, format!("{field}: {value:?}")));
        }
        hall.lists(&place, field).await;
        for (id, what) in people {
            let path = "/api/v1/auth/login";
            let body = json!({ "email": format!("{id}@example.com"), "password": PASSWORD });
            let request = super::desk::asking(Method::POST, path, "")
                .header("content-type", "application/json")
                .body(body.to_string().into())
                .unwrap();
            peer += 1;
            let [high, low] = peer.to_be_bytes();
            let peer = format!("203.0.{high}.{low}");
            let answer = hall.desk.knock_from(&peer, request).await;
            holds(&answer, &what);
            if answer.status.is_success() {
                let odd = Person::of(&answer);
                let with = hall.desk.conversation(&hall.ada, &odd).await;
                hall.desk.message(&odd, &with, "hello").await;
                for path in ["auth/profile", "conversations", "users"] {
                    let path = format!("/api/v1/{path}");
                    holds(&hall.desk.get(&path, &odd.token).await, &what);
                }
            }
            (place.person, place.agent) = (id.clone(), id);
            let about = |path: &str| path.contains("users/{id}") || path.contains("assign");
            hall.ask(&hall.boss, &place, &what, about).await;
        }
    }
}
