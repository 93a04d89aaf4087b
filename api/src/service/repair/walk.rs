//! Changed conversations, in the order in which they changed.
//!
//! A user's lie together in an index. What staff ask for is sifted from the changes of all: what an
//! agent had to do with may be another's by now, and is told for that very reason.

use bson::Bson;
use protocol::id::{ConversationId, UserId};
use protocol::rest::word::Scope;

use super::behind;
use super::bookmark::Progress;
use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::{Conversation, field};
use crate::error::Error;
use crate::service::record;
use crate::store::index::{
    CONVERSATIONS_BY_OUTSIDER_STAMP, CONVERSATIONS_BY_PARTICIPANT_STAMP, CONVERSATIONS_BY_STAMP,
};
use crate::store::{Direction, Index, Scan};

/// Conversations of one answer; more are asked for again.
pub const CONVERSATIONS_LEN_MAX: usize = 100;

/// Conversations that one answer is sifted from; behind them it ends, and is asked for again.
pub const WALKED_LEN_MAX: usize = 10_000;

/// Conversations read at once.
const BATCH_LEN: usize = 200;

/// Whose conversations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concern {
    me: UserId,
    whose: Whose,
}

#[derive(Debug, Clone, Copy)]
enum Whose {
    /// A user's own.
    Own,
    /// What a member of the staff takes part in, opened or holds.
    Desk,
    /// What a member of the staff holds.
    Held,
    /// The queue.
    Queue,
    /// All.
    Everybodys,
}

/// Where to begin and to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// The client knows all up to here.
    pub(super) since: Option<i64>,
    /// What was told already.
    pub(super) progress: Progress<(i64, ConversationId)>,
    /// What changes later than this is not waited for: while it is told, more would change.
    pub(super) until: i64,
}

impl Concern {
    /// What the caller asks for.
    ///
    /// # Errors
    /// [`Kind::Forbidden`](crate::error::Kind::Forbidden) when a user asks for more than its own.
    pub(super) fn new(caller: &Caller, scope: Option<Scope>) -> Result<Self, Error> {
        let is_staff = caller.is_staff();
        let whose = match scope {
            Some(Scope::All) => Whose::Everybodys,
            Some(Scope::Unassigned) => Whose::Queue,
            Some(Scope::Mine) if is_staff => Whose::Held,
            Some(Scope::Mine) | None if !is_staff => Whose::Own,
            Some(Scope::Mine) | None => Whose::Desk,
        };
        match whose {
            Whose::Everybodys | Whose::Queue => caller.require(Action::ListEverybodys)?,
            Whose::Own | Whose::Desk | Whose::Held => {}
        }
        Ok(Self { me: caller.user_id, whose })
    }

    /// The next changed conversations, and how far that gets.
    pub(super) async fn changed(
        self,
        app: &App,
        range: Range,
    ) -> Result<(Vec<Conversation>, Progress<(i64, ConversationId)>), Error> {
        if range.progress == Progress::Done {
            return Ok((Vec::new(), Progress::Done));
        }
        let mut place = match range.progress {
            Progress::Behind((stamp, id)) => vec![Bson::Int64(stamp), field::id(id.0)],
            Progress::Begin | Progress::Done => behind(range.since),
        };
        let (mut found, mut walked) = (Vec::new(), 0);
        loop {
            let batch = self.next(app, &place).await?;
            let is_last = batch.len() < BATCH_LEN;
            walked += batch.len();
            for it in batch {
                let at = (it.stamp, it.id);
                place = vec![Bson::Int64(at.0), field::id(at.1.0)];
                if self.includes(&it, range.since) {
                    found.push(it);
                }
                if found.len() >= CONVERSATIONS_LEN_MAX {
                    return Ok((found, range.reached(at)));
                }
            }
            if is_last {
                return Ok((found, Progress::Done));
            }
            if walked >= WALKED_LEN_MAX
                && let [Bson::Int64(stamp), id] = &place[..]
                && let Some(id) = id.as_object_id()
            {
                let id = protocol::id::ObjectId::from_bytes(id.bytes());
                return Ok((found, range.reached((*stamp, ConversationId(id)))));
            }
        }
    }

    /// The next [`BATCH_LEN`] along the indexes, in the order of stamp and id.
    async fn next(self, app: &App, after: &[Bson]) -> Result<Vec<Conversation>, Error> {
        let me = [field::id(self.me.0)];
        let own: &[&Index] =
            &[&CONVERSATIONS_BY_PARTICIPANT_STAMP, &CONVERSATIONS_BY_OUTSIDER_STAMP];
        let (indexes, equals): (&[&'static Index], &[Bson]) = match self.whose {
            Whose::Own => (own, &me),
            Whose::Desk | Whose::Held | Whose::Queue | Whose::Everybodys => {
                (&[&CONVERSATIONS_BY_STAMP], &[])
            }
        };
        let mut out = Vec::new();
        for &index in indexes {
            let direction = Direction::Ascending;
            let scan = Scan { index, equals, after, direction, limit: BATCH_LEN };
            out.extend(record::scan(app, &scan, Conversation::decode).await?);
        }
        out.sort_by_key(|it| (it.stamp, it.id));
        out.truncate(BATCH_LEN);
        Ok(out)
    }

    /// Whether it is asked for; also if it was within what the client knows, and is not any more.
    fn includes(self, it: &Conversation, since: Option<i64>) -> bool {
        let was_taken = |holder| since.is_some_and(|since| it.was_taken_from(holder, since));
        let is_held = || it.assigned_to == Some(self.me) || was_taken(Some(self.me));
        match self.whose {
            Whose::Own | Whose::Everybodys => true,
            Whose::Queue => it.assigned_to.is_none() || was_taken(None),
            Whose::Held => is_held(),
            Whose::Desk => {
                it.participants.contains(&self.me) || it.created_by == self.me || is_held()
            }
        }
    }
}

impl Range {
    fn reached(self, place: (i64, ConversationId)) -> Progress<(i64, ConversationId)> {
        if place.0 >= self.until { Progress::Done } else { Progress::Behind(place) }
    }
}
