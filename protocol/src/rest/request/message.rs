//! Messages. Source: contract O1.5, 1.6, 1.7, 1.8.

use super::{CURSOR, LIMIT, MESSAGES_LIMIT_DEFAULT, PAGE, Page, Request};
use crate::id::ConversationId;
use crate::rest::resource::ClientMetadata;
use crate::rest::word::MessageKind;
use crate::schema::{Checked, Field, Form, Rule, Schema, Unknown, text};
use crate::time::Timestamp;

/// `POST /messages`, `send_message`
#[derive(Debug, Clone, PartialEq)]
pub struct SendMessage {
    /// Where to.
    pub conversation_id: ConversationId,
    /// Without control characters; at most [`CONTENT_UNITS_MAX`].
    pub content: String,
    /// `text` unless said otherwise.
    pub kind: MessageKind,
    /// What the client said about a file and the sender.
    pub metadata: ClientMetadata,
    /// The sender's own key for retries.
    pub client_message_id: Option<String>,
}

impl Request for SendMessage {
    const SCHEMA: &'static Schema =
        &Schema { name: "SendMessage", fields: SEND_FIELDS, unknown: Unknown::Refused };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self {
            conversation_id: checked.id("conversationId")?,
            content: content(checked)?,
            kind: checked.text("type").map_or(Some(MessageKind::Text), MessageKind::from_word)?,
            metadata: checked.object("metadata").map(|m| metadata(&m)).unwrap_or_default(),
            client_message_id: checked.text("clientMessageId").map(str::to_owned),
        })
    }
}

/// `PUT /messages/:id`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditMessage {
    /// The new text, as in [`SendMessage`].
    pub content: String,
}

impl Request for EditMessage {
    const SCHEMA: &'static Schema =
        &Schema { name: "EditMessage", fields: &[CONTENT], unknown: Unknown::Dropped };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self { content: content(checked)? })
    }
}

/// `GET /messages/conversation/:id`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListMessages {
    /// Which page; page 1 is the newest.
    pub page: Page,
    /// Only those sent earlier than this.
    pub before: Option<Timestamp>,
    /// Only those behind this place, oldest first.
    pub after_seq: Option<i64>,
    /// Only those before this place, newest page first.
    pub before_seq: Option<i64>,
}

impl Request for ListMessages {
    const SCHEMA: &'static Schema = &Schema {
        name: "ListMessages",
        fields: &[
            PAGE,
            LIMIT,
            CURSOR,
            Field::optional("before", Rule::Date, "Only those sent earlier."),
            Field::optional("afterSeq", SEQ, "Only those behind this place."),
            Field::optional("beforeSeq", SEQ, "Only those before this place."),
        ],
        unknown: Unknown::Dropped,
    };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self {
            page: Page::read(checked, MESSAGES_LIMIT_DEFAULT),
            before: checked.moment("before"),
            after_seq: checked.integer("afterSeq"),
            before_seq: checked.integer("beforeSeq"),
        })
    }
}

/// `POST /messages/conversation/:id/read`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkRead {
    /// Everything up to this place is read.
    pub seq: i64,
}

impl Request for MarkRead {
    const SCHEMA: &'static Schema = &Schema {
        name: "MarkRead",
        fields: &[Field::required("seq", SEQ, "Everything up to this place is read.")],
        unknown: Unknown::Refused,
    };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self { seq: checked.integer("seq")? })
    }
}

/// The text to store: without control characters, and without surrounding blanks only where it
/// would be over the limit with them.
///
/// COMPAT: the original stores surrounding blanks; pinned by `surrounding_blanks_are_stored`.
pub(crate) fn content(checked: &Checked<'_>) -> Option<String> {
    let content = text::clean(checked.text("content")?);
    if text::fits(&content, CONTENT_UNITS_MAX) {
        Some(content.into_owned())
    } else {
        Some(text::trim(&content).to_owned())
    }
}

fn metadata(checked: &Checked<'_>) -> ClientMetadata {
    let owned = |name| checked.text(name).map(|text| text::clean(text).into_owned());
    ClientMetadata {
        file_name: owned("fileName"),
        file_size: checked.number("fileSize"),
        file_type: owned("fileType"),
        file_url: owned("fileUrl"),
        sender_name: owned("senderName"),
        sender_email: owned("senderEmail"),
        source: owned("source"),
    }
}

/// The longest text, in UTF-16 units without surrounding blanks; a longer one is refused.
pub const CONTENT_UNITS_MAX: usize = 5_000;

/// The longest text of the metadata, in UTF-16 units; a longer one is refused.
pub const METADATA_UNITS_MAX: usize = 200;

/// The longest `clientMessageId`, in UTF-16 units; a longer one is refused.
pub const CLIENT_MESSAGE_ID_UNITS_MAX: usize = 64;

/// The address of a file may be longer than the other metadata, in UTF-16 units.
pub const FILE_URL_UNITS_MAX: usize = 2_000;

pub(crate) const SEND_FIELDS: &[Field] = &[
    CONVERSATION_ID,
    CONTENT,
    Field::optional("type", Rule::OneOf(MessageKind::WORDS), "`text` unless said otherwise."),
    Field::optional("metadata", Rule::Object(&METADATA), "About a file or the sender."),
    Field::optional(
        "clientMessageId",
        Rule::text(1, CLIENT_MESSAGE_ID_UNITS_MAX),
        "The sender's own key: a retry with it returns the first message.",
    ),
];

pub(crate) const CONVERSATION_ID: Field =
    Field::required("conversationId", Rule::Id, "Which conversation.");

pub(crate) const MESSAGE_ID: Field = Field::required("messageId", Rule::Id, "Which message.");

pub(crate) const CONTENT: Field = Field::required(
    "content",
    Rule::Text { min: 1, max: CONTENT_UNITS_MAX, form: Form::Trimmed },
    "Plain text; surrounding blanks do not count.",
);

/// A place in a conversation; 0 stands before the first.
pub(crate) const SEQ: Rule = Rule::Integer { min: 0, max: i64::MAX };

/// What a client may say about a message. Other keys are dropped, as the original does.
pub const METADATA: Schema = Schema {
    name: "SendMessageMetadata",
    fields: &[
        Field::lenient("fileName", METADATA_TEXT, "Of an attached file."),
        Field::lenient("fileSize", Rule::Size, "In bytes."),
        Field::lenient("fileType", METADATA_TEXT, "Its media type."),
        Field::lenient(
            "fileUrl",
            Rule::Text { min: 1, max: FILE_URL_UNITS_MAX, form: Form::Http },
            "Where it can be fetched.",
        ),
        Field::lenient("senderName", METADATA_TEXT, "A name to show instead of the account's."),
        Field::lenient("senderEmail", METADATA_TEXT, "An address to show likewise."),
        Field::lenient("source", METADATA_TEXT, "Where the message came from."),
    ],
    unknown: Unknown::Dropped,
};

const METADATA_TEXT: Rule = Rule::text(0, METADATA_UNITS_MAX);
