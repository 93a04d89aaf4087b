use proptest::prelude::*;

use super::*;
use crate::socket::{Kind, Outgoing, encode};

fn decode(text: &str) -> Result<String, PacketError> {
    decode_text(&mut text.as_bytes().to_vec()).map(|packet| match packet {
        Packet::Connect { namespace, auth } => format!("connect {namespace} {}", show(auth)),
        Packet::Disconnect { namespace } => format!("disconnect {namespace}"),
        Packet::Event { namespace, ack, arguments } => {
            format!("event {namespace} {ack:?} {}", show(arguments))
        }
        Packet::Ack { namespace, id, arguments } => {
            format!("ack {namespace} {id:?} {}", show(arguments))
        }
        Packet::BinaryEvent { namespace, ack, attachments, arguments } => {
            format!("event {namespace} {ack:?} {} +{attachments}", show(Some(arguments)))
        }
        Packet::BinaryAck { namespace, id, attachments, arguments } => {
            format!("ack {namespace} {id:?} {} +{attachments}", show(Some(arguments)))
        }
    })
}

fn show(json: Option<&mut [u8]>) -> String {
    json.map_or_else(|| "-".to_owned(), |json| String::from_utf8_lossy(json).into_owned())
}

#[test]
fn the_examples_of_the_specification_are_read() {
    for (text, packet) in [
        ("0", "connect / -"),
        (r#"0/admin,{"sid":"x"}"#, r#"connect /admin {"sid":"x"}"#),
        ("0/custom", "connect /custom -"),
        ("0/,", "connect / -"),
        ("1/admin,", "disconnect /admin"),
        ("1/custom", "disconnect /custom"),
        (r#"2["foo"]"#, r#"event / None ["foo"]"#),
        (r#"2/admin,["bar"]"#, r#"event /admin None ["bar"]"#),
        (r#"212["foo"]"#, r#"event / Some(12) ["foo"]"#),
        (r#"2/admin,7["a,b"]"#, r#"event /admin Some(7) ["a,b"]"#),
        ("2", "event / None -"),
        ("3/admin,13[]", "ack /admin Some(13) []"),
        (
            r#"51-["baz",{"_placeholder":true,"num":0}]"#,
            r#"event / None ["baz",{"_placeholder":true,"num":0}] +1"#,
        ),
        (r#"52-/admin,7["a"]"#, r#"event /admin Some(7) ["a"] +2"#),
        (
            r#"61-/admin,456[{"_placeholder":true,"num":0}]"#,
            r#"ack /admin Some(456) [{"_placeholder":true,"num":0}] +1"#,
        ),
        // What rust_socketio sends for a binary answer.
        (r#"61-["ack",{}]"#, r#"ack / None ["ack",{}] +1"#),
    ] {
        assert_eq!(decode(text), Ok(packet.to_owned()), "{text}");
    }
}

#[test]
fn what_the_reference_closes_for_is_refused() {
    for (text, error) in [
        ("", PacketError::UnknownType),
        ("4", PacketError::UnknownType),
        (r#"4{"message":"x"}"#, PacketError::UnknownType),
        ("7", PacketError::UnknownType),
        ("a", PacketError::UnknownType),
        ("0[]", PacketError::Payload),
        (r#"0"x""#, PacketError::Payload),
        ("0null", PacketError::Payload),
        (r#"1{"a":1}"#, PacketError::Payload),
        ("2{}", PacketError::Payload),
        (r#"2"x""#, PacketError::Payload),
        ("3{}", PacketError::Payload),
        ("5", PacketError::Attachments),
        ("5-[]", PacketError::Attachments),
        ("511-[]", PacketError::Attachments),
        ("51000000000-[]", PacketError::Attachments),
        ("5256-[]", PacketError::Attachments),
        ("599999999999999999999999-[]", PacketError::Attachments),
        ("6-[]", PacketError::Attachments),
        ("51-", PacketError::Payload),
        ("51-{}", PacketError::Payload),
        ("61-/a,1", PacketError::Payload),
        ("5-1-[]", PacketError::Attachments),
        ("29007199254740993[\"x\"]", PacketError::AckId),
        ("299999999999999999999999[\"x\"]", PacketError::AckId),
    ] {
        assert_eq!(decode(text), Err(error), "{text}");
    }
    assert!(decode("29007199254740992[\"x\"]").is_ok());
}

#[test]
fn a_binary_packet_that_owes_nothing_is_a_plain_one() {
    assert_eq!(decode(r#"50-["a"]"#).unwrap(), r#"event / None ["a"]"#);
    assert_eq!(decode(r#"50-/b,3["a"]"#).unwrap(), r#"event /b Some(3) ["a"]"#);
    assert_eq!(decode(r#"60-3["a"]"#).unwrap(), r#"ack / Some(3) ["a"]"#);
    assert_eq!(decode("50-").unwrap(), "event / None -");
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,64}") {
        let _ = decode(&text);
    }

    #[test]
    fn an_event_round_trips(
        namespace in "/[a-z]{0,8}",
        ack in proptest::option::of(0..=ACK_ID_MAX),
        word in "[a-z]{1,8}",
    ) {
        let mut text = Vec::new();
        let expected = format!("[\"{word}\"]");
        let written = Outgoing::new(Kind::Event, &namespace, Some(expected.as_bytes()));
        encode::packet(&mut text, &Outgoing { id: ack, ..written });
        let (_engine, packet) = text.split_first_mut().unwrap();
        let Packet::Event { namespace: n, ack: a, arguments: Some(json) } =
            decode_text(packet).unwrap()
        else {
            return Err(TestCaseError::fail("another packet"));
        };
        prop_assert_eq!(n, namespace);
        prop_assert_eq!(a, ack);
        prop_assert_eq!(json, expected.as_bytes());
    }
}
