//! What the messages of a conversation say together, and what the conversation then lacks.

use std::collections::HashMap;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocument, doc};
use protocol::id::{self, UserId};

use super::{is_deleted, is_touched, moment, stamp_of};
use crate::domain::{Conversation, codec, field};

/// Read cursors of a conversation; past it the marks of those who are not participants are dropped,
/// as the rules do.
const READERS_LEN_MAX: usize = 256;

/// Counts messages.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    before: Option<&'a Conversation>,
    /// The server's clock; no stamp that is made here is later.
    now: DateTime,
    last_seq: i64,
    stamp: i64,
    /// The newest place that each person marked, and when.
    cursors: HashMap<UserId, (i64, DateTime)>,
    /// When the newest message was sent.
    newest_at: Option<DateTime>,
    /// The newest message that is not deleted, and its place.
    shown: Option<(i64, ObjectId)>,
    /// Whether a message that has a place was changed since.
    pub(super) is_touched: bool,
}

impl<'a> Tally<'a> {
    /// Begins behind the greatest place that is taken.
    pub(super) fn new(before: Option<&'a Conversation>, last_seq: i64, now: DateTime) -> Self {
        let cursors = before.map_or(&[][..], |it| &it.read_cursors).iter();
        let cursors = cursors.map(|it| (it.user_id, (it.seq, DateTime::from_millis(it.at.0))));
        let changed = before.map_or(0, |it| it.updated_at.0);
        Self {
            before,
            now,
            last_seq,
            stamp: stamp(DateTime::from_millis(changed), now),
            cursors: cursors.collect(),
            newest_at: None,
            shown: None,
            is_touched: false,
        }
    }

    /// Counts a message; the statement that gives it its place, if it has none.
    pub(super) fn take(&mut self, message: &RawDocument) -> Option<Document> {
        let id = message.get_object_id("_id").ok()?;
        let stored = message.get(field::SEQ).ok().flatten().and_then(codec::integer);
        let seq = stored.unwrap_or_else(|| self.last_seq.saturating_add(1));
        self.last_seq = self.last_seq.max(seq);
        let sent = moment(message, "createdAt");
        let changed = sent.max(moment(message, field::UPDATED_AT));
        let changed = changed.unwrap_or(DateTime::from_millis(0));
        let known = stamp_of(message).unwrap_or_default();
        self.stamp = self.stamp.max(stamp(changed, self.now)).max(known);
        self.newest_at = self.newest_at.max(Some(sent.unwrap_or_else(|| id.timestamp())));
        if !is_deleted(message) {
            self.shown = self.shown.max(Some((seq, id)));
        }
        self.is_touched |= is_touched(message, self.now);
        self.count_marks(message, seq);
        let place = doc! { "$set": { field::SEQ: seq, field::STAMP: stamp(changed, self.now) } };
        stored.is_none().then(|| doc! { "q": { "_id": id, field::SEQ: Bson::Null }, "u": place })
    }

    fn count_marks(&mut self, message: &RawDocument, seq: i64) {
        let metadata = message.get_document("metadata");
        let Ok(marks) = metadata.and_then(|it| it.get_array("readBy")) else { return };
        codec::for_each_item(marks, |mark| {
            let Some(mark) = mark.as_document() else { return };
            let Ok(user) = mark.get_object_id("userId") else { return };
            let user = UserId(id::ObjectId::from_bytes(user.bytes()));
            let at = mark.get_datetime("readAt").unwrap_or(DateTime::from_millis(0));
            let is_member = || self.before.is_some_and(|it| it.participants.contains(&user));
            if self.cursors.len() >= READERS_LEN_MAX
                && !self.cursors.contains_key(&user)
                && !is_member()
            {
                return;
            }
            let cursor = self.cursors.entry(user).or_insert((seq, at));
            *cursor = (cursor.0.max(seq), cursor.1.max(at));
        });
    }

    /// When the conversation was last active: undated, it has the date of its newest message, else
    /// that of its making.
    pub(super) fn activity(&self) -> Option<DateTime> {
        let before = self.before.filter(|it| it.last_message_at.is_none())?;
        let made = Some(before.created_at.0).filter(|ms| *ms != 0).map(DateTime::from_millis);
        let made = made.unwrap_or_else(|| ObjectId::from_bytes(before.id.0.bytes()).timestamp());
        Some(self.newest_at.unwrap_or(made))
    }

    /// The change after which the conversation names the newest message that is left, if it does not.
    pub(super) fn shown(&self) -> Option<Document> {
        let shown = self.shown.map(|(_, id)| id);
        let known = self.before.and_then(|it| it.last_message);
        if shown.map(|id| id.bytes()) == known.map(|id| id.0.bytes()) {
            return None;
        }
        let named = shown.map(|id| doc! { "$set": { field::LAST_MESSAGE: id } });
        Some(named.unwrap_or_else(|| doc! { "$unset": { field::LAST_MESSAGE: "" } }))
    }

    /// What the conversation says too little of. Greater is right: nothing here ever falls.
    pub(super) fn greater(&self) -> Document {
        let Some(before) = self.before else { return Document::new() };
        let mut greater = Document::new();
        if self.last_seq > before.last_seq {
            greater.insert(field::LAST_SEQ, self.last_seq);
        }
        let known_at = before.last_message_at.map(|at| DateTime::from_millis(at.0));
        if let Some(at) = self.newest_at.filter(|at| Some(*at) > known_at) {
            greater.insert(field::LAST_MESSAGE_AT, at);
        }
        for (user, (seq, at)) in &self.cursors {
            let known = before.read_cursors.iter().find(|it| it.user_id == *user);
            if known.is_none_or(|it| it.seq < *seq || it.at.0 < at.timestamp_millis()) {
                greater.insert(field::read_cursor(*user, "seq"), *seq);
                greater.insert(field::read_cursor(*user, "at"), *at);
            }
        }
        greater
    }

    /// The conversation's stamp once it says all of this; `None` where it said it before.
    pub(super) fn stamp(&self, is_changed: bool) -> Option<i64> {
        let before = self.before?;
        if before.stamp == 0 {
            return Some(self.stamp);
        }
        // Whoever was away since the last stamp finds it by a new one.
        let changed = DateTime::from_millis(before.updated_at.0);
        let is_newer = changed <= self.now && stamp(changed, self.now) > before.stamp;
        let is_behind = is_changed || self.is_touched || is_newer;
        is_behind.then(|| self.stamp.max(stamp(self.now, self.now)))
    }
}

/// Of a change at this time; never 0, which would be none.
fn stamp(at: DateTime, max: DateTime) -> i64 {
    let at_ms = at.timestamp_millis().min(max.timestamp_millis());
    at_ms.saturating_mul(1_000).max(1)
}
