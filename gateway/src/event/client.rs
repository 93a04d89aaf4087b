//! Who a socket is, for as long as it is joined.

use std::sync::Arc;

use api::auth::Caller;
use protocol::id::ConversationId;
use smallvec::SmallVec;

/// Conversations that one socket may be typing in at once; a further one expires by itself when
/// the socket leaves.
const TYPING_MAX: usize = 16;

/// A joined socket: a row's session, so its size counts.
#[derive(Debug)]
pub struct Client {
    /// Who it is; as the stored account said when it joined.
    pub person: Arc<Caller>,
    /// Where it is typing: to be ended when it leaves.
    pub(crate) typing: SmallVec<[ConversationId; 1]>,
}

impl Client {
    /// A socket of this person.
    pub fn new(person: Caller) -> Self {
        Self { person: Arc::new(person), typing: SmallVec::new() }
    }

    pub(crate) fn begin_typing(&mut self, id: ConversationId) {
        if !self.typing.contains(&id) && self.typing.len() < TYPING_MAX {
            self.typing.push(id);
        }
    }

    pub(crate) fn cease_typing(&mut self, id: ConversationId) {
        self.typing.retain(|typing| *typing != id);
    }
}
