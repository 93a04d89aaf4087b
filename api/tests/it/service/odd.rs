//! Records that hands have touched: fields of another type, or none. What the rules make of them,
//! on either engine. Source: contract 1.1, O4.

mod change;
mod list;
mod message;

use api::auth::Caller;
use api::error::Kind;
use api::service::{account, conversation, repair, session};
use api::store::{Collection, Insert, Op, Update, bson_id};
use bson::{Bson, Document, RawDocumentBuf, doc};
use protocol::id::{ConversationId, ObjectId};
use protocol::rest::reply::repair::{Repaired, Synced};
use protocol::rest::request::Sync;
use protocol::rest::resource::Role;

use super::world::{START, World, credentials};

/// An id that reads as its number.
fn id(number: u8) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[11] = number;
    ObjectId::from_bytes(bytes)
}

/// 2024-01-01 and this many seconds.
fn at(seconds: i64) -> Bson {
    bson::DateTime::from_millis(1_704_067_200_000 + seconds * 1_000).into()
}

/// An account whose password is "correct horse".
fn account(number: u8, role: &str) -> Document {
    doc! {
        "_id": bson_id(id(number)), "name": format!("Person {number}"),
        "email": format!("p{number}@example.com"),
        "password": "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "role": role, "status": "offline", "isActive": true,
        "createdAt": at(0), "updatedAt": at(0), "__v": 0,
    }
}

/// A message of the original, in its place.
fn message_of(number: u8, conversation: ConversationId, sender: &Caller, seq: i64) -> Document {
    doc! {
        "_id": bson_id(id(number)), "conversationId": bson_id(conversation.0),
        "senderId": bson_id(sender.user_id.0), "content": format!("secret {number}"),
        "type": "text", "metadata": { "isEdited": false, "readBy": [] }, "isDeleted": false,
        "deletedAt": Bson::Null, "createdAt": at(seq), "updatedAt": at(seq), "__v": 0,
        "seq": seq, "stamp": seq,
    }
}

/// A conversation of the original.
fn conversation_of(id: impl Into<Bson>, people: &[&Caller]) -> Document {
    let participants: Vec<Bson> = people.iter().map(|it| bson_id(it.user_id.0)).collect();
    doc! {
        "_id": id.into(), "participants": participants, "status": "open", "priority": "medium",
        "assignedTo": Bson::Null, "tags": [], "lastMessageAt": at(0),
        "createdBy": bson_id(people[0].user_id.0), "closedAt": Bson::Null,
        "closedBy": Bson::Null, "lastSeq": 0_i64, "stamp": 1_i64,
        "createdAt": at(0), "updatedAt": at(0), "__v": 0,
    }
}

/// All that the caller can catch up with, of this conversation from its first message on.
async fn synced(world: &World, caller: &Caller, id: Option<ConversationId>) -> Synced {
    let conversations = id.into_iter().map(|id| (id, 0)).collect();
    let request = Sync { cursor: None, scope: None, conversations };
    match repair::sync(&world.app, caller, request).await.unwrap() {
        Repaired::Missed(synced) => synced,
        Repaired::Reset(_) => panic!("without a cursor there is nothing to reset"),
    }
}

impl World {
    async fn put(&self, collection: Collection, document: Document) {
        let document = RawDocumentBuf::try_from(&document).unwrap();
        let insert = Insert { collection, document, follow_ups: Vec::new() };
        self.app.store.insert(insert).await.unwrap();
    }

    /// Gives a stored field a value, past all rules.
    async fn touch(&self, collection: Collection, id: ObjectId, path: &str, value: Bson) {
        let ops = vec![Op::Set(path.to_owned(), value)];
        let update = Update { collection, id: bson_id(id), guard: Vec::new(), ops };
        self.app.store.update(update).await.unwrap().unwrap();
    }
}

/// What is not `true`.
fn falsehoods() -> Vec<Bson> {
    let list = Bson::Array(vec![true.into()]);
    vec![Bson::Null, false.into(), 0.into(), 1.into(), "false".into(), "true".into(), list]
}

#[tokio::test]
async fn an_account_whose_activity_is_anything_but_true_cannot_sign_in() {
    let world = World::new().await;
    for (number, is_active) in (1..).zip(falsehoods()) {
        let mut document = account(number, "user");
        document.insert("isActive", is_active.clone());
        world.put(Collection::Users, document).await;
        let name = format!("p{number}");
        let refused = account::login(&world.app, credentials(&name)).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::Unauthenticated, "{is_active}");
    }
    let mut old = account(100, "user");
    old.remove("isActive");
    world.put(Collection::Users, old).await;
    account::login(&world.app, credentials("p100")).await.unwrap();
}

#[tokio::test]
async fn an_account_whose_activity_is_anything_but_true_holds_no_session_and_no_conversation() {
    let world = World::new().await;
    let boss = world.person("boss", Role::Admin).await;
    let conversation = world.between(&boss, &world.user("ada").await).await;
    let mut signed_in = Vec::new();
    for (number, is_active) in (1..).zip(falsehoods()) {
        world.put(Collection::Users, account(number, "agent")).await;
        let name = format!("p{number}");
        let tokens = account::login(&world.app, credentials(&name)).await.unwrap().tokens;
        let caller = world.caller(&tokens.access_token).await;
        world.touch(Collection::Users, id(number), "isActive", is_active.clone()).await;
        signed_in.push((is_active, tokens, caller));
    }
    // What was cached is no answer.
    let world = world.restart(START).await;
    for (is_active, tokens, caller) in signed_in {
        let refused = session::authenticate(&world.app, &tokens.access_token).await;
        assert!(refused.is_err(), "{is_active}");
        let refused = session::refresh(&world.app, &tokens.refresh_token).await;
        assert!(refused.is_err(), "{is_active}");
        assert!(!session::is_current(&world.app, &caller).await.unwrap(), "{is_active}");
        let agent = Some(caller.user_id);
        let refused = conversation::assign(&world.app, &boss, conversation, agent).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::Invalid, "{is_active}");
    }
}
