//! Guards and changes of one document.

use api::store::{Collection, Guard, Op, Store, StoreError, Update};
use bson::{Bson, Document, bson, doc};

use super::sample::{at, change, id, insert, set, stored};

pub(crate) async fn a_guard_that_fails_changes_nothing(store: &Store) {
    let before = doc! { "_id": id(1), "n": 1, "m": 1 };
    insert(store, Collection::Sessions, &before).await.unwrap();
    let guard = vec![Guard::Equals("n", 1.into()), Guard::Equals("m", 2.into())];
    let update = Update { guard, ..change(Collection::Sessions, 1, vec![set("n", 2)]) };
    assert_eq!(store.update(update).await.unwrap(), None);
    assert_eq!(stored(store, Collection::Sessions, 1).await, before);
}

async fn guard_holds(store: &Store, guard: Guard) -> bool {
    let update = Update {
        guard: vec![guard],
        ..change(Collection::Sessions, 1, vec![Op::Increment("tries".into(), 1)])
    };
    store.update(update).await.unwrap().is_some()
}

pub(crate) async fn guards_compare_values_null_and_items(store: &Store) {
    let document = doc! {
        "_id": id(1), "n": 5, "text": "a", "null": Bson::Null, "people": [id(8), id(9)],
        "inner": { "deep": true },
    };
    insert(store, Collection::Sessions, &document).await.unwrap();
    for (path, value, expected) in [
        ("n", Bson::Int64(5), true),
        ("n", Bson::Double(5.0), true),
        ("n", Bson::from("5"), false),
        ("text", Bson::from("a"), true),
        ("text", Bson::Null, false),
        ("null", Bson::Null, true),
        ("absent", Bson::Null, true),
        ("inner.absent", Bson::Null, true),
        ("inner.deep", Bson::Boolean(true), true),
        ("text.deep", Bson::Null, true),
        ("people", id(9).into(), true),
        ("people", id(7).into(), false),
        ("people", bson!([id(8), id(9)]), true),
        ("people", bson!([id(9), id(8)]), false),
    ] {
        let guard = Guard::Equals(path, value.clone());
        assert_eq!(guard_holds(store, guard).await, expected, "{path} equals {value}");
    }
    assert!(guard_holds(store, Guard::OneOf("n", vec![4.into(), 5.into()])).await);
    assert!(guard_holds(store, Guard::OneOf("absent", vec![Bson::Null, 1.into()])).await);
    assert!(!guard_holds(store, Guard::OneOf("n", vec![])).await);
}

pub(crate) async fn below_holds_for_absent_and_less_of_the_same_kind(store: &Store) {
    let document = doc! { "_id": id(1), "n": 5_i64, "text": "a", "null": Bson::Null };
    insert(store, Collection::Sessions, &document).await.unwrap();
    for (path, bound, expected) in [
        ("n", Bson::Int32(6), true),
        ("n", Bson::Double(5.5), true),
        ("n", Bson::Int32(5), false),
        ("n", Bson::from("z"), false),
        ("text", Bson::Int32(9), false),
        ("text", Bson::from("b"), true),
        ("null", Bson::Int32(0), true),
        ("absent", Bson::Int32(0), true),
    ] {
        let guard = Guard::Below(path, bound.clone());
        assert_eq!(guard_holds(store, guard).await, expected, "{path} below {bound}");
    }
}

pub(crate) async fn a_guarded_delete_removes_only_what_it_describes(store: &Store) {
    insert(store, Collection::Sessions, &doc! { "_id": id(1), "n": 1 }).await.unwrap();
    let (key, wrong) = (id(1).into(), [Guard::Equals("n", 2.into())]);
    assert!(!store.delete(Collection::Sessions, &key, &wrong).await.unwrap());
    let right = [Guard::Equals("n", 1.into())];
    assert!(store.delete(Collection::Sessions, &key, &right).await.unwrap());
}

/// The document after these changes.
async fn after(store: &Store, before: Document, ops: Vec<Op>) -> Document {
    insert(store, Collection::Sessions, &before).await.unwrap();
    store.update(change(Collection::Sessions, 1, ops)).await.unwrap().unwrap();
    stored(store, Collection::Sessions, 1).await
}

pub(crate) async fn set_and_unset_follow_dotted_paths(store: &Store) {
    let before = doc! { "_id": id(1), "a": { "b": 1, "c": 2 }, "d": 3 };
    let ops = vec![
        set("a.b", 9),
        set("new.inner.deep", "x"),
        Op::Unset("a.c".into()),
        Op::Unset("d".into()),
        Op::Unset("never.was".into()),
    ];
    let expected = doc! { "_id": id(1), "a": { "b": 9 }, "new": { "inner": { "deep": "x" } } };
    assert_eq!(after(store, before, ops).await, expected);
}

pub(crate) async fn increment_begins_at_zero_and_keeps_counting(store: &Store) {
    let before = doc! { "_id": id(1), "small": 1, "big": 1_i64, "real": 1.5 };
    let by_two = |path: &str| Op::Increment(path.into(), 2);
    let ops = ["small", "big", "real", "deep.new"].map(by_two).to_vec();
    let expected = doc! {
        "_id": id(1), "small": 3_i64, "big": 3_i64, "real": 3.5, "deep": { "new": 2_i64 },
    };
    assert_eq!(after(store, before, ops).await, expected);
}

pub(crate) async fn max_keeps_the_greater(store: &Store) {
    let before = doc! { "_id": id(1), "less": 1, "more": 9, "at": at(5) };
    let to = |path: &str, value: Bson| Op::Max(path.into(), value);
    let ops = vec![
        to("less", 5.into()),
        to("more", 5.into()),
        to("at", at(6).into()),
        to("new", 5.into()),
    ];
    let expected = doc! { "_id": id(1), "less": 5, "more": 9, "at": at(6), "new": 5 };
    assert_eq!(after(store, before, ops).await, expected);
}

pub(crate) async fn push_keeps_only_the_newest(store: &Store) {
    let push =
        |path: &str, item: i32, keep| Op::Push { path: path.into(), item: item.into(), keep };
    let before = doc! { "_id": id(1), "full": [1, 2, 3], "room": [1] };
    let ops = vec![push("full", 4, 3), push("room", 2, 3), push("deep.new", 1, 3)];
    let expected = doc! { "_id": id(1), "full": [2, 3, 4], "room": [1, 2], "deep": { "new": [1] } };
    assert_eq!(after(store, before, ops).await, expected);
}

pub(crate) async fn a_change_that_does_not_fit_is_refused_whole(store: &Store) {
    let before = doc! { "_id": id(1), "text": "a", "n": i64::MAX, "null": Bson::Null };
    insert(store, Collection::Sessions, &before).await.unwrap();
    let push = |path: &str| Op::Push { path: path.into(), item: 1.into(), keep: 9 };
    for misfit in [
        Op::Increment("text".into(), 1),
        Op::Increment("null".into(), 1),
        Op::Increment("n".into(), 1),
        set("text.inner", 1),
        push("text"),
        push("null"),
    ] {
        let ops = vec![set("other", 1), misfit.clone()];
        let result = store.update(change(Collection::Sessions, 1, ops)).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{misfit:?}: {result:?}");
        assert_eq!(stored(store, Collection::Sessions, 1).await, before, "{misfit:?}");
    }
}

pub(crate) async fn an_id_never_changes(store: &Store) {
    insert(store, Collection::Sessions, &doc! { "_id": id(1) }).await.unwrap();
    let result = store.update(change(Collection::Sessions, 1, vec![set("_id", id(2))])).await;
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
}
