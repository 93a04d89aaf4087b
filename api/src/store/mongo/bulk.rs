//! Many small reads as one command: what a command costs, on both sides, is far more than what an
//! index has to say about one conversation.

use std::collections::HashMap;

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use mongodb::options::Hint;

use super::read::{READ_TIMEOUT, batch_len, collect};
use super::{Mongo, follow_up, index, within};
use crate::store::{Index, StoreError, Stretch};

/// Stretches that one command counts; each is a plan of its own for the server.
const STRETCHES_MAX: usize = 100;

impl Mongo {
    pub(in crate::store) async fn count_each(
        &self,
        index: &'static Index,
        stretches: &[Stretch],
    ) -> Result<Vec<u64>, StoreError> {
        debug_assert!(index.partial, "of others a filter does not say what a walk meets");
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        let collection = index.collection;
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_collection(collection).await;
        let documents = self.collection(collection);
        let mut counts = HashMap::with_capacity(stretches.len());
        for some in stretches.chunks(STRETCHES_MAX) {
            let aggregate = documents
                .aggregate(counting(index, some))
                .hint(Hint::Name(index.name.to_owned()))
                .batch_size(batch_len(some.len()))
                .max_time(READ_TIMEOUT)
                .with_type::<RawDocumentBuf>();
            for group in within(collect(collection, aggregate, some.len())).await?? {
                let (key, count) = group_of(&group)?;
                counts.insert(key, count);
            }
        }
        let count = |it: &Stretch| counts.get(&key_of(&it.equals)).copied().unwrap_or_default();
        Ok(stretches.iter().map(count).collect())
    }

    pub(in crate::store) async fn scan_any(
        &self,
        index: &'static Index,
        firsts: &[Bson],
        limit: usize,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        debug_assert!(index.partial, "of others a filter does not say what a walk meets");
        if firsts.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let collection = index.collection;
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_collection(collection).await;
        let documents = self.collection(collection);
        let mut find = documents
            .find(under_any(index, firsts))
            .hint(Hint::Name(index.name.to_owned()))
            .batch_size(batch_len(limit))
            .max_time(READ_TIMEOUT);
        if let Ok(limit) = i64::try_from(limit) {
            find = find.limit(limit);
        }
        within(collect(collection, find, limit)).await?
    }
}

/// How many documents each stretch holds, by its first values; those that hold none are left out.
fn counting(index: &Index, stretches: &[Stretch]) -> Vec<Document> {
    let branches: Vec<Document> = stretches.iter().map(|it| within_stretch(index, it)).collect();
    let fixed = stretches.first().map_or(0, |it| it.equals.len());
    let fields = index.fields.iter().take(fixed);
    let first: Vec<String> = fields.map(|(path, _)| format!("${path}")).collect();
    vec![
        doc! { "$match": { "$or": branches } },
        doc! { "$group": { "_id": first, "count": { "$sum": 1_i64 } } },
    ]
}

fn within_stretch(index: &Index, stretch: &Stretch) -> Document {
    let mut filter = Document::new();
    for (position, (path, _)) in index.fields.iter().enumerate() {
        let condition = match stretch.equals.get(position) {
            Some(value) => doc! { "$eq": value }.into(),
            None if position == stretch.equals.len() => {
                doc! { "$gt": stretch.after, "$lte": stretch.up_to }.into()
            }
            None => index::present(path),
        };
        filter.insert(*path, condition);
    }
    filter
}

fn under_any(index: &Index, firsts: &[Bson]) -> Document {
    let mut filter = Document::new();
    for (position, (path, _)) in index.fields.iter().enumerate() {
        let condition =
            if position == 0 { doc! { "$in": firsts }.into() } else { index::present(path) };
        filter.insert(*path, condition);
    }
    filter
}

/// The first values of a group, as a key, and how many documents it holds.
fn group_of(group: &RawDocument) -> Result<(Vec<u8>, u64), StoreError> {
    let corrupt = |error: bson::error::Error| StoreError::Corrupt(Box::new(error));
    let group = Document::try_from(group).map_err(corrupt)?;
    let first = group.get_array("_id").map_err(|error| StoreError::Corrupt(Box::new(error)))?;
    let count = group.get_i64("count").map_err(|error| StoreError::Corrupt(Box::new(error)))?;
    Ok((key_of(first), u64::try_from(count).unwrap_or_default()))
}

fn key_of(equals: &[Bson]) -> Vec<u8> {
    follow_up::key_of(&Bson::Array(equals.to_vec()))
}
