//! Where an answer ended, as clients carry it: opaque to them, checked when it comes back.
//!
//! The same cursor serves a join and a sync.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::id::ConversationId;
use protocol::time::Timestamp;

use super::{CURSOR_AGE_MS_MAX, MARGIN_MS};
use crate::error::Error;
use crate::service::cursor;

/// How far a client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bookmark {
    /// Changes up to this stamp are known to the client; `None`: nothing is.
    pub(super) since: Option<i64>,
    /// A conversation of which it knows more.
    pub(super) joined: Option<Joined>,
    /// Where a sync is to be continued that was too long for one answer.
    pub(super) rest: Option<Rest>,
}

/// How far a client got in one conversation. Beside the rest of the bookmark, so that a client that
/// keeps one cursor for everything misses nothing elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joined {
    /// Which.
    pub(super) id: ConversationId,
    /// Changes up to this stamp are known.
    pub(super) since: i64,
    /// Where the answer was too long for one: up to which stamp changes are known behind its end.
    pub(super) floor: Option<i64>,
}

/// An answer in pieces. All of them are about changes since the same stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rest {
    /// Up to which stamp changes are known after the last piece; from before the first, since what
    /// was invisible then may be missing in any.
    pub(super) floor: i64,
    /// The changed conversations, in the order of their stamps.
    pub(super) conversations: Progress<(i64, ConversationId)>,
    /// The earlier messages of named conversations, in the order of their ids.
    pub(super) named: Progress<ConversationId>,
}

/// How much of a list was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress<T> {
    /// Nothing.
    Begin,
    /// Everything up to this place.
    Behind(T),
    /// Everything.
    Done,
}

impl Bookmark {
    /// A complete answer: nothing is left of it.
    pub(super) const fn at(since: i64) -> Self {
        Self { since: Some(since), joined: None, rest: None }
    }

    /// What a client without a cursor has.
    pub(super) const NOTHING: Self = Self { since: None, joined: None, rest: None };

    /// Where the answer to a sync begins, and what is known behind it.
    pub(super) fn rest_or_begin(self, floor: i64) -> Rest {
        let begin = Rest { floor, conversations: Progress::Begin, named: Progress::Begin };
        self.rest.unwrap_or(begin)
    }

    /// How far the client got in this conversation.
    pub(super) fn in_conversation(self, id: ConversationId) -> Option<Joined> {
        let elsewhere = self.since.map(|since| Joined { id, since, floor: None });
        self.joined.filter(|joined| joined.id == id).or(elsewhere)
    }

    /// Whether it knows of changes well behind the greatest visible stamp: those of a history that was
    /// given up for a backup. That stamp may be a moment old, and no cursor stands so far ahead of it.
    pub(super) fn is_ahead(self, newest: i64) -> bool {
        let Self { since, joined, rest } = self;
        let stamps = [since, joined.map(|it| it.since), rest.map(|it| it.floor)];
        let ahead = newest.saturating_add(MARGIN_MS * 1_000);
        stamps.into_iter().flatten().any(|stamp| stamp > ahead)
    }

    /// As clients carry it: with the history that it is of and the moment of the answer.
    pub(super) fn encode(self, epoch: &str, now: Timestamp) -> String {
        URL_SAFE_NO_PAD.encode(format!("{epoch}/{}/{self}", now.0))
    }

    /// Where a client stands who brought this back, or nothing; `None` when that is too old or of
    /// another history.
    ///
    /// # Errors
    /// It is not ours.
    pub(super) fn of(
        cursor: Option<&str>,
        epoch: &str,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        cursor.map_or(Ok(Some(Self::NOTHING)), |text| Self::decode(text, epoch, now))
    }

    /// Reads what a client brought back; `None` when it is too old or of another history.
    ///
    /// # Errors
    /// It is not ours.
    fn decode(text: &str, epoch: &str, now: Timestamp) -> Result<Option<Self>, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| cursor::refused())?;
        let plain = String::from_utf8(bytes).map_err(|_| cursor::refused())?;
        let (of, plain) = plain.split_once('/').ok_or_else(cursor::refused)?;
        let (made, plain) = plain.split_once('/').ok_or_else(cursor::refused)?;
        let made: i64 = made.parse().map_err(|_| cursor::refused())?;
        let bookmark = read(plain).ok_or_else(cursor::refused)?;
        let is_fresh = now.0.saturating_sub(made) <= CURSOR_AGE_MS_MAX;
        Ok((of == epoch && is_fresh).then_some(bookmark))
    }
}

/// `since/joined`, or `since/joined/floor/conversations/named`; `-` for nothing and `*` for all.
impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.since {
            Some(since) => write!(f, "{since}/")?,
            None => f.write_str("-/")?,
        }
        match self.joined {
            Some(Joined { id, since, floor: Some(floor) }) => write!(f, "{id}.{since}.{floor}")?,
            Some(Joined { id, since, floor: None }) => write!(f, "{id}.{since}")?,
            None => f.write_str("-")?,
        }
        let Some(rest) = self.rest else { return Ok(()) };
        write!(f, "/{}/", rest.floor)?;
        match rest.conversations {
            Progress::Begin => f.write_str("-")?,
            Progress::Behind((stamp, id)) => write!(f, "{stamp}.{id}")?,
            Progress::Done => f.write_str("*")?,
        }
        match rest.named {
            Progress::Begin => f.write_str("/-"),
            Progress::Behind(id) => write!(f, "/{id}"),
            Progress::Done => f.write_str("/*"),
        }
    }
}

fn read(plain: &str) -> Option<Bookmark> {
    let mut parts = plain.split('/');
    let since = match parts.next()? {
        "-" => None,
        stamp => Some(stamp.parse().ok()?),
    };
    let joined = match parts.next()? {
        "-" => None,
        joined => Some(read_joined(joined)?),
    };
    let Some(floor) = parts.next() else {
        return Some(Bookmark { since, joined, rest: None });
    };
    let place = |text: &str| {
        let (stamp, id) = text.split_once('.')?;
        Some((stamp.parse().ok()?, id.parse().ok()?))
    };
    let rest = Rest {
        floor: floor.parse().ok()?,
        conversations: progress(parts.next()?, place)?,
        named: progress(parts.next()?, |text| text.parse().ok())?,
    };
    parts.next().is_none().then_some(Bookmark { since, joined, rest: Some(rest) })
}

fn read_joined(text: &str) -> Option<Joined> {
    let mut parts = text.split('.');
    let (id, since) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let floor = parts.next().map(str::parse).transpose().ok()?;
    parts.next().is_none().then_some(Joined { id, since, floor })
}

fn progress<T>(text: &str, place: impl FnOnce(&str) -> Option<T>) -> Option<Progress<T>> {
    Some(match text {
        "-" => Progress::Begin,
        "*" => Progress::Done,
        text => Progress::Behind(place(text)?),
    })
}

#[cfg(test)]
mod tests {
    use protocol::rest::request::CURSOR_UNITS_MAX;

    use super::*;

    const ID: &str = "507f1f77bcf86cd799439011";

    fn all() -> Vec<Bookmark> {
        let id: ConversationId = ID.parse().unwrap();
        let place = Progress::Behind((i64::MIN, id));
        let mut rests = vec![None];
        for conversations in [Progress::Begin, place, Progress::Done] {
            for named in [Progress::Begin, Progress::Behind(id), Progress::Done] {
                rests.push(Some(Rest { floor: i64::MIN, conversations, named }));
            }
        }
        let mut out = Vec::new();
        for since in [None, Some(0), Some(i64::MIN), Some(i64::MAX)] {
            let joined = |floor| Some(Joined { id, since: i64::MIN, floor });
            for joined in [None, joined(None), joined(Some(i64::MIN))] {
                out.extend(rests.iter().map(|&rest| Bookmark { since, joined, rest }));
            }
        }
        out
    }

    #[test]
    fn bookmarks_round_trip_and_fit_where_cursors_are_read() {
        let epoch = ID;
        for bookmark in all() {
            let made = Timestamp(i64::MIN);
            let text = bookmark.encode(epoch, made);
            assert!(text.len() <= CURSOR_UNITS_MAX, "{text}");
            assert_eq!(Bookmark::decode(&text, epoch, made).unwrap(), Some(bookmark));
            assert_eq!(Bookmark::decode(&text, "another", made).unwrap(), None);
            assert_eq!(Bookmark::decode(&text, epoch, Timestamp(0)).unwrap(), None);
        }
    }

    #[test]
    fn cursor_is_ahead_of_a_store_that_lost_more_than_the_margin() {
        let newest = 1_000_000_000;
        let margin = MARGIN_MS * 1_000;
        let id: ConversationId = ID.parse().unwrap();
        let (conversations, named) = (Progress::Begin, Progress::Begin);
        for (stamp, is_ahead) in [(newest + margin, false), (newest + margin + 1, true)] {
            let joined = Some(Joined { id, since: stamp, floor: None });
            let rest = Some(Rest { floor: stamp, conversations, named });
            for bookmark in [
                Bookmark::at(stamp),
                Bookmark { joined, ..Bookmark::NOTHING },
                Bookmark { rest, ..Bookmark::at(newest) },
            ] {
                assert_eq!(bookmark.is_ahead(newest), is_ahead, "{bookmark}");
            }
        }
        assert!(!Bookmark::NOTHING.is_ahead(i64::MIN));
    }

    #[test]
    fn anything_else_is_refused() {
        let plain = [
            "",
            "e",
            "e/",
            "e/-",
            "e/x/-",
            "e/1",
            "e/1/x",
            "e/1/-/2",
            "e/1/-/2/-",
            "e/1/-/2/-/x",
            "e/1/-/2/-/-/-",
            "e/1/507f1f77bcf86cd799439011.1.2.3",
            "e/1/507f1f77bcf86cd799439011",
        ];
        let with_moment = |text: &str| URL_SAFE_NO_PAD.encode(text.replacen('/', "/0/", 1));
        for text in plain.map(with_moment) {
            assert!(Bookmark::decode(&text, "e", Timestamp(0)).is_err(), "{text}");
        }
        for text in ["%", "é", "AA=="] {
            assert!(Bookmark::decode(text, "e", Timestamp(0)).is_err(), "{text}");
        }
    }
}
