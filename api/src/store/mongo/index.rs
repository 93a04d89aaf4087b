//! The declared indexes as MongoDB keeps them.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

use crate::store::Index;
use crate::store::index::Order;

/// Whether `_id` is a field of its own behind the declared ones, so that there are no ties.
pub(super) fn ends_with_id(index: &Index) -> bool {
    index.name.ends_with("__id_1")
}

/// The names of all its fields, in order.
pub(super) fn paths(index: &Index) -> impl Iterator<Item = &'static str> {
    let id = ends_with_id(index).then_some("_id");
    index.fields.iter().map(|(path, _)| *path).chain(id)
}

/// What `createIndexes` is told.
pub(super) fn model(index: &Index) -> IndexModel {
    let direction = |order: Order| match order {
        Order::Ascending => 1,
        Order::Descending => -1,
    };
    let mut keys: Document = index
        .fields
        .iter()
        .map(|(path, order)| ((*path).to_owned(), Bson::Int32(direction(*order))))
        .collect();
    if ends_with_id(index) {
        keys.insert("_id", 1);
    }
    let partial = index.partial.then(|| {
        index.fields.iter().map(|(path, _)| ((*path).to_owned(), present(path))).collect()
    });
    let options = IndexOptions::builder()
        .name(index.name.to_owned())
        .unique(index.unique.then_some(true))
        .partial_filter_expression(partial)
        .build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// The condition that a field of a partial index is there: at least the least value of its kind.
///
/// A comparison, because it is the one condition that leaves out null, that a partial index allows,
/// and that a query with a bound of its own satisfies visibly to the planner.
pub(super) fn present(path: &str) -> Bson {
    Bson::Document(doc! { "$gte": least(path) })
}

/// The least value that the field of a partial index can have.
fn least(path: &str) -> Bson {
    match path {
        "conversationId" | "senderId" | "outsider" => ObjectId::from_bytes([0; 12]).into(),
        "seq" | "stamp" | "changeStamp" => f64::NEG_INFINITY.into(),
        "clientMessageId" | "tags" => "".into(),
        "deletedAt" | "lastMessageAt" => DateTime::from_millis(YEAR_1_MS).into(),
        _ => unreachable!("a test below names every field of every partial index"),
    }
}

/// The first moment that every MongoDB shell can show.
const YEAR_1_MS: i64 = -62_135_596_800_000;

/// How long the build of missing indexes may take before the start gives up: a large database needs
/// hours, and the server goes on building.
pub(super) const BUILD_TIMEOUT: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::index::{INDEXES, MESSAGES_BY_SEQ, ORIGINAL};

    #[test]
    fn every_field_of_a_partial_index_has_a_least_value() {
        for index in INDEXES.into_iter().chain(&ORIGINAL).filter(|index| index.partial) {
            for (path, _) in index.fields {
                least(path);
            }
        }
    }

    #[test]
    fn names_are_those_that_mongodb_would_give() {
        for index in INDEXES.into_iter().chain(&ORIGINAL) {
            let keys = model(index).keys;
            let parts: Vec<String> =
                keys.iter().map(|(path, way)| format!("{path}_{way}")).collect();
            assert_eq!(parts.join("_"), index.name);
        }
    }

    #[test]
    fn the_order_of_messages_is_unique_among_those_that_have_a_place() {
        let options = model(&MESSAGES_BY_SEQ).options.unwrap();
        assert_eq!(options.unique, Some(true));
        let partial = options.partial_filter_expression.unwrap();
        assert!(partial.get_document("seq").unwrap().get_f64("$gte").unwrap().is_infinite());
    }
}
