//! Accounts, from the cache where it knows them.

use std::collections::HashMap;
use std::sync::Arc;

use bson::Bson;
use protocol::id::UserId;

use crate::app::App;
use crate::domain::{User, field};
use crate::error::Error;
use crate::store::{Collection, Op, Update};

/// The account with this id.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn find(app: &App, id: UserId) -> Result<Option<Arc<User>>, Error> {
    let ticket = match app.users.get(&id, app.clock.now()) {
        Ok(user) => return Ok(Some(user)),
        Err(ticket) => ticket,
    };
    let Some(user) = read(app, id).await? else { return Ok(None) };
    let user = Arc::new(user);
    app.users.fill(id, Arc::clone(&user), ticket, app.clock.now());
    Ok(Some(user))
}

/// The account with this id as it is stored at this moment, for what must not be decided by what a
/// cache holds.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn read(app: &App, id: UserId) -> Result<Option<User>, Error> {
    let document = app.store.get(Collection::Users, &field::id(id.0)).await?;
    Ok(document.map(|document| User::decode(&document)).transpose()?)
}

/// The accounts with these ids; those that do not exist any more are absent. One read for all that
/// the cache does not know.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn find_all(
    app: &App,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, Arc<User>>, Error> {
    let mut found = HashMap::new();
    let mut missing = HashMap::new();
    for id in ids {
        if found.contains_key(&id) || missing.contains_key(&id) {
            continue;
        }
        match app.users.get(&id, app.clock.now()) {
            Ok(user) => drop(found.insert(id, user)),
            Err(ticket) => drop(missing.insert(id, ticket)),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let ids: Vec<Bson> = missing.keys().map(|id| field::id(id.0)).collect();
    for document in app.store.get_many(Collection::Users, &ids).await? {
        let user = Arc::new(User::decode(&document)?);
        if let Some(&ticket) = missing.get(&user.id) {
            app.users.fill(user.id, Arc::clone(&user), ticket, app.clock.now());
        }
        found.insert(user.id, user);
    }
    Ok(found)
}

/// Changes an account; `None` if it does not exist.
///
/// # Errors
/// The store cannot be written.
pub(crate) async fn change(
    app: &App,
    id: UserId,
    mut ops: Vec<Op>,
) -> Result<Option<Arc<User>>, Error> {
    ops.push(field::set(field::UPDATED_AT, field::date(app.clock.now())));
    let collection = Collection::Users;
    let update = Update { collection, id: field::id(id.0), guard: Vec::new(), ops };
    let Some(document) = app.store.update(update).await? else { return Ok(None) };
    let user = Arc::new(User::decode(&document)?);
    // Not kept: of two changes at once it is unknown here which one came last.
    app.users.forget(&id);
    Ok(Some(user))
}
