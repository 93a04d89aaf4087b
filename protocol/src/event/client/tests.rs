mod hostile;

use super::*;
use crate::event::server::ServerEvent;
use crate::rest::reply::Code;
use crate::rest::word::Priority;
use crate::schema::json::SOCKET_DEPTH_MAX;
use crate::socket::RESERVED_EVENTS;

const ID: &str = "507f1f77bcf86cd799439011";

fn decode(text: &str) -> Result<ClientEvent, EventRefusal> {
    ClientEvent::decode(&mut text.replace("ID", ID).into_bytes())
}

fn invalid(text: &str) -> InvalidEvent {
    match decode(text) {
        Err(EventRefusal::Invalid(invalid)) => *invalid,
        other => panic!("{text} gave {other:?}"),
    }
}

fn first_violation(text: &str) -> String {
    invalid(text).violations.swap_remove(0).message
}

fn conversation() -> ConversationId {
    ID.parse().unwrap()
}

fn message() -> MessageId {
    ID.parse().unwrap()
}

#[test]
fn events_with_only_a_conversation_are_read() {
    for (text, event) in [
        (r#"["leave_conversation","ID"]"#, ClientEvent::LeaveConversation(conversation())),
        (
            r#"["close_conversation",{"conversationId":"ID"}]"#,
            ClientEvent::CloseConversation(conversation()),
        ),
        (r#"["typing_start",{"conversationId":"ID"}]"#, ClientEvent::TypingStart(conversation())),
        (r#"["typing_stop",{"conversationId":"ID"}]"#, ClientEvent::TypingStop(conversation())),
        (
            r#"["get_typing_users",{"conversationId":"ID"}]"#,
            ClientEvent::GetTypingUsers(conversation()),
        ),
        (r#"["join_room","conversation:ID"]"#, ClientEvent::JoinRoom(conversation())),
        (r#"["leave_room","conversation:ID"]"#, ClientEvent::LeaveRoom(conversation())),
        (r#"["ping"]"#, ClientEvent::Ping),
        (r#"["ping",{"x":[1]},2]"#, ClientEvent::Ping),
    ] {
        assert_eq!(decode(text), Ok(event), "{text}");
    }
}

#[test]
fn join_takes_a_bare_id_or_how_far_the_client_got() {
    let join = |last_seq, cursor: Option<&str>| {
        let cursor = cursor.map(str::to_owned);
        Ok(ClientEvent::JoinConversation(Join {
            conversation_id: conversation(),
            last_seq,
            cursor,
        }))
    };
    assert_eq!(decode(r#"["join_conversation","ID"]"#), join(None, None));
    assert_eq!(decode(r#"["join_conversation",{"conversationId":"ID"}]"#), join(None, None));
    let text = r#"["join_conversation",{"conversationId":"ID","lastSeq":7,"cursor":"c"}]"#;
    assert_eq!(decode(text), join(Some(7), Some("c")));
    let text = r#"["join_conversation",{"conversationId":"ID","lastSeq":null,"cursor":null}]"#;
    assert_eq!(decode(text), join(None, None));
    for (text, said) in [
        (r#"["join_conversation"]"#, r#""conversationId" must be a string"#),
        (r#"["join_conversation",7]"#, r#""conversationId" must be a string"#),
        (r#"["join_conversation",{}]"#, r#""conversationId" is required"#),
        (r#"["join_conversation","staff"]"#, r#""conversationId" must be a valid id"#),
        (r#"["join_room","user:ID"]"#, r#""room" must name the room of a conversation"#),
        (
            r#"["join_room","aBcDeFgHiJkLmNoPqRsT"]"#,
            r#""room" must name the room of a conversation"#,
        ),
    ] {
        assert_eq!(first_violation(text), said);
    }
}

#[test]
fn messages_are_read_like_their_rest_twins() {
    let text = r#"["send_message",{"conversationId":"ID","content":" hi ","clientMessageId":"k",
        "metadata":{"fileName":"a"},"tempId":3,"senderId":"ID"}]"#;
    let Ok(ClientEvent::SendMessage(send)) = decode(text) else { panic!("not read") };
    assert_eq!((send.conversation_id, send.content.as_str()), (conversation(), " hi "));
    assert_eq!(send.metadata.file_name.as_deref(), Some("a"));
    let text = r#"["edit_message",{"messageId":"ID","content":"new"}]"#;
    let edit = ClientEvent::EditMessage { message_id: message(), content: "new".to_owned() };
    assert_eq!(decode(text), Ok(edit));
    let text = r#"["delete_message",{"messageId":"ID"}]"#;
    assert_eq!(decode(text), Ok(ClientEvent::DeleteMessage(message())));
    let said = r#""content" is not allowed to be empty"#;
    let text = r#"["send_message",{"conversationId":"ID","content":"  "}]"#;
    assert_eq!(first_violation(text), said);
}

#[test]
fn reading_goes_up_to_a_message_or_a_place() {
    let read = |text: &str| match decode(&format!(r#"["mark_as_read",{text}]"#)) {
        Ok(ClientEvent::MarkAsRead(read)) => read,
        other => panic!("{text} gave {other:?}"),
    };
    assert_eq!(read(r#"{"messageId":"ID"}"#), ReadUpTo::Message(message()));
    let place = ReadUpTo::Place { conversation_id: conversation(), seq: 7 };
    assert_eq!(read(r#"{"conversationId":"ID","seq":7}"#), place);
    for (text, said) in [
        (r#"["mark_as_read",{}]"#, r#""messageId" is required"#),
        (r#"["mark_as_read",{"conversationId":"ID"}]"#, r#""seq" is required"#),
        (r#"["mark_as_read",{"seq":3}]"#, r#""messageId" is required"#),
        (r#"["mark_as_read",{"messageId":7}]"#, r#""messageId" must be a string"#),
    ] {
        assert_eq!(first_violation(text), said);
    }
}

#[test]
fn conversations_are_made_and_changed() {
    let text = r#"["create_conversation",{"participantId":"ID","priority":"high"}]"#;
    let Ok(ClientEvent::CreateConversation(create)) = decode(text) else { panic!("not read") };
    assert_eq!(create.priority, Priority::High);
    let text = r#"["update_conversation",{"conversationId":"ID","updates":
        {"assignedTo":null,"participants":["ID"],"subject":"x"}}]"#;
    let changes = ConversationChanges { assigned_to: Some(None), ..ConversationChanges::default() };
    let update = ClientEvent::UpdateConversation {
        conversation_id: conversation(),
        changes: Box::new(changes),
    };
    assert_eq!(decode(text), Ok(update));
    let text = r#"["update_conversation",{"conversationId":"ID","updates":{"status":"x"}}]"#;
    let said = r#""updates.status" must be one of [open, pending, resolved, closed]"#;
    assert_eq!(first_violation(text), said);
    let text = r#"["assign_conversation",{"conversationId":"ID"}]"#;
    let assign =
        ClientEvent::AssignConversation { conversation_id: conversation(), agent_id: None };
    assert_eq!(decode(text), Ok(assign));
}

#[test]
fn lists_need_no_payload_where_the_original_needed_none() {
    let Ok(ClientEvent::GetConversations(list)) = decode(r#"["get_conversations"]"#) else {
        panic!("not read")
    };
    assert_eq!((list.page.page, list.page.limit), (1, 20));
    let text = r#"["get_conversations",{"status":["open","closed"],"limit":500}]"#;
    let Ok(ClientEvent::GetConversations(list)) = decode(text) else { panic!("not read") };
    assert_eq!((list.status.len(), list.page.limit), (2, 100));
    let text = r#"["get_messages",{"conversationId":"ID","page":"2"}]"#;
    let Ok(ClientEvent::GetMessages { list, .. }) = decode(text) else { panic!("not read") };
    assert_eq!((list.page.page, list.page.limit), (2, 50));
    assert!(matches!(decode(r#"["sync",null]"#), Ok(ClientEvent::Sync(_))));
}

#[test]
fn presence_is_passed_on_as_it_is_up_to_its_limit() {
    let note = |text: &str| match decode(text) {
        Ok(ClientEvent::UpdatePresence(note)) => note.as_json().to_owned(),
        other => panic!("{text} gave {other:?}"),
    };
    assert_eq!(
        note(r#"["update_presence", {"b": 1, "a": [true, null]}]"#),
        r#"{"b":1,"a":[true,null]}"#
    );
    assert_eq!(note(r#"["update_presence"]"#), "null");
    assert_eq!(note(r#"["update_presence","away"]"#), r#""away""#);
    let large = format!(r#"["update_presence","{}"]"#, "x".repeat(1_023));
    let said = r#""presence" must be at most 1024 bytes of JSON"#;
    assert_eq!(first_violation(&large), said);
}

#[test]
fn status_is_one_of_four_words() {
    let away = Ok(ClientEvent::UpdateStatus(Availability::Away));
    assert_eq!(decode(r#"["update_status","away"]"#), away);
    assert_eq!(decode(r#"["update_status",{"status":"away"}]"#), away);
    let said = r#""status" must be one of [online, away, busy, offline]"#;
    assert_eq!(first_violation(r#"["update_status","gone"]"#), said);
}

#[test]
fn tokens_are_read_and_not_shown() {
    let event = decode(r#"["refresh_auth",{"token":"a.b.c"}]"#).unwrap();
    assert_eq!(event, ClientEvent::RefreshAuth(Token("a.b.c".to_owned())));
    assert!(!format!("{event:?}").contains("a.b.c"));
}

#[test]
fn other_names_are_unknown() {
    for (text, name) in [
        (r#"["my_event",1,2]"#, "my_event"),
        (r#"[7,"x"]"#, "7"),
        (r#"[""]"#, ""),
        (r#"["constructor"]"#, "constructor"),
        ("", ""),
    ] {
        assert_eq!(decode(text), Ok(ClientEvent::Unknown(name.to_owned())), "{text}");
    }
    assert!(matches!(decode("[1.5]"), Ok(ClientEvent::Unknown(_))));
    let long = format!(r#"["{}"]"#, "é".repeat(1_000));
    assert_eq!(decode(&long), Ok(ClientEvent::Unknown("é".repeat(NAME_CHARS_MAX))));
}

#[test]
fn a_broken_packet_closes() {
    for (text, fault) in [
        ("{}", Fault::NotArray),
        ("\"ping\"", Fault::NotArray),
        ("null", Fault::NotArray),
        ("[", Fault::NotJson),
        ("[\"ping\"]x", Fault::NotJson),
        (" ", Fault::NotJson),
        ("[]", Fault::BadName),
        ("[null]", Fault::BadName),
        ("[{}]", Fault::BadName),
        ("[[\"ping\"]]", Fault::BadName),
        ("[true]", Fault::BadName),
    ] {
        assert_eq!(decode(text), Err(EventRefusal::Fault(fault)), "{text}");
    }
    for name in RESERVED_EVENTS {
        let text = format!("[\"{name}\",{{}}]");
        assert_eq!(decode(&text), Err(Fault::ReservedName.into()));
    }
}

#[test]
fn depth_is_refused_before_it_is_parsed() {
    let nested = |depth: usize| format!("[\"x\",{}{}]", "[".repeat(depth), "]".repeat(depth));
    assert!(decode(&nested(SOCKET_DEPTH_MAX - 1)).is_ok());
    assert_eq!(decode(&nested(SOCKET_DEPTH_MAX)), Err(Fault::TooDeep.into()));
    assert_eq!(decode(&"[".repeat(900_000)), Err(Fault::TooDeep.into()));
    assert_eq!(decode(&format!("[{}1]", "1,".repeat(400_000))), Err(Fault::TooMany.into()));
}

#[test]
fn unknown_keys_are_dropped() {
    let text = r#"["typing_start",{"conversationId":"ID","__proto__":{"a":1},"more":[]}]"#;
    assert_eq!(decode(text), Ok(ClientEvent::TypingStart(conversation())));
}

#[test]
fn an_error_repeats_what_the_client_wrote() {
    let text = r#"["send_message",{"conversationId":"c1","clientMessageId":"k","messageId":"m"}]"#;
    let InvalidEvent { kind, echo, .. } = invalid(text);
    let ServerEvent::MessageError(error) = kind.error(Code::ValidationFailed, echo) else {
        panic!("another event")
    };
    assert_eq!(error.error, "Failed to send message");
    assert_eq!(error.conversation_id.as_deref(), Some("c1"));
    assert_eq!(error.client_message_id.as_deref(), Some("k"));
    assert_eq!(error.message_id, None);
    let echo = invalid(r#"["join_conversation","c1"]"#).echo;
    assert_eq!(echo.conversation_id.as_deref(), Some("c1"));
    let echo = invalid(r#"["update_status","c1"]"#).echo;
    assert_eq!(echo, Echo::default());
    let long = format!(r#"["typing_start",{{"conversationId":"{}"}}]"#, "x".repeat(65));
    assert_eq!(invalid(&long).echo, Echo::default());
    assert_eq!(invalid(r#"["typing_start",{"conversationId":7}]"#).echo, Echo::default());
}

#[test]
fn a_missing_right_is_said_where_the_original_says_it() {
    let said = |kind: EventKind, code| {
        let (ServerEvent::MessageError(error) | ServerEvent::ConversationError(error)) =
            kind.error(code, Echo::default())
        else {
            panic!("another event")
        };
        error.error
    };
    let assign = EventKind::AssignConversation;
    assert_eq!(said(assign, Code::Forbidden), "Insufficient permissions");
    assert_eq!(said(assign, Code::NotFound), "Failed to assign conversation");
    assert_eq!(said(EventKind::SendMessage, Code::Forbidden), "Failed to send message");
}

#[test]
fn names_and_rows_agree() {
    for kind in EventKind::ALL {
        assert_eq!(EventKind::from_name(kind.name()), Some(*kind));
        assert!(!kind.doc().is_empty() && kind.failure().starts_with("Failed to "));
    }
    let names: std::collections::BTreeSet<_> = EventKind::ALL.iter().map(|k| k.name()).collect();
    assert_eq!(names.len(), EventKind::ALL.len());
}

#[test]
fn decoded_events_know_their_kind_and_echo() {
    let event = decode(r#"["close_conversation",{"conversationId":"ID"}]"#).unwrap();
    assert_eq!(event.kind(), Some(EventKind::CloseConversation));
    assert_eq!(event.echo().conversation_id.as_deref(), Some(ID));
    let event = decode(r#"["mark_as_read",{"messageId":"ID"}]"#).unwrap();
    assert_eq!(event.kind(), Some(EventKind::MarkAsRead));
    assert_eq!(event.echo().message_id.as_deref(), Some(ID));
    assert_eq!(decode(r#"["x"]"#).unwrap().kind(), None);
}
