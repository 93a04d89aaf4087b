//! Documents in the original's exact shape, as Mongoose writes them. Source: contract O4.

use api::store::Store;
use api::store::mongo::{Filled, Mongo, Reach};
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, bson, doc};
use mongodb::{Client, Database};

use crate::mongod;

/// An id that reads as its number.
pub(crate) fn id(number: u32) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

/// 2024-01-01 and this many seconds.
pub(crate) fn at(seconds: i64) -> DateTime {
    DateTime::from_millis(1_704_067_200_000 + seconds * 1_000)
}

pub(crate) fn user(number: u32, name: &str, role: &str, status: &str) -> Document {
    doc! {
        "_id": id(number), "name": name, "email": format!("{name}@example.com"),
        // "correct horse", at a cost that does not slow the tests.
        "password": "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "role": role, "avatar": Bson::Null, "status": status, "isActive": true,
        "lastSeen": at(0), "createdAt": at(0), "updatedAt": at(0), "__v": 0,
    }
}

/// A conversation whose messages are the original's; it has no `lastMessage` before the first.
pub(crate) fn conversation(number: u32, people: [u32; 2], status: &str) -> Document {
    doc! {
        "_id": id(number), "participants": people.map(id).to_vec(), "status": status,
        "priority": "medium", "assignedTo": Bson::Null, "tags": ["billing"],
        "lastMessageAt": at(i64::from(number)), "createdBy": id(people[0]),
        "closedAt": Bson::Null, "closedBy": Bson::Null,
        "createdAt": at(0), "updatedAt": at(i64::from(number)), "__v": 0,
    }
}

/// A message; who read it, each mark with an `_id` of its own.
pub(crate) fn message(number: u32, conversation: u32, sender: u32, readers: &[u32]) -> Document {
    let marks: Vec<Bson> = readers
        .iter()
        .map(|&reader| bson!({ "userId": id(reader), "readAt": at(500), "_id": id(900_000) }))
        .collect();
    doc! {
        "_id": id(number), "conversationId": id(conversation), "senderId": id(sender),
        "content": format!("message {number}"), "type": "text",
        "metadata": { "isEdited": false, "readBy": marks },
        "isDeleted": false, "deletedAt": Bson::Null,
        "createdAt": at(i64::from(number)), "updatedAt": at(i64::from(number)),
        "__v": i32::try_from(readers.len()).unwrap(),
    }
}

/// A database that the original left, and the way to it.
pub(crate) struct Original {
    pub(crate) database: Database,
    address: String,
}

impl Original {
    pub(crate) async fn new() -> Self {
        let address = mongod::common().fresh_address();
        let database = Client::with_uri_str(&address).await.unwrap().default_database().unwrap();
        // Mongoose makes its indexes itself, in the background.
        let command = doc! {
            "createIndexes": "users",
            "indexes": [{ "key": { "email": 1 }, "name": "email_1", "unique": true,
                          "background": true }],
        };
        database.run_command(command).await.unwrap();
        Self { database, address }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) async fn write(&self, collection: &str, documents: Vec<Document>) {
        self.database.collection(collection).insert_many(documents).await.unwrap();
    }

    pub(crate) async fn connect(&self) -> Mongo {
        Mongo::connect(&self.address).await.unwrap()
    }

    pub(crate) async fn fill(&self, reach: Reach) -> Filled {
        self.connect().await.back_fill(reach).await.unwrap()
    }

    /// Made ready as a start makes it.
    pub(crate) async fn open(&self) -> Store {
        let mongo = self.connect().await;
        mongo.back_fill(Reach::Usual).await.unwrap();
        Store::Mongo(mongo)
    }

    pub(crate) async fn one(&self, collection: &str, number: u32) -> Document {
        let documents = self.database.collection::<Document>(collection);
        documents.find_one(doc! { "_id": id(number) }).await.unwrap().unwrap()
    }

    pub(crate) async fn set(&self, collection: &str, number: u32, fields: Document) {
        let documents = self.database.collection::<Document>(collection);
        let update = documents.update_one(doc! { "_id": id(number) }, doc! { "$set": fields });
        update.await.unwrap();
    }

    /// `(seq, number)` of a conversation's messages, in the order of their places.
    pub(crate) async fn places(&self, conversation: u32) -> Vec<(i64, u32)> {
        let documents = self.database.collection::<Document>("messages");
        let find = documents.find(doc! { "conversationId": id(conversation) });
        let mut cursor = find.sort(doc! { "seq": 1, "_id": 1 }).await.unwrap();
        let mut found = Vec::new();
        while cursor.advance().await.unwrap() {
            let it = cursor.deserialize_current().unwrap();
            let number = it.get_object_id("_id").unwrap().bytes();
            let number = u32::from_be_bytes(number[8..].try_into().unwrap());
            found.push((it.get_i64("seq").unwrap_or_default(), number));
        }
        found
    }
}
