//! Reads: by id, along an index, counting.

use api::store::Direction::{Ascending, Descending};
use api::store::index::{
    CONVERSATIONS_BY_ACTIVITY, CONVERSATIONS_BY_ASSIGNEE, CONVERSATIONS_BY_PARTICIPANT,
    CONVERSATIONS_BY_STAMP, CONVERSATIONS_BY_TAG, MESSAGES_BY_CLIENT_ID, MESSAGES_BY_SEQ,
};
use api::store::{Collection, Scan, Store};
use bson::{Bson, doc};

use super::sample::{along, at, conversation, id, insert, insert_all, message, numbers, raw};

pub(crate) async fn a_document_is_read_back_byte_for_byte(store: &Store) {
    let document = raw(&doc! { "_id": id(1), "b": 1, "a": [1, { "x": null }], "text": "ü" });
    insert(store, Collection::Users, &doc! { "_id": id(2), "email": "2" }).await.unwrap();
    let insert = api::store::Insert {
        collection: Collection::Users,
        document: document.clone(),
        follow_ups: Vec::new(),
    };
    store.insert(insert).await.unwrap();
    let found = store.get(Collection::Users, &id(1).into()).await.unwrap();
    assert_eq!(found, Some(document));
}

pub(crate) async fn a_missing_document_is_none(store: &Store) {
    insert(store, Collection::Users, &doc! { "_id": id(1) }).await.unwrap();
    assert_eq!(store.get(Collection::Users, &id(2).into()).await.unwrap(), None);
    assert_eq!(store.get(Collection::Pairs, &id(1).into()).await.unwrap(), None);
}

pub(crate) async fn many_are_read_in_the_order_of_their_ids_and_missing_ones_are_left_out(
    store: &Store,
) {
    insert_all(store, Collection::Sessions, (1..5).map(|n| doc! { "_id": id(n) })).await;
    let ids: Vec<Bson> = [4, 9, 1, 3].map(|n| id(n).into()).to_vec();
    let found = store.get_many(Collection::Sessions, &ids).await.unwrap();
    let found: Vec<_> = found.iter().map(|d| d.get_object_id("_id").unwrap()).collect();
    assert_eq!(found, [id(4), id(1), id(3)]);
}

pub(crate) async fn a_scan_walks_its_equals_in_order(store: &Store) {
    let messages = [(1, 7, 3), (2, 7, 1), (3, 8, 1), (4, 7, 2), (5, 6, 9)];
    insert_all(store, Collection::Messages, messages.map(|(n, c, s)| message(n, c, s))).await;
    let equals = [id(7).into()];
    assert_eq!(numbers(store, &along(&MESSAGES_BY_SEQ, &equals, Ascending)).await, [2, 4, 1]);
    assert_eq!(numbers(store, &along(&MESSAGES_BY_SEQ, &equals, Descending)).await, [1, 4, 2]);
}

pub(crate) async fn a_scan_walks_backwards_with_ties_reversed(store: &Store) {
    let all = [(1, 50), (2, 40), (3, 50), (4, 50)].map(|(n, last)| conversation(n, &[9], last));
    insert_all(store, Collection::Conversations, all).await;
    let equals = [id(9).into()];
    let ascending = along(&CONVERSATIONS_BY_PARTICIPANT, &equals, Ascending);
    assert_eq!(numbers(store, &ascending).await, [2, 1, 3, 4]);
    let descending = along(&CONVERSATIONS_BY_PARTICIPANT, &equals, Descending);
    assert_eq!(numbers(store, &descending).await, [4, 3, 1, 2]);
}

pub(crate) async fn a_scan_stops_at_its_limit(store: &Store) {
    insert_all(store, Collection::Messages, (1..9).map(|n| message(n, 7, n.into()))).await;
    let equals = [id(7).into()];
    let scan = Scan { limit: 2, ..along(&MESSAGES_BY_SEQ, &equals, Descending) };
    assert_eq!(numbers(store, &scan).await, [8, 7]);
    assert_eq!(numbers(store, &Scan { limit: 0, ..scan }).await, [0; 0]);
}

pub(crate) async fn after_is_exclusive_in_both_directions(store: &Store) {
    insert_all(store, Collection::Messages, (1..6).map(|n| message(n, 7, n.into()))).await;
    insert_all(store, Collection::Messages, [message(11, 6, 1), message(12, 8, 9)]).await;
    let (equals, after) = ([id(7).into()], [Bson::Int32(3)]);
    let scan = Scan { after: &after, ..along(&MESSAGES_BY_SEQ, &equals, Ascending) };
    assert_eq!(numbers(store, &scan).await, [4, 5]);
    let scan = Scan { direction: Descending, ..scan };
    assert_eq!(numbers(store, &scan).await, [2, 1]);
}

pub(crate) async fn after_with_fewer_values_passes_every_key_that_begins_so(store: &Store) {
    for (number, sender, key) in [(1, 1, "z"), (2, 2, "a"), (3, 2, "b"), (4, 3, "a")] {
        let mut one = message(number, 7, number.into());
        one.extend(doc! { "senderId": id(sender), "clientMessageId": key });
        insert(store, Collection::Messages, &one).await.unwrap();
    }
    let (equals, after) = ([id(7).into()], [id(2).into()]);
    let scan = Scan { after: &after, ..along(&MESSAGES_BY_CLIENT_ID, &equals, Ascending) };
    assert_eq!(numbers(store, &scan).await, [4]);
    assert_eq!(numbers(store, &Scan { direction: Descending, ..scan }).await, [1]);
}

pub(crate) async fn after_with_an_id_goes_on_inside_a_tie(store: &Store) {
    insert_all(store, Collection::Conversations, (1..5).map(|n| conversation(n, &[9], 50))).await;
    let (equals, after) = ([id(9).into()], [at(50).into(), id(2).into()]);
    let scan = Scan { after: &after, ..along(&CONVERSATIONS_BY_PARTICIPANT, &equals, Ascending) };
    assert_eq!(numbers(store, &scan).await, [3, 4]);
    assert_eq!(numbers(store, &Scan { direction: Descending, ..scan }).await, [1]);
}

pub(crate) async fn equals_may_fix_all_fields_or_none(store: &Store) {
    insert_all(store, Collection::Messages, (1..5).map(|n| message(n, 7, n.into()))).await;
    let equals = [id(7).into(), Bson::Int64(3)];
    assert_eq!(numbers(store, &along(&MESSAGES_BY_SEQ, &equals, Ascending)).await, [3]);
    assert_eq!(numbers(store, &along(&MESSAGES_BY_SEQ, &equals, Descending)).await, [3]);
    let all = (1..4).map(|n| conversation(n, &[9], 100 - i64::from(n)));
    insert_all(store, Collection::Conversations, all).await;
    let scan = along(&CONVERSATIONS_BY_ACTIVITY, &[], Descending);
    assert_eq!(numbers(store, &scan).await, [1, 2, 3]);
}

pub(crate) async fn absent_and_null_are_filed_together(store: &Store) {
    let mut null = conversation(1, &[9], 10);
    null.insert("assignedTo", Bson::Null);
    let mut assigned = conversation(2, &[9], 20);
    assigned.insert("assignedTo", id(5));
    insert_all(store, Collection::Conversations, [null, assigned, conversation(3, &[9], 30)]).await;
    let scan = along(&CONVERSATIONS_BY_ASSIGNEE, &[Bson::Null], Ascending);
    assert_eq!(numbers(store, &scan).await, [1, 3]);
}

pub(crate) async fn an_array_is_found_by_each_of_its_items_once(store: &Store) {
    let all =
        [conversation(1, &[8, 9], 10), conversation(2, &[9, 9], 20), conversation(3, &[8], 5)];
    insert_all(store, Collection::Conversations, all).await;
    for (person, expected) in [(8, vec![3, 1]), (9, vec![1, 2]), (7, vec![])] {
        let equals = [id(person).into()];
        let scan = along(&CONVERSATIONS_BY_PARTICIPANT, &equals, Ascending);
        assert_eq!(numbers(store, &scan).await, expected, "of {person}");
    }
}

pub(crate) async fn an_empty_array_is_not_null(store: &Store) {
    let mut absent = conversation(2, &[], 10);
    absent.remove("participants");
    insert_all(store, Collection::Conversations, [conversation(1, &[], 10), absent]).await;
    let scan = along(&CONVERSATIONS_BY_PARTICIPANT, &[Bson::Null], Ascending);
    assert_eq!(numbers(store, &scan).await, [2]);
}

pub(crate) async fn a_partial_index_holds_only_documents_with_all_fields(store: &Store) {
    let mut keyed = message(1, 7, 1);
    keyed.insert("clientMessageId", "k");
    let mut null = message(2, 7, 2);
    null.insert("clientMessageId", Bson::Null);
    insert_all(store, Collection::Messages, [keyed, null, message(3, 7, 3)]).await;
    let equals = [id(7).into(), id(1).into()];
    let scan = along(&MESSAGES_BY_CLIENT_ID, &equals, Ascending);
    assert_eq!(numbers(store, &scan).await, [1]);
    let mut tagged = conversation(1, &[9], 10);
    tagged.insert("tags", bson::bson!(["vip", "late"]));
    let mut empty = conversation(2, &[9], 10);
    empty.insert("tags", Bson::Array(Vec::new()));
    insert_all(store, Collection::Conversations, [tagged, empty, conversation(3, &[9], 9)]).await;
    let equals = ["vip".into()];
    let scan = along(&CONVERSATIONS_BY_TAG, &equals, Ascending);
    assert_eq!(numbers(store, &scan).await, [1]);
}

pub(crate) async fn numbers_are_found_by_value_whatever_their_type(store: &Store) {
    let stamps = [Bson::Int32(5), Bson::Int64(6), Bson::Double(5.5), Bson::Double(-1.0)];
    for (number, stamp) in (1..).zip(stamps) {
        let mut one = conversation(number, &[9], 10);
        one.insert("stamp", stamp);
        insert(store, Collection::Conversations, &one).await.unwrap();
    }
    let scan = along(&CONVERSATIONS_BY_STAMP, &[], Ascending);
    assert_eq!(numbers(store, &scan).await, [4, 1, 3, 2]);
    let equals = [Bson::Double(6.0)];
    assert_eq!(numbers(store, &along(&CONVERSATIONS_BY_STAMP, &equals, Ascending)).await, [2]);
}

pub(crate) async fn count_counts_like_a_scan_and_stops_at_its_limit(store: &Store) {
    insert_all(store, Collection::Messages, (1..30).map(|n| message(n, 7, n.into()))).await;
    let (equals, after) = ([id(7).into()], [Bson::Int32(9)]);
    let scan = Scan { after: &after, ..along(&MESSAGES_BY_SEQ, &equals, Ascending) };
    assert_eq!(store.count(&scan).await.unwrap(), 20);
    assert_eq!(store.count(&Scan { limit: 7, ..scan }).await.unwrap(), 7);
}
