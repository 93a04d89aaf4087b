//! What a process that died may have left undone: what follows from the messages that it stored last.
//!
//! Like `backfill.rs` it knows what documents mean, of which others wrote some. It only looks.

use std::collections::HashMap;

use bson::oid::ObjectId;
use bson::{RawDocument, doc};
use mongodb::error::Error;

use super::failure::translate;
use super::{Mongo, OPERATION_TIMEOUT, within};
use crate::domain::{codec, field};
use crate::store::{Collection, StoreError};

/// The newest messages that are looked at: more than those whose follow-ups one process may owe.
const NEWEST_LEN: i64 = 8_192;

/// Conversations looked up at once.
const CONVERSATIONS_LEN: usize = 1_000;

impl Mongo {
    /// Conversations that do not know of their newest message, among those in which lately something
    /// was said. What processes under way are about to note may be among them.
    pub(in crate::store) async fn unsettled(&self) -> Result<Vec<ObjectId>, StoreError> {
        self.check_open()?;
        let newest = within(self.newest_places()).await?.map_err(of(Collection::Messages))?;
        let mut ids: Vec<ObjectId> = newest.keys().copied().collect();
        ids.sort_unstable();
        let mut unsettled = Vec::new();
        for ids in ids.chunks(CONVERSATIONS_LEN) {
            let known = within(self.known_places(ids)).await?;
            let known = known.map_err(of(Collection::Conversations))?;
            let lags = |(id, seq): &(ObjectId, i64)| newest.get(id).is_some_and(|last| last > seq);
            unsettled.extend(known.into_iter().filter(lags).map(|(id, _)| id));
        }
        Ok(unsettled)
    }

    /// By conversation the greatest place among the newest messages. Ids rise with time.
    async fn newest_places(&self) -> Result<HashMap<ObjectId, i64>, Error> {
        let messages = self.collection(Collection::Messages);
        let find = messages
            .find(doc! {})
            .sort(doc! { "_id": -1 })
            .projection(doc! { "_id": 0, "conversationId": 1, field::SEQ: 1 })
            .limit(NEWEST_LEN)
            .max_time(OPERATION_TIMEOUT);
        let mut places = HashMap::new();
        let mut cursor = find.await?;
        while cursor.advance().await? {
            if let Ok(id) = cursor.current().get_object_id("conversationId") {
                let place = places.entry(id).or_default();
                *place = number(cursor.current(), field::SEQ).max(*place);
            }
        }
        Ok(places)
    }

    /// What conversations say of their newest messages.
    async fn known_places(&self, ids: &[ObjectId]) -> Result<Vec<(ObjectId, i64)>, Error> {
        let conversations = self.collection(Collection::Conversations);
        let find = conversations
            .find(doc! { "_id": { "$in": ids } })
            .projection(doc! { field::LAST_SEQ: 1 })
            .max_time(OPERATION_TIMEOUT);
        let mut places = Vec::new();
        let mut cursor = find.await?;
        while cursor.advance().await? {
            if let Ok(id) = cursor.current().get_object_id("_id") {
                places.push((id, number(cursor.current(), field::LAST_SEQ)));
            }
        }
        Ok(places)
    }
}

fn number(document: &RawDocument, name: &str) -> i64 {
    document.get(name).ok().flatten().and_then(codec::integer).unwrap_or_default()
}

fn of(collection: Collection) -> impl Fn(Error) -> StoreError {
    move |error| translate(collection, error)
}
