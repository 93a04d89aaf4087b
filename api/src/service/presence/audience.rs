//! Whom somebody's presence concerns: people who share a conversation. Staff hear of everybody in a
//! room of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::id::UserId;

use crate::app::App;
use crate::domain::{Conversation, field};
use crate::error::Error;
use crate::service::record;
use crate::store::index::{CONVERSATIONS_BY_ASSIGNEE, CONVERSATIONS_BY_PARTICIPANT};
use crate::store::{Direction, Index, Scan};

/// Conversations of somebody, the lately active first, whose people hear of them; those of the
/// others do not.
pub const CONVERSATIONS_LOOKED_AT_MAX: usize = 500;
/// People who hear of somebody; past it those of the longer inactive conversations do not.
pub const AUDIENCE_LEN_MAX: usize = 500;
/// Audiences kept: at most 24 MB.
pub(crate) const AUDIENCES_KEPT_MAX: usize = 4_096;

/// Those who share a conversation with somebody, as participants or as the agent in charge.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn find(app: &App, user_id: UserId) -> Result<Arc<[UserId]>, Error> {
    let ticket = match app.audiences.get(&user_id, app.clock.now()) {
        Ok(audience) => return Ok(audience),
        Err(ticket) => ticket,
    };
    let mut found = BTreeSet::new();
    for index in [&CONVERSATIONS_BY_PARTICIPANT, &CONVERSATIONS_BY_ASSIGNEE] {
        gather(app, index, user_id, &mut found).await?;
    }
    let audience: Arc<[UserId]> = found.into_iter().collect();
    app.audiences.fill(user_id, Arc::clone(&audience), ticket, app.clock.now());
    Ok(audience)
}

/// A conversation of these people has begun, or its agent has changed.
pub(crate) fn forget(app: &App, people: impl IntoIterator<Item = UserId>) {
    for user_id in people {
        app.audiences.forget(&user_id);
    }
}

async fn gather(
    app: &App,
    index: &'static Index,
    user_id: UserId,
    found: &mut BTreeSet<UserId>,
) -> Result<(), Error> {
    let scan = Scan {
        index,
        equals: &[field::id(user_id.0)],
        after: &[],
        direction: Direction::Descending,
        limit: CONVERSATIONS_LOOKED_AT_MAX,
    };
    for conversation in record::scan(app, &scan, Conversation::decode).await? {
        for person in conversation.participants {
            if found.len() >= AUDIENCE_LEN_MAX {
                return Ok(());
            }
            if person != user_id {
                found.insert(person);
            }
        }
    }
    Ok(())
}
