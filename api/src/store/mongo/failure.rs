//! What the driver reports, in the port's words.

use std::error::Error as StdError;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::store::{Collection, Index, StoreError};

/// Server codes of a unique key that is taken. Source: MongoDB, `error_codes.yml`.
const DUPLICATE: [i32; 3] = [11_000, 11_001, 12_582];

/// Server codes of a change or a document that does not fit: nothing was written. `BadValue`,
/// `TypeMismatch`, `PathNotViable`, `ConflictingUpdateOperators`, `DollarPrefixedFieldName`,
/// `EmptyFieldName`, `ImmutableField`, `DocumentTooLarge` (two). Source: as above.
const MISFIT: [i32; 9] = [2, 14, 28, 40, 52, 56, 66, 10_334, 17_419];

/// The operation took longer than it may; whether it happened is not known.
#[derive(Debug, thiserror::Error)]
#[error("MongoDB did not answer in time")]
pub(super) struct TimedOut;

/// A unique index that is not of ours refused.
#[derive(Debug, thiserror::Error)]
#[error("a unique index that this program does not know refused: {0}")]
struct ForeignIndex(String);

/// A failed operation on a collection.
pub(super) fn translate(collection: Collection, error: Error) -> StoreError {
    if let ErrorKind::Bson(_) = &*error.kind {
        return StoreError::Corrupt(Box::new(error));
    }
    let of_document = match code(&error) {
        Some((code, message)) => by_code(collection, code, message),
        None => None,
    };
    of_document.unwrap_or_else(|| unavailable(error))
}

/// The code and the text with which the server refused one command or one write.
pub(super) fn code(error: &Error) -> Option<(i32, &str)> {
    if let ErrorKind::Command(failed) = &*error.kind {
        Some((failed.code, &failed.message))
    } else if let ErrorKind::Write(WriteFailure::WriteError(failed)) = &*error.kind {
        Some((failed.code, &failed.message))
    } else {
        None
    }
}

/// Whether a unique key was taken.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error).is_some_and(|(code, _)| DUPLICATE.contains(&code))
}

/// What a code says of one document; `None` where it speaks of the server.
pub(super) fn by_code(collection: Collection, code: i32, message: &str) -> Option<StoreError> {
    if DUPLICATE.contains(&code) {
        return Some(duplicate(collection, message));
    }
    MISFIT.contains(&code).then(|| StoreError::Corrupt(message.to_owned().into()))
}

/// Not served now.
pub(super) fn unavailable(error: impl Into<Box<dyn StdError + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(error.into())
}

fn duplicate(collection: Collection, message: &str) -> StoreError {
    let name = index_name(message);
    if name == "_id_" {
        return StoreError::Duplicate(None);
    }
    match collection.indexes().find(|index: &&'static Index| index.name == name) {
        Some(index) => StoreError::Duplicate(Some(index)),
        None => StoreError::Corrupt(Box::new(ForeignIndex(name.to_owned()))),
    }
}

/// The index that a message of the server names. What stands behind `dup key` is data and may say
/// anything; neither a database's nor an index's name of ours holds a space.
fn index_name(message: &str) -> &str {
    let known = message.split_once(" dup key").map_or(message, |(before, _)| before);
    let behind = known.split_once(" index: ").map_or("", |(_, behind)| behind);
    behind.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::index::{MESSAGES_BY_CLIENT_ID, USERS_BY_EMAIL};

    #[track_caller]
    fn index_of(collection: Collection, message: &str) -> Option<&'static Index> {
        match by_code(collection, 11_000, message) {
            Some(StoreError::Duplicate(index)) => index,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_duplicate_names_its_index_whatever_the_key_says() {
        let text = "E11000 duplicate key error collection: voxora-chat.messages \
                    index: conversationId_1_senderId_1_clientMessageId_1 dup key: { conversationId: \
                    ObjectId('000000000000000000000007'), clientMessageId: \" index: _id_ dup key\" }";
        assert_eq!(index_of(Collection::Messages, text), Some(&MESSAGES_BY_CLIENT_ID));
        let text = "E11000 duplicate key error collection: a.users index: _id_ dup key: { _id: 1 }";
        assert_eq!(index_of(Collection::Users, text), None);
    }

    #[test]
    fn a_collation_between_name_and_key_is_no_part_of_the_name() {
        let text = "E11000 duplicate key error collection: a.users index: email_1 \
                    collation: { locale: \"simple\" } dup key: { email: \"x\" }";
        assert_eq!(index_of(Collection::Users, text), Some(&USERS_BY_EMAIL));
    }

    #[test]
    fn an_unknown_unique_index_is_not_mistaken_for_one_of_ours() {
        let text = "E11000 duplicate key error collection: a.users index: phone_1 dup key: {}";
        let refused = by_code(Collection::Users, 11_000, text);
        assert!(matches!(refused, Some(StoreError::Corrupt(_))), "{refused:?}");
    }
}
