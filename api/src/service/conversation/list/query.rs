//! What a list of conversations asks for, along which indexes that is found, and what they count.

use bson::Bson;
use protocol::id::UserId;
use protocol::rest::request::ListConversations;
use protocol::rest::word::{Priority, Scope};

use crate::app::App;
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::domain::{Conversation, field};
use crate::error::Error;
use crate::store::index::{
    CONVERSATIONS_BY_ACTIVITY, CONVERSATIONS_BY_ASSIGNEE, CONVERSATIONS_BY_ASSIGNEE_STATUS,
    CONVERSATIONS_BY_OUTSIDER, CONVERSATIONS_BY_PARTICIPANT, CONVERSATIONS_BY_PARTICIPANT_ASSIGNEE,
    CONVERSATIONS_BY_PARTICIPANT_STATUS, CONVERSATIONS_BY_STATUS, CONVERSATIONS_BY_TAG,
};
use crate::store::{Direction, Index, Scan};

/// What is looked for, and along which indexes.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) sources: Vec<Source>,
    /// What two sources hold both, and only that; but for an outsider's.
    overlaps: Vec<Source>,
    pub(super) filter: Filter,
}

/// Part of an index. That of a source comes in the order of activity.
#[derive(Debug)]
pub(super) struct Source {
    index: &'static Index,
    equals: Vec<Bson>,
}

/// What every listed conversation satisfies.
#[derive(Debug)]
pub(super) struct Filter {
    /// Any of these, each once; empty for all.
    status: Vec<String>,
    priority: Option<Priority>,
    assigned_to: Option<UserId>,
    tag: Option<String>,
    /// Only those without an agent.
    unassigned: bool,
}

impl Query {
    /// What the caller asks for, if it may.
    pub(super) fn new(caller: &Caller, request: ListConversations) -> Result<Self, Error> {
        let mut status = request.status;
        status.sort_unstable();
        status.dedup();
        let filter = Filter {
            status,
            priority: request.priority,
            assigned_to: request.assigned_to,
            tag: request.tag,
            unassigned: request.scope == Some(Scope::Unassigned),
        };
        let me = field::id(caller.user_id.0);
        let mut overlaps = Vec::new();
        let sources = match request.scope {
            Some(Scope::All) => {
                caller.require(Action::ListEverybodys)?;
                filter.narrowest()
            }
            Some(Scope::Unassigned) => {
                caller.require(Action::ListEverybodys)?;
                filter.held_by(Bson::Null)
            }
            Some(Scope::Mine) if caller.is_staff() => filter.held_by(me),
            Some(Scope::Mine) | None => {
                let (all, one) =
                    (&CONVERSATIONS_BY_PARTICIPANT, &CONVERSATIONS_BY_PARTICIPANT_STATUS);
                let mut own = filter.by_status(all, one, std::slice::from_ref(&me));
                own.push(Source { index: &CONVERSATIONS_BY_OUTSIDER, equals: vec![me.clone()] });
                if caller.is_staff() {
                    let both = &CONVERSATIONS_BY_PARTICIPANT_ASSIGNEE;
                    overlaps = filter.by_status(both, both, &[me.clone(), me.clone()]);
                    own.extend(filter.held_by(me));
                }
                own
            }
        };
        Ok(Self { sources, overlaps, filter })
    }

    /// Whether indexes alone can tell how many there are, at least where the caller is no outsider.
    pub(super) fn is_countable(&self) -> bool {
        let mut sources = self.sources.iter();
        sources.all(|it| it.index == &CONVERSATIONS_BY_OUTSIDER || self.filter.passes_all_of(it))
    }

    /// How many there are, if indexes alone can tell.
    pub(super) async fn count(&self, app: &App) -> Result<Option<u64>, Error> {
        if !self.is_countable() {
            return Ok(None);
        }
        let mut total: u64 = 0;
        for source in &self.sources {
            // No index tells which of an outsider's conversations are its to answer too.
            let is_apart = source.index != &CONVERSATIONS_BY_OUTSIDER || self.overlaps.is_empty();
            if is_apart && self.filter.passes_all_of(source) {
                total += app.store.count(&source.scan(&[], usize::MAX)).await?;
            } else if app.store.count(&source.scan(&[], 1)).await? > 0 {
                return Ok(None);
            }
        }
        for overlap in &self.overlaps {
            let twice = app.store.count(&overlap.scan(&[], usize::MAX)).await?;
            total = total.saturating_sub(twice);
        }
        Ok(Some(total))
    }
}

impl Source {
    pub(super) fn scan<'a>(&'a self, after: &'a [Bson], limit: usize) -> Scan<'a> {
        let direction = Direction::Descending;
        Scan { index: self.index, equals: &self.equals, after, direction, limit }
    }
}

impl Filter {
    /// The part of an index that begins so, or of one that goes on with the state the parts of each
    /// that is asked for.
    fn by_status(&self, all: &'static Index, one: &'static Index, begin: &[Bson]) -> Vec<Source> {
        if self.status.is_empty() {
            return vec![Source { index: all, equals: begin.to_vec() }];
        }
        let part = |status: &String| Source {
            index: one,
            equals: begin.iter().cloned().chain([status.as_str().into()]).collect(),
        };
        self.status.iter().map(part).collect()
    }

    fn held_by(&self, agent: Bson) -> Vec<Source> {
        self.by_status(&CONVERSATIONS_BY_ASSIGNEE, &CONVERSATIONS_BY_ASSIGNEE_STATUS, &[agent])
    }

    /// The parts of indexes that hold all that passes, and as little else as possible.
    fn narrowest(&self) -> Vec<Source> {
        if let Some(agent) = self.assigned_to {
            return self.held_by(field::id(agent.0));
        }
        if let Some(tag) = &self.tag {
            let equals = vec![tag.as_str().into()];
            return vec![Source { index: &CONVERSATIONS_BY_TAG, equals }];
        }
        self.by_status(&CONVERSATIONS_BY_ACTIVITY, &CONVERSATIONS_BY_STATUS, &[])
    }

    /// Whether everything along this source passes, so that it need not be looked at.
    pub(super) fn passes_all_of(&self, source: &Source) -> bool {
        let tells = |path| source.index.fields.iter().any(|(field, _)| *field == path);
        let queue_told = !self.unassigned || tells(field::ASSIGNED_TO);
        let tag_told = self.tag.is_none() || tells(field::TAGS);
        let status_told = self.status.is_empty() || tells(field::STATUS);
        // In the queue and in `mine` the index tells of one agent, the filter may ask for another.
        let agent_told = self.assigned_to.is_none_or(|agent| {
            tells(field::ASSIGNED_TO) && source.equals.first() == Some(&field::id(agent.0))
        });
        self.priority.is_none() && agent_told && queue_told && tag_told && status_told
    }

    pub(super) fn passes(&self, it: &Conversation) -> bool {
        (self.status.is_empty() || self.status.contains(&it.status))
            && self.priority.is_none_or(|priority| it.priority == priority.as_str())
            && self.assigned_to.is_none_or(|agent| it.assigned_to == Some(agent))
            && self.tag.as_ref().is_none_or(|tag| it.tags.contains(tag))
            && (!self.unassigned || it.assigned_to.is_none())
    }
}
