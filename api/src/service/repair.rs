//! What somebody missed who was away. Source: contract 1.6, point 4.
//!
//! Live events may be lost on the way to a client; what they report is stored. A client says how
//! far it got, by the `seq` of messages and by an opaque cursor for everything else, and is told
//! what came since. An answer may repeat a change, it never omits one.
//!
//! **Why nothing is omitted.** A change carries a stamp that was drawn before it was stored, so it
//! can become visible after a change with a greater stamp. A cursor therefore stands
//! [`MARGIN_MS`] below the greatest stamp that was visible *before* the answer was read. It stands
//! by what the store shows and not by a clock: where nothing can be stored, no cursor moves on.
//! Between a stamp and its change lie the time that the write takes and the difference of two
//! processes' clocks; a write that took more than a third of the margin is stamped again (see
//! [`late`](super::late)), which leaves the rest of it for the clocks. What several documents say
//! together is written so that the conversation's stamp comes first, or is made up for (see
//! `message/head.rs`).
//!
//! **After a restore** of a backup the history has another name, and whoever knows more than there is
//! starts from the lists, also where nobody gave it one.
//!
//! - `bookmark`: a cursor and what is in it
//! - `join`: one conversation, at the moment when somebody begins to hear it
//! - `sync`: all conversations of a person
//! - `changed`: earlier messages that are not any more what they were

mod bookmark;
mod changed;
mod join;
mod sync;
mod walk;

use std::sync::{Mutex, PoisonError};

use bson::Bson;
use protocol::rest::reply::repair::{Entry, Tombstone};

use crate::app::App;
use crate::auth::Caller;
use crate::domain::conversation::ReadCursor;
use crate::domain::{Conversation, Message};
use crate::error::Error;
use crate::service::user;
use crate::service::view::{self, Viewer};
use crate::store::index::CONVERSATIONS_BY_STAMP;
use crate::store::{Direction, Scan};

pub use changed::{CHANGED_LEN_MAX, READ_SHOWN_MAX};
pub use join::join;
pub use sync::sync;
pub use walk::{CONVERSATIONS_LEN_MAX, WALKED_LEN_MAX};

/// How far a cursor stands below the greatest stamp that was visible, in milliseconds.
pub const MARGIN_MS: i64 = 30_000;

/// How old a cursor may be, in milliseconds: 30 days. An older one is answered with a reset.
pub const CURSOR_AGE_MS_MAX: i64 = 30 * 24 * 3_600 * 1_000;

/// Missed messages of one answer; more are asked for again. Source: contract 1.6.
pub const MISSED_LEN_MAX: usize = 200;

/// How long a join may go by a greatest visible stamp that was read before, in milliseconds. An
/// older one is lower, so that a cursor made of it repeats more and omits nothing.
const HORIZON_AGE_MS_MAX: i64 = 1_000;

/// The greatest visible stamp, as it was a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Horizon(Mutex<Option<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    stamp: i64,
    at_ms: i64,
}

impl Horizon {
    /// The greatest stamp that was visible not long ago.
    async fn recent(&self, app: &App) -> Result<i64, Error> {
        let now_ms = app.clock.now().0;
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen {
            Some(seen) if now_ms.saturating_sub(seen.at_ms) <= HORIZON_AGE_MS_MAX => Ok(seen.stamp),
            Some(_) | None => self.now(app).await,
        }
    }

    /// The greatest stamp that is visible; in an empty store the present.
    pub(crate) async fn now(&self, app: &App) -> Result<i64, Error> {
        let at_ms = app.clock.now().0;
        let newest = Scan {
            index: &CONVERSATIONS_BY_STAMP,
            equals: &[],
            after: &[],
            direction: Direction::Descending,
            limit: 1,
        };
        let documents = app.store.scan(&newest).await?;
        let newest =
            documents.first().map(|document| Conversation::decode(document)).transpose()?;
        let stamp = newest.map_or(at_ms.saturating_mul(1_000), |it| it.stamp);
        app.clock.observe(stamp);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { stamp, at_ms });
        Ok(stamp)
    }
}

/// Where a cursor stands that is made when this is the greatest visible stamp.
const fn floor(newest: i64) -> i64 {
    newest.saturating_sub(MARGIN_MS * 1_000)
}

/// Messages as the caller sees them; of deleted ones what is left.
async fn entries(
    app: &App,
    caller: &Caller,
    messages: &[Message],
    cursors: &[ReadCursor],
) -> Result<Vec<Entry>, Error> {
    let people = user::find_all(app, messages.iter().map(|it| it.sender_id)).await?;
    let shown = messages.iter().map(|it| {
        if it.is_deleted {
            let at = it.deleted_at.unwrap_or(it.updated_at);
            return Entry::Tombstone(Tombstone::new(it.id, it.conversation_id, it.seq, at));
        }
        let sender = people.get(&it.sender_id).map(|user| view::sender(user));
        Entry::Message(Box::new(view::message(it, sender, cursors, Viewer::Person(caller))))
    });
    Ok(shown.collect())
}

/// What a scan for stamps greater than this begins behind.
fn behind(stamp: Option<i64>) -> Vec<Bson> {
    stamp.map(Bson::Int64).into_iter().collect()
}
