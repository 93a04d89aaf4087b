//! Writes: uniqueness, indexes that follow, follow-ups, many writers at once.

use api::store::Direction::Ascending;
use api::store::index::{
    CONVERSATIONS_BY_ACTIVITY, CONVERSATIONS_BY_PARTICIPANT, MESSAGES_BY_CLIENT_ID,
    MESSAGES_BY_SEQ, USERS_BY_EMAIL,
};
use api::store::{Collection, Guard, Index, Insert, Op, Store, StoreError, Update};
use bson::doc;
use tokio::task::JoinSet;

use super::sample::{
    along, at, change, conversation, id, insert, insert_all, message, numbers, raw, set, stored,
};

/// The index that refused; `None` for the `_id`.
#[track_caller]
fn refused_by<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Option<&'static Index> {
    match result {
        Err(StoreError::Duplicate(index)) => index,
        other => panic!("not refused as a duplicate: {other:?}"),
    }
}

pub(crate) async fn the_same_id_twice_is_a_duplicate_without_an_index(store: &Store) {
    insert(store, Collection::Pairs, &doc! { "_id": "a:b", "n": 1 }).await.unwrap();
    let again = insert(store, Collection::Pairs, &doc! { "_id": "a:b", "n": 2 }).await;
    assert_eq!(refused_by(again), None);
    let found = store.get(Collection::Pairs, &"a:b".into()).await.unwrap().unwrap();
    assert_eq!(found.get_i32("n").unwrap(), 1);
}

pub(crate) async fn a_duplicate_names_its_index(store: &Store) {
    insert(store, Collection::Users, &doc! { "_id": id(1), "email": "a@b.c" }).await.unwrap();
    let again = insert(store, Collection::Users, &doc! { "_id": id(2), "email": "a@b.c" }).await;
    assert_eq!(refused_by(again), Some(&USERS_BY_EMAIL));
    let mut first = message(1, 7, 1);
    first.insert("clientMessageId", "k");
    insert(store, Collection::Messages, &first).await.unwrap();
    let again = insert(store, Collection::Messages, &message(2, 7, 1)).await;
    assert_eq!(refused_by(again), Some(&MESSAGES_BY_SEQ));
    let mut retry = message(3, 7, 2);
    retry.insert("clientMessageId", "k");
    let again = insert(store, Collection::Messages, &retry).await;
    assert_eq!(refused_by(again), Some(&MESSAGES_BY_CLIENT_ID));
}

pub(crate) async fn a_partial_unique_index_lets_documents_without_the_field_pass(store: &Store) {
    let unnumbered = (1..4).map(|n| {
        let mut one = message(n, 7, 0);
        one.remove("seq");
        one
    });
    insert_all(store, Collection::Messages, unnumbered).await;
    let equals = [id(7).into()];
    assert_eq!(numbers(store, &along(&MESSAGES_BY_SEQ, &equals, Ascending)).await, [0; 0]);
}

pub(crate) async fn an_update_may_not_take_anothers_unique_key(store: &Store) {
    insert_all(store, Collection::Messages, [message(1, 7, 1), message(2, 7, 2)]).await;
    let taken = store.update(change(Collection::Messages, 2, vec![set("seq", 1)])).await;
    assert_eq!(refused_by(taken), Some(&MESSAGES_BY_SEQ));
    assert_eq!(stored(store, Collection::Messages, 2).await, message(2, 7, 2));
}

pub(crate) async fn an_update_may_keep_its_own_unique_key(store: &Store) {
    insert(store, Collection::Messages, &message(1, 7, 1)).await.unwrap();
    let ops = vec![set("content", "edited"), set("seq", 1.0)];
    let after = store.update(change(Collection::Messages, 1, ops)).await.unwrap();
    assert_eq!(after.unwrap().get_str("content").unwrap(), "edited");
}

pub(crate) async fn a_refused_insert_leaves_no_trace(store: &Store) {
    insert(store, Collection::Messages, &message(1, 7, 1)).await.unwrap();
    insert(store, Collection::Messages, &message(2, 7, 1)).await.unwrap_err();
    assert_eq!(store.get(Collection::Messages, &id(2).into()).await.unwrap(), None);
    let equals = [id(7).into()];
    assert_eq!(numbers(store, &along(&MESSAGES_BY_SEQ, &equals, Ascending)).await, [1]);
}

pub(crate) async fn a_deleted_documents_keys_are_free_again(store: &Store) {
    insert(store, Collection::Users, &doc! { "_id": id(1), "email": "a@b.c" }).await.unwrap();
    assert!(store.delete(Collection::Users, &id(1).into(), &[]).await.unwrap());
    assert!(!store.delete(Collection::Users, &id(1).into(), &[]).await.unwrap());
    insert(store, Collection::Users, &doc! { "_id": id(2), "email": "a@b.c" }).await.unwrap();
}

pub(crate) async fn a_deleted_document_leaves_every_index(store: &Store) {
    insert(store, Collection::Conversations, &conversation(1, &[8, 9], 10)).await.unwrap();
    store.delete(Collection::Conversations, &id(1).into(), &[]).await.unwrap();
    for person in [8, 9] {
        let equals = [id(person).into()];
        let scan = along(&CONVERSATIONS_BY_PARTICIPANT, &equals, Ascending);
        assert_eq!(numbers(store, &scan).await, [0; 0]);
    }
    let scan = along(&CONVERSATIONS_BY_ACTIVITY, &[], Ascending);
    assert_eq!(numbers(store, &scan).await, [0; 0]);
}

pub(crate) async fn an_update_moves_a_document_in_its_indexes(store: &Store) {
    let all = [conversation(1, &[8, 9], 10), conversation(2, &[9], 20)];
    insert_all(store, Collection::Conversations, all).await;
    let ops = vec![set("lastMessageAt", at(30)), set("participants", vec![id(9), id(7)])];
    store.update(change(Collection::Conversations, 1, ops)).await.unwrap();
    for (person, expected) in [(7, vec![1]), (8, vec![]), (9, vec![2, 1])] {
        let equals = [id(person).into()];
        let scan = along(&CONVERSATIONS_BY_PARTICIPANT, &equals, Ascending);
        assert_eq!(numbers(store, &scan).await, expected, "of {person}");
    }
}

pub(crate) async fn an_update_returns_the_document_after_it(store: &Store) {
    insert(store, Collection::Sessions, &doc! { "_id": id(1), "n": 1 }).await.unwrap();
    let after = store.update(change(Collection::Sessions, 1, vec![set("n", 2)])).await.unwrap();
    assert_eq!(after, Some(raw(&doc! { "_id": id(1), "n": 2 })));
}

pub(crate) async fn an_update_of_a_missing_document_is_none(store: &Store) {
    let after = store.update(change(Collection::Sessions, 1, vec![set("n", 2)])).await.unwrap();
    assert_eq!(after, None);
    assert_eq!(store.get(Collection::Sessions, &id(1).into()).await.unwrap(), None);
}

pub(crate) async fn a_document_without_an_id_is_refused(store: &Store) {
    let result = insert(store, Collection::Sessions, &doc! { "n": 1 }).await;
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
}

pub(crate) async fn follow_ups_happen_in_order_and_refused_ones_are_left_out(store: &Store) {
    insert(store, Collection::Conversations, &conversation(7, &[8, 9], 10)).await.unwrap();
    insert(store, Collection::Sessions, &doc! { "_id": id(1), "text": "a" }).await.unwrap();
    let of_conversation =
        |guard, ops| Update { guard, ..change(Collection::Conversations, 7, ops) };
    let follow_ups = vec![
        of_conversation(vec![], vec![set("lastSeq", 1)]),
        of_conversation(vec![Guard::Below("lastSeq", 1.into())], vec![set("wrong", true)]),
        change(Collection::Conversations, 99, vec![set("wrong", true)]),
        change(Collection::Sessions, 1, vec![Op::Increment("text".into(), 1)]),
        of_conversation(
            vec![Guard::Below("lastSeq", 2.into())],
            vec![set("lastMessageAt", at(50))],
        ),
    ];
    let document = raw(&message(1, 7, 1));
    store.insert(Insert { collection: Collection::Messages, document, follow_ups }).await.unwrap();
    let mut expected = conversation(7, &[8, 9], 10);
    expected.insert("lastMessageAt", at(50));
    expected.insert("lastSeq", 1);
    assert_eq!(stored(store, Collection::Conversations, 7).await, expected);
}

pub(crate) async fn follow_ups_do_not_happen_when_the_insert_is_refused(store: &Store) {
    insert(store, Collection::Conversations, &conversation(7, &[8, 9], 10)).await.unwrap();
    insert(store, Collection::Messages, &message(1, 7, 1)).await.unwrap();
    let insert = Insert {
        collection: Collection::Messages,
        document: raw(&message(2, 7, 1)),
        follow_ups: vec![change(Collection::Conversations, 7, vec![set("wrong", true)])],
    };
    assert_eq!(refused_by(store.insert(insert).await), Some(&MESSAGES_BY_SEQ));
    let after = stored(store, Collection::Conversations, 7).await;
    assert_eq!(after, conversation(7, &[8, 9], 10));
}

pub(crate) async fn of_many_writers_of_one_unique_key_one_wins(store: &Store) {
    let mut writers = JoinSet::new();
    for number in 0..64 {
        let store = store.clone();
        writers.spawn(async move {
            insert(&store, Collection::Messages, &message(number, 7, 1)).await.map(|()| number)
        });
    }
    let mut winners = Vec::new();
    for result in writers.join_all().await {
        match result {
            Ok(number) => winners.push(number),
            Err(error) => assert_eq!(refused_by::<()>(Err(error)), Some(&MESSAGES_BY_SEQ)),
        }
    }
    assert_eq!(winners.len(), 1);
    let equals = [id(7).into()];
    assert_eq!(numbers(store, &along(&MESSAGES_BY_SEQ, &equals, Ascending)).await, winners);
}

pub(crate) async fn concurrent_increments_all_count(store: &Store) {
    insert(store, Collection::Sessions, &doc! { "_id": id(1) }).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        writers.spawn(async move {
            let ops = vec![Op::Increment("n".into(), 1)];
            store.update(change(Collection::Sessions, 1, ops)).await.unwrap().unwrap();
        });
    }
    writers.join_all().await;
    assert_eq!(stored(store, Collection::Sessions, 1).await.get_i64("n").unwrap(), 64);
}
