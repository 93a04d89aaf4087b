//! A deactivation ends every session, also those that are about to begin. Source: contract 1.3.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use api::App;
use api::bus::Notice;
use api::domain::{Session, User, field};
use api::error::Kind;
use api::service::session::{self, AuthError, SESSIONS_PER_USER_MAX};
use api::service::{account, presence};
use api::store::index::SESSIONS_BY_USER;
use api::store::{Collection, Direction, Insert, Scan, Update};
use protocol::id::{SessionId, UserId};
use protocol::rest::reply::body::Tokens;
use protocol::rest::request::UpdateUser;
use protocol::rest::resource::Role;

use super::world::{World, credentials, kind, registration};
use crate::engine;

/// A request is over long before it was polled so often.
const POLLS_MAX: usize = 1_000;

/// Polls until it is ready, or was polled so often: where it stands then, it stays.
async fn polled<F: Future>(mut future: Pin<&mut F>, polls: usize) -> Option<F::Output> {
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// An admin, and somebody whom it deactivates.
struct Case {
    world: World,
    root: api::auth::Caller,
    ada: UserId,
}

impl Case {
    async fn new() -> Self {
        let world = World::new().await;
        let root = world.person("root", Role::Admin).await;
        let ada = account::create(&world.app, registration("ada", Role::User)).await.unwrap().id;
        Self { world, root, ada }
    }

    fn app(&self) -> &Arc<App> {
        &self.world.app
    }

    async fn set_active(&self, is_active: bool) {
        let request = UpdateUser { role: None, is_active: Some(is_active) };
        account::update(self.app(), &self.root, self.ada, request).await.unwrap();
    }

    async fn sessions(&self) -> Vec<bson::RawDocumentBuf> {
        let scan = Scan {
            index: &SESSIONS_BY_USER,
            equals: &[field::id(self.ada.0)],
            after: &[],
            direction: Direction::Ascending,
            limit: usize::MAX,
        };
        self.app().store.scan(&scan).await.unwrap()
    }

    /// Nothing is left of what was begun, not even once the account is active again.
    async fn is_over(&self, tokens: &[Tokens], place: usize) {
        assert!(self.sessions().await.is_empty(), "a session is stored, stopped at {place}");
        self.set_active(true).await;
        for tokens in tokens {
            let access = session::authenticate(self.app(), &tokens.access_token).await;
            assert!(matches!(access, Err(AuthError::Invalid)), "{place}: {access:?}");
            let refresh = session::refresh(self.app(), &tokens.refresh_token).await;
            assert!(refresh.is_err(), "a refresh token works, stopped at {place}");
        }
    }
}

/// The sign-in is held wherever it waits, and goes on when the deactivation has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_meets_a_deactivation_leaves_no_session_wherever_it_stood() {
    let case = Case::new().await;
    for polls in 1..POLLS_MAX {
        let mut login = Box::pin(account::login(case.app(), credentials("ada")));
        let early = polled(login.as_mut(), polls).await;
        case.set_active(false).await;
        let has_ended = early.is_some();
        let answer = match early {
            Some(answer) => answer,
            None => login.await,
        };
        let tokens = match answer {
            Ok(signed_in) => vec![signed_in.tokens],
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unauthenticated, "{error}");
                assert_eq!(error.message(), "Invalid credentials");
                Vec::new()
            }
        };
        case.is_over(&tokens, polls).await;
        if has_ended {
            return;
        }
    }
    panic!("the sign-in never ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_meets_a_deactivation_leaves_no_session_wherever_it_stood() {
    let case = Case::new().await;
    for polls in 1..POLLS_MAX {
        let tokens = account::login(case.app(), credentials("ada")).await.unwrap().tokens;
        let shown = tokens.refresh_token.clone();
        let mut refresh = Box::pin(session::refresh(case.app(), &shown));
        let early = polled(refresh.as_mut(), polls).await;
        case.set_active(false).await;
        let has_ended = early.is_some();
        let answer = match early {
            Some(answer) => answer,
            None => refresh.await,
        };
        let next = answer
            .ok()
            .map(|pair| Tokens { access_token: pair.access, refresh_token: pair.refresh });
        let all: Vec<Tokens> = std::iter::once(tokens).chain(next).collect();
        case.is_over(&all, polls).await;
        if has_ended {
            return;
        }
    }
    panic!("the refresh never ends");
}

/// The same without holding anything: many sign-ins and refreshes run while the account is
/// deactivated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_and_refreshes_at_once_with_a_deactivation_leave_no_session() {
    let rounds = if engine::is_across_a_network() { 10 } else { 40 };
    let case = Case::new().await;
    for round in 0..rounds {
        let first = account::login(case.app(), credentials("ada")).await.unwrap().tokens;
        let mut begun = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (app, token) = (Arc::clone(case.app()), first.refresh_token.clone());
            begun.spawn(async move {
                if number == 0 {
                    let pair = session::refresh(&app, &token).await.ok()?;
                    return Some(Tokens { access_token: pair.access, refresh_token: pair.refresh });
                }
                Some(account::login(&app, credentials("ada")).await.ok()?.tokens)
            });
        }
        tokio::task::yield_now().await;
        case.set_active(false).await;
        let mut tokens: Vec<Tokens> = begun.join_all().await.into_iter().flatten().collect();
        tokens.push(first);
        case.is_over(&tokens, round).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_role_at_once_with_a_deactivation_does_not_undo_it() {
    let case = Case::new().await;
    for round in 0..30 {
        let role = if round % 2 == 0 { Role::Agent } else { Role::User };
        let change = UpdateUser { role: Some(role), is_active: None };
        let changing = account::update(case.app(), &case.root, case.ada, change);
        let (changed, ()) = tokio::join!(changing, case.set_active(false));
        assert_eq!(changed.unwrap().role, role);
        let document =
            case.app().store.get(Collection::Users, &field::id(case.ada.0)).await.unwrap();
        let stored = User::decode(&document.unwrap()).unwrap();
        assert_eq!((stored.role, stored.is_active), (role, false), "round {round}");
        case.set_active(true).await;
    }
}

/// A process that dies between the account and its sessions leaves them behind.
#[tokio::test]
async fn activating_ends_what_an_interrupted_deactivation_left_behind() {
    let case = Case::new().await;
    let tokens = account::login(case.app(), credentials("ada")).await.unwrap().tokens;
    let half = Update {
        collection: Collection::Users,
        id: field::id(case.ada.0),
        guard: Vec::new(),
        ops: vec![field::set(field::IS_ACTIVE, false)],
    };
    case.app().store.update(half).await.unwrap().unwrap();
    let notice = Notice::UserChanged { user_id: case.ada, role: Role::User, is_active: false };
    case.app().heed(&notice);
    let refused = session::authenticate(case.app(), &tokens.access_token).await;
    assert!(matches!(refused, Err(AuthError::UnknownUser)));
    case.set_active(true).await;
    let refused = session::authenticate(case.app(), &tokens.access_token).await;
    assert!(matches!(refused, Err(AuthError::Invalid)), "{refused:?}");
    account::login(case.app(), credentials("ada")).await.unwrap();
}

#[tokio::test]
async fn a_deactivation_ends_more_sessions_than_are_read_at_once() {
    let case = Case::new().await;
    account::login(case.app(), credentials("ada")).await.unwrap();
    let first = Session::decode(&case.sessions().await[0]).unwrap();
    for _ in 0..2 * SESSIONS_PER_USER_MAX {
        let session = Session { id: SessionId(case.app().clock.object_id()), ..first.clone() };
        let insert = Insert {
            collection: Collection::Sessions,
            document: session.encode(),
            follow_ups: Vec::new(),
        };
        case.app().store.insert(insert).await.unwrap();
    }
    case.set_active(false).await;
    assert_eq!(case.sessions().await.len(), 0);
}

#[tokio::test]
async fn whoever_is_refused_in_the_middle_of_a_sign_in_does_not_seem_to_be_there() {
    let case = Case::new().await;
    let mut login = Box::pin(account::login(case.app(), credentials("ada")));
    assert!(polled(login.as_mut(), 1).await.is_none());
    case.set_active(false).await;
    assert_eq!(kind(login.await), Kind::Unauthenticated);
    presence::settle(case.app()).await;
    let document = case.app().store.get(Collection::Users, &field::id(case.ada.0)).await.unwrap();
    assert_eq!(User::decode(&document.unwrap()).unwrap().status, "offline");
}
