//! Sending: a message gets the next place in its conversation, or none.
//!
//! A message is inserted *at* `last + 1` under a unique index. Taking a number first and inserting
//! later would let 6 be seen before 5, or leave a hole for ever.

use std::sync::Arc;

use bson::Bson;
use protocol::event::server::NewMessage;
use protocol::event::{Envelope, ServerEvent};
use protocol::id::{ConversationId, MessageId};
use protocol::rest::request::SendMessage;
use protocol::rest::resource;
use protocol::rest::word::{ConversationStatus, MessageKind};
use protocol::room::Room;
use smallvec::smallvec;

use super::head;
use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::{Message, field};
use crate::error::{Error, Kind};
use crate::service::lane::Lane;
use crate::service::view::{self, Viewer};
use crate::service::{conversation, late, to_the_end, user};
use crate::store::index::{MESSAGES_BY_CLIENT_ID, MESSAGES_BY_SEQ};
use crate::store::{Collection, Direction, Guard, Insert, Scan, StoreError, Update};

/// The answer to a sending.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The stored message.
    pub message: resource::Message,
    /// Whether it was stored now; false for a retry, which is not broadcast again.
    pub is_new: bool,
}

/// Stores a message and then tells the conversation. A retry with the same `client_message_id`
/// returns the first message.
///
/// # Errors
/// [`Kind::NotFound`] when the conversation is not visible, [`Kind::Forbidden`] for a system
/// message, [`Kind::Busy`] and [`Kind::Unavailable`] from the store.
///
/// # Cancel safety
/// Runs to its end even if dropped.
///
/// # Cost
/// One durable write; no read, once the conversation's membership and head are cached.
pub async fn send(app: &Arc<App>, caller: &Caller, request: SendMessage) -> Result<Sent, Error> {
    if request.kind == MessageKind::System {
        caller.require(Action::SendSystemMessage)?;
    }
    let place = request.conversation_id;
    let permitted = conversation::permitted(app, caller, place, Action::SendMessage).await?;
    permitted.ok_or(Error::new(Kind::NotFound, "Conversation not found or access denied"))?;
    let (app, caller) = (Arc::clone(app), caller.clone());
    to_the_end(async move {
        let mut lane = app.lanes.enter(request.conversation_id).await?;
        match store(&app, &caller, &mut lane, request).await? {
            Stored::New(message) => {
                let sent = announce(&app, &caller, &message).await;
                drop(lane);
                Ok(sent)
            }
            Stored::Earlier(message) => {
                drop(lane);
                repeat(&app, &caller, &message).await
            }
        }
    })
    .await
}

enum Stored {
    New(Message),
    /// A retry found the first message.
    Earlier(Message),
}

async fn store(
    app: &App,
    caller: &Caller,
    lane: &mut Lane,
    request: SendMessage,
) -> Result<Stored, Error> {
    let mut message = draft(app, caller, request);
    for _ in 0..ATTEMPTS_MAX {
        message.seq = head::last_seq(app, lane, message.conversation_id).await?.saturating_add(1);
        let stamp = app.clock.stamp();
        message.stamp = stamp.0;
        message.created_at = stamp.timestamp();
        message.updated_at = stamp.timestamp();
        let insert = Insert {
            collection: Collection::Messages,
            document: message.encode_new(),
            follow_ups: follow_ups(&message),
        };
        match app.store.insert(insert).await {
            Ok(()) => {
                lane.last_seq = Some(message.seq);
                late::restamp(app, message.conversation_id, None, stamp).await;
                return Ok(Stored::New(message));
            }
            Err(StoreError::Duplicate(Some(index))) if *index == MESSAGES_BY_CLIENT_ID => {
                if let Some(earlier) = find_earlier(app, &message).await? {
                    return Ok(Stored::Earlier(earlier));
                }
            }
            Err(StoreError::Duplicate(Some(index))) if *index == MESSAGES_BY_SEQ => {
                // Another process was first.
                lane.last_seq = None;
            }
            Err(StoreError::Duplicate(_)) => message.id = MessageId(app.clock.object_id()),
            Err(StoreError::Busy) => return Err(StoreError::Busy.into()),
            Err(error) => {
                // Unknown whether it was stored: the next sender reads the head again.
                lane.last_seq = None;
                return Err(error.into());
            }
        }
    }
    Err(Error::new(Kind::Busy, "Server is busy, please try again"))
}

fn draft(app: &App, caller: &Caller, request: SendMessage) -> Message {
    let id = MessageId(app.clock.object_id());
    let mut message = Message::new(id, request.conversation_id, caller.user_id);
    message.content = request.content;
    request.kind.as_str().clone_into(&mut message.kind);
    message.client = request.metadata;
    message.client_message_id = request.client_message_id;
    message
}

/// What the conversation's document says of its newest message, and that a closed one is open again.
fn follow_ups(message: &Message) -> Vec<Update> {
    let at = field::date(message.created_at);
    let of_conversation = |guard, ops| Update {
        collection: Collection::Conversations,
        id: field::id(message.conversation_id.0),
        guard,
        ops,
    };
    let newest = of_conversation(
        vec![Guard::Below(field::LAST_SEQ, Bson::Int64(message.seq))],
        vec![
            field::set(field::LAST_MESSAGE, field::id(message.id.0)),
            field::set(field::LAST_MESSAGE_AT, at.clone()),
            field::set(field::LAST_SEQ, message.seq),
            field::set(field::UPDATED_AT, at),
            field::max(field::STAMP, message.stamp),
        ],
    );
    let closed = ConversationStatus::Closed.as_str();
    let open = ConversationStatus::Open.as_str();
    let reopened = of_conversation(
        vec![Guard::Equals(field::STATUS, closed.into())],
        vec![field::set(field::STATUS, open)],
    );
    vec![newest, reopened]
}

async fn find_earlier(app: &App, message: &Message) -> Result<Option<Message>, Error> {
    let Some(key) = message.client_message_id.as_deref() else { return Ok(None) };
    let scan = Scan {
        index: &MESSAGES_BY_CLIENT_ID,
        equals: &[field::id(message.conversation_id.0), field::id(message.sender_id.0), key.into()],
        after: &[],
        direction: Direction::Ascending,
        limit: 1,
    };
    let documents = app.store.scan(&scan).await?;
    Ok(documents.first().map(|document| Message::decode(document)).transpose()?)
}

/// Tells the conversation, still in its lane: events leave in the order of `seq`.
async fn announce(app: &App, caller: &Caller, message: &Message) -> Sent {
    let sender = Some(view::sender_from(caller));
    let message = view::message(message, sender, &[], Viewer::Room);
    app.bus.publish(announcement(message.clone())).await;
    Sent { message, is_new: true }
}

fn announcement(message: resource::Message) -> Envelope {
    let conversation_id: ConversationId = message.conversation_id;
    let event = NewMessage { message, conversation_id };
    Envelope {
        rooms: smallvec![Room::Conversation(conversation_id)],
        except: None,
        event: ServerEvent::NewMessage(Box::new(event)),
    }
}

/// What announces the messages behind this place, as they are now: at most
/// [`ANNOUNCED_AGAIN_MAX`], in order. For whoever missed an announcement; asks nobody whether they
/// may know.
///
/// # Errors
/// The store cannot be read.
pub async fn announcements(
    app: &App,
    id: ConversationId,
    after: i64,
) -> Result<Vec<Envelope>, Error> {
    let direction = Direction::Ascending;
    let messages = super::walk(app, id, Some(after), direction, ANNOUNCED_AGAIN_MAX).await?;
    let people = user::find_all(app, messages.iter().map(|it| it.sender_id)).await?;
    let announced = messages.iter().map(|it| {
        let sender = people.get(&it.sender_id).map(|user| view::sender(user));
        announcement(view::message(it, sender, &[], Viewer::Room))
    });
    Ok(announced.collect())
}

/// Messages that are read at once to be announced again.
pub const ANNOUNCED_AGAIN_MAX: usize = 200;

/// Answers a retry with the message as it is now.
async fn repeat(app: &App, caller: &Caller, message: &Message) -> Result<Sent, Error> {
    let conversation = conversation::read(app, message.conversation_id).await?;
    let cursors = conversation.map(|it| it.read_cursors).unwrap_or_default();
    let sender = user::find(app, message.sender_id).await?.map(|user| view::sender(&user));
    let message = view::message(message, sender, &cursors, Viewer::Person(caller));
    Ok(Sent { message, is_new: false })
}

/// Collisions with other processes before we give up with [`Kind::Busy`].
const ATTEMPTS_MAX: usize = 8;
