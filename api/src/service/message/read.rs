//! Reading: one cursor per member on the conversation, and what follows from it.
//!
//! `readBy` on the wire is made from the cursors (see `service/view.rs`), so a mark is one
//! small write however many messages it covers. Source: contract 1.7.

use std::collections::HashMap;
use std::sync::Arc;

use bson::Bson;
use protocol::event::client::ReadUpTo;
use protocol::event::server::MessageRead;
use protocol::event::{Envelope, Except, ServerEvent};
use protocol::id::{ConversationId, SocketId, UserId};
use protocol::room::Room;
use smallvec::smallvec;

use super::mark::{Mark, Reader};
use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::{Conversation, Message, field};
use crate::error::{Error, Kind};
use crate::service::{conversation, late};
use crate::store::index::MESSAGES_BY_SENDER;
use crate::store::{Collection, Direction, Op, Stretch, Update};

/// Unread messages that are counted; more show as this many. Source: contract 1.7.
pub const UNREAD_MAX: u32 = 1_000;
/// Read cursors of a conversation; past it the marks of those who are not participants are dropped.
pub const READERS_LEN_MAX: usize = 256;

/// Marks everything up to a message as read, and tells the conversation; and with what is left
/// unread the caller's other devices, but not `origin`. What is read already is left as it is, and
/// nothing is told; of marks made at once only the furthest is (see `message/mark.rs`).
///
/// # Errors
/// [`Kind::NotFound`] when the message or the conversation is missing or not visible.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn mark_read(
    app: &Arc<App>,
    caller: &Caller,
    up_to: ReadUpTo,
    origin: Option<SocketId>,
) -> Result<(), Error> {
    let message = match up_to {
        ReadUpTo::Message(id) => super::visible(app, caller, id, Action::MarkRead).await?,
        ReadUpTo::Place { conversation_id, seq } => {
            let action = Action::MarkRead;
            let permitted = conversation::permitted(app, caller, conversation_id, action).await?;
            permitted.ok_or(NO_CONVERSATION)?;
            match at_or_below(app, conversation_id, seq).await? {
                Some(message) => message,
                None => return Ok(()),
            }
        }
    };
    let reader = Reader { user_id: caller.user_id, conversation_id: message.conversation_id };
    let mark = Mark { message_id: message.id, seq: message.seq, origin };
    let app = Arc::clone(app);
    let marks = Arc::clone(&app.marks);
    let write = move |mark| {
        let app = Arc::clone(&app);
        async move { store(&app, reader, mark).await }
    };
    marks.make(reader, mark, write).await
}

/// How many messages of this conversation the caller has not read; at most [`UNREAD_MAX`].
///
/// # Errors
/// [`Kind::NotFound`] when the conversation is missing or not visible.
pub async fn unread_count(app: &App, caller: &Caller, id: ConversationId) -> Result<u32, Error> {
    conversation::authorize(app, caller, id).await?;
    Ok(unread_of(app, caller.user_id, id).await?.unwrap_or(0))
}

/// As [`count_each_unread`], of one conversation.
async fn count_unread(
    app: &App,
    user_id: UserId,
    conversation: &Conversation,
) -> Result<u32, Error> {
    let counts = count_each_unread(app, user_id, std::slice::from_ref(conversation)).await?;
    Ok(counts.first().copied().unwrap_or_default())
}

/// Of each conversation the messages behind the person's cursor, not its own, not deleted; at most
/// [`UNREAD_MAX`]. Its own further than [`PLACES_COUNTED_MAX`] behind the cursor count as unread.
///
/// # Cost
/// Nothing where all is read. Else one walk for all of them along an index over the person's own
/// messages, and a read of the deleted ones wherever something else lies behind the cursor.
pub(in crate::service) async fn count_each_unread(
    app: &App,
    user_id: UserId,
    conversations: &[Conversation],
) -> Result<Vec<u32>, Error> {
    let all = conversations.iter().map(|it| (it.id, Behind::of(user_id, it)));
    let mut left: Vec<(ConversationId, Behind)> = all.filter(|(_, it)| it.unread > 0).collect();
    let own: Vec<Stretch> = left.iter().map(|(id, it)| it.own(*id, user_id)).collect();
    let own = app.store.count_each(&MESSAGES_BY_SENDER, &own).await?;
    for ((_, behind), own) in left.iter_mut().zip(own) {
        behind.unread = behind.unread.saturating_sub(own);
    }
    left.retain(|(_, it)| it.unread > 0);
    let ids: Vec<ConversationId> = left.iter().map(|(id, _)| *id).collect();
    let mut left: HashMap<ConversationId, Behind> = left.into_iter().collect();
    for message in super::list::deleted_of_any(app, &ids).await? {
        let behind = left.get_mut(&message.conversation_id);
        if let Some(behind) = behind.filter(|it| it.holds(&message)) {
            let counts = message.sender_id != user_id;
            behind.unread = behind.unread.saturating_sub(u64::from(counts));
        }
    }
    let unread = |it: &Conversation| left.get(&it.id).map_or(0, |behind| behind.unread);
    let capped = |unread| UNREAD_MAX.min(u32::try_from(unread).unwrap_or(UNREAD_MAX));
    Ok(conversations.iter().map(unread).map(capped).collect())
}

/// What lies behind somebody's cursor in a conversation.
#[derive(Debug)]
struct Behind {
    read_seq: i64,
    last_seq: i64,
    /// How much of it is unread, as far as it is known. Places are dense: all of it, to begin with.
    unread: u64,
}

impl Behind {
    fn of(user_id: UserId, it: &Conversation) -> Self {
        let (read_seq, last_seq) = (it.read_seq(user_id), it.last_seq);
        let unread = u64::try_from(last_seq.saturating_sub(read_seq)).unwrap_or_default();
        Self { read_seq, last_seq, unread }
    }

    /// Where the person's own messages are counted.
    fn own(&self, id: ConversationId, user_id: UserId) -> Stretch {
        let end = self.read_seq.saturating_add(PLACES_COUNTED_MAX);
        Stretch {
            equals: vec![field::id(id.0), field::id(user_id.0)],
            after: self.read_seq,
            up_to: end.min(self.last_seq),
        }
    }

    const fn holds(&self, message: &Message) -> bool {
        self.read_seq < message.seq && message.seq <= self.last_seq
    }
}

/// The message at this place, or the newest before it.
async fn at_or_below(app: &App, id: ConversationId, seq: i64) -> Result<Option<Message>, Error> {
    let above = seq.saturating_add(1);
    let found = super::walk(app, id, Some(above), Direction::Descending, 1).await?;
    Ok(found.into_iter().next())
}

fn has_room(conversation: &Conversation, user_id: UserId) -> bool {
    let cursors = &conversation.read_cursors;
    cursors.len() < READERS_LEN_MAX
        || conversation.participants.contains(&user_id)
        || cursors.iter().any(|cursor| cursor.user_id == user_id)
}

/// Stores and tells a mark, if it is an advance.
async fn store(app: &App, reader: Reader, mark: Mark) -> Result<(), Error> {
    let Reader { user_id, conversation_id } = reader;
    let conversation = conversation::read(app, conversation_id).await?.ok_or(NO_CONVERSATION)?;
    if conversation.read_seq(user_id) >= mark.seq || !has_room(&conversation, user_id) {
        return Ok(());
    }
    let stamp = app.clock.stamp();
    let at = field::date(stamp.timestamp());
    let update = Update {
        collection: Collection::Conversations,
        id: field::id(conversation_id.0),
        guard: Vec::new(),
        ops: vec![
            Op::Max(field::read_cursor(user_id, "seq"), Bson::Int64(mark.seq)),
            Op::Max(field::read_cursor(user_id, "at"), at),
            field::max(field::STAMP, stamp.0),
        ],
    };
    app.store.update(update).await?;
    late::restamp(app, conversation_id, None, stamp).await;
    // Whoever read the message out of the store may be ahead of the event that announces it. And in
    // the lane a count is of exactly those messages that were announced before it.
    let _lane = app.lanes.enter(conversation_id).await?;
    let event = MessageRead {
        message_id: mark.message_id,
        read_by: user_id,
        read_at: stamp.timestamp(),
        conversation_id,
        unread_count: None,
    };
    announce(app, event, mark.origin).await;
    Ok(())
}

/// Tells the conversation of a mark, and the reader's own devices what it leaves unread. A device
/// that is in both rooms hears the latter alone.
async fn announce(app: &App, mark: MessageRead, origin: Option<SocketId>) {
    let own = Room::User(mark.read_by);
    let to_others = Envelope {
        rooms: smallvec![Room::Conversation(mark.conversation_id)],
        except: Some(Except::Room(own.clone())),
        event: ServerEvent::MessageRead(mark.clone()),
    };
    app.bus.publish(to_others).await;
    // The mark is stored, so it is told, with or without what follows from it.
    let unread_count = unread_of(app, mark.read_by, mark.conversation_id)
        .await
        .inspect_err(|error| tracing::warn!(%error, "a mark is told without what is unread"));
    let mark = MessageRead { unread_count: unread_count.ok().flatten(), ..mark };
    let to_own = Envelope {
        rooms: smallvec![own],
        except: origin.map(Except::Socket),
        event: ServerEvent::MessageRead(mark),
    };
    app.bus.publish(to_own).await;
}

/// What is unread now; `None` of a conversation that is gone.
async fn unread_of(app: &App, user_id: UserId, id: ConversationId) -> Result<Option<u32>, Error> {
    match conversation::read(app, id).await? {
        Some(conversation) => Ok(Some(count_unread(app, user_id, &conversation).await?)),
        None => Ok(None),
    }
}

const NO_CONVERSATION: Error = Error::new(Kind::NotFound, "Conversation not found");

/// Places behind the cursor in which a person's own messages are told from unread ones. Where more lie
/// behind it, [`UNREAD_MAX`] is reached even if 10,000 of these are its own and as many are deleted.
const PLACES_COUNTED_MAX: i64 = 21_000;
