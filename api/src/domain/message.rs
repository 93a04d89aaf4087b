//! A message. Source: contract O4, "messages", and 1.6, 1.7 for what is ours.

use bson::raw::{RawArrayBuf, RawBsonRef};
use bson::{Bson, RawDocument, RawDocumentBuf, doc};
use protocol::id::{ConversationId, MessageId, ObjectId, ReadMarkId, UserId};
use protocol::rest::resource::{ClientMetadata, Edit, ReadMark};
use protocol::time::Timestamp;
use ring::digest::{SHA256, digest};

use super::NOBODY;
use super::codec::{self, Malformed, Writer};

/// A message as stored. The text of a deleted one is still there: see
/// `service/view.rs` for what is shown of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Where it stands; [`NOWHERE`] if the document names no conversation.
    pub conversation_id: ConversationId,
    /// Its place there, from 1; 0 in an old database that was not back-filled yet.
    pub seq: i64,
    /// Who wrote it; [`NOBODY`] if the document names no sender.
    pub sender_id: UserId,
    /// The sender's own key for retries.
    pub client_message_id: Option<String>,
    /// The text.
    pub content: String,
    /// `text`, `file`, `image`, `system`, or whatever an old database holds.
    pub kind: String,
    /// True once edited.
    pub is_edited: bool,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Earlier texts, newest last.
    pub edit_history: Vec<Edit>,
    /// What the client said about an attached file and the sender.
    pub client: ClientMetadata,
    /// Read marks that the original wrote; ours are cursors on the conversation.
    pub read_by: Vec<ReadMark>,
    /// True once deleted.
    pub is_deleted: bool,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When it last changed, see [`crate::clock`]; 0 in an old database.
    pub stamp: i64,
    /// When it was last edited, or deleted; 0 before, and in an old database.
    pub change_stamp: i64,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Mongoose's version key.
    pub version: i32,
}

/// Where a message stands that names no conversation: no conversation has this id.
pub const NOWHERE: ConversationId = ConversationId(ObjectId::from_bytes([0; 12]));

impl Message {
    /// Reads a stored message. `isDeleted` alone decides whether it is deleted; `deletedAt` only
    /// tells when.
    ///
    /// # Errors
    /// [`Malformed`] without an id.
    pub fn decode(document: &RawDocument) -> Result<Self, Malformed> {
        let (mut id, mut metadata) = (None, None);
        let mut it = Self::new(MessageId(NOWHERE.0), NOWHERE, NOBODY);
        codec::for_each(document, |key, value| match key {
            "_id" => id = codec::object_id(value).map(MessageId),
            "conversationId" => {
                it.conversation_id = codec::object_id(value).map_or(NOWHERE, ConversationId);
            }
            "seq" => it.seq = codec::integer(value).unwrap_or_default(),
            "senderId" => it.sender_id = codec::object_id(value).map_or(NOBODY, UserId),
            "clientMessageId" => it.client_message_id = codec::text(value),
            "content" => it.content = codec::text(value).unwrap_or_default(),
            "type" => it.kind = codec::text(value).unwrap_or_default(),
            "metadata" => metadata = value.as_document(),
            "isDeleted" => it.is_deleted = codec::is_marked(value),
            "deletedAt" => it.deleted_at = codec::date(value),
            "stamp" => it.stamp = codec::integer(value).unwrap_or_default(),
            "changeStamp" => it.change_stamp = codec::integer(value).unwrap_or_default(),
            "createdAt" => it.created_at = codec::date(value).unwrap_or_default(),
            "updatedAt" => it.updated_at = codec::date(value).unwrap_or_default(),
            "__v" => it.version = codec::version(value),
            _ => {}
        })?;
        it.id = id.ok_or(Malformed("_id"))?;
        if let Some(metadata) = metadata {
            it.decode_metadata(metadata);
        }
        it.deleted_at = it.is_deleted.then(|| it.deleted_at.unwrap_or(it.updated_at));
        Ok(it)
    }

    /// A message without text or place yet.
    pub fn new(id: MessageId, conversation_id: ConversationId, sender_id: UserId) -> Self {
        Self {
            id,
            conversation_id,
            seq: 0,
            sender_id,
            client_message_id: None,
            content: String::new(),
            kind: "text".to_owned(),
            is_edited: false,
            edited_at: None,
            edit_history: Vec::new(),
            client: ClientMetadata::default(),
            read_by: Vec::new(),
            is_deleted: false,
            deleted_at: None,
            stamp: 0,
            change_stamp: 0,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 0,
        }
    }

    fn decode_metadata(&mut self, document: &RawDocument) {
        // A broken tail leaves what was read before it.
        let _ = codec::for_each(document, |key, value| match key {
            "isEdited" => self.is_edited = value.as_bool().unwrap_or_default(),
            "editedAt" => self.edited_at = codec::date(value),
            "editHistory" => self.edit_history = edits(value),
            "readBy" => self.read_by = read_marks(value, self.id),
            "fileName" => self.client.file_name = codec::text(value),
            "fileSize" => {
                self.client.file_size = codec::number(value).filter(|size| size.is_finite());
            }
            "fileType" => self.client.file_type = codec::text(value),
            "fileUrl" => self.client.file_url = codec::text(value),
            "senderName" => self.client.sender_name = codec::text(value),
            "senderEmail" => self.client.sender_email = codec::text(value),
            "source" => self.client.source = codec::text(value),
            _ => {}
        });
    }

    /// Writes a new message as stored: never edited, read or deleted, which only changes set.
    pub fn encode_new(&self) -> RawDocumentBuf {
        let mut out = Writer::new();
        out.id("_id", self.id.0)
            .id("conversationId", self.conversation_id.0)
            .id("senderId", self.sender_id.0)
            .text("content", &self.content)
            .text("type", &self.kind)
            .document("metadata", &encode_metadata(&self.client))
            .flag("isDeleted", false)
            .null("deletedAt")
            .integer("seq", self.seq)
            .integer("stamp", self.stamp);
        if let Some(key) = &self.client_message_id {
            out.text("clientMessageId", key);
        }
        out.date("createdAt", self.created_at)
            .date("updatedAt", self.updated_at)
            .version(self.version)
            .finish()
    }
}

/// A replaced text, as an item of the stored history.
pub fn encode_edit(content: &str, edited_at: Timestamp) -> Bson {
    Bson::Document(doc! {
        "content": content,
        "editedAt": bson::DateTime::from_millis(edited_at.0),
    })
}

fn encode_metadata(client: &ClientMetadata) -> RawDocumentBuf {
    let mut out = Writer::new();
    out.flag("isEdited", false).array("readBy", &RawArrayBuf::new());
    let texts = [
        ("fileName", &client.file_name),
        ("fileType", &client.file_type),
        ("fileUrl", &client.file_url),
        ("senderName", &client.sender_name),
        ("senderEmail", &client.sender_email),
        ("source", &client.source),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            out.text(key, text);
        }
    }
    if let Some(size) = client.file_size {
        out.number("fileSize", size);
    }
    out.finish()
}

fn edits(value: RawBsonRef<'_>) -> Vec<Edit> {
    let mut out = Vec::new();
    let Some(array) = value.as_array() else { return out };
    codec::for_each_item(array, |item| {
        let Some(document) = item.as_document() else { return };
        let mut edit = Edit { content: String::new(), edited_at: Timestamp(0) };
        let _ = codec::for_each(document, |key, value| match key {
            "content" => edit.content = codec::text(value).unwrap_or_default(),
            "editedAt" => edit.edited_at = codec::date(value).unwrap_or_default(),
            _ => {}
        });
        out.push(edit);
    });
    out
}

/// The id of a mark that is stored without one: made of what it is about, so that it stays the same.
pub fn read_mark_id(message: MessageId, reader: UserId) -> ReadMarkId {
    let about = [message.0.bytes(), reader.0.bytes()].concat();
    let mut out = [0; 12];
    for (byte, digested) in out.iter_mut().zip(digest(&SHA256, &about).as_ref()) {
        *byte = *digested;
    }
    ReadMarkId(ObjectId::from_bytes(out))
}

fn read_marks(value: RawBsonRef<'_>, message: MessageId) -> Vec<ReadMark> {
    let mut out = Vec::new();
    let Some(array) = value.as_array() else { return out };
    codec::for_each_item(array, |item| {
        let Some(document) = item.as_document() else { return };
        let (mut id, mut user_id, mut read_at) = (None, None, Timestamp(0));
        let _ = codec::for_each(document, |key, value| match key {
            "_id" => id = codec::object_id(value).map(ReadMarkId),
            "userId" => user_id = codec::object_id(value).map(UserId),
            "readAt" => read_at = codec::date(value).unwrap_or_default(),
            _ => {}
        });
        let Some(user_id) = user_id else { return };
        let id = id.unwrap_or_else(|| read_mark_id(message, user_id));
        out.push(ReadMark { user_id, read_at, id });
    });
    out
}
