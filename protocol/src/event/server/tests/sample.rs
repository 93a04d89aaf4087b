//! One of each, with the JSON that it must become.

use super::*;

pub(super) const TIME: &str = "2000-02-29T00:00:00.000Z";
pub(super) const CONVERSATION: &str = "c00000000000000000000001";
pub(super) const MESSAGE: &str = "d00000000000000000000001";
pub(super) const ANN: &str = "a00000000000000000000001";
pub(super) const BOB: &str = "b00000000000000000000001";

pub(super) fn now() -> Timestamp {
    Timestamp(951_782_400_000)
}

pub(super) fn conversation_id() -> ConversationId {
    CONVERSATION.parse().unwrap()
}

pub(super) fn message_id() -> MessageId {
    MESSAGE.parse().unwrap()
}

pub(super) fn ann() -> UserId {
    ANN.parse().unwrap()
}

pub(super) fn actor() -> Actor {
    Actor { user_id: ann(), name: "Ann".to_owned(), avatar: None, role: Role::Agent }
}

pub(super) fn sender() -> UserSummary {
    UserSummary {
        id: ann(),
        name: "Ann".to_owned(),
        email: "ann@example.com".to_owned(),
        avatar: Some("https://example.com/ann.png".to_owned()),
        role: Some(Role::Agent),
        status: None,
    }
}

pub(super) fn message() -> Message {
    Message {
        id: message_id(),
        conversation_id: conversation_id(),
        seq: 7,
        sender_id: Reference::Full(sender()),
        client_message_id: None,
        content: "a \"b\" \u{1}\n<é😀>".to_owned(),
        kind: "text".to_owned(),
        metadata: MessageMetadata::default(),
        is_deleted: false,
        deleted_at: None,
        created_at: now(),
        updated_at: now(),
        version: 0,
    }
}

pub(super) fn conversation() -> Conversation {
    Conversation {
        id: conversation_id(),
        participants: vec![
            Reference::Full(UserSummary { status: Some("online".to_owned()), ..sender() }),
            Reference::Id(BOB.parse().unwrap()),
        ],
        subject: None,
        status: "open".to_owned(),
        priority: "medium".to_owned(),
        assigned_to: None,
        tags: Vec::new(),
        last_message: None,
        last_message_at: now(),
        created_by: Reference::Id(ann()),
        closed_at: None,
        closed_by: None,
        metadata: None,
        last_seq: 0,
        unread_count: None,
        created_at: now(),
        updated_at: now(),
        version: 0,
    }
}

pub(super) const MESSAGE_JSON: &str = concat!(
    r#"{"_id":"M","conversationId":"C","seq":7,"senderId":{"_id":"ANN","name":"Ann","#,
    r#""email":"ann@example.com","avatar":"https://example.com/ann.png","role":"agent"},"#,
    r#""content":"a \"b\" \u0001\n<é😀>","type":"text","metadata":{"isEdited":false,"#,
    r#""readBy":[]},"isDeleted":false,"deletedAt":null,"createdAt":"T","updatedAt":"T","__v":0}"#,
);

pub(super) const CONVERSATION_JSON: &str = concat!(
    r#"{"_id":"C","participants":[{"_id":"ANN","name":"Ann","email":"ann@example.com","#,
    r#""avatar":"https://example.com/ann.png","role":"agent","status":"online"},"BOB"],"#,
    r#""status":"open","priority":"medium","assignedTo":null,"tags":[],"lastMessageAt":"T","#,
    r#""createdBy":"ANN","closedAt":null,"closedBy":null,"lastSeq":0,"createdAt":"T","#,
    r#""updatedAt":"T","__v":0}"#,
);

pub(super) const ACTOR_JSON: &str = r#"{"userId":"ANN","name":"Ann","avatar":null,"role":"agent"}"#;
