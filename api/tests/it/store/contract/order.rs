//! The order of a scan, against sorting and filtering the same documents.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use api::store::{Collection, Direction, Index, Op, Scan, Store, StoreError, Update};
use bson::{Bson, Document};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::sample::{at, id, insert, numbers};

/// Random sets of documents of each collection; each is scanned [`SCANS_PER_ROUND`] times.
const ROUNDS: u32 = 6;
const SCANS_PER_ROUND: u32 = 40;
const DOCUMENTS_MAX: u32 = 24;

pub(crate) async fn a_scan_equals_sorting_and_filtering(store: &Store) {
    let runner = &mut TestRunner::default();
    for collection in Collection::ALL {
        let indexes: Vec<_> = collection.indexes().collect();
        for _ in 0..if indexes.is_empty() { 0 } else { ROUNDS } {
            let documents = fill(store, runner, collection).await;
            for _ in 0..SCANS_PER_ROUND {
                let index = draw(runner, &prop::sample::select(indexes.clone()));
                check_a_scan(store, runner, index, &documents).await;
            }
            for document in documents {
                let id = document.get("_id").unwrap();
                assert!(store.delete(collection, id, &[]).await.unwrap());
            }
        }
    }
}

/// Stores random documents and changes some; those that no unique index refuses.
async fn fill(store: &Store, runner: &mut TestRunner, collection: Collection) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    for number in 0..DOCUMENTS_MAX {
        let mut document = bson::doc! { "_id": id(number) };
        document.extend(draw(runner, &any_fields(collection)));
        match insert(store, collection, &document).await {
            Ok(()) => {
                assert_eq!(taken(collection, &documents, &document), None);
                documents.push(document);
            }
            Err(StoreError::Duplicate(index)) => {
                assert_eq!(taken(collection, &documents, &document), index, "{document}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    for position in (0..documents.len()).step_by(3) {
        let fields = draw(runner, &any_fields(collection));
        move_elsewhere(store, collection, &mut documents, position, fields).await;
    }
    documents
}

/// The unique index in which one of the others has the key of this document.
fn taken(
    collection: Collection,
    documents: &[Document],
    document: &Document,
) -> Option<&'static Index> {
    let others = || documents.iter().filter(|one| one.get("_id") != document.get("_id"));
    let mut unique = collection.indexes().filter(|index| index.unique);
    unique.find(|index| {
        let row = rows(index, document);
        let has_same = |other: &Document| {
            let other = rows(index, other);
            let fields_len = index.fields.len();
            let mut pairs = other.iter().zip(&row);
            pairs.any(|(one, other)| compare_all(&one[..fields_len], &other[..fields_len]).is_eq())
        };
        others().any(has_same)
    })
}

/// Gives a document other fields, in the store and here, unless a unique index refuses.
async fn move_elsewhere(
    store: &Store,
    collection: Collection,
    documents: &mut [Document],
    position: usize,
    fields: Document,
) {
    let id = documents[position].get("_id").unwrap().clone();
    let mut moved = bson::doc! { "_id": id.clone() };
    moved.extend(fields.clone());
    let old = documents[position].keys();
    let old = old.filter(|name| *name != "_id" && !fields.contains_key(name));
    let mut ops: Vec<_> = old.map(|name| Op::Unset(name.clone())).collect();
    ops.extend(fields.iter().map(|(name, value)| Op::Set(name.clone(), value.clone())));
    let taken = taken(collection, documents, &moved);
    match store.update(Update { collection, id, guard: Vec::new(), ops }).await {
        Ok(after) => {
            assert!(after.is_some() && taken.is_none(), "{moved} {taken:?}");
            documents[position] = moved;
        }
        Err(StoreError::Duplicate(index)) => assert_eq!(taken, index, "{moved}"),
        Err(error) => panic!("{error}"),
    }
}

async fn check_a_scan(
    store: &Store,
    runner: &mut TestRunner,
    index: &'static Index,
    documents: &[Document],
) {
    let equals_len = draw(runner, &(usize::from(!index.whole)..=index.fields.len()));
    let free_len = index.fields.len() - equals_len;
    // Where the fields leave no ties, an id behind them says nothing more.
    let is_tied = free_len == 0 || index.name.ends_with("__id_1");
    let after_len = draw(runner, &(0..=free_len + usize::from(is_tied)));
    let value = |(path, _): &(&'static str, _)| any_value(index, path);
    let mut values: Vec<_> = index.fields.iter().map(|field| draw(runner, &value(field))).collect();
    values.push(draw(runner, &(0..DOCUMENTS_MAX).prop_map(|number| id(number).into())));
    let scan = Scan {
        index,
        equals: &values[..equals_len],
        after: &values[equals_len..equals_len + after_len],
        direction: draw(
            runner,
            &prop::sample::select(vec![Direction::Ascending, Direction::Descending]),
        ),
        limit: draw(runner, &prop_oneof![0..5_usize, Just(1000)]),
    };
    let expected = sorted_and_filtered(documents, &scan);
    assert_eq!(numbers(store, &scan).await, expected, "{scan:#?} over {documents:#?}");
}

/// What the scan should find: each document's rows, filtered, sorted, cut.
fn sorted_and_filtered(documents: &[Document], scan: &Scan<'_>) -> Vec<u32> {
    let mut rows: Vec<_> = documents.iter().flat_map(|one| rows(scan.index, one)).collect();
    rows.retain(|row| compare_all(row, scan.equals).is_eq());
    rows.sort_by(|a, b| compare_all(a, b));
    let onward = match scan.direction {
        Direction::Ascending => Ordering::Greater,
        Direction::Descending => {
            rows.reverse();
            Ordering::Less
        }
    };
    rows.retain(|row| {
        scan.after.is_empty() || compare_all(&row[scan.equals.len()..], scan.after) == onward
    });
    rows.truncate(scan.limit);
    rows.iter().map(|row| number(row.last().unwrap())).collect()
}

/// The values under which an index files a document, `_id` last.
fn rows(index: &Index, document: &Document) -> Vec<Vec<Bson>> {
    let values = index.fields.iter().map(|(path, _)| document.get(path).cloned());
    let mut row: Vec<_> = values.map(|value| value.unwrap_or(Bson::Null)).collect();
    row.push(document.get("_id").unwrap().clone());
    if index.partial && row.contains(&Bson::Null) {
        return Vec::new();
    }
    let Some(items) = row[0].as_array().filter(|_| index.multikey).cloned() else {
        return vec![row];
    };
    let mut distinct = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct.into_iter().map(|item| [vec![item], row[1..].to_vec()].concat()).collect()
}

/// Compares as many values as both have.
fn compare_all(one: &[Bson], other: &[Bson]) -> Ordering {
    let pairs = one.iter().zip(other);
    pairs
        .map(|(one, other)| compare(one, other))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// MongoDB's comparison of the values that are generated here.
fn compare(one: &Bson, other: &Bson) -> Ordering {
    let kind = |value: &Bson| {
        let kinds = [
            value.as_null().is_some(),
            real(value).is_some(),
            value.as_str().is_some(),
            value.as_object_id().is_some(),
            value.as_datetime().is_some(),
        ];
        kinds.iter().position(|is| *is)
    };
    kind(one)
        .cmp(&kind(other))
        .then(real(one).partial_cmp(&real(other)).unwrap())
        .then(one.as_str().cmp(&other.as_str()))
        .then(one.as_object_id().cmp(&other.as_object_id()))
        .then(one.as_datetime().cmp(&other.as_datetime()))
}

/// The number; those generated here are exact as doubles.
#[expect(clippy::cast_precision_loss, reason = "generated numbers are small")]
fn real(value: &Bson) -> Option<f64> {
    value.as_f64().or(value.as_i32().map(f64::from)).or(value.as_i64().map(|number| number as f64))
}

/// Values for the fields of all indexes of a collection.
fn any_fields(collection: Collection) -> impl Strategy<Value = Document> {
    let fields = collection.indexes().flat_map(|index| index.fields).map(|(path, _)| *path);
    let fields: Vec<_> = fields.collect::<BTreeSet<_>>().into_iter().collect();
    let each: Vec<_> =
        fields.iter().map(|path| prop::option::weighted(0.9, any_field(path, true))).collect();
    each.prop_map(move |values| {
        let pairs = fields.iter().zip(values);
        pairs.filter_map(|(path, value)| Some(((*path).to_owned(), value?))).collect()
    })
}

/// A value to look for: in a partial index there is no null.
fn any_value(index: &Index, path: &str) -> BoxedStrategy<Bson> {
    let is_partial = index.partial;
    let value = any_field(path, false);
    value.prop_filter("no null", move |it| !is_partial || it.as_null().is_none()).boxed()
}

/// A value that the field may have, few enough that ties are common; `whole`: arrays included.
fn any_field(path: &str, whole: bool) -> BoxedStrategy<Bson> {
    let person = (0..4_u32).prop_map(|number| Bson::from(id(number)));
    let word = prop::sample::select(vec!["", "a", "a\0b", "ab", "b"]).prop_map(Bson::from);
    let array = |item: BoxedStrategy<Bson>| {
        if whole { prop::collection::vec(item, 0..4).prop_map(Bson::Array).boxed() } else { item }
    };
    let or_null = |value: BoxedStrategy<Bson>| prop_oneof![1 => Just(Bson::Null), 3 => value];
    match path {
        "participants" => array(person.boxed()),
        "tags" => array(word.boxed()),
        "createdBy" | "assignedTo" | "outsider" | "conversationId" | "senderId" | "userId" => {
            or_null(person.boxed()).boxed()
        }
        "status" | "role" | "clientMessageId" => or_null(word.boxed()).boxed(),
        // One person an address.
        "email" => "[ab\0]{0,3}".prop_map(Bson::from).boxed(),
        "lastMessageAt" | "deletedAt" => {
            let date = (-2_i64..4).prop_map(|millis| Bson::from(at(millis)));
            or_null(date.boxed()).boxed()
        }
        "seq" | "stamp" | "changeStamp" => prop_oneof![
            (-2_i32..3).prop_map(Bson::Int32),
            (-2_i64..3).prop_map(Bson::Int64),
            (-4_i32..6).prop_map(|number| Bson::Double(f64::from(number) / 2.0)),
        ]
        .boxed(),
        other => panic!("say which values {other} may have"),
    }
}

fn draw<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).unwrap().current()
}

fn number(id: &Bson) -> u32 {
    u32::from_be_bytes(id.as_object_id().unwrap().bytes()[8..].try_into().unwrap())
}
