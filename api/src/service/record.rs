//! Stored documents as nouns, past those that are none: with an `_id` of another type, or bytes that
//! are no BSON. One broken document takes no list away.

use bson::{Bson, RawDocument};

use crate::app::App;
use crate::domain::codec::{self, Malformed};
use crate::error::Error;
use crate::store::Scan;

/// How a noun is read from its document.
type Decode<T> = fn(&RawDocument) -> Result<T, Malformed>;

/// What a scan finds. Those that cannot be read are passed and do not count: fewer than the limit
/// means that there are no more, unless [`ROUNDS_MAX`] reads in a row were not enough.
///
/// # Errors
/// The store cannot be read.
///
/// # Cost
/// One read where all can be read.
pub(crate) async fn scan<T>(
    app: &App,
    scan: &Scan<'_>,
    decode: Decode<T>,
) -> Result<Vec<T>, Error> {
    let mut documents = app.store.scan(scan).await?;
    let mut out = Vec::with_capacity(documents.len());
    let mut wanted = scan.limit;
    for _ in 0..ROUNDS_MAX {
        out.extend(documents.iter().filter_map(|document| legible(document, decode)));
        let Some(last) = documents.last().filter(|_| documents.len() >= wanted) else { break };
        if out.len() >= scan.limit {
            break;
        }
        let after = place(scan, last);
        wanted = ROUND_LEN;
        documents = app.store.scan(&Scan { after: &after, limit: wanted, ..*scan }).await?;
    }
    out.truncate(scan.limit);
    Ok(out)
}

/// The noun, if the document is one.
pub(crate) fn legible<T>(document: &RawDocument, decode: Decode<T>) -> Option<T> {
    decode(document)
        .inspect_err(|error| tracing::warn!(%error, "passed a document that cannot be read"))
        .ok()
}

/// Where a scan goes on behind this document: the fields as they are stored, whatever their types.
pub(crate) fn place(scan: &Scan<'_>, document: &RawDocument) -> Vec<Bson> {
    let free = scan.index.fields.iter().skip(scan.equals.len()).map(|(path, _)| *path);
    free.chain(["_id"]).map(|path| codec::stored(document, path)).collect()
}

/// Reads that one scan makes to get past what cannot be read; behind them it ends early.
const ROUNDS_MAX: usize = 100;
/// Documents of each read after the first.
const ROUND_LEN: usize = 200;
