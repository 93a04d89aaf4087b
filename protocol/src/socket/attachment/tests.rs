use proptest::prelude::*;

use super::*;
use crate::socket::{Kind, Outgoing, encode};

fn text(assembly: &mut Assembly, text: &str) -> Result<bool, AssemblyError> {
    let mut copy = text.as_bytes().to_vec();
    assembly.handle_text(&mut copy).map(|packet| packet.is_some())
}

fn binary(assembly: &mut Assembly, bytes: &[u8]) -> Result<Option<Whole>, AssemblyError> {
    assembly.handle_binary(Payload::Borrowed(&mut bytes.to_vec()))
}

fn begin(head: &str) -> Result<Assembly, AssemblyError> {
    let mut assembly = Assembly::new();
    text(&mut assembly, head).map(|_| assembly)
}

#[test]
fn binary_event_is_its_head_and_its_attachments() {
    let head = r#"52-/a,7["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
    let mut assembly = begin(head).unwrap();
    assert!(assembly.is_owed());
    assert!(binary(&mut assembly, &[1, 2]).unwrap().is_none());
    assert_eq!(assembly.held_bytes(), head.len() + 2);
    let mut whole = binary(&mut assembly, &[3]).unwrap().unwrap();
    assert!(!assembly.is_owed());
    assert_eq!(whole.len(), head.len() + 3);
    let (packet, attachments) = whole.parts().unwrap();
    let Packet::BinaryEvent { namespace, ack, attachments: 2, arguments } = packet else {
        panic!("another packet")
    };
    assert_eq!((namespace, ack), ("/a", Some(7)));
    assert_eq!(arguments, &head.as_bytes()[7..]);
    assert_eq!(attachments, [&[1, 2][..], &[3]]);
}

#[test]
fn binary_ack_is_its_head_and_its_attachments() {
    let mut assembly = begin(r#"61-3[{"_placeholder":true,"num":0}]"#).unwrap();
    let mut whole = assembly.handle_binary(Payload::Owned(vec![])).unwrap().unwrap();
    let (packet, attachments) = whole.parts().unwrap();
    assert!(matches!(packet, Packet::BinaryAck { id: Some(3), .. }));
    assert_eq!(attachments, [&[][..]]);
}

#[test]
fn binary_packets_follow_each_other_and_plain_ones() {
    let mut assembly = Assembly::new();
    for _ in 0..3 {
        assert!(text(&mut assembly, r#"2["a"]"#).unwrap());
        assert!(!text(&mut assembly, r#"51-["a",{"_placeholder":true,"num":0}]"#).unwrap());
        assert!(binary(&mut assembly, &[1]).unwrap().is_some());
    }
}

#[test]
fn binary_text_while_attachments_are_owed_is_an_error() {
    let mut assembly = begin(r#"51-["a",{"_placeholder":true,"num":0}]"#).unwrap();
    assert_eq!(text(&mut assembly, r#"2["a"]"#), Err(AssemblyError::TextWhileOwed));
    assert_eq!(assembly.held_bytes(), 0);
}

#[test]
fn binary_message_when_none_is_owed_is_an_error() {
    let mut assembly = Assembly::new();
    assert_eq!(binary(&mut assembly, &[1]).unwrap_err(), AssemblyError::BinaryUnowed);
    text(&mut assembly, r#"2["a"]"#).unwrap();
    assert_eq!(binary(&mut assembly, &[1]).unwrap_err(), AssemblyError::BinaryUnowed);
}

#[test]
fn binary_placeholder_must_be_an_integer_in_range() {
    let with = |placeholder: &str| begin(&format!(r#"52-["a",{{"b":[{placeholder}]}}]"#)).err();
    for legal in ["0", "1", "1.0", "1e0", "-0.0", "0,\"x\":5", "7,\"num\":1"] {
        assert_eq!(with(&format!(r#"{{"_placeholder":true,"num":{legal}}}"#)), None, "{legal}");
    }
    for forged in [
        "2",
        "-1",
        "-1.0",
        "0.5",
        "1.5",
        "\"0\"",
        "null",
        "true",
        "[0]",
        "{}",
        "1e9",
        "-1e9",
        "1e999",
        "4294967296",
        "18446744073709551616",
        "0,\"num\":2",
    ] {
        let error = with(&format!(r#"{{"_placeholder":true,"num":{forged}}}"#));
        let is_legal = matches!(error, Some(AssemblyError::Placeholder | AssemblyError::Json(_)));
        assert!(is_legal, "{forged}: {error:?}");
    }
    assert_eq!(with(r#"{"_placeholder":true}"#), Some(AssemblyError::Placeholder));
    for no_placeholder in ["false", "1", "\"true\"", "null"] {
        let object = format!(r#"{{"_placeholder":{no_placeholder},"num":99}}"#);
        assert_eq!(with(&object), None, "{object}");
    }
}

#[test]
fn binary_placeholders_are_found_wherever_they_stand() {
    for arguments in [
        r#"{"_placeholder":true,"num":1}"#,
        r#"[[[{"_placeholder":true,"num":1}]]]"#,
        r#"{"a":{"b":{"_placeholder":true,"num":1}}}"#,
        r#"{"num":1,"_placeholder":true}"#,
        r#"1,[],{},{"a":[]},{"_placeholder":true,"num":1}"#,
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#,
        r#"{"_placeholder\u0000":true},{"\u005fplaceholder":true,"num":1}"#,
    ] {
        let error = begin(&format!(r#"51-["a",{arguments}]"#)).err();
        assert_eq!(error, Some(AssemblyError::Placeholder), "{arguments}");
    }
}

#[test]
fn binary_attachment_is_named_once() {
    let named = r#"{"_placeholder":true,"num":0}"#;
    assert!(begin(&format!(r#"51-["a",{named}]"#)).is_ok());
    let error = begin(&format!(r#"51-["a",{named},{named}]"#)).err();
    assert_eq!(error, Some(AssemblyError::Placeholder));
}

#[test]
fn binary_attachments_that_no_placeholder_names_are_allowed() {
    let mut assembly = begin(r#"52-["a"]"#).unwrap();
    assert!(binary(&mut assembly, &[1]).unwrap().is_none());
    assert!(binary(&mut assembly, &[2]).unwrap().is_some());
}

#[test]
fn binary_attachments_are_at_most_ten() {
    assert!(begin(r#"510-["a"]"#).unwrap().is_owed());
    for count in ["11", "1000000000", "-1", ""] {
        let error = begin(&format!(r#"5{count}-["a"]"#)).unwrap_err();
        assert_eq!(error, AssemblyError::Packet(PacketError::Attachments), "{count}");
    }
}

#[test]
fn binary_head_without_attachments_delivers_and_the_next_text_too() {
    let mut assembly = Assembly::new();
    assert!(text(&mut assembly, r#"50-["a"]"#).unwrap());
    assert!(text(&mut assembly, r#"2["b"]"#).unwrap());
    // As in the reference, nothing is looked for in it.
    assert!(text(&mut assembly, r#"50-["a",{"_placeholder":true,"num":0}]"#).unwrap());
}

#[test]
fn binary_packets_are_bounded_in_sum() {
    let head = r#"55-["a"]"#;
    let mut assembly = begin(head).unwrap();
    for _ in 0..3 {
        assert!(binary(&mut assembly, &vec![0; 1_000_000]).unwrap().is_none());
    }
    assert!(binary(&mut assembly, &vec![0; 1_000_000 - head.len()]).unwrap().is_none());
    assert_eq!(assembly.held_bytes(), ATTACHED_BYTES_MAX);
    assert_eq!(binary(&mut assembly, &[0]).unwrap_err(), AssemblyError::TooBig);
    assert_eq!(assembly.held_bytes(), 0);
}

#[test]
fn binary_head_must_be_json_within_bounds() {
    assert_eq!(begin(r#"51-["a""#).err(), Some(JsonError::Malformed.into()));
    let deep = format!("51-{}{}", "[".repeat(129), "]".repeat(129));
    assert_eq!(begin(&deep).err(), Some(JsonError::TooDeep(128).into()));
    let deep = format!("51-{}{}", "[".repeat(128), "]".repeat(128));
    assert!(begin(&deep).is_ok());
}

#[test]
fn an_idle_assembly_is_a_pointer() {
    assert_eq!(size_of::<Assembly>(), 8);
}

proptest! {
    #[test]
    fn no_sequence_panics(messages in proptest::collection::vec((any::<bool>(), "[0-9/,-]{0,6}\\PC{0,16}"), 0..6)) {
        let mut assembly = Assembly::new();
        for (is_text, content) in messages {
            if is_text {
                let _ = text(&mut assembly, &content);
            } else {
                let _ = binary(&mut assembly, content.as_bytes());
            }
        }
    }

    #[test]
    fn what_is_written_is_read(
        namespace in "/[a-z]{0,4}",
        ack in proptest::option::of(0..1_u64 << 53),
        attachments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..8), 1..=10),
    ) {
        let mut head = Vec::new();
        let attachments: Vec<Bytes> = attachments.into_iter().map(Bytes::from).collect();
        let mut arguments = b"[\"x\"".to_vec();
        for index in 0..attachments.len() {
            arguments.push(b',');
            encode::placeholder(&mut arguments, index);
        }
        arguments.push(b']');
        let written = Outgoing::new(Kind::Event, &namespace, Some(&arguments));
        encode::packet(&mut head, &Outgoing { id: ack, attachments: &attachments, ..written });
        let mut assembly = Assembly::new();
        prop_assert!(assembly.handle_text(&mut head[1..]).unwrap().is_none());
        let (last, first) = attachments.split_last().unwrap();
        for attachment in first {
            prop_assert!(binary(&mut assembly, attachment).unwrap().is_none());
        }
        let mut whole = binary(&mut assembly, last).unwrap().unwrap();
        let (packet, read) = whole.parts().unwrap();
        prop_assert_eq!(read, &attachments);
        let Packet::BinaryEvent { namespace: n, ack: a, arguments: json, .. } = packet else {
            return Err(TestCaseError::fail("another packet"));
        };
        prop_assert_eq!((n, a, &*json), (&*namespace, ack, &*arguments));
    }
}

#[test]
fn room_for_the_next_attachment_is_what_is_left_of_all() {
    let mut assembly = Assembly::new();
    assert_eq!(assembly.room_bytes(), usize::MAX);
    let mut head = *br#"52-["a"]"#;
    assert!(matches!(assembly.handle_text(&mut head), Ok(None)));
    assert_eq!(assembly.room_bytes(), ATTACHED_BYTES_MAX - head.len());
    let first = vec![0; ATTACHED_BYTES_MAX - head.len() - 1];
    assert!(matches!(assembly.handle_binary(Payload::Owned(first)), Ok(None)));
    assert_eq!(assembly.room_bytes(), 1);
}
