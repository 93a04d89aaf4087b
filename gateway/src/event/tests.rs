//! What the chat does between two moments that a client cannot tell apart: the shard here is one that
//! a test holds still.

use std::path::Path;
use std::sync::Arc;

use api::auth::password::Passwords;
use api::auth::token::Tokens;
use api::auth::{Caller, Lifetime, Secrets};
use api::bus::Bus;
use api::clock::Clock;
use api::error::Kind;
use api::service::session::AuthError;
use api::service::{account, conversation, message, session};
use api::store::Store;
use api::{App, Parts};
use protocol::event::ClientEvent;
use protocol::event::client::Echo;
use protocol::id::{ConversationId, SocketId};
use protocol::rest::request::Register;
use protocol::rest::resource::Role;
use protocol::schema::Parser;
use serde_json::{Value, json};
use smallvec::SmallVec;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::admission;
use super::allowance::{Allowances, Rates};
use super::call::Call;
use super::client::Client;
use crate::application::Connect;
use crate::relay::Relay;
use crate::runtime::Inboxes;
use crate::table::inbox::{Message, ShardHandle, SocketHandle, Step};

#[tokio::test]
async fn sign_out_between_the_look_and_the_admission_puts_the_socket_out_again() {
    let world = World::new().await;
    let (ada, token) = world.person("ada@example.com").await;
    // A shard that takes nothing for now: the admission waits at its door.
    let (shard, mut inbox) = ShardHandle::new();
    while shard.offer(Message::Quiesce) {}
    let socket = SocketHandle { shards: [shard].into(), shard: 0, socket: socket(), namespace: 0 };
    let rates = Rates { events: None, joins: None, bytes: None };
    let allowances = Arc::new(Allowances::new(rates));
    let app = Arc::clone(&world.app);
    let mut auth = json!({ "token": token }).to_string().into_bytes();
    let request = Connect { auth: Some(&mut auth), opening: None };
    let shown = admission::shown(&mut Parser::new(), request).unwrap().unwrap();
    let admitting = tokio::spawn(admission::admit(app, allowances, socket, shown));
    tokio::task::yield_now().await;
    account::logout(&world.app, &ada).await.unwrap();
    let mut told = Vec::new();
    while let Some(message) = inbox.recv().await {
        if let Message::Admit(admit) = &message {
            told.push(if admit.verdict.is_ok() { "in" } else { "no" });
        } else if let Message::Reply(reply) = &message {
            assert!(matches!(reply.steps[..], [Step::Kick]), "{reply:?}");
            told.push("out");
        } else {
            assert!(matches!(message, Message::Quiesce), "{message:?}");
        }
    }
    admitting.await.unwrap();
    assert_eq!(told, ["in", "out"]);
}

#[tokio::test]
async fn message_sent_until_a_join_is_done_is_in_its_answer() {
    let world = World::new().await;
    let (ada, _) = world.person("ada@example.com").await;
    let (ben, _) = world.person("ben@example.com").await;
    let conversation = world.conversation(&ada, &ben).await;
    let inboxes = Inboxes::new(1);
    let (answers, relay) = Relay::new(Arc::clone(&world.app), &inboxes);
    let mut inbox = inboxes.into_receivers().remove(0);
    tokio::spawn(relay.run());
    world.say(&ada, conversation, "long before").await;
    let join = Call {
        app: Arc::clone(&world.app),
        person: Arc::new(ben),
        answers,
        shard: 0,
        socket: socket(),
        kind: None,
        ack: Some(7),
        echo: Echo::default(),
    };
    let event = json!(["join_conversation", { "conversationId": conversation, "lastSeq": 0 }]);
    let joining = tokio::spawn(join.run(decode(&event), Ok(())));
    // The shard has been asked to put the socket into the room, and has not yet done it: what is sent
    // now, nobody hears there.
    let join = next_steps(&mut inbox).await.into_iter().next();
    let Some(Step::Join(_, done)) = join else { panic!("{join:?} comes first") };
    world.say(&ada, conversation, "just before").await;
    done.send(true).unwrap();
    let mut last = next_steps(&mut inbox).await.into_iter();
    let answer =
        last.find_map(|step| if let Step::Ack(7, answer) = step { Some(answer) } else { None });
    let answer = answer.expect("an answer comes last");
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let messages = answer.pointer("/0/data/messages").and_then(Value::as_array).unwrap();
    let contents: Vec<&Value> = messages.iter().map(|message| &message["content"]).collect();
    assert_eq!(contents, ["long before", "just before"]);
    assert_eq!(answer.pointer("/0/data/lastSeq"), Some(&json!(2)));
    joining.await.unwrap();
}

/// What a shard is to do next for a socket; events to rooms are dropped.
async fn next_steps(inbox: &mut mpsc::Receiver<Message<Client>>) -> SmallVec<[Step; 2]> {
    loop {
        let message = inbox.recv().await.expect("the relay lives");
        if let Message::Reply(reply) = message {
            return reply.steps;
        }
        assert!(matches!(message, Message::Broadcast(_)), "{message:?}");
    }
}

fn decode(event: &Value) -> ClientEvent {
    ClientEvent::decode_with(&mut Parser::new(), &mut event.to_string().into_bytes()).unwrap()
}

/// The rules on an empty store.
struct World {
    app: Arc<App>,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { app: open(folder.path()).await, _folder: folder }
    }

    /// Somebody signed in, known to the caches, and the access token.
    async fn person(&self, email: &str) -> (Caller, String) {
        let register = Register {
            name: "Somebody".to_owned(),
            email: email.to_owned(),
            password: "correct horse".to_owned(),
            role: Role::User,
        };
        let signed_in = account::register(&self.app, register, None).await.unwrap();
        let token = signed_in.tokens.access_token;
        (session::authenticate(&self.app, &token).await.unwrap().caller, token)
    }

    async fn conversation(&self, maker: &Caller, other: &Caller) -> ConversationId {
        let request = json!(["create_conversation", { "participantId": other.user_id }]);
        let ClientEvent::CreateConversation(request) = decode(&request) else { panic!() };
        conversation::create(&self.app, maker, *request).await.unwrap().conversation.id
    }

    async fn say(&self, sender: &Caller, conversation: ConversationId, content: &str) {
        let message = json!({ "conversationId": conversation, "content": content });
        let ClientEvent::SendMessage(request) = decode(&json!(["send_message", message])) else {
            panic!()
        };
        message::send(&self.app, sender, *request).await.unwrap();
    }
}

async fn open(folder: &Path) -> Arc<App> {
    let secrets = Secrets::new("0123456789abcdef0123456789abcdef", None).unwrap();
    let parts = Parts {
        store: Store::open_embedded(folder).unwrap(),
        bus: Bus::local(),
        passwords: Passwords::new(4).unwrap(),
        tokens: Tokens::new(&secrets, Lifetime::ACCESS_DEFAULT, Lifetime::REFRESH_DEFAULT),
        clock: Clock::wall().unwrap(),
        cache_age_ms_max: i64::MAX,
    };
    App::open(parts).await.unwrap()
}

/// The socket that all is about.
fn socket() -> SocketId {
    SocketId::new(0, 0, 0, 1)
}

#[test]
fn who_cannot_be_judged_now_comes_back_and_who_is_out_does_not() {
    let down = AuthError::Unknown(api::Error::new(Kind::Unavailable, "the store is away"));
    assert!(matches!(admission::ending(&down), Step::Reconnect));
    for error in
        [AuthError::Missing, AuthError::Invalid, AuthError::Expired, AuthError::UnknownUser]
    {
        assert!(matches!(admission::ending(&error), Step::Kick), "{error:?}");
    }
}
