use std::collections::BTreeSet;

use super::*;

fn published() -> Value {
    document(&Catalogue::new())
}

/// Calls `visit` with every object in the document.
fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Object(object) => object.values().for_each(|value| walk(value, visit)),
        Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_event_is_an_operation_with_a_name_of_its_own() {
    let document = published();
    let asked = EventKind::ALL.iter().map(|kind| (kind.name(), "receive"));
    let told = row::TABLE.iter().map(|row| (row.name, "send"));
    let mut names = BTreeSet::new();
    for (name, action) in asked.chain(told) {
        assert_eq!(document["operations"][name]["action"], action, "{name}");
        assert!(names.insert(name), "{name} is sent and heard");
    }
    assert_eq!(document["operations"].as_object().unwrap().len(), names.len());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = published();
    let mut count = 0;
    walk(&document, &mut |value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some_and(Value::is_object), "{target}");
            count += 1;
        }
    });
    assert!(count > 100, "{count}");
}

#[test]
fn nothing_of_the_sources_own_words_is_published() {
    let events = Catalogue::new();
    for text in [document(&events).to_string(), typescript::declarations(&events)] {
        for word in ["Source:", "contract", "COMPAT", "crate::", "x-nullable"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

#[test]
fn keys_that_may_be_absent_are_not_null_unless_that_means_something() {
    let document = published();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Message"]["properties"]["clientMessageId"]["type"], "string");
    let avatar = &schemas["Actor"]["properties"]["avatar"]["type"];
    assert_eq!(avatar, &json!(["string", "null"]));
    let changes = schemas["ConversationChanges"]["properties"]["assignedTo"].to_string();
    assert!(changes.contains("null"), "{changes}");
}

#[test]
fn declarations_say_what_each_event_takes_and_brings() {
    let text = typescript::declarations(&Catalogue::new());
    for line in [
        "  new_message: (payload: NewMessage) => void;",
        "  send_message: (payload: SendMessageEvent, ack: (answer: Answered<MessageBody> | Refused) => void) => void;",
        "  typing_start: (payload: ConversationEvent, ack?: (answer: Done | Refused) => void) => void;",
        "  join_room: (payload: string | RoomEvent, ack: (answer: Done | Refused) => void) => void;",
        "  ping: (ack: (answer: Answered<Pong> | Refused) => void) => void;",
        "  senderId: UserId | UserSummary;",
        "  clientMessageId?: string;",
        "  assignedTo?: string | null;",
        "  presence: unknown;",
        "  conversations?: Record<string, number | string>;",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\nis not in:\n{text}");
    }
}
