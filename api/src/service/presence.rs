//! Who is there: per person, however many devices. Source: contract 1.5.
//!
//! Somebody is there while any of their sockets lives, and [`ABSENCE_MS`] longer, so that a reload
//! of a page is nobody's news. What is stored is what was announced last: a change of the status is
//! stored, then told to those concerned, one change of a person after the other.
//!
//! Doors only note that sockets come and go, which costs them a moment. What follows from it is done
//! by [`settle`], called every second or so: thousands who come at once keep no socket waiting.
//!
//! - [`lease`]: whose sockets live
//! - [`audience`]: who is concerned

mod audience;
pub(crate) mod lease;

use std::sync::Arc;

use protocol::event::server::UserStatus;
use protocol::event::{Envelope, ServerEvent};
use protocol::id::UserId;
use protocol::rest::word::Availability;
use protocol::room::Room;
use protocol::time::Timestamp;
use smallvec::SmallVec;
use tokio::task::JoinSet;

pub use audience::{AUDIENCE_LEN_MAX, CONVERSATIONS_LOOKED_AT_MAX};
pub use lease::{ABSENCE_MS, LEASE_MS};

pub(crate) use audience::{AUDIENCES_KEPT_MAX, forget as forget_audience};

use crate::app::App;
use crate::auth::Caller;
use crate::domain::{User, field};
use crate::error::{Error, Kind};
use crate::service::{record, to_the_end, user};
use crate::store::index::USERS_BY_STATUS;
use crate::store::{Direction, Scan};
use lease::Turn;

/// People whose coming or going is stored at once; the others wait for them.
pub const SETTLED_AT_ONCE: usize = 64;

/// A socket of this person lives from now on.
pub fn arrive(app: &App, user_id: UserId) {
    app.leases.hold(user_id, app.clock.now());
}

/// A socket that had [arrived](arrive) is gone.
pub fn leave(app: &App, user_id: UserId) {
    app.leases.release(user_id, app.clock.now());
}

/// Stores and announces who has come and who has gone; to be called every second or so, by one.
/// What the store refuses is tried again later.
pub async fn settle(app: &Arc<App>) {
    loop {
        let due = app.leases.take_due(app.clock.now(), SETTLED_AT_ONCE);
        if due.is_empty() {
            return;
        }
        let turn = |(user_id, turn)| {
            let app = Arc::clone(app);
            async move {
                let done = match turn {
                    Turn::Came => come(&app, user_id).await,
                    Turn::Gone => go(&app, user_id, Some(app.clock.now())).await,
                };
                if let Err(error) = done {
                    tracing::warn!(%error, "cannot store who is there");
                    app.leases.postpone(user_id, app.clock.now());
                }
            }
        };
        let mut turns: JoinSet<()> = due.into_iter().map(turn).collect();
        while let Some(ended) = turns.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "settling somebody's presence did not run to its end");
            }
        }
    }
}

/// Ends the presence of those whom a killed process left behind as there, and who have not come
/// back: to be called once, [`LEASE_MS`] after the start.
///
/// # Errors
/// The store cannot be read or written; it may be called again.
///
/// # Cost
/// A walk along an index over those who are there.
pub async fn end_left_over(app: &Arc<App>) -> Result<(), Error> {
    for word in [Availability::Online, Availability::Away, Availability::Busy] {
        let mut after = Vec::new();
        loop {
            let scan = Scan {
                index: &USERS_BY_STATUS,
                equals: &[word.as_str().into()],
                after: &after,
                direction: Direction::Ascending,
                limit: SETTLED_AT_ONCE,
            };
            let documents = app.store.scan(&scan).await?;
            let place = documents.last().map(|document| record::place(&scan, document));
            let mut ends = JoinSet::new();
            for document in &documents {
                let Some(User { id, .. }) = record::legible(document, User::decode) else {
                    continue;
                };
                let app = Arc::clone(app);
                // When they were last seen is what the store says already.
                ends.spawn(async move { go(&app, id, None).await });
            }
            while let Some(ended) = ends.join_next().await {
                ended.map_err(|_| UNFINISHED)??;
            }
            match place.filter(|_| documents.len() >= SETTLED_AT_ONCE) {
                Some(place) => after = place,
                None => break,
            }
        }
    }
    Ok(())
}

/// Says how reachable the caller is, and tells those concerned. It holds until the caller's last
/// socket is gone.
///
/// # Errors
/// The store cannot be written.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn say(app: &Arc<App>, caller: &Caller, to: Availability) -> Result<(), Error> {
    let (app, user_id) = (Arc::clone(app), caller.user_id);
    to_the_end(async move {
        let _turn = app.people.enter(user_id).await?;
        let user = set(&app, user_id, to.as_str(), Some(app.clock.now())).await?.ok_or(GONE)?;
        announce(&app, &user).await;
        Ok(())
    })
    .await
}

/// The rooms of all who hear of the caller: themselves, people who share a conversation, staff.
///
/// # Errors
/// The store cannot be read.
///
/// # Cost
/// A cache look-up; on a miss, a walk over the caller's newest conversations.
pub async fn concerned(app: &App, user_id: UserId) -> Result<SmallVec<[Room; 2]>, Error> {
    let others = audience::find(app, user_id).await?;
    let mut rooms = SmallVec::with_capacity(others.len().saturating_add(2));
    rooms.push(Room::User(user_id));
    rooms.push(Room::Staff);
    rooms.extend(others.iter().copied().map(Room::User));
    Ok(rooms)
}

/// Somebody signed in; the account as it is then. Without a socket they are there for a
/// [lease](LEASE_MS); with one, they stay what they say they are.
pub(crate) async fn sign_in(app: &App, user_id: UserId) -> Result<Option<Arc<User>>, Error> {
    let _turn = app.people.enter(user_id).await?;
    let Some(before) = user::find(app, user_id).await? else { return Ok(None) };
    let is_there = app.leases.is_held(user_id) && !is_offline(&before);
    let status = if is_there { before.status.as_str() } else { Availability::Online.as_str() };
    let after = set(app, user_id, status, Some(app.clock.now())).await?;
    app.leases.glimpse(user_id, app.clock.now());
    tell_if_changed(app, &before, after.as_deref()).await;
    Ok(after)
}

/// Somebody signed out: gone, unless another device of theirs is there.
pub(crate) async fn sign_out(app: &App, user_id: UserId) -> Result<(), Error> {
    if app.leases.has_socket(user_id) {
        return Ok(());
    }
    app.leases.end(user_id);
    go(app, user_id, Some(app.clock.now())).await
}

async fn come(app: &App, user_id: UserId) -> Result<(), Error> {
    let _turn = app.people.enter(user_id).await?;
    let Some(before) = user::find(app, user_id).await? else { return Ok(()) };
    // Signing in has said so already, or they never seemed gone.
    if !is_offline(&before) {
        return Ok(());
    }
    let to = Availability::Online.as_str();
    let after = set(app, user_id, to, Some(app.clock.now())).await?;
    tell_if_changed(app, &before, after.as_deref()).await;
    Ok(())
}

async fn go(app: &App, user_id: UserId, seen: Option<Timestamp>) -> Result<(), Error> {
    let _turn = app.people.enter(user_id).await?;
    let Some(before) = user::find(app, user_id).await? else { return Ok(()) };
    if app.leases.is_held(user_id) {
        return Ok(());
    }
    let after = set(app, user_id, Availability::Offline.as_str(), seen).await?;
    tell_if_changed(app, &before, after.as_deref()).await;
    Ok(())
}

async fn set(
    app: &App,
    user_id: UserId,
    status: &str,
    seen: Option<Timestamp>,
) -> Result<Option<Arc<User>>, Error> {
    let mut ops = vec![field::set(field::STATUS, status)];
    ops.extend(seen.map(|at| field::set(field::LAST_SEEN, field::date(at))));
    user::change(app, user_id, ops).await
}

async fn tell_if_changed(app: &App, before: &User, after: Option<&User>) {
    if let Some(after) = after.filter(|after| after.status != before.status) {
        announce(app, after).await;
    }
}

/// Who cannot be found out hears nothing; presence is best effort.
async fn announce(app: &App, user: &User) {
    let rooms = match concerned(app, user.id).await {
        Ok(rooms) => rooms,
        Err(error) => {
            tracing::warn!(%error, "cannot find out whom somebody's presence concerns");
            SmallVec::from_iter([Room::User(user.id), Room::Staff])
        }
    };
    let (user_id, status) = (user.id, user.status.clone());
    let event = UserStatus { user_id, status, timestamp: app.clock.now() };
    app.bus.publish(Envelope { rooms, except: None, event: ServerEvent::UserStatus(event) }).await;
}

fn is_offline(user: &User) -> bool {
    user.status == Availability::Offline.as_str()
}

const UNFINISHED: Error = Error::new(Kind::Internal, "Something went wrong!");
const GONE: Error = Error::new(Kind::NotFound, "User not found");
