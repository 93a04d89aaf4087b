//! Where a page of a list ended, as clients carry it: opaque to them, checked when it comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::id::{ConversationId, UserId};
use protocol::schema::Violation;
use protocol::time::Timestamp;

use crate::error::Error;

/// A place in a list of conversations, newest activity first: the greatest place comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConversationPlace {
    /// Its last activity; `None` where no date is stored.
    pub(crate) at: Option<Timestamp>,
    /// Which one.
    pub(crate) id: ConversationId,
}

impl ConversationPlace {
    /// As clients carry it.
    pub(crate) fn encode(self) -> String {
        let at = self.at.map(|at| at.0.to_string()).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!("{at}.{}", self.id))
    }

    /// Reads what a client brought back.
    ///
    /// # Errors
    /// It is not ours.
    pub(crate) fn decode(text: &str) -> Result<Self, Error> {
        let plain = plain(text)?;
        let (at, id) = plain.split_once('.').ok_or_else(refused)?;
        let at = match at {
            "" => None,
            at => Some(Timestamp(at.parse().map_err(|_| refused())?)),
        };
        Ok(Self { at, id: id.parse().map_err(|_| refused())? })
    }
}

/// A place in a conversation's history, and which way a page goes on from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistoryPlace {
    /// Towards the oldest message.
    Before(i64),
    /// Towards the newest.
    After(i64),
}

impl HistoryPlace {
    /// As clients carry it.
    pub(crate) fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(match self {
            Self::Before(seq) => seq.to_string(),
            Self::After(seq) => format!(">{seq}"),
        })
    }

    /// Reads what a client brought back.
    ///
    /// # Errors
    /// It is not ours.
    pub(crate) fn decode(text: &str) -> Result<Self, Error> {
        let plain = plain(text)?;
        let seq = |text: &str| text.parse().map_err(|_| refused());
        match plain.strip_prefix('>') {
            Some(after) => Ok(Self::After(seq(after)?)),
            None => Ok(Self::Before(seq(&plain)?)),
        }
    }
}

/// A place in the list of people, in the order of their addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PersonPlace {
    /// Behind this address.
    Address(String),
    /// Behind somebody whose stored address is no text.
    Person(UserId),
}

impl PersonPlace {
    /// As clients carry it.
    pub(crate) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(match self {
            Self::Address(email) => format!("@{email}"),
            Self::Person(id) => format!("#{id}"),
        })
    }

    /// Reads what a client brought back.
    ///
    /// # Errors
    /// It is not ours.
    pub(crate) fn decode(text: &str) -> Result<Self, Error> {
        let plain = plain(text)?;
        if let Some(id) = plain.strip_prefix('#') {
            return Ok(Self::Person(id.parse().map_err(|_| refused())?));
        }
        plain.strip_prefix('@').map(|email| Self::Address(email.to_owned())).ok_or_else(refused)
    }
}

fn plain(text: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    String::from_utf8(bytes).map_err(|_| refused())
}

/// What is said of a cursor that is not ours.
pub(crate) fn refused() -> Error {
    let message = "\"cursor\" is not one that this server gave".to_owned();
    Error::invalid(vec![Violation { field: "cursor".to_owned(), message }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_round_trip_and_anything_else_is_a_violation() {
        let id = "507f1f77bcf86cd799439011".parse().unwrap();
        let person = "507f1f77bcf86cd799439011".parse().unwrap();
        let at = Some(Timestamp(1_767_225_599_007));
        let place = ConversationPlace { at, id };
        for place in [place, ConversationPlace { at: None, id }] {
            assert_eq!(ConversationPlace::decode(&place.encode()).unwrap(), place);
        }
        for history in [HistoryPlace::Before(42), HistoryPlace::After(42)] {
            assert_eq!(HistoryPlace::decode(&history.encode()).unwrap(), history);
            assert!(ConversationPlace::decode(&history.encode()).is_err());
            assert!(PersonPlace::decode(&history.encode()).is_err());
        }
        for text in ["", "42", "%", "Pg"] {
            assert!(ConversationPlace::decode(text).is_err(), "{text}");
            assert!(HistoryPlace::decode(text).is_err(), "{text}");
        }
        assert!(HistoryPlace::decode(&place.encode()).is_err());
        for place in [PersonPlace::Address("a@b.co".to_owned()), PersonPlace::Person(person)] {
            assert_eq!(PersonPlace::decode(&place.encode()).unwrap(), place);
        }
    }
}
