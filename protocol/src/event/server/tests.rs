mod sample;

use super::*;
use crate::event::client::{ClientEvent, EventKind};
use crate::id::{ConversationId, MessageId, ReadMarkId, UserId};
use crate::rest::resource::{
    ClientMetadata, Edit, MessageMetadata, ReadMark, Reference, UserSummary,
};
use crate::rest::word::{ConversationStatus, Priority};
use sample::{
    ACTOR_JSON, ANN, BOB, CONVERSATION, CONVERSATION_JSON, MESSAGE, MESSAGE_JSON, TIME, actor, ann,
    conversation, conversation_id, message, message_id, now, sender,
};

/// What the event is on the wire, with short names for the ids and the time.
fn encoded(event: &ServerEvent) -> String {
    let mut out = b"prefix".to_vec();
    event.encode(&mut out);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("prefix").unwrap();
    assert!(row::TABLE.iter().any(|row| row.name == event.name()), "{}", event.name());
    let list: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    assert!(list.last().unwrap().is_object(), "a string would be taken for an offset: {text}");
    [(TIME, "T"), (CONVERSATION, "C"), (MESSAGE, "M"), (ANN, "ANN"), (BOB, "BOB")]
        .iter()
        .fold(text.to_owned(), |text, (long, short)| text.replace(long, short))
}

#[test]
fn new_message_carries_the_message_and_its_room() {
    let event = NewMessage { message: message(), conversation_id: conversation_id() };
    assert_eq!(
        encoded(&ServerEvent::NewMessage(Box::new(event))),
        format!(r#"["new_message",{{"message":{MESSAGE_JSON},"conversationId":"C"}}]"#)
    );
}

#[test]
fn metadata_shows_what_is_set() {
    let metadata = MessageMetadata {
        is_edited: true,
        edited_at: Some(now()),
        edit_history: vec![Edit { content: "old".to_owned(), edited_at: now() }],
        client: ClientMetadata {
            file_name: Some("a.png".to_owned()),
            file_size: Some(12.0),
            file_type: Some("image/png".to_owned()),
            file_url: Some("https://example.com/a.png".to_owned()),
            sender_name: Some("A".to_owned()),
            sender_email: Some("a@example.com".to_owned()),
            source: Some("widget".to_owned()),
        },
        read_by: vec![ReadMark { user_id: ann(), read_at: now(), id: ReadMarkId(ann().0) }],
    };
    let json = serde_json::to_string(&metadata).unwrap().replace(TIME, "T").replace(ANN, "ANN");
    assert_eq!(
        json,
        concat!(
            r#"{"isEdited":true,"editedAt":"T","editHistory":[{"content":"old","editedAt":"T"}],"#,
            r#""fileName":"a.png","fileSize":12,"fileType":"image/png","#,
            r#""fileUrl":"https://example.com/a.png","senderName":"A","#,
            r#""senderEmail":"a@example.com","source":"widget","#,
            r#""readBy":[{"userId":"ANN","readAt":"T","_id":"ANN"}]}"#
        )
    );
    let half = ClientMetadata { file_size: Some(1.5), ..ClientMetadata::default() };
    assert_eq!(serde_json::to_string(&half).unwrap(), r#"{"fileSize":1.5}"#);
}

#[test]
fn events_about_a_message() {
    let (message_id, conversation_id, timestamp) = (message_id(), conversation_id(), now());
    for (event, json) in [
        (
            ServerEvent::MessageEdited(MessageEdited {
                message_id,
                content: "new".to_owned(),
                edited_at: timestamp,
                conversation_id,
            }),
            r#"["message_edited",{"messageId":"M","content":"new","editedAt":"T","conversationId":"C"}]"#,
        ),
        (
            ServerEvent::MessageDeleted(MessageDeleted {
                message_id,
                deleted_by: ann(),
                timestamp,
                conversation_id,
            }),
            r#"["message_deleted",{"messageId":"M","deletedBy":"ANN","timestamp":"T","conversationId":"C"}]"#,
        ),
        (
            ServerEvent::MessageRead(MessageRead {
                message_id,
                read_by: ann(),
                read_at: timestamp,
                conversation_id,
                unread_count: None,
            }),
            r#"["message_read",{"messageId":"M","readBy":"ANN","readAt":"T","conversationId":"C"}]"#,
        ),
        (
            ServerEvent::MessageRead(MessageRead {
                message_id,
                read_by: ann(),
                read_at: timestamp,
                conversation_id,
                unread_count: Some(0),
            }),
            r#"["message_read",{"messageId":"M","readBy":"ANN","readAt":"T","conversationId":"C","unreadCount":0}]"#,
        ),
        (
            ServerEvent::MessageSent(MessageSent { message_id, conversation_id, timestamp }),
            r#"["message_sent",{"messageId":"M","conversationId":"C","timestamp":"T"}]"#,
        ),
    ] {
        assert_eq!(encoded(&event), json);
    }
}

#[test]
fn events_about_a_conversation() {
    let created = ConversationCreated { conversation: conversation(), created_by: actor() };
    assert_eq!(
        encoded(&ServerEvent::ConversationCreated(Box::new(created))),
        format!(
            r#"["conversation_created",{{"conversation":{CONVERSATION_JSON},"createdBy":{ACTOR_JSON}}}]"#
        )
    );
    let updates = ConversationChanges {
        status: Some(ConversationStatus::Resolved),
        assigned_to: Some(None),
        priority: Some(Priority::Urgent),
        tags: Some(vec!["a".to_owned()]),
    };
    let updated = ConversationUpdated {
        conversation_id: conversation_id(),
        updates,
        updated_by: actor(),
        timestamp: now(),
    };
    assert_eq!(
        encoded(&ServerEvent::ConversationUpdated(updated)),
        format!(
            r#"["conversation_updated",{{"conversationId":"C","updates":{{"status":"resolved","assignedTo":null,"priority":"urgent","tags":["a"]}},"updatedBy":{ACTOR_JSON},"timestamp":"T"}}]"#
        )
    );
    for (assigned_to, shown) in [(Some(ann()), "\"ANN\""), (None, "null")] {
        let assigned = ConversationAssigned {
            conversation_id: conversation_id(),
            assigned_to,
            assigned_by: actor(),
            timestamp: now(),
        };
        assert_eq!(
            encoded(&ServerEvent::ConversationAssigned(assigned)),
            format!(
                r#"["conversation_assigned",{{"conversationId":"C","assignedTo":{shown},"assignedBy":{ACTOR_JSON},"timestamp":"T"}}]"#
            )
        );
    }
    let closed = ConversationClosed {
        conversation_id: conversation_id(),
        closed_by: actor(),
        timestamp: now(),
    };
    assert_eq!(
        encoded(&ServerEvent::ConversationClosed(closed)),
        format!(
            r#"["conversation_closed",{{"conversationId":"C","closedBy":{ACTOR_JSON},"timestamp":"T"}}]"#
        )
    );
}

#[test]
fn a_full_conversation_shows_every_field() {
    let full = Conversation {
        subject: Some("Help".to_owned()),
        assigned_to: Some(Reference::Id(ann())),
        tags: vec!["vip".to_owned()],
        last_message: Some(Reference::Id(message_id())),
        created_by: Reference::Full(UserSummary { role: None, avatar: None, ..sender() }),
        closed_at: Some(now()),
        closed_by: Some(ann()),
        metadata: Some(serde_json::json!({ "k": 1 })),
        unread_count: Some(3),
        participants: Vec::new(),
        ..conversation()
    };
    let json = serde_json::to_string(&full).unwrap();
    let json = json.replace(TIME, "T").replace(ANN, "ANN").replace(CONVERSATION, "C");
    assert_eq!(
        json.replace(MESSAGE, "M"),
        concat!(
            r#"{"_id":"C","participants":[],"subject":"Help","status":"open","#,
            r#""priority":"medium","assignedTo":"ANN","tags":["vip"],"lastMessage":"M","#,
            r#""lastMessageAt":"T","createdBy":{"_id":"ANN","name":"Ann","#,
            r#""email":"ann@example.com","avatar":null},"closedAt":"T","closedBy":"ANN","#,
            r#""metadata":{"k":1},"lastSeq":0,"unreadCount":3,"createdAt":"T","updatedAt":"T","#,
            r#""__v":0}"#
        )
    );
}

#[test]
fn typing_and_presence() {
    let typing = Typing {
        conversation_id: conversation_id(),
        user_id: ann(),
        user_name: "Ann".to_owned(),
        timestamp: now(),
    };
    let shown = r#"{"conversationId":"C","userId":"ANN","userName":"Ann","timestamp":"T"}"#;
    let start = ServerEvent::TypingStart(typing.clone());
    assert_eq!(encoded(&start), format!(r#"["user_typing_start",{shown}]"#));
    let stop = ServerEvent::TypingStop(typing);
    assert_eq!(encoded(&stop), format!(r#"["user_typing_stop",{shown}]"#));
    let user = TypingUser { user_id: ann(), user_name: "Ann".to_owned(), timestamp: now() };
    let list = TypingUsers { conversation_id: conversation_id(), typing_users: vec![user] };
    assert_eq!(
        encoded(&ServerEvent::TypingUsers(list)),
        r#"["typing_users_list",{"conversationId":"C","typingUsers":[{"userId":"ANN","userName":"Ann","timestamp":"T"}]}]"#
    );
    let status = UserStatus { user_id: ann(), status: "away".to_owned(), timestamp: now() };
    assert_eq!(
        encoded(&ServerEvent::UserStatus(status)),
        r#"["user_status_update",{"userId":"ANN","status":"away","timestamp":"T"}]"#
    );
    let mut payload = br#"["update_presence",{"b":1,"a":"x"}]"#.to_vec();
    let Ok(ClientEvent::UpdatePresence(presence)) = ClientEvent::decode(&mut payload) else {
        panic!("not read")
    };
    let update = PresenceUpdate { user_id: ann(), presence, timestamp: now() };
    assert_eq!(
        encoded(&ServerEvent::PresenceUpdate(update)),
        r#"["presence_update",{"userId":"ANN","presence":{"b":1,"a":"x"},"timestamp":"T"}]"#
    );
    let member = RoomMember { user_id: ann(), user_name: "Ann".to_owned(), timestamp: now() };
    let shown = r#"{"userId":"ANN","userName":"Ann","timestamp":"T"}"#;
    let joined = ServerEvent::UserJoinedRoom(member.clone());
    assert_eq!(encoded(&joined), format!(r#"["user_joined_room",{shown}]"#));
    let left = ServerEvent::UserLeftRoom(member);
    assert_eq!(encoded(&left), format!(r#"["user_left_room",{shown}]"#));
}

#[test]
fn pages_carry_their_pagination_inside() {
    let pagination = Pagination::new(1, 50, 1, None);
    let loaded = MessagesLoaded {
        conversation_id: conversation_id(),
        messages: vec![message()],
        pagination: pagination.clone(),
    };
    let shown = r#"{"page":1,"limit":50,"total":1,"pages":1}"#;
    assert_eq!(
        encoded(&ServerEvent::MessagesLoaded(Box::new(loaded))),
        format!(
            r#"["messages_loaded",{{"conversationId":"C","messages":[{MESSAGE_JSON}],"pagination":{shown}}}]"#
        )
    );
    let loaded = ConversationsLoaded { conversations: vec![conversation()], pagination };
    assert_eq!(
        encoded(&ServerEvent::ConversationsLoaded(Box::new(loaded))),
        format!(
            r#"["conversations_loaded",{{"conversations":[{CONVERSATION_JSON}],"pagination":{shown}}}]"#
        )
    );
}

#[test]
fn errors_carry_a_code_and_what_was_given() {
    let error = EventError {
        error: "Failed to send message".to_owned(),
        code: Code::NotFound,
        conversation_id: Some("c1".to_owned()),
        message_id: None,
        client_message_id: Some("k".to_owned()),
    };
    assert_eq!(
        encoded(&ServerEvent::MessageError(error)),
        r#"["message_error",{"error":"Failed to send message","code":"NOT_FOUND","conversationId":"c1","clientMessageId":"k"}]"#
    );
    let error =
        EventKind::CreateConversation.error(Code::Busy, crate::event::client::Echo::default());
    assert_eq!(
        encoded(&error),
        r#"["conversation_error",{"error":"Failed to create conversation","code":"BUSY"}]"#
    );
}

#[test]
fn pong_and_the_end_of_a_session_carry_the_time() {
    assert_eq!(
        encoded(&ServerEvent::Pong(Pong { timestamp: now() })),
        r#"["pong",{"timestamp":"T"}]"#
    );
    assert_eq!(
        encoded(&ServerEvent::SessionExpired(SessionExpired { timestamp: now() })),
        r#"["session_expired",{"timestamp":"T"}]"#
    );
}

#[test]
fn rows_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = row::TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), row::TABLE.len());
}
