//! The relay over a real store and bus. What another process stores rings on a bus of its own, which
//! nobody here hears: so are bells lost.

use api::auth::{Caller, Lifetime, Passwords, Secrets, Tokens};
use api::bus::Bus;
use api::clock::Clock;
use api::service::{account, conversation, message, session};
use api::store::Store;
use api::{App, Parts};
use protocol::id::SocketId;
use protocol::rest::request::{CreateConversation, Login, Register, SendMessage};
use protocol::rest::resource::{ClientMetadata, Role};
use protocol::rest::word::{MessageKind, Priority};
use smallvec::smallvec;

use super::*;
use crate::table::inbox::Reply;

async fn process(store: &Store) -> Arc<App> {
    let secrets = Secrets::new("a secret of the tests, long enough", None).unwrap();
    let parts = Parts {
        store: store.clone(),
        bus: Bus::local(),
        passwords: Passwords::new(4).unwrap(),
        tokens: Tokens::new(&secrets, Lifetime::ACCESS_DEFAULT, Lifetime::REFRESH_DEFAULT),
        clock: Clock::wall().unwrap(),
        cache_age_ms_max: i64::MAX,
    };
    App::open(parts).await.unwrap()
}

async fn person(app: &Arc<App>, name: &str) -> Caller {
    let (email, password) = (format!("{name}@example.com"), "correct horse".to_owned());
    let (name, role) = (name.to_owned(), Role::User);
    let register = Register { name, email: email.clone(), password: password.clone(), role };
    account::create(app, register).await.unwrap();
    let signed_in = account::login(app, Login { email, password }).await.unwrap();
    session::authenticate(app, &signed_in.tokens.access_token).await.unwrap().caller
}

/// A relay with one shard, which is this test; and another process on the same store.
struct Stage {
    here: Arc<App>,
    elsewhere: Arc<App>,
    ada: Caller,
    id: ConversationId,
    answers: Answers,
    inbox: mpsc::Receiver<Message<Client>>,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_embedded(folder.path()).unwrap();
        let (here, elsewhere) = (process(&store).await, process(&store).await);
        let (ada, bob) = (person(&here, "ada").await, person(&here, "bob").await);
        let request = CreateConversation {
            participant_id: Some(bob.user_id),
            subject: None,
            priority: Priority::Medium,
            tags: Vec::new(),
        };
        let created = conversation::create(&here, &ada, request).await.unwrap();
        let id = created.conversation.id;
        let inboxes = Inboxes::new(1);
        let (answers, relay) = Relay::new(Arc::clone(&here), &inboxes);
        let inbox = inboxes.into_receivers().remove(0);
        tokio::spawn(relay.run());
        Self { here, elsewhere, ada, id, answers, inbox, _folder: folder }
    }

    /// A socket joins the room.
    async fn enter(&mut self) {
        let socket = SocketId::new(0, 0, 0, 0);
        let (done, _) = oneshot::channel();
        let steps = smallvec![Step::Join(Room::Conversation(self.id), done)];
        let reply = Reply { socket, namespace: ROOT, steps };
        self.answers.send(socket.shard(), Message::Reply(Box::new(reply))).await;
        loop {
            if let Message::Reply(_) = self.next().await {
                return;
            }
        }
    }

    async fn say(&self, app: &Arc<App>) -> i64 {
        let request = SendMessage {
            conversation_id: self.id,
            content: "hello".to_owned(),
            kind: MessageKind::Text,
            metadata: ClientMetadata::default(),
            client_message_id: None,
        };
        message::send(app, &self.ada, request).await.unwrap().message.seq
    }

    /// What the shard is told next; it holds nobody.
    async fn next(&mut self) -> Message<Client> {
        loop {
            let message = self.inbox.recv().await.unwrap();
            let Message::Census { namespace: _, rooms, answer } = message else { return message };
            let _ = answer.send(vec![false; rooms.len()]);
        }
    }

    /// The places of the next messages that the shard is told of.
    async fn heard(&mut self, count: usize) -> Vec<i64> {
        let mut seqs = Vec::new();
        while seqs.len() < count {
            if let Message::Broadcast(broadcast) = self.next().await {
                seqs.extend(broadcast.seq);
            }
        }
        seqs
    }
}

#[tokio::test]
async fn bells_that_were_lost_are_made_up_for_by_the_next_one() {
    let mut stage = Stage::new().await;
    stage.enter().await;
    assert!(stage.answers.meets(stage.id, 0).await);
    for _ in 0..3 {
        stage.say(&stage.elsewhere).await;
    }
    assert_eq!(stage.say(&stage.here).await, 4);
    assert_eq!(stage.heard(4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn bells_that_ring_twice_or_out_of_turn_are_heard_once_and_in_order() {
    let mut stage = Stage::new().await;
    stage.enter().await;
    assert!(stage.answers.meets(stage.id, 0).await);
    for _ in 0..300 {
        stage.say(&stage.elsewhere).await;
    }
    let mut bells = Vec::new();
    for after in [0, 200] {
        bells.extend(message::announcements(&stage.here, stage.id, after).await.unwrap());
    }
    assert_eq!(bells.len(), 300);
    for (index, bell) in bells.iter().enumerate().rev() {
        for _ in 0..=index % 3 {
            stage.here.bus.publish(bell.clone()).await;
        }
    }
    assert_eq!(stage.say(&stage.here).await, 301);
    assert_eq!(stage.heard(301).await, (1..=301).collect::<Vec<_>>());
}

#[tokio::test]
async fn join_is_answered_when_all_that_it_read_was_passed_on() {
    let mut stage = Stage::new().await;
    stage.enter().await;
    assert!(stage.answers.meets(stage.id, 0).await);
    stage.say(&stage.elsewhere).await;
    stage.say(&stage.elsewhere).await;
    stage.enter().await;
    assert!(stage.answers.meets(stage.id, 2).await);
    // Already there when the answer came.
    let mut passed_on = Vec::new();
    while let Ok(message) = stage.inbox.try_recv() {
        if let Message::Broadcast(broadcast) = message {
            passed_on.extend(broadcast.seq);
        }
    }
    assert_eq!(passed_on, [1, 2]);
    // The late bells of what was read.
    for bell in message::announcements(&stage.here, stage.id, 0).await.unwrap() {
        stage.here.bus.publish(bell).await;
    }
    assert_eq!(stage.say(&stage.here).await, 3);
    assert_eq!(stage.heard(1).await, [3]);
}

#[tokio::test]
async fn of_two_who_enter_at_once_the_one_who_read_less_reads_again() {
    let mut stage = Stage::new().await;
    stage.enter().await;
    stage.enter().await;
    stage.say(&stage.elsewhere).await;
    assert!(stage.answers.meets(stage.id, 1).await);
    assert!(!stage.answers.meets(stage.id, 0).await);
    assert!(stage.answers.meets(stage.id, 1).await);
}
