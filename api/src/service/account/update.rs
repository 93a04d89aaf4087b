//! What an admin changes about an account: what it may do, and whether it may sign in.

use std::sync::Arc;

use bson::Bson;
use protocol::id::UserId;
use protocol::rest::request::UpdateUser;
use protocol::rest::resource::{self, Role};

use super::GONE;
use super::admin::{is_ruled_without, is_ruling};
use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::bus::Notice;
use crate::domain::{User, field};
use crate::error::{Error, Kind};
use crate::service::{session, to_the_end, user};
use crate::store::{Collection, Guard, Op, Update};

/// Changes what an account may do, and whether it may sign in; both hold at once for all its
/// sessions. Deactivating ends them, and so does activating, with what a process that died while it
/// deactivated has left behind. Only what is asked for is written, so that of two changes at once
/// neither undoes the other's.
///
/// The order is what makes a deactivation sure: the account is stored first, and then its sessions
/// are looked for; a sign-in goes the other way round (`session::start`).
///
/// The last active admin stays one. Of two admins who depose each other at once, on whatever nodes,
/// neither succeeds: each looks again after its write, and takes it back when nobody is left.
///
/// # Errors
/// [`Kind::Forbidden`] for everybody but admins, [`Kind::NotFound`] when the account is missing,
/// [`Kind::Conflict`] when no active admin would be left.
///
/// # Cancel safety
/// Runs to its end even if dropped.
pub async fn update(
    app: &Arc<App>,
    caller: &Caller,
    id: UserId,
    request: UpdateUser,
) -> Result<resource::User, Error> {
    caller.require(Action::ManagePeople)?;
    let app = Arc::clone(app);
    to_the_end(async move {
        let before = user::read(&app, id).await?.ok_or(GONE)?;
        let ops = ops(&request);
        if ops.is_empty() {
            return Ok(before.resource());
        }
        let role = request.role.unwrap_or(before.role);
        let is_active = request.is_active.unwrap_or(before.is_active);
        let deposes = is_ruling(&before) && !(role == Role::Admin && is_active);
        if deposes && !is_ruled_without(&app, id).await? {
            return Err(LAST_ADMIN);
        }
        if is_active && !before.is_active {
            session::revoke_all(&app, id).await?;
        }
        let after = user::change(&app, id, ops).await?.ok_or(GONE)?;
        if deposes && !is_ruled_without(&app, id).await? {
            reinstate(&app, id, &after).await?;
            return Err(LAST_ADMIN);
        }
        announce(&app, id, after.role, after.is_active).await;
        if !after.is_active {
            session::revoke_all(&app, id).await?;
        }
        Ok(after.resource())
    })
    .await
}

/// What is written: nothing that was not asked for.
fn ops(request: &UpdateUser) -> Vec<Op> {
    let role = request.role.map(|role| field::set(field::ROLE, role.as_str()));
    let is_active = request.is_active.map(|is_active| field::set(field::IS_ACTIVE, is_active));
    role.into_iter().chain(is_active).collect()
}

/// Makes an account an active admin again, unless somebody has changed it since.
async fn reinstate(app: &App, id: UserId, deposed: &User) -> Result<(), Error> {
    let update = Update {
        collection: Collection::Users,
        id: field::id(id.0),
        guard: vec![
            Guard::Equals(field::ROLE, deposed.role.as_str().into()),
            Guard::Equals(field::IS_ACTIVE, Bson::Boolean(deposed.is_active)),
        ],
        ops: vec![
            field::set(field::ROLE, Role::Admin.as_str()),
            field::set(field::IS_ACTIVE, true),
        ],
    };
    app.store.update(update).await?;
    app.users.forget(&id);
    announce(app, id, Role::Admin, true).await;
    Ok(())
}

async fn announce(app: &App, user_id: UserId, role: Role, is_active: bool) {
    app.bus.announce(Notice::UserChanged { user_id, role, is_active }).await;
}

const LAST_ADMIN: Error = Error::new(Kind::Conflict, "At least one active admin must remain");
