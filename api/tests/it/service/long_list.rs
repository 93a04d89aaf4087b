//! Lists that are longer than one request looks at: cursors meet everything once, and the end.
//! Source: contract 1.7.

use api::auth::Caller;
use api::domain::user::PasswordHash;
use api::domain::{Conversation, User, field};
use api::service::conversation::{self, CONVERSATIONS_WALKED_MAX};
use api::service::message::{self, MESSAGES_WALKED_MAX};
use api::service::{account, account::PEOPLE_WALKED_MAX};
use api::store::{Collection, Insert, Update};
use bson::{Bson, Document, RawDocumentBuf};
use protocol::id::{ConversationId, UserId};
use protocol::rest::request::{
    LIMIT_MAX, ListConversations, ListMessages, ListUsers, PAGE_MAX, Page,
};
use protocol::rest::resource::{Pagination, Role};
use protocol::rest::word::{ConversationStatus, Priority, Scope};
use protocol::time::Timestamp;
use tokio::task::JoinSet;

use super::world::{START, World, page};

/// What a list holds beyond the bound.
const SURPLUS: usize = 450;

/// Writes of a test under way at once.
const WRITES_AT_ONCE: usize = 256;

async fn fill(world: &World, collection: Collection, documents: Vec<RawDocumentBuf>) {
    let mut writes = JoinSet::new();
    for document in documents {
        if writes.len() == WRITES_AT_ONCE {
            writes.join_next().await.unwrap().unwrap();
        }
        let store = world.app.store.clone();
        let insert = Insert { collection, document, follow_ups: Vec::new() };
        writes.spawn(async move { store.insert(insert).await.unwrap() });
    }
    writes.join_all().await;
}

/// Follows cursors from a page on to the end; what each page held. There are at most so many.
async fn follow<T>(
    cursor: Option<String>,
    pages_max: usize,
    mut list: impl AsyncFnMut(Page) -> (Vec<T>, Pagination),
) -> Vec<Vec<T>> {
    let (mut cursor, mut pages) = (cursor, Vec::new());
    loop {
        let (items, place) = list(Page { page: 1, limit: LIMIT_MAX, cursor }).await;
        pages.push(items);
        assert!(pages.len() <= pages_max, "it does not end");
        cursor = place.next_cursor;
        if cursor.is_none() {
            return pages;
        }
    }
}

fn request() -> ListConversations {
    ListConversations {
        page: Page { page: 1, limit: LIMIT_MAX, cursor: None },
        status: Vec::new(),
        priority: None,
        assigned_to: None,
        tag: None,
        scope: None,
    }
}

async fn conversations(
    world: &World,
    caller: &Caller,
    request: ListConversations,
) -> (Vec<ConversationId>, Pagination) {
    let page = conversation::list(&world.app, caller, request).await.unwrap();
    (page.conversations.iter().map(|it| it.id).collect(), page.pagination)
}

/// So many conversations, each older than the one before it.
async fn many_conversations(
    world: &World,
    count: usize,
    adjust: impl Fn(usize, &mut Conversation),
) -> Vec<ConversationId> {
    let ada = world.user("ada").await.user_id;
    let mut ids = Vec::new();
    let mut documents = Vec::new();
    for position in 0..count {
        let id = ConversationId(world.app.clock.object_id());
        let at = Timestamp(START.0 - i64::try_from(position).unwrap());
        let mut it = Conversation::new(id, ada, at);
        adjust(position, &mut it);
        ids.push(id);
        documents.push(it.encode_new());
    }
    fill(world, Collection::Conversations, documents).await;
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_page_with_a_number_names_the_next_cursor() {
    let world = World::new().await;
    let eve = world.agent("eve").await;
    let all = many_conversations(&world, CONVERSATIONS_WALKED_MAX + SURPLUS, |_, _| {}).await;
    let everybodys = || ListConversations { scope: Some(Scope::All), ..request() };
    let page = Page { page: PAGE_MAX, limit: LIMIT_MAX, cursor: None };
    let (ids, place) =
        conversations(&world, &eve, ListConversations { page, ..everybodys() }).await;
    let bound = CONVERSATIONS_WALKED_MAX;
    assert_eq!(ids, all[bound - LIMIT_MAX as usize..bound]);
    assert_eq!(place.total, all.len() as u64);
    assert!(place.next_cursor.is_some());
    let rest = follow(place.next_cursor, 5, async |page| {
        conversations(&world, &eve, ListConversations { page, ..everybodys() }).await
    });
    assert_eq!(rest.await.concat(), all[bound..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_reach_the_few_that_pass_behind_ten_thousand_that_do_not() {
    let world = World::new().await;
    let eve = world.agent("eve").await;
    let bound = CONVERSATIONS_WALKED_MAX;
    let urgent = [bound - 1, bound, bound + 77, bound + SURPLUS - 1];
    let all = many_conversations(&world, bound + SURPLUS, |position, it| {
        if urgent.contains(&position) {
            it.priority = Priority::Urgent.as_str().to_owned();
        }
    })
    .await;
    let expected: Vec<_> = urgent.into_iter().map(|position| all[position]).collect();
    let pages = follow(None, 2, async |page| {
        let (scope, priority) = (Some(Scope::All), Some(Priority::Urgent));
        conversations(&world, &eve, ListConversations { page, scope, priority, ..request() }).await
    });
    let pages = pages.await;
    assert_eq!(pages[0], expected[..1], "as far as one request looks");
    assert_eq!(pages.concat(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_found_behind_ten_thousand_conversations_of_ones_own_in_another() {
    let world = World::new().await;
    let (bob, eve) = (world.user("bob").await, world.agent("eve").await);
    let count = CONVERSATIONS_WALKED_MAX + 1;
    let all = many_conversations(&world, count, |position, it| {
        it.participants = vec![it.created_by, bob.user_id];
        it.assigned_to = Some(eve.user_id);
        if position + 1 < count {
            it.status = ConversationStatus::Closed.as_str().to_owned();
        }
    })
    .await;
    let with = |scope, status: &[&str]| ListConversations {
        scope,
        status: status.iter().map(|&it| it.to_owned()).collect(),
        ..request()
    };
    for caller in [&bob, &eve] {
        for scope in [None, Some(Scope::Mine)] {
            let (ids, place) = conversations(&world, caller, with(scope, &["open"])).await;
            assert_eq!(ids, all[count - 1..], "{} {scope:?}", caller.name);
            assert_eq!((place.total, place.pages), (1, 1), "{} {scope:?}", caller.name);
            for status in [&[][..], &["closed", "open", "closed"]] {
                let (ids, place) = conversations(&world, caller, with(scope, status)).await;
                assert_eq!(ids, all[..LIMIT_MAX as usize], "{} {scope:?}", caller.name);
                assert_eq!(place.total, count as u64, "{} {scope:?} {status:?}", caller.name);
            }
        }
    }
}

/// An agent's own list is walked along three indexes. One of them is left at its bound, while another,
/// walked to its end, holds what lies behind that place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_meet_everything_once_along_several_indexes() {
    let world = World::new().await;
    let eve = world.agent("eve").await;
    let bound = CONVERSATIONS_WALKED_MAX;
    let near = [0, 5_000];
    let far = [bound + 600, bound + 611, bound + 1_000, bound + 1_001];
    let all = many_conversations(&world, bound + 1_100, |position, it| {
        // One in twenty is hers because it was given to her, the others because she began them.
        if position.is_multiple_of(20) {
            it.assigned_to = Some(eve.user_id);
        } else {
            it.created_by = eve.user_id;
        }
        if near.contains(&position) || far.contains(&position) {
            it.priority = Priority::Urgent.as_str().to_owned();
        }
    })
    .await;
    let pages = follow(None, 2, async |page| {
        let priority = Some(Priority::Urgent);
        conversations(&world, &eve, ListConversations { page, priority, ..request() }).await
    });
    let expected = [near.map(|position| all[position]).to_vec(), far.map(|it| all[it]).to_vec()];
    assert_eq!(pages.await, expected);
}

/// Documents that something else wrote.
#[tokio::test]
async fn conversations_without_a_date_come_last_and_end() {
    let world = World::new().await;
    let eve = world.agent("eve").await;
    let all = many_conversations(&world, 250, |_, _| {}).await;
    for id in &all[20..] {
        let update = Update {
            collection: Collection::Conversations,
            id: field::id(id.0),
            guard: Vec::new(),
            ops: vec![field::set("lastMessageAt", Bson::Null)],
        };
        world.app.store.update(update).await.unwrap().unwrap();
    }
    let pages = follow(None, 4, async |page| {
        let request = ListConversations { page, scope: Some(Scope::All), ..request() };
        conversations(&world, &eve, request).await
    });
    let mut met = pages.await.concat();
    assert_eq!(met[..20], all[..20]);
    met.sort_unstable();
    let mut all = all;
    all.sort_unstable();
    assert_eq!(met, all);
}

async fn people(
    world: &World,
    caller: &Caller,
    page: Page,
    part: Option<&str>,
) -> (Vec<String>, Pagination) {
    let query = part.map(str::to_owned);
    let request = ListUsers { page, role: None, status: None, query };
    let page = account::list(&world.app, caller, request).await.unwrap();
    (page.users.into_iter().map(|user| user.email).collect(), page.pagination)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_behind_ten_thousand_are_reached_by_number_and_by_name() {
    let world = World::new().await;
    let eve = world.agent("zz-eve").await;
    let count = PEOPLE_WALKED_MAX + SURPLUS;
    let mut emails = Vec::new();
    let mut documents = Vec::new();
    for number in 0..count {
        let email = format!("a{number:06}@example.com");
        emails.push(email.clone());
        let is_sought = [PEOPLE_WALKED_MAX + 1, count - 1].contains(&number);
        documents.push(somebody(&world, email, if is_sought { "Zacharias" } else { "Ada" }));
    }
    fill(&world, Collection::Users, documents).await;
    let last = Page { page: PAGE_MAX, limit: LIMIT_MAX, cursor: None };
    let (met, place) = people(&world, &eve, last, None).await;
    assert_eq!(met, emails[PEOPLE_WALKED_MAX - LIMIT_MAX as usize..PEOPLE_WALKED_MAX]);
    assert_eq!(place.total, count as u64 + 1);
    assert!(place.next_cursor.is_some());
    let rest = follow(place.next_cursor, 5, async |page| people(&world, &eve, page, None).await);
    let rest = rest.await.concat();
    assert_eq!(rest[..SURPLUS], emails[PEOPLE_WALKED_MAX..]);
    assert_eq!(rest[SURPLUS..], ["zz-eve@example.com"]);

    let named = follow(None, 2, async |page| people(&world, &eve, page, Some("zacharias")).await);
    let expected = [emails[PEOPLE_WALKED_MAX + 1].clone(), emails[count - 1].clone()];
    assert_eq!(named.await, [vec![], expected.to_vec()]);
}

fn somebody(world: &World, email: String, name: &str) -> RawDocumentBuf {
    let user = User {
        id: UserId(world.app.clock.object_id()),
        name: name.to_owned(),
        email,
        password: PasswordHash("none".to_owned()),
        avatar: None,
        role: Role::User,
        status: "offline".to_owned(),
        last_seen: START,
        is_active: true,
        created_at: START,
        updated_at: START,
        version: 0,
    };
    user.encode()
}

/// One message, and so many deleted ones behind it.
async fn mostly_deleted(world: &World, caller: &Caller, id: ConversationId, count: usize) {
    let first = world.say(caller, id, "the first").await;
    let stored = world.app.store.get(Collection::Messages, &field::id(first.id.0)).await;
    let stored = Document::try_from(stored.unwrap().unwrap()).unwrap();
    let mut documents = Vec::new();
    for number in 0..count {
        let mut document = stored.clone();
        let seq = first.seq + 1 + i64::try_from(number).unwrap();
        document.insert("_id", field::id(world.app.clock.object_id()));
        document.insert("seq", seq);
        document.insert("isDeleted", true);
        document.insert("deletedAt", field::date(START));
        documents.push(RawDocumentBuf::try_from(document).unwrap());
    }
    fill(world, Collection::Messages, documents).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_behind_ten_thousand_deleted_ones_is_reached() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    mostly_deleted(&world, &ada, id, MESSAGES_WALKED_MAX + SURPLUS).await;
    let pages = follow(None, 2, async |page| {
        let request = ListMessages { page, before: None, after_seq: None, before_seq: None };
        let page = message::list(&world.app, &bob, id, request).await.unwrap();
        (page.messages.into_iter().map(|it| it.content).collect(), page.pagination)
    });
    assert_eq!(pages.await, [vec![], vec!["the first".to_owned()]]);
}

#[tokio::test]
async fn history_by_place_is_followed_both_ways_with_what_was_deleted() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let id = world.between(&ada, &bob).await;
    for number in 1..=9 {
        let sent = world.say(&ada, id, &number.to_string()).await;
        if number % 3 == 0 {
            message::delete(&world.app, &ada, sent.id).await.unwrap();
        }
    }
    let walk = async |after_seq: Option<i64>, before_seq: Option<i64>| {
        let pages = follow(None, 5, async |page| {
            let page = Page { limit: 2, ..page };
            let request = ListMessages { page, before: None, after_seq, before_seq };
            let page = message::list(&world.app, &bob, id, request).await.unwrap();
            (page.messages.into_iter().map(|it| it.seq).collect(), page.pagination)
        });
        pages.await
    };
    assert_eq!(walk(Some(3), None).await, [vec![4, 5], vec![6, 7], vec![8, 9]]);
    assert_eq!(walk(Some(3), Some(8)).await, [vec![4, 5], vec![6, 7]]);
    assert_eq!(walk(None, Some(6)).await, [vec![4, 5], vec![2, 3], vec![1]]);
    assert_eq!(walk(None, None).await, [vec![7, 8], vec![4, 5], vec![1, 2]]);
    let ahead = ListMessages { after_seq: Some(3), ..page(1, 2) };
    let ahead = message::list(&world.app, &bob, id, ahead).await.unwrap().pagination.next_cursor;
    let page = Page { page: 1, limit: 2, cursor: ahead };
    let alone = ListMessages { page, before: None, after_seq: None, before_seq: None };
    let alone = message::list(&world.app, &bob, id, alone).await.unwrap();
    let seqs: Vec<i64> = alone.messages.iter().map(|it| it.seq).collect();
    assert_eq!(seqs, [6, 7], "a cursor knows which way it goes");
}
