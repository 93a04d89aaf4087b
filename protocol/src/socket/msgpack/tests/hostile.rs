//! Messages that no client writes.

use proptest::prelude::*;

use super::*;

#[test]
fn truncated_messages_are_refused_wherever_they_end() {
    let message = event_of(
        "9a c3 cd0100 d3ffffffff7fffffff cb3fe0000000000000 a26162 c4020102 81a161c0 d6ff00000000 d40000 dc000101",
    );
    assert!(decode(&message).is_ok());
    for end in 0..message.len() {
        assert!(decode(&message[..end]).is_err(), "{end}");
    }
}

#[test]
fn bytes_behind_the_packet_are_refused() {
    let mut message = event_of("01");
    message.push(0xc0);
    assert_eq!(decode(&message).unwrap_err(), MsgpackError::Trailing);
}

#[test]
fn declared_lengths_allocate_nothing() {
    for value in [
        "dd ffffffff",
        "df ffffffff",
        "db ffffffff",
        "c6 ffffffff",
        "c9 ffffffff 00",
        "dd ffffffff 01",
    ] {
        assert_eq!(json_of(value), Err(MsgpackError::Truncated), "{value}");
    }
    assert_eq!(decode(&bytes("df ffffffff")).unwrap_err(), MsgpackError::Truncated);
}

#[test]
fn nesting_is_bounded_and_not_recursive() {
    let nested = |depth: usize| format!("{} c0", "91".repeat(depth));
    // The array of arguments is the first level.
    assert!(json_of(&nested(SOCKET_DEPTH_MAX - 1)).is_ok());
    assert_eq!(json_of(&nested(SOCKET_DEPTH_MAX)), Err(MsgpackError::TooDeep));
    assert_eq!(json_of(&nested(500_000)), Err(MsgpackError::TooDeep));
    let maps = format!("{} c0", "81a161".repeat(SOCKET_DEPTH_MAX));
    assert_eq!(json_of(&maps), Err(MsgpackError::TooDeep));
    // What is skipped may nest as it likes.
    let mut message = vec![0x84];
    write::text(&mut message, "options");
    message.extend(vec![0x91; 500_000]);
    message.push(0xc0);
    message.extend_from_slice(event_of("01").strip_prefix(b"\x83").unwrap());
    assert!(decode(&message).is_ok());
}

#[test]
fn values_are_bounded() {
    let many = |count: usize| format!("dd {count:08x} {}", "c0".repeat(count));
    assert!(json_of(&many(VALUES_MAX - 2)).is_ok());
    assert_eq!(json_of(&many(VALUES_MAX - 1)), Err(MsgpackError::TooMany));
    let undefined = format!("de fffe {}", "a0 d40000".repeat(65_534));
    assert!(json_of(&undefined).is_ok());
    let undefined = format!("df 00020000 {}", "a0 d40000".repeat(131_072));
    assert_eq!(json_of(&undefined), Err(MsgpackError::TooMany));
}

#[test]
fn text_that_swells_is_bounded() {
    let mut message = vec![0x83];
    for (key, value) in [("type", 2), ("nsp", 0)] {
        write::text(&mut message, key);
        if key == "nsp" {
            write::text(&mut message, "/");
        } else {
            message.push(value);
        }
    }
    write::text(&mut message, "data");
    message.push(0x93);
    let controls = "\u{1}".repeat(300_000);
    for _ in 0..3 {
        write::text(&mut message, &controls);
    }
    assert_eq!(decode(&message).unwrap_err(), MsgpackError::TooBig);
}

#[test]
fn attachments_are_bounded_and_cannot_be_forged() {
    assert!(json_of(&format!("9a {}", "c400".repeat(10))).is_ok());
    assert_eq!(json_of(&format!("9b {}", "c400".repeat(11))), Err(MsgpackError::Attachments));
    // {"_placeholder":true,"num":0} is data, but not beside a real attachment.
    let forged = "82 ac 5f706c616365686f6c646572 c3 a36e756d 00";
    assert!(json_of(forged).is_ok());
    assert_eq!(json_of(&format!("92 {forged} c400")), Err(MsgpackError::Attachments));
}

#[test]
fn malformed_values_are_refused() {
    for value in [
        "c1",
        "a2 c328",
        "a1 ff",
        "d9 01 80",
        "81 c0 01",
        "81 90 01",
        "81 c3 01",
        "81 cb3fe0000000000000 01",
    ] {
        assert_eq!(json_of(value), Err(MsgpackError::Malformed), "{value}");
    }
    for value in [
        "d401 00",
        "d5ff 0000",
        "d8ff 00000000000000000000000000000000",
        "c70101 31",
        "d500 0000",
        "c703ff 000000",
        "c70cfe 000000000000000000000000",
    ] {
        assert_eq!(json_of(value), Err(MsgpackError::Extension), "{value}");
    }
}

proptest! {
    #[test]
    fn no_message_panics(message in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode(&message);
        let mut within = event_of("");
        within.extend_from_slice(&message);
        let _ = decode(&within);
    }

    #[test]
    fn what_is_read_is_a_packet(message in proptest::collection::vec(any::<u8>(), 0..24)) {
        let mut within = event_of("");
        within.extend_from_slice(&message);
        if let Ok(mut whole) = decode(&within) {
            prop_assert!(whole.parts().is_ok());
            let json = text(&whole).split_once('[').unwrap().1;
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&format!("[{json}"));
            prop_assert!(is_json.is_ok(), "{}", json);
        }
    }
}
