//! Who a socket is, for as long as it is joined.

use std::sync::Arc;

use api::auth::Caller;
use api::service::session::Authenticated;
use protocol::id::ConversationId;
use protocol::time::Timestamp;

use super::allowance::Allowance;

/// Conversations that one socket may be typing in at once; a further one expires by itself when
/// the socket leaves.
const TYPING_MAX: usize = 16;

/// Events that may be refused for coming too fast, more than are taken; then the connection closes.
const REFUSALS_MAX: u16 = 500;

/// A joined socket: a row's session, and rows grow together, so it is two handles.
#[derive(Debug)]
pub struct Client {
    /// Who it is; as the stored account says.
    pub person: Arc<Caller>,
    /// What there is to note about it.
    pub(super) notes: Box<Notes>,
}

/// What a socket's shard notes about it.
#[derive(Debug)]
pub(super) struct Notes {
    /// When its token ends, and so the socket.
    pub(super) expires_at: Timestamp,
    /// What it may still send.
    pub(super) allowance: Allowance,
    /// What all sockets of its person may.
    pub(super) shared: Arc<Allowance>,
    /// Where it is typing: to be ended when it leaves.
    pub(super) typing: Vec<ConversationId>,
    /// Refused events, less those taken.
    refusals: u16,
}

impl Client {
    /// A socket of somebody who showed a token.
    pub(super) fn new(shown: Authenticated, shared: Arc<Allowance>) -> Self {
        let Authenticated { caller, expires_at } = shown;
        let (allowance, typing) = (Allowance::default(), Vec::new());
        let notes = Box::new(Notes { expires_at, allowance, shared, typing, refusals: 0 });
        Self { person: Arc::new(caller), notes }
    }
}

impl Notes {
    pub(super) fn begin_typing(&mut self, id: ConversationId) {
        if !self.typing.contains(&id) && self.typing.len() < TYPING_MAX {
            self.typing.push(id);
        }
    }

    pub(super) fn cease_typing(&mut self, id: ConversationId) {
        self.typing.retain(|typing| *typing != id);
    }

    /// An event was taken.
    pub(super) const fn note_taken(&mut self) {
        self.refusals = self.refusals.saturating_sub(1);
    }

    /// An event came too fast. Returns whether it is a flood.
    pub(super) const fn note_refused(&mut self) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        self.refusals > REFUSALS_MAX
    }
}
