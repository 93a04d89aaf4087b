//! Payloads that mean harm, or nothing.

use proptest::prelude::*;

use super::*;

#[test]
fn hostile_payloads_of_every_event_cost_only_their_sender() {
    let huge = format!("\"{}\"", "x".repeat(999_000));
    let object = format!(r#"{{"conversationId":{huge},"content":1}}"#);
    let keys = (0..30_000).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",");
    let wide = format!("{{{keys}}}");
    for kind in EventKind::ALL {
        let name = kind.name();
        for payload in ["", ",null", ",7", ",-1e300", ",\"x\"", ",[]", ",[[{}]]", ",{}", ",true"] {
            let result = decode(&format!("[\"{name}\"{payload}]"));
            assert!(!matches!(result, Err(EventRefusal::Fault(_))), "{name}{payload}");
        }
        for payload in [&huge, &object, &wide] {
            let result = decode(&format!("[\"{name}\",{payload}]"));
            assert!(!matches!(result, Err(EventRefusal::Fault(_))), "{name}");
            if let Err(EventRefusal::Invalid(invalid)) = result {
                assert!(!invalid.violations.is_empty());
                assert!(invalid.violations.iter().all(|v| v.message.len() < 300), "{name}");
                assert_eq!(invalid.echo, Echo::default(), "{name}");
            }
        }
    }
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just(format!("\"{ID}\"")),
        Just(format!("\"conversation:{ID}\"")),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("[1,[\"a\"],{}]".to_owned()),
        Just("{\"status\":\"open\",\"tags\":[\"a\"]}".to_owned()),
    ]
}

const KEYS: [&str; 12] = [
    "conversationId",
    "messageId",
    "content",
    "type",
    "metadata",
    "clientMessageId",
    "updates",
    "seq",
    "lastSeq",
    "page",
    "limit",
    "status",
];

proptest! {
    #[test]
    fn any_object_is_an_event_or_refused(
        kind in prop::sample::select(EventKind::ALL),
        members in prop::collection::vec((prop::sample::select(&KEYS[..]), any_value()), 0..8),
    ) {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let text = format!("[\"{}\",{{{}}}]", kind.name(), members.join(","));
        match decode(&text) {
            Ok(event) => prop_assert_eq!(event.kind(), Some(kind)),
            Err(EventRefusal::Invalid(invalid)) => prop_assert!(!invalid.violations.is_empty()),
            Err(EventRefusal::Fault(fault)) => prop_assert!(false, "{} {:?}", text, fault),
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut quoted = bytes.clone();
        quoted.splice(0..0, *b"[\"send_message\",");
        let _ = ClientEvent::decode(&mut bytes);
        let _ = ClientEvent::decode(&mut quoted);
    }

    #[test]
    fn kept_buffers_change_nothing(texts in prop::collection::vec(any_value(), 1..6)) {
        let mut parser = Parser::new();
        for text in texts {
            let text = format!("[\"join_conversation\",{text}]");
            let again = ClientEvent::decode_with(&mut parser, &mut text.clone().into_bytes());
            prop_assert_eq!(again, ClientEvent::decode(&mut text.into_bytes()));
        }
    }
}
