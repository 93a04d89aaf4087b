//! Changes that took long to be stored.
//!
//! A change carries the stamp of the moment at which it began, and whoever was away looks for stamps
//! behind a margin (see [`repair`](super::repair)). One that is stored later than the margin allows
//! for would never be found, so it is stamped once more.

use protocol::id::{ConversationId, MessageId};

use super::message;
use crate::app::App;
use crate::clock::Stamp;
use crate::domain::field;
use crate::error::Error;
use crate::store::{Collection, Update};

/// From a change's stamp until it is stored, in milliseconds; a third of the margin, which also
/// covers clocks of processes that differ.
const PUNCTUAL_MS_MAX: i64 = super::repair::MARGIN_MS / 3;

/// Stamps a stored change again if it came late. A failure is noted only: the change stands.
pub(super) async fn restamp(
    app: &App,
    conversation_id: ConversationId,
    changed: Option<MessageId>,
    begun: Stamp,
) {
    let took_ms = app.clock.now().0.saturating_sub(begun.timestamp().0);
    if took_ms <= PUNCTUAL_MS_MAX {
        return;
    }
    tracing::warn!(%conversation_id, took_ms, "a change was stored late");
    message::note_lost_follow_up(again(app, conversation_id, changed).await);
}

async fn again(
    app: &App,
    conversation_id: ConversationId,
    changed: Option<MessageId>,
) -> Result<(), Error> {
    let stamp = app.clock.stamp();
    message::raise_stamp(app, conversation_id, stamp).await?;
    if let Some(id) = changed {
        let ops = vec![field::max(field::STAMP, stamp.0), field::max(field::CHANGE_STAMP, stamp.0)];
        let collection = Collection::Messages;
        app.store
            .update(Update { collection, id: field::id(id.0), guard: Vec::new(), ops })
            .await?;
    }
    Ok(())
}
