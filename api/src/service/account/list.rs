//! The list of people, for staff, in the order of their addresses. Source: contract 1.3.

use bson::Bson;
use protocol::rest::request::ListUsers;
use protocol::rest::resource::{self, Pagination};

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::User;
use crate::error::Error;
use crate::service::cursor;
use crate::store::index::{USERS_BY_EMAIL, USERS_BY_ROLE};
use crate::store::{Direction, Scan};

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
    let after = request.page.cursor.as_deref().map(cursor::decode_email).transpose()?;
    let skipped = if after.is_some() { 0 } else { (page.saturating_sub(1) as usize) * limit };
    let wanted = skipped.saturating_add(limit).saturating_add(1);
    let query = Query::new(request);
    let walk = query.walk(app, after, wanted).await?;
    let total = query.count(app).await?;
    let has_more = walk.found.len() > skipped.saturating_add(limit);
    let shown: Vec<User> = walk.found.into_iter().skip(skipped).take(limit).collect();
    let end =
        if has_more { shown.last().map(|last| last.email.as_str()) } else { walk.end.as_deref() };
    let next = end.map(cursor::encode_email);
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let pagination = Pagination::new(page, limit, total, next);
    Ok(UserPage { users: shown.iter().map(User::resource).collect(), pagination })
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
    /// The address that was looked at last, where the walk has not come to an end.
    end: Option<String>,
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
    async fn walk(&self, app: &App, after: Option<String>, wanted: usize) -> Result<Walk, Error> {
        let (mut found, mut walked, mut end) = (Vec::new(), 0, after);
        while walked < PEOPLE_WALKED_MAX && found.len() < wanted {
            let place: Vec<Bson> = end.iter().map(|email| email.as_str().into()).collect();
            let documents = app.store.scan(&self.scan(&place, BATCH_LEN)).await?;
            for document in &documents {
                let user = User::decode(document)?;
                end = Some(user.email.clone());
                if self.passes(&user) {
                    found.push(user);
                }
            }
            walked += documents.len();
            if documents.len() < BATCH_LEN {
                return Ok(Walk { found, end: None });
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
