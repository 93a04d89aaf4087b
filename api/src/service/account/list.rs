//! The list of people, for staff, in the order of their addresses. Source: contract 1.3.

use bson::{Bson, RawDocument};
use protocol::id::UserId;
use protocol::rest::request::ListUsers;
use protocol::rest::resource::{self, Pagination};

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::{User, codec, field};
use crate::error::Error;
use crate::service::cursor::{self, PersonPlace};
use crate::service::record;
use crate::store::index::{USERS_BY_EMAIL, USERS_BY_ROLE};
use crate::store::{Collection, Direction, Scan};

/// Accounts that one request looks at; `total` counts no further where no index tells it. Where that
/// ends a page early, perhaps before its first item, its cursor goes on behind what was looked at.
pub const PEOPLE_WALKED_MAX: usize = 10_000;

/// A page of people.
#[derive(Debug, Clone)]
pub struct UserPage {
    /// In the order of their addresses.
    pub users: Vec<resource::User>,
    /// Its place.
    pub pagination: Pagination,
}

/// A page of the accounts that are asked for.
///
/// # Errors
/// [`Kind::Forbidden`](crate::error::Kind::Forbidden) for users,
/// [`Kind::Invalid`](crate::error::Kind::Invalid) for a cursor that is none.
pub async fn list(app: &App, caller: &Caller, request: ListUsers) -> Result<UserPage, Error> {
    caller.require(Action::ListPeople)?;
    let (page, limit) = (request.page.page, request.page.limit as usize);
    let after = match request.page.cursor.as_deref() {
        Some(cursor) => Some(behind(app, PersonPlace::decode(cursor)?).await?),
        None => None,
    };
    let skipped = if after.is_some() { 0 } else { (page.saturating_sub(1) as usize) * limit };
    let wanted = skipped.saturating_add(limit).saturating_add(1);
    let query = Query::new(request);
    let walk = query.walk(app, after, wanted).await?;
    let total = query.count(app).await?;
    let has_more = walk.found.len() > skipped.saturating_add(limit);
    let shown: Vec<User> = walk.found.into_iter().skip(skipped).take(limit).collect();
    let end = if has_more { shown.last().map(place) } else { walk.end };
    let next = end.map(|end| end.encode());
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let pagination = Pagination::new(page, limit, total, next);
    Ok(UserPage { users: shown.iter().map(User::resource).collect(), pagination })
}

fn place(user: &User) -> PersonPlace {
    // An address that is no text reads as an empty one.
    match user.email.as_str() {
        "" => PersonPlace::Person(user.id),
        email => PersonPlace::Address(email.to_owned()),
    }
}

/// The place of an account that may be none; `None` where nothing can be told from others.
fn stored_place(document: &RawDocument) -> Option<PersonPlace> {
    let email = document.get_str("email").ok().filter(|email| !email.is_empty());
    let id = || document.get("_id").ok().flatten().and_then(codec::object_id);
    email
        .map(|email| PersonPlace::Address(email.to_owned()))
        .or_else(|| id().map(|id| PersonPlace::Person(UserId(id))))
}

/// The address of a place as it is stored.
async fn behind(app: &App, place: PersonPlace) -> Result<Bson, Error> {
    match place {
        PersonPlace::Address(email) => Ok(email.into()),
        PersonPlace::Person(id) => {
            let document = app.store.get(Collection::Users, &field::id(id.0)).await?;
            let document = document.ok_or_else(cursor::refused)?;
            Ok(codec::stored(&document, "email"))
        }
    }
}

/// Who is looked for: by role along an index, by the rest one by one.
#[derive(Debug)]
struct Query {
    role: Option<Bson>,
    status: Option<String>,
    /// In lower case.
    part: Option<String>,
}

/// What a walk met.
#[derive(Debug)]
struct Walk {
    /// In order.
    found: Vec<User>,
    /// What was looked at last, where the walk has not come to an end.
    end: Option<PersonPlace>,
}

impl Query {
    fn new(request: ListUsers) -> Self {
        Self {
            role: request.role.map(|role| role.as_str().into()),
            status: request.status,
            part: request.query.map(|part| part.to_lowercase()),
        }
    }

    async fn count(&self, app: &App) -> Result<u64, Error> {
        if self.status.is_none() && self.part.is_none() {
            return Ok(app.store.count(&self.scan(&[], usize::MAX)).await?);
        }
        Ok(self.walk(app, None, usize::MAX).await?.found.len() as u64)
    }

    /// Walks from behind an address until `wanted` are found, or as far as one may look.
    async fn walk(&self, app: &App, after: Option<Bson>, wanted: usize) -> Result<Walk, Error> {
        let (mut found, mut walked, mut end) = (Vec::new(), 0, None);
        let mut from: Vec<Bson> = after.into_iter().collect();
        while walked < PEOPLE_WALKED_MAX && found.len() < wanted {
            let scan = self.scan(&from, BATCH_LEN);
            let documents = app.store.scan(&scan).await?;
            let users = documents.iter().filter_map(|it| record::legible(it, User::decode));
            found.extend(users.filter(|user| self.passes(user)));
            walked += documents.len();
            match documents.last().filter(|_| documents.len() >= BATCH_LEN) {
                Some(last) => {
                    end = stored_place(last).or(end);
                    from = record::place(&scan, last);
                }
                None => return Ok(Walk { found, end: None }),
            }
        }
        Ok(Walk { found, end })
    }

    fn scan<'a>(&'a self, after: &'a [Bson], limit: usize) -> Scan<'a> {
        let (index, equals) = match &self.role {
            Some(role) => (&USERS_BY_ROLE, std::slice::from_ref(role)),
            None => (&USERS_BY_EMAIL, &[][..]),
        };
        Scan { index, equals, after, direction: Direction::Ascending, limit }
    }

    fn passes(&self, user: &User) -> bool {
        let has_part = |part: &String| {
            user.email.contains(part.as_str()) || user.name.to_lowercase().contains(part.as_str())
        };
        self.status.as_ref().is_none_or(|status| user.status == *status)
            && self.part.as_ref().is_none_or(has_part)
    }
}

const BATCH_LEN: usize = 200;
