//! An application on a fresh store, with people in it.

use std::sync::Arc;

use api::auth::{Caller, Passwords, Secrets, Tokens};
use api::bus::{Bus, Delivery};
use api::clock::Clock;
use api::error::{Error, Kind};
use api::service::{account, conversation, message, session};
use api::store::Store;
use api::{App, Parts};
use protocol::event::{Envelope, ServerEvent};
use protocol::id::{ConversationId, UserId};
use protocol::rest::reply::body::SignedIn;
use protocol::rest::request::{
    CreateConversation, ListMessages, Login, Page, Register, SendMessage,
};
use protocol::rest::resource::{self, ClientMetadata, Role};
use protocol::rest::word::{MessageKind, Priority};
use protocol::time::Timestamp;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::engine;

pub(crate) const PASSWORD: &str = "correct horse";

/// The clock of every world begins here: 2026-01-31T09:05:03Z.
pub(crate) const START: Timestamp = Timestamp(1_769_850_303_000);

pub(crate) struct World {
    pub(crate) app: Arc<App>,
    _folder: Option<TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (store, folder) = engine::fresh().await;
        Self { _folder: folder, ..Self::over(store).await }
    }

    /// On a store that lies elsewhere.
    pub(crate) async fn over(store: Store) -> Self {
        Self { app: open(store, START).await, _folder: None }
    }

    /// The same store under a new process, whose clock stands at `now`.
    pub(crate) async fn restart(mut self, now: Timestamp) -> Self {
        self.app = open(self.app.store.clone(), now).await;
        self
    }

    pub(crate) async fn sign_up(&self, name: &str, role: Role) -> SignedIn {
        account::create(&self.app, registration(name, role)).await.unwrap();
        account::login(&self.app, credentials(name)).await.unwrap()
    }

    pub(crate) async fn person(&self, name: &str, role: Role) -> Caller {
        let signed_in = self.sign_up(name, role).await;
        self.caller(&signed_in.tokens.access_token).await
    }

    pub(crate) async fn user(&self, name: &str) -> Caller {
        self.person(name, Role::User).await
    }

    pub(crate) async fn agent(&self, name: &str) -> Caller {
        self.person(name, Role::Agent).await
    }

    pub(crate) async fn caller(&self, token: &str) -> Caller {
        session::authenticate(&self.app, token).await.unwrap().caller
    }

    /// A conversation that `one` begins with `other`.
    pub(crate) async fn between(&self, one: &Caller, other: &Caller) -> ConversationId {
        let request = creation(Some(other.user_id));
        conversation::create(&self.app, one, request).await.unwrap().conversation.id
    }

    pub(crate) async fn say(
        &self,
        caller: &Caller,
        id: ConversationId,
        content: &str,
    ) -> resource::Message {
        message::send(&self.app, caller, sending(id, content)).await.unwrap().message
    }

    /// The newest messages, oldest first.
    pub(crate) async fn history(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Vec<resource::Message> {
        message::list(&self.app, caller, id, page(1, 100)).await.unwrap().messages
    }

    pub(crate) async fn conversation(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> resource::Conversation {
        conversation::get(&self.app, caller, id).await.unwrap()
    }

    /// What is published from now on.
    pub(crate) fn listen(&self) -> Ear {
        Ear(self.app.bus.subscribe())
    }
}

async fn open(store: Store, now: Timestamp) -> Arc<App> {
    let secrets = Secrets::new("a secret of the tests, long enough", None).unwrap();
    let parts = Parts {
        store,
        bus: Bus::local(),
        passwords: Passwords::new(4).unwrap(),
        tokens: Tokens::new(&secrets, "7d".parse().unwrap(), "30d".parse().unwrap()),
        clock: Clock::fixed(now).unwrap(),
        cache_age_ms_max: i64::MAX,
    };
    App::open(parts).await.unwrap()
}

/// A subscription to the bus.
pub(crate) struct Ear(mpsc::Receiver<Delivery>);

impl Ear {
    /// The events that were published so far.
    pub(crate) fn heard(&mut self) -> Vec<Arc<Envelope>> {
        let mut out = Vec::new();
        while let Ok(delivery) = self.0.try_recv() {
            match delivery {
                Delivery::Event(envelope) => out.push(envelope),
                Delivery::Notice(_) => {}
            }
        }
        out
    }

    /// The one event that was published.
    pub(crate) fn only(&mut self) -> Arc<Envelope> {
        let mut heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        self.0.recv().await.unwrap()
    }
}

/// The `seq` of a `new_message`.
pub(crate) fn announced_seq(envelope: &Envelope) -> Option<i64> {
    if let ServerEvent::NewMessage(event) = &envelope.event {
        Some(event.message.seq)
    } else {
        None
    }
}

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.com")
}

pub(crate) fn registration(name: &str, role: Role) -> Register {
    Register { name: name.to_owned(), email: email(name), password: PASSWORD.to_owned(), role }
}

pub(crate) fn credentials(name: &str) -> Login {
    Login { email: email(name), password: PASSWORD.to_owned() }
}

pub(crate) fn creation(participant_id: Option<UserId>) -> CreateConversation {
    CreateConversation {
        participant_id,
        subject: None,
        priority: Priority::Medium,
        tags: Vec::new(),
    }
}

pub(crate) fn sending(conversation_id: ConversationId, content: &str) -> SendMessage {
    SendMessage {
        conversation_id,
        content: content.to_owned(),
        kind: MessageKind::Text,
        metadata: ClientMetadata::default(),
        client_message_id: None,
    }
}

pub(crate) fn page(page: u32, limit: u32) -> ListMessages {
    let page = Page { page, limit, cursor: None };
    ListMessages { page, before: None, after_seq: None, before_seq: None }
}

pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> Kind {
    result.unwrap_err().kind()
}
