//! The order of a scan, against sorting and filtering the same documents.

use std::cmp::Ordering;

use api::store::{Collection, Direction, Index, Op, Scan, Store, Update};
use bson::{Bson, Document};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::sample::{at, id, insert, numbers};

/// Random sets of documents; each is scanned [`SCANS_PER_ROUND`] times.
const ROUNDS: u32 = 12;
const SCANS_PER_ROUND: u32 = 40;
const DOCUMENTS_MAX: u32 = 24;

pub(crate) async fn a_scan_equals_sorting_and_filtering(store: &Store) {
    let runner = &mut TestRunner::default();
    for _ in 0..ROUNDS {
        let mut documents = Vec::new();
        for number in 0..DOCUMENTS_MAX {
            let fields = draw(runner, &any_fields());
            let mut document = bson::doc! { "_id": id(number) };
            document.extend(fields);
            insert(store, Collection::Conversations, &document).await.unwrap();
            documents.push(document);
        }
        for document in documents.iter_mut().step_by(3) {
            move_elsewhere(store, document, draw(runner, &any_fields())).await;
        }
        for _ in 0..SCANS_PER_ROUND {
            check_a_scan(store, runner, &documents).await;
        }
        for document in documents {
            let id = document.get("_id").unwrap();
            assert!(store.delete(Collection::Conversations, id, &[]).await.unwrap());
        }
    }
}

/// Gives the document other fields, in the store and here.
async fn move_elsewhere(store: &Store, document: &mut Document, fields: Document) {
    let id = document.get("_id").unwrap().clone();
    let old = document.keys().filter(|name| *name != "_id" && !fields.contains_key(name));
    let mut ops: Vec<_> = old.map(|name| Op::Unset(name.clone())).collect();
    ops.extend(fields.iter().map(|(name, value)| Op::Set(name.clone(), value.clone())));
    let update =
        Update { collection: Collection::Conversations, id: id.clone(), guard: Vec::new(), ops };
    assert!(store.update(update).await.unwrap().is_some());
    *document = bson::doc! { "_id": id };
    document.extend(fields);
}

async fn check_a_scan(store: &Store, runner: &mut TestRunner, documents: &[Document]) {
    let indexes: Vec<_> = Collection::Conversations.indexes().collect();
    let index = draw(runner, &prop::sample::select(indexes));
    let equals_len = draw(runner, &(usize::from(!index.whole)..=index.fields.len()));
    let after_len = draw(runner, &(0..=index.fields.len() + 1 - equals_len));
    let mut values: Vec<_> =
        index.fields.iter().map(|(path, _)| draw(runner, &any_field(path, false))).collect();
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

fn any_fields() -> impl Strategy<Value = Document> {
    let fields =
        ["participants", "createdBy", "assignedTo", "status", "tags", "lastMessageAt", "stamp"];
    let each: Vec<_> = fields.map(|path| prop::option::weighted(0.9, any_field(path, true))).into();
    each.prop_map(move |values| {
        let pairs = fields.into_iter().zip(values);
        pairs.filter_map(|(path, value)| Some((path.to_owned(), value?))).collect()
    })
}

/// A value that the field may have, few enough that ties are common; `whole`: arrays included.
fn any_field(path: &str, whole: bool) -> BoxedStrategy<Bson> {
    let person = (0..4_u32).prop_map(|number| Bson::from(id(number)));
    let tag = prop::sample::select(vec!["", "a", "a\0b", "ab", "b"]).prop_map(Bson::from);
    let array = |item: BoxedStrategy<Bson>| {
        if whole { prop::collection::vec(item, 0..4).prop_map(Bson::Array).boxed() } else { item }
    };
    match path {
        "participants" => array(person.boxed()),
        "tags" => array(tag.boxed()),
        "createdBy" | "assignedTo" => prop_oneof![Just(Bson::Null), person].boxed(),
        "status" => prop_oneof![Just(Bson::Null), tag].boxed(),
        "lastMessageAt" => (-2_i64..4).prop_map(|millis| at(millis).into()).boxed(),
        _ => prop_oneof![
            (-2_i32..3).prop_map(Bson::Int32),
            (-2_i64..3).prop_map(Bson::Int64),
            (-4_i32..6).prop_map(|number| Bson::Double(f64::from(number) / 2.0)),
        ]
        .boxed(),
    }
}

fn draw<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).unwrap().current()
}

fn number(id: &Bson) -> u32 {
    u32::from_be_bytes(id.as_object_id().unwrap().bytes()[8..].try_into().unwrap())
}
