//! Many small reads in one.

use api::store::index::{MESSAGES_BY_DELETION, MESSAGES_BY_SENDER};
use api::store::{Collection, Store, Stretch};
use bson::{Bson, Document};

use super::sample::{at, id, insert_all, message};

/// The `seq`-th message of a conversation, by this person.
fn message_by(number: u32, conversation: u32, sender: u32, seq: i64) -> Document {
    let mut one = message(number, conversation, seq);
    one.insert("senderId", id(sender));
    one
}

fn stretch(conversation: u32, sender: u32, after: i64, up_to: i64) -> Stretch {
    Stretch { equals: vec![id(conversation).into(), id(sender).into()], after, up_to }
}

async fn counted(store: &Store, stretches: &[Stretch]) -> Vec<u64> {
    store.count_each(&MESSAGES_BY_SENDER, stretches).await.unwrap()
}

pub(crate) async fn each_stretch_is_counted_from_behind_its_beginning_to_its_end(store: &Store) {
    let of_seven = (1..=9).map(|n| message_by(n, 7, 1 + n % 2, n.into()));
    let of_eight = (1..=4).map(|n| message_by(20 + n, 8, 1, n.into()));
    let mut unplaced = message_by(30, 7, 1, 0);
    unplaced.remove("seq");
    let mut of_another_kind = message_by(31, 8, 1, 0);
    of_another_kind.insert("seq", Bson::Double(2.5));
    let others = [unplaced, of_another_kind, message_by(32, 6, 1, 1), message_by(33, 9, 1, 9)];
    insert_all(store, Collection::Messages, of_seven.chain(of_eight).chain(others)).await;
    // Of 7 person 1 wrote 2, 4, 6 and 8; of 8 what stands at 1, 2, 2.5, 3 and 4.
    let all = i64::MIN..i64::MAX;
    assert_eq!(
        counted(
            store,
            &[
                stretch(8, 1, 1, 4),
                stretch(7, 1, 2, 6),
                stretch(7, 3, all.start, all.end),
                stretch(7, 2, all.start, all.end),
                stretch(5, 1, all.start, all.end),
                stretch(6, 1, 1, 1),
                stretch(9, 1, 9, 1),
            ]
        )
        .await,
        [4, 2, 0, 5, 0, 0, 0]
    );
    assert_eq!(counted(store, &[stretch(7, 1, 7, 8)]).await, [1]);
    assert_eq!(counted(store, &[]).await, [0; 0]);
}

pub(crate) async fn stretches_beyond_a_hundred_are_counted_too(store: &Store) {
    let all = (1..=102).map(|n| message_by(n, n, 1, i64::from(n % 3)));
    insert_all(store, Collection::Messages, all).await;
    let stretches: Vec<_> = (1..=103).map(|n| stretch(n, 1, 0, 1)).collect();
    let expected: Vec<_> = (1..=103).map(|n| u64::from(n % 3 == 1 && n != 103)).collect();
    assert_eq!(counted(store, &stretches).await, expected);
}

pub(crate) async fn documents_under_any_of_several_values_are_found_up_to_a_limit(store: &Store) {
    let deleted =
        [(1, 7, 50), (2, 8, 40), (3, 9, 30), (4, 7, -50)].map(|(n, conversation, when)| {
            let mut one = message(n, conversation, n.into());
            one.insert("deletedAt", at(when));
            one
        });
    let mut null = message(5, 7, 5);
    null.insert("deletedAt", Bson::Null);
    let kept = [null, message(6, 8, 6)];
    insert_all(store, Collection::Messages, deleted.into_iter().chain(kept)).await;
    let found = async |conversations: &[u32], limit| {
        let firsts: Vec<Bson> = conversations.iter().map(|&one| id(one).into()).collect();
        let found = store.scan_any(&MESSAGES_BY_DELETION, &firsts, limit).await.unwrap();
        let mut ids: Vec<_> = found.iter().map(|it| it.get_object_id("_id").unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(found(&[8, 5, 7], 10).await, [id(1), id(2), id(4)]);
    assert_eq!(found(&[9, 7, 8], 3).await.len(), 3);
    assert_eq!(found(&[9], 0).await, []);
    assert_eq!(found(&[], 10).await, []);
}
