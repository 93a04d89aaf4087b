//! A walk along an index, as MongoDB makes it.
//!
//! The walk is given as the first and the last key of the index (`min`, `max`) and not as a filter:
//! keys compare in the order of BSON whatever their types, which filters do not, and no planner has
//! to find out what is meant.

use bson::{Bson, Document, doc};

use super::index;
use crate::store::{Direction, Scan};

/// What `find` is told.
#[derive(Debug, PartialEq)]
pub(super) struct Walk {
    /// What keys cannot say: that a last key is excluded, or that all of it is fixed.
    pub(super) filter: Document,
    /// The first key, inclusive, and the last, exclusive; `None` where the filter fixes the key.
    pub(super) range: Option<(Document, Document)>,
    /// The fields that are not fixed, in the direction of the walk.
    pub(super) sort: Document,
}

/// The scan as a walk.
pub(super) fn walk(scan: &Scan<'_>) -> Walk {
    let paths: Vec<&str> = index::paths(scan.index).collect();
    let free = paths.get(scan.equals.len()..).unwrap_or_default();
    let way = match scan.direction {
        Direction::Ascending => 1,
        Direction::Descending => -1,
    };
    let sort = free.iter().map(|path| ((*path).to_owned(), Bson::Int32(way))).collect();
    if free.is_empty() {
        return Walk { filter: whole_key(scan, &paths), range: None, sort };
    }
    // Where the fields leave no ties, an id behind them says nothing more.
    let after = scan.after.get(..free.len().min(scan.after.len())).unwrap_or_default();
    let place: Vec<Bson> = scan.equals.iter().chain(after).cloned().collect();
    let first = pad(&paths, scan.equals, &Bson::MinKey);
    let last = pad(&paths, scan.equals, &Bson::MaxKey);
    let range = match scan.direction {
        Direction::Ascending | Direction::Descending if after.is_empty() => (first, last),
        Direction::Ascending => (pad(&paths, &place, &Bson::MaxKey), last),
        Direction::Descending => (first, pad(&paths, &place, &Bson::MinKey)),
    };
    // The first key of a range is inclusive, and there is no next greater one in general.
    let filter = if scan.direction == Direction::Ascending && after.len() == free.len() {
        let pairs = free.iter().zip(after).map(|(path, value)| ((*path).to_owned(), value.clone()));
        doc! { "$nor": [pairs.collect::<Document>()] }
    } else {
        Document::new()
    };
    Walk { filter, range: Some(range), sort }
}

/// The documents of one key of an index that leaves no ties.
fn whole_key(scan: &Scan<'_>, paths: &[&str]) -> Document {
    let pairs = paths.iter().zip(scan.equals);
    let mut filter: Document =
        pairs.map(|(path, value)| ((*path).to_owned(), doc! { "$eq": value }.into())).collect();
    if let Some(id) = scan.after.first() {
        let past = match scan.direction {
            Direction::Ascending => "$gt",
            Direction::Descending => "$lt",
        };
        filter.insert("_id", doc! { past: id });
    }
    filter
}

/// A key that begins with these values and goes on with `rest`.
fn pad(paths: &[&str], values: &[Bson], rest: &Bson) -> Document {
    let values = values.iter().chain(std::iter::repeat(rest));
    paths.iter().zip(values).map(|(path, value)| ((*path).to_owned(), value.clone())).collect()
}

/// The filter whose matches are the documents of the walk, if a filter can say it exactly: no
/// `after`, or one value of a field that has one kind (one of a partial index).
pub(super) fn count_filter(scan: &Scan<'_>) -> Option<Document> {
    let bound = match scan.after {
        [] => None,
        [value] if scan.index.partial => Some(value),
        _ => return None,
    };
    let mut filter = Document::new();
    for (position, (path, _)) in scan.index.fields.iter().enumerate() {
        if let Some(value) = scan.equals.get(position) {
            filter.insert(*path, doc! { "$eq": value });
        } else if let Some(value) = bound.filter(|_| position == scan.equals.len()) {
            let past = match scan.direction {
                Direction::Ascending => "$gt",
                Direction::Descending => "$lt",
            };
            filter.insert(*path, doc! { past: value });
        } else if scan.index.partial {
            filter.insert(*path, index::present(path));
        }
    }
    // A bound behind all fields is one of the `_id`, which no filter above says.
    (bound.is_none() || scan.equals.len() < scan.index.fields.len()).then_some(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::index::{CONVERSATIONS_BY_ACTIVITY, MESSAGES_BY_SENDER, MESSAGES_BY_SEQ};

    #[test]
    fn history_behind_a_place_is_a_range_of_the_index_without_the_place() {
        let equals = [Bson::from("c")];
        let after = [Bson::from(5_i64)];
        let scan = Scan {
            index: &MESSAGES_BY_SEQ,
            equals: &equals,
            after: &after,
            direction: Direction::Ascending,
            limit: 10,
        };
        let expected = Walk {
            filter: doc! { "$nor": [{ "seq": 5_i64 }] },
            range: Some((
                doc! { "conversationId": "c", "seq": 5_i64 },
                doc! { "conversationId": "c", "seq": Bson::MaxKey },
            )),
            sort: doc! { "seq": 1 },
        };
        assert_eq!(walk(&scan), expected);
        let back = Scan { direction: Direction::Descending, ..scan };
        let expected = Walk {
            filter: doc! {},
            range: Some((
                doc! { "conversationId": "c", "seq": Bson::MinKey },
                doc! { "conversationId": "c", "seq": 5_i64 },
            )),
            sort: doc! { "seq": -1 },
        };
        assert_eq!(walk(&back), expected);
    }

    #[test]
    fn after_fewer_values_than_fields_passes_all_keys_that_begin_so() {
        let after = [Bson::from(5)];
        let scan = Scan {
            index: &CONVERSATIONS_BY_ACTIVITY,
            equals: &[],
            after: &after,
            direction: Direction::Ascending,
            limit: 10,
        };
        let Walk { filter, range, sort: _ } = walk(&scan);
        assert_eq!(filter, doc! {});
        assert_eq!(range.unwrap().0, doc! { "lastMessageAt": 5, "_id": Bson::MaxKey });
    }

    #[test]
    fn a_count_is_a_filter_only_where_that_is_exact() {
        let equals = [Bson::from("c"), Bson::from("s")];
        let after = [Bson::from(5_i64)];
        let scan = Scan {
            index: &MESSAGES_BY_SENDER,
            equals: &equals,
            after: &after,
            direction: Direction::Ascending,
            limit: 10,
        };
        let filter = count_filter(&scan).unwrap();
        assert_eq!(filter.get_document("seq").unwrap(), &doc! { "$gt": 5_i64 });
        let scan = Scan { index: &CONVERSATIONS_BY_ACTIVITY, equals: &[], ..scan };
        assert_eq!(count_filter(&scan), None);
    }
}
