//! A new conversation: with one person, or in the queue.
//!
//! Two people have one open conversation. Its uniqueness is the pair's key document: whoever moves
//! that document to a new id has decided, and everybody who finds an id there without a conversation
//! behind it (its maker is still under way, or died) makes it under that id.

use std::sync::Arc;

use bson::Bson;
use protocol::event::server::{Actor, ConversationCreated};
use protocol::event::{Envelope, ServerEvent};
use protocol::id::{ConversationId, UserId};
use protocol::rest::request::CreateConversation;
use protocol::rest::resource;
use protocol::room::Room;

use super::Membership;
use crate::app::App;
use crate::auth::Caller;
use crate::clock::Stamp;
use crate::domain::pair::{self, PairKey};
use crate::domain::{Conversation, Pair, field};
use crate::error::{Error, Kind};
use crate::service::view::{self, Shape};
use crate::service::{late, presence, record, to_the_end, user};
use crate::store::index::CONVERSATIONS_BY_PARTICIPANT;
use crate::store::{Collection, Direction, Guard, Insert, Scan, StoreError, Update};

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct Created {
    /// The conversation; with nothing expanded if it was there before.
    pub conversation: resource::Conversation,
    /// The caller, as `conversation_created` names it.
    pub created_by: Actor,
    /// Whether it was made now. If so, its participants were told; if not, only the caller is.
    pub is_new: bool,
}

/// Makes a conversation, or finds the open one of these two people.
///
/// # Errors
/// [`Kind::Invalid`] when the other person does not exist or is the caller.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn create(
    app: &Arc<App>,
    caller: &Caller,
    request: CreateConversation,
) -> Result<Created, Error> {
    if let Some(other) = request.participant_id {
        if other == caller.user_id {
            return Err(Error::new(Kind::Invalid, "Cannot start a conversation with yourself"));
        }
        if user::find(app, other).await?.is_none() {
            return Err(Error::new(Kind::Invalid, "Participant not found"));
        }
    }
    let (app, caller) = (Arc::clone(app), caller.clone());
    to_the_end(async move {
        if let Some(other) = request.participant_id {
            return create_with(&app, &caller, other, &request).await;
        }
        let conversation = draft(&app, &caller, &request, new_id(&app));
        insert(&app, &conversation).await?;
        announce(&app, &caller, &conversation).await
    })
    .await
}

/// The open conversation of two people, made if there is none.
async fn create_with(
    app: &App,
    caller: &Caller,
    other: UserId,
    request: &CreateConversation,
) -> Result<Created, Error> {
    let key = PairKey::new(caller.user_id, other);
    for _ in 0..ATTEMPTS_MAX {
        let pair = read_pair(app, &key).await?;
        if let Some(pair) = &pair {
            match super::read(app, pair.conversation_id).await? {
                Some(existing) if existing.is_live() => return found(app, caller, &existing).await,
                Some(_) => {}
                None => {
                    let conversation = draft(app, caller, request, pair.conversation_id);
                    match insert(app, &conversation).await {
                        Ok(()) => return announce(app, caller, &conversation).await,
                        Err(StoreError::Duplicate(_)) => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        // An old database has no key documents, and a message reopens what the key has left.
        let next = match find_live(app, caller.user_id, other).await? {
            Some(id) => id,
            None => new_id(app),
        };
        move_pair(app, &key, pair.as_ref(), next).await?;
    }
    Err(Error::new(Kind::Busy, "Server is busy, please try again"))
}

/// Lets the pair's key document name `next`, if it still is as it was read. Whether it did shows
/// when the document is read again.
async fn move_pair(
    app: &App,
    key: &PairKey,
    from: Option<&Pair>,
    next: ConversationId,
) -> Result<(), Error> {
    let Some(from) = from else {
        let pair = Pair { key: key.clone(), conversation_id: next };
        let insert = Insert {
            collection: Collection::Pairs,
            document: pair.encode(),
            follow_ups: Vec::new(),
        };
        return match app.store.insert(insert).await {
            Ok(()) | Err(StoreError::Duplicate(_)) => Ok(()),
            Err(error) => Err(error.into()),
        };
    };
    let update = Update {
        collection: Collection::Pairs,
        id: key.bson(),
        guard: vec![Guard::Equals(pair::CONVERSATION_ID, field::id(from.conversation_id.0))],
        ops: vec![field::set(pair::CONVERSATION_ID, field::id(next.0))],
    };
    app.store.update(update).await?;
    Ok(())
}

async fn read_pair(app: &App, key: &PairKey) -> Result<Option<Pair>, Error> {
    let document = app.store.get(Collection::Pairs, &key.bson()).await?;
    Ok(document.map(|document| Pair::decode(&document)).transpose()?)
}

/// The lately active open conversation of exactly these two, along the shorter of their lists; the
/// newest [`WALKED_MAX`] are looked at.
async fn find_live(app: &App, one: UserId, other: UserId) -> Result<Option<ConversationId>, Error> {
    let mut shortest: Option<(u64, [Bson; 1])> = None;
    for person in [one, other] {
        let equals = [field::id(person.0)];
        let count = app.store.count(&walk(&equals)).await?;
        if shortest.as_ref().is_none_or(|(least, _)| count < *least) {
            shortest = Some((count, equals));
        }
    }
    let Some((_, equals)) = shortest else { return Ok(None) };
    for it in record::scan(app, &walk(&equals), Conversation::decode).await? {
        let [a, b] = it.participants[..] else { continue };
        if it.is_live() && ((a, b) == (one, other) || (b, a) == (one, other)) {
            return Ok(Some(it.id));
        }
    }
    Ok(None)
}

fn walk(equals: &[Bson; 1]) -> Scan<'_> {
    Scan {
        index: &CONVERSATIONS_BY_PARTICIPANT,
        equals,
        after: &[],
        direction: Direction::Descending,
        limit: WALKED_MAX,
    }
}

fn new_id(app: &App) -> ConversationId {
    ConversationId(app.clock.object_id())
}

fn draft(
    app: &App,
    caller: &Caller,
    request: &CreateConversation,
    id: ConversationId,
) -> Conversation {
    let stamp = app.clock.stamp();
    let mut it = Conversation::new(id, caller.user_id, stamp.timestamp());
    it.participants = std::iter::once(caller.user_id).chain(request.participant_id).collect();
    it.subject.clone_from(&request.subject);
    request.priority.as_str().clone_into(&mut it.priority);
    it.tags.clone_from(&request.tags);
    it.stamp = stamp.0;
    it
}

async fn insert(app: &App, conversation: &Conversation) -> Result<(), StoreError> {
    let insert = Insert {
        collection: Collection::Conversations,
        document: conversation.encode_new(),
        follow_ups: Vec::new(),
    };
    app.store.insert(insert).await?;
    let membership = Arc::new(Membership::of(conversation));
    app.memberships.put(conversation.id, membership, app.clock.now());
    presence::forget_audience(app, conversation.participants.iter().copied());
    late::restamp(app, conversation.id, None, Stamp(conversation.stamp)).await;
    Ok(())
}

/// Tells the participants of a new conversation; staff of one in the queue.
async fn announce(
    app: &App,
    caller: &Caller,
    conversation: &Conversation,
) -> Result<Created, Error> {
    let resource = view::conversation(app, conversation, Shape::Changed).await?;
    let created = Created { conversation: resource, created_by: caller.actor(), is_new: true };
    let mut rooms: smallvec::SmallVec<[Room; 2]> =
        conversation.participants.iter().copied().map(Room::User).collect();
    if conversation.participants.len() == 1 {
        rooms.push(Room::Staff);
    }
    let event = ServerEvent::ConversationCreated(Box::new(ConversationCreated {
        conversation: created.conversation.clone(),
        created_by: created.created_by.clone(),
    }));
    app.bus.publish(Envelope { rooms, except: None, event }).await;
    Ok(created)
}

async fn found(app: &App, caller: &Caller, it: &Conversation) -> Result<Created, Error> {
    let conversation = view::conversation(app, it, Shape::Ids).await?;
    Ok(Created { conversation, created_by: caller.actor(), is_new: false })
}

/// Moves of a pair's key document by others before we give up with [`Kind::Busy`].
const ATTEMPTS_MAX: usize = 8;
/// Conversations looked at for an open one that the key document does not name.
const WALKED_MAX: usize = 1_000;
