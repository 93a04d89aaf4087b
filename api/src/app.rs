//! Everything the rules need, built once in `main.rs` and handed down.

use std::fmt;
use std::sync::Arc;

use protocol::id::{ConversationId, SessionId, UserId};

use crate::auth::{Passwords, Tokens};
use crate::bus::{Bus, Notice};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::domain::{Session, User};
use crate::error::Error;
use crate::service::conversation::Membership;
use crate::service::lane::Lanes;
use crate::service::message::{self, Marks};
use crate::service::presence::AUDIENCES_KEPT_MAX;
use crate::service::presence::lease::Leases;
use crate::service::repair::Horizon;
use crate::service::typing::Typing;
use crate::store::Store;

/// What `main.rs` decides.
#[derive(Debug)]
pub struct Parts {
    /// Durable facts.
    pub store: Store,
    /// What processes tell each other.
    pub bus: Bus,
    /// Hashes passwords off everybody's threads.
    pub passwords: Passwords,
    /// Signs and verifies tokens.
    pub tokens: Tokens,
    /// Time and ids.
    pub clock: Clock,
    /// How long a cached account, session or membership is believed, in milliseconds: `i64::MAX`
    /// where this process is the store's only writer, else [`SHARED_CACHE_AGE_MS_MAX`].
    pub cache_age_ms_max: i64,
}

/// How long what another process may change unheard is believed. Source: contract 1.3.
pub const SHARED_CACHE_AGE_MS_MAX: i64 = 10_000;

/// The rules' surroundings. Held in an [`Arc`] by every door.
pub struct App {
    /// Durable facts.
    pub store: Store,
    /// What processes tell each other.
    pub bus: Bus,
    /// Time and ids.
    pub clock: Clock,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Tokens,
    pub(crate) users: Cache<UserId, Arc<User>>,
    pub(crate) sessions: Cache<SessionId, Arc<Session>>,
    pub(crate) memberships: Cache<ConversationId, Arc<Membership>>,
    pub(crate) audiences: Cache<UserId, Arc<[UserId]>>,
    pub(crate) lanes: Lanes,
    /// One change of a person's presence after the other.
    pub(crate) people: Lanes<UserId, ()>,
    pub(crate) marks: Arc<Marks>,
    pub(crate) leases: Leases,
    pub(crate) horizon: Horizon,
    pub(crate) typing: Typing,
}

/// Entries of each cache; past it the longest unused are read from the store again. About 60 MB
/// when all three are full.
pub const CACHE_LEN_MAX: usize = 65_536;

impl App {
    /// Puts the parts together, sets the clock above what the store holds, and makes up for what a
    /// process that died has left undone.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, Error> {
        let age = parts.cache_age_ms_max;
        let app = Self {
            store: parts.store,
            bus: parts.bus,
            clock: parts.clock,
            passwords: parts.passwords,
            tokens: parts.tokens,
            users: Cache::new(CACHE_LEN_MAX, age),
            sessions: Cache::new(CACHE_LEN_MAX, age),
            memberships: Cache::new(CACHE_LEN_MAX, age),
            audiences: Cache::new(AUDIENCES_KEPT_MAX, age),
            lanes: Lanes::default(),
            people: Lanes::default(),
            marks: Arc::default(),
            leases: Leases::default(),
            horizon: Horizon::default(),
            typing: Typing::default(),
        };
        app.forget_when_revived();
        // The clock goes on above every stamp that is stored.
        app.horizon.now(&app).await?;
        message::settle(&app).await?;
        Ok(Arc::new(app))
    }

    /// What was stored although nobody was told is not what is remembered.
    fn forget_when_revived(&self) {
        let users = self.users.forgetting_all();
        let sessions = self.sessions.forgetting_all();
        let memberships = self.memberships.forgetting_all();
        let audiences = self.audiences.forgetting_all();
        self.store.when_revived(move || {
            users();
            sessions();
            memberships();
            audiences();
        });
    }

    /// Acts on what another process announced. Whoever drains the bus calls it for every notice;
    /// doing so for this process's own does no harm.
    pub fn heed(&self, notice: &Notice) {
        match notice {
            Notice::SessionRevoked { session_id, user_id: _ } => self.sessions.forget(session_id),
            Notice::UserChanged { user_id, role: _, is_active: _ } => self.users.forget(user_id),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("store", &self.store).finish_non_exhaustive()
    }
}
