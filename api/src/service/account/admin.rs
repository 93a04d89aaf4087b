//! Who rules: whether there is an active admin, and making one for whoever owns the machine. Source:
//! contract 1.3.

use std::sync::Arc;

use protocol::id::UserId;
use protocol::rest::request::Register;
use protocol::rest::resource::Role;

use crate::app::App;
use crate::config::FirstAdmin;
use crate::domain::User;
use crate::error::{Error, Kind};
use crate::service::record;
use crate::store::index::USERS_BY_ROLE;
use crate::store::{Direction, Scan};

/// Admins that are looked at for one that is active; behind so many that are not, there is none.
pub const ADMINS_WALKED_MAX: usize = 1_000;

/// What became of the first admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAdminOutcome {
    /// It was made.
    Made,
    /// There is an active admin already, so that none was made.
    Ruled,
    /// There is none, but somebody has the address. Whoever registered with it has proved nothing,
    /// so that the account stays what it is.
    Taken,
}

/// Makes the first admin, unless there is an active one.
///
/// # Errors
/// The store cannot be read or written.
pub async fn create_first_admin(
    app: &Arc<App>,
    admin: &FirstAdmin,
) -> Result<FirstAdminOutcome, Error> {
    if is_ruled(app).await? {
        return Ok(FirstAdminOutcome::Ruled);
    }
    if create_admin(app, admin).await? {
        return Ok(FirstAdminOutcome::Made);
    }
    // Another process may have made it just now.
    Ok(if is_ruled(app).await? { FirstAdminOutcome::Ruled } else { FirstAdminOutcome::Taken })
}

/// Makes an admin, whether there is one or not. Returns whether it did: not where there is an
/// account with this address.
///
/// # Errors
/// The store cannot be read or written.
pub async fn create_admin(app: &Arc<App>, admin: &FirstAdmin) -> Result<bool, Error> {
    if super::exists(app, &admin.email).await? {
        return Ok(false);
    }
    let request = Register {
        name: "Admin".to_owned(),
        email: admin.email.clone(),
        password: admin.password.clone(),
        role: Role::Admin,
    };
    match super::create(app, request).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == Kind::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether this is an active admin.
pub(super) fn is_ruling(user: &User) -> bool {
    user.role == Role::Admin && user.is_active
}

/// Whether somebody else is an active admin.
pub(super) async fn is_ruled_without(app: &App, id: UserId) -> Result<bool, Error> {
    Ok(admins(app).await?.iter().any(|admin| admin.id != id && is_ruling(admin)))
}

async fn is_ruled(app: &App) -> Result<bool, Error> {
    Ok(admins(app).await?.iter().any(is_ruling))
}

async fn admins(app: &App) -> Result<Vec<User>, Error> {
    let scan = Scan {
        index: &USERS_BY_ROLE,
        equals: &[Role::Admin.as_str().into()],
        after: &[],
        direction: Direction::Ascending,
        limit: ADMINS_WALKED_MAX,
    };
    record::scan(app, &scan, User::decode).await
}
