//! Reads: what the majority has, after the follow-ups that this process still owes.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::error::Error;
use mongodb::options::Hint;

use super::failure::translate;
use super::{Mongo, follow_up, run, scan, within};
use crate::store::{Collection, Scan, StoreError};

/// How long the server may work on a read; then it stops.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Documents fetched at once by a long scan.
const BATCH_LEN_MAX: usize = 1_000;

impl Mongo {
    pub(in crate::store) async fn get(
        &self,
        collection: Collection,
        id: &Bson,
    ) -> Result<Option<RawDocumentBuf>, StoreError> {
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_document(collection, id).await;
        let documents = self.collection(collection);
        run(collection, documents.find_one(doc! { "_id": id }).max_time(READ_TIMEOUT)).await
    }

    pub(in crate::store) async fn get_many(
        &self,
        collection: Collection,
        ids: &[Bson],
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_collection(collection).await;
        let documents = self.collection(collection);
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(BATCH_LEN_MAX) {
            let find = documents
                .find(doc! { "_id": { "$in": ids } })
                .batch_size(batch_len(ids.len()))
                .max_time(READ_TIMEOUT);
            let collected = within(collect(collection, find, ids.len())).await??;
            for document in collected {
                let id = document.get("_id").ok().flatten().and_then(|id| id.try_into().ok());
                found.insert(follow_up::key_of(id.as_ref().unwrap_or(&Bson::Null)), document);
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(&follow_up::key_of(id)).cloned()).collect())
    }

    pub(in crate::store) async fn scan(
        &self,
        scan: &Scan<'_>,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        self.walk(scan, None).await
    }

    /// The documents of a scan, or what a projection leaves of them.
    async fn walk(
        &self,
        scan: &Scan<'_>,
        projection: Option<Document>,
    ) -> Result<Vec<RawDocumentBuf>, StoreError> {
        debug_assert!(
            !scan.index.multikey || !scan.equals.is_empty(),
            "a multikey scan gives the item"
        );
        if scan.limit == 0 {
            return Ok(Vec::new());
        }
        let collection = scan.index.collection;
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_collection(collection).await;
        let scan::Walk { filter, range, sort } = scan::walk(scan);
        let documents = self.collection(collection);
        let mut find = documents
            .find(filter)
            .hint(Hint::Name(scan.index.name.to_owned()))
            .batch_size(batch_len(scan.limit))
            .max_time(READ_TIMEOUT);
        if let Some((least, greatest)) = range {
            find = find.min(least).max(greatest);
        }
        if !sort.is_empty() {
            find = find.sort(sort);
        }
        if let Ok(limit) = i64::try_from(scan.limit) {
            find = find.limit(limit);
        }
        if let Some(projection) = projection {
            find = find.projection(projection);
        }
        within(collect(collection, find, scan.limit)).await?
    }

    pub(in crate::store) async fn count(&self, scan: &Scan<'_>) -> Result<u64, StoreError> {
        if scan.limit == 0 {
            return Ok(0);
        }
        let Some(filter) = scan::count_filter(scan) else {
            let keys = self.walk(scan, Some(doc! { "_id": 1 })).await?;
            return Ok(keys.len() as u64);
        };
        let collection = scan.index.collection;
        let _place = self.enter()?;
        self.engine.follow_ups.wait_for_collection(collection).await;
        let documents = self.collection(collection);
        let count = documents
            .count_documents(filter)
            .hint(Hint::Name(scan.index.name.to_owned()))
            .max_time(READ_TIMEOUT);
        let limit = i64::try_from(scan.limit).ok().and_then(|limit| u64::try_from(limit).ok());
        match limit {
            Some(limit) => run(collection, count.limit(limit)).await,
            None => run(collection, count).await,
        }
    }
}

/// Everything that a cursor brings, up to `limit`.
pub(super) async fn collect(
    collection: Collection,
    find: impl IntoFuture<Output = Result<mongodb::Cursor<RawDocumentBuf>, Error>>,
    limit: usize,
) -> Result<Vec<RawDocumentBuf>, StoreError> {
    let failed = |error| translate(collection, error);
    let mut cursor = find.into_future().await.map_err(failed)?;
    let mut found = Vec::new();
    while found.len() < limit && cursor.advance().await.map_err(failed)? {
        found.push(cursor.current().to_owned());
    }
    Ok(found)
}

/// One more than wanted, so that the server closes the cursor in its first answer.
pub(super) fn batch_len(limit: usize) -> u32 {
    u32::try_from(limit.min(BATCH_LEN_MAX)).unwrap_or_default().saturating_add(1)
}
