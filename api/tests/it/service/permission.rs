//! Who may do what. Source: the table in contract 1.4.

use std::fmt::Debug;

use api::auth::Caller;
use api::error::{Error, Kind};
use api::service::{conversation, message, typing};
use protocol::event::client::ReadUpTo;
use protocol::id::{ConversationId, SocketId};
use protocol::rest::request::{ConversationChanges, SendMessage};
use protocol::rest::resource::Role;
use protocol::rest::word::{ConversationStatus, MessageKind, Priority};

use super::world::{World, kind, page, sending};

/// Everybody who matters to the table.
struct Cast {
    world: World,
    creator: Caller,
    participant: Caller,
    stranger: Caller,
    agent: Caller,
    admin: Caller,
    id: ConversationId,
}

impl Cast {
    async fn new() -> Self {
        let world = World::new().await;
        let (creator, participant) = (world.user("ada").await, world.user("bob").await);
        let (stranger, agent) = (world.user("mallory").await, world.agent("eve").await);
        let admin = world.person("root", Role::Admin).await;
        let id = world.between(&creator, &participant).await;
        Self { world, creator, participant, stranger, agent, admin, id }
    }

    fn everybody(&self) -> [&Caller; 5] {
        [&self.creator, &self.participant, &self.stranger, &self.agent, &self.admin]
    }

    fn may_see(&self, caller: &Caller) -> bool {
        caller.user_id != self.stranger.user_id
    }
}

/// A stranger is told that there is nothing; everybody else succeeds.
fn check<T: Debug>(cast: &Cast, caller: &Caller, result: Result<T, Error>) {
    match result {
        Ok(_) => assert!(cast.may_see(caller), "{} succeeded", caller.name),
        Err(error) => {
            assert!(!cast.may_see(caller), "{} failed: {error}", caller.name);
            assert_eq!(error.kind(), Kind::NotFound, "{}", caller.name);
        }
    }
}

#[tokio::test]
async fn members_and_staff_see_join_send_type_and_read_and_strangers_find_nothing() {
    let cast = Cast::new().await;
    let (app, id) = (&cast.world.app, cast.id);
    let first = cast.world.say(&cast.creator, id, "hello").await;
    for caller in cast.everybody() {
        check(&cast, caller, conversation::authorize(app, caller, id).await);
        check(&cast, caller, conversation::get(app, caller, id).await);
        check(&cast, caller, message::list(app, caller, id, page(1, 10)).await);
        check(&cast, caller, message::send(app, caller, sending(id, "hi")).await);
        check(&cast, caller, message::unread_count(app, caller, id).await);
        check(&cast, caller, typing::start(app, caller, id, SocketId::new(0, 0, 1, 1)).await);
        check(&cast, caller, typing::list(app, caller, id).await);
        check(&cast, caller, typing::stop(app, caller, id).await);
        let up_to = ReadUpTo::Message(first.id);
        check(&cast, caller, message::mark_read(app, caller, up_to, None).await);
        let up_to = ReadUpTo::Place { conversation_id: id, seq: 1 };
        check(&cast, caller, message::mark_read(app, caller, up_to, None).await);
        check(&cast, caller, conversation::close(app, caller, id).await);
    }
}

#[tokio::test]
async fn own_messages_are_edited_and_nobody_elses() {
    let cast = Cast::new().await;
    let app = &cast.world.app;
    let message = cast.world.say(&cast.creator, cast.id, "hello").await;
    for caller in cast.everybody() {
        let result = message::edit(app, caller, message.id, "changed".to_owned()).await;
        if caller.user_id == cast.creator.user_id {
            assert_eq!(result.unwrap().content, "changed");
        } else if cast.may_see(caller) {
            assert_eq!(kind(result), Kind::Forbidden, "{}", caller.name);
        } else {
            assert_eq!(kind(result), Kind::NotFound, "{}", caller.name);
        }
    }
}

#[tokio::test]
async fn messages_are_deleted_by_their_sender_and_by_staff() {
    let cast = Cast::new().await;
    let app = &cast.world.app;
    for caller in cast.everybody() {
        let message = cast.world.say(&cast.creator, cast.id, "hello").await;
        let result = message::delete(app, caller, message.id).await;
        if caller.is_staff() || caller.user_id == cast.creator.user_id {
            assert!(result.is_ok(), "{}", caller.name);
            let again = message::delete(app, caller, message.id).await;
            assert_eq!(kind(again), Kind::NotFound, "{}", caller.name);
        } else if cast.may_see(caller) {
            assert_eq!(kind(result), Kind::Forbidden, "{}", caller.name);
        } else {
            assert_eq!(kind(result), Kind::NotFound, "{}", caller.name);
        }
    }
}

#[tokio::test]
async fn customers_change_the_state_alone_and_never_to_pending() {
    let cast = Cast::new().await;
    let (app, id) = (&cast.world.app, cast.id);
    let nothing = ConversationChanges::default;
    let status = |status| ConversationChanges { status: Some(status), ..nothing() };
    let for_all = [
        nothing(),
        status(ConversationStatus::Resolved),
        status(ConversationStatus::Closed),
        status(ConversationStatus::Open),
    ];
    let agent = Some(cast.agent.user_id);
    let for_staff = [
        status(ConversationStatus::Pending),
        ConversationChanges { priority: Some(Priority::Low), ..nothing() },
        ConversationChanges { tags: Some(Vec::new()), ..nothing() },
        ConversationChanges { assigned_to: Some(agent), ..nothing() },
        ConversationChanges { assigned_to: Some(None), ..nothing() },
    ];
    for caller in cast.everybody() {
        for changes in for_all.clone() {
            check(&cast, caller, conversation::update(app, caller, id, changes).await);
        }
        for changes in for_staff.clone() {
            let result = conversation::update(app, caller, id, changes.clone()).await;
            if caller.is_staff() {
                assert!(result.is_ok(), "{} {changes:?}", caller.name);
            } else {
                let expected = if cast.may_see(caller) { Kind::Forbidden } else { Kind::NotFound };
                assert_eq!(kind(result), expected, "{} {changes:?}", caller.name);
            }
        }
    }
}

#[tokio::test]
async fn staff_assigns_and_customers_may_not() {
    let cast = Cast::new().await;
    for caller in cast.everybody() {
        let agent = Some(cast.agent.user_id);
        let result = conversation::assign(&cast.world.app, caller, cast.id, agent).await;
        if caller.is_staff() {
            assert!(result.is_ok(), "{}", caller.name);
        } else {
            assert_eq!(kind(result), Kind::Forbidden, "{}", caller.name);
        }
    }
}

#[tokio::test]
async fn nobody_sends_system_messages() {
    let cast = Cast::new().await;
    for caller in cast.everybody() {
        let request = SendMessage { kind: MessageKind::System, ..sending(cast.id, "joined") };
        let result = message::send(&cast.world.app, caller, request).await;
        assert_eq!(kind(result), Kind::Forbidden, "{}", caller.name);
    }
}
