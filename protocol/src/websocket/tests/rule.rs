//! RFC 6455 section by section; the numbers in the names are its sections.

use super::*;
use crate::websocket::close::{self, REASON_BYTES_MAX};

const PROTOCOL: CloseCode = CloseCode::PROTOCOL_ERROR;

#[test]
fn s5_7_single_frame_masked_hello_is_read() {
    let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(serve(&bytes), (vec![text("Hello")], None));
}

#[test]
fn s5_7_single_frame_unmasked_hello_is_written_and_read_by_a_client() {
    let bytes = frame::encode(Opcode::Text, b"Hello");
    assert_eq!(&bytes[..], [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    let read = feed(&mut Decoder::new(Role::Client), &Limits::default(), [&bytes[..]]);
    assert_eq!(read, (vec![text("Hello")], None));
}

#[test]
fn s5_7_fragmented_unmasked_hello_is_read_by_a_client() {
    let bytes = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    let read = feed(&mut Decoder::new(Role::Client), &Limits::default(), [&bytes[..]]);
    assert_eq!(read, (vec![text("Hello")], None));
}

#[test]
fn s5_7_ping_and_its_masked_answer_are_read() {
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let read = feed(&mut Decoder::new(Role::Client), &Limits::default(), [&ping[..]]);
    assert_eq!(read, (vec![Seen::Ping(b"Hello".to_vec())], None));
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(serve(&pong), (vec![Seen::Pong(b"Hello".to_vec())], None));
}

#[test]
fn s5_7_lengths_of_256_and_65536_have_the_headers_of_the_specification() {
    assert_eq!(&frame::header(Opcode::Binary, true, 256)[..], [0x82, 0x7e, 0x01, 0x00]);
    assert_eq!(
        &frame::header(Opcode::Binary, true, 65_536)[..],
        [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]
    );
}

#[test]
fn s5_1_unmasked_frame_of_a_client_is_refused() {
    refused(&frame::encode(Opcode::Text, b"Hello"), Violation::Unmasked, PROTOCOL);
    refused(&frame::encode(Opcode::Close, b""), Violation::Unmasked, PROTOCOL);
}

#[test]
fn s5_1_masked_frame_of_a_server_is_refused() {
    let bytes = masked(Opcode::Text, true, "Hello");
    let read = feed(&mut Decoder::new(Role::Client), &Limits::default(), [&bytes[..]]);
    assert_eq!(read, (vec![], Some(Violation::Masked)));
}

#[test]
fn s5_2_each_reserved_bit_is_refused() {
    for bit in [0x40, 0x20, 0x10] {
        for opcode in [0x81, 0x82, 0x88, 0x89, 0x8a] {
            refused(&masked_raw(opcode | bit, b""), Violation::ReservedBit, PROTOCOL);
        }
    }
}

#[test]
fn s5_2_reserved_opcodes_are_refused() {
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        refused(&masked_raw(0x80 | opcode, b"x"), Violation::ReservedOpcode, PROTOCOL);
        refused(&masked_raw(opcode, b""), Violation::ReservedOpcode, PROTOCOL);
    }
}

#[test]
fn s5_2_length_that_would_fit_a_shorter_form_is_refused() {
    for len in [0, 1, 125] {
        refused(&[0x81, 0xfe, 0, len], Violation::LengthNotMinimal, PROTOCOL);
    }
    for (high, low) in [(0, 0), (0, 126), (0xff, 0xff)] {
        refused(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, high, low], Violation::LengthNotMinimal, PROTOCOL);
    }
}

#[test]
fn s5_2_length_with_its_highest_bit_set_is_refused() {
    refused(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Violation::LengthHighBit, PROTOCOL);
    refused(
        &[0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255],
        Violation::LengthHighBit,
        PROTOCOL,
    );
}

#[test]
fn s5_2_lengths_at_the_edges_of_each_form_are_read() {
    for len in [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000] {
        let payload = vec![b'x'; len];
        assert_eq!(
            serve(&masked(Opcode::Binary, true, &payload)),
            (vec![Seen::Binary(payload)], None),
            "{len}"
        );
    }
}

#[test]
fn s5_4_fragments_make_one_message_of_the_first_ones_kind() {
    let bytes = [
        masked(Opcode::Binary, false, "a"),
        masked(Opcode::Continuation, false, ""),
        masked(Opcode::Continuation, false, "bc"),
        masked(Opcode::Continuation, true, "d"),
        masked(Opcode::Text, false, ""),
        masked(Opcode::Continuation, true, ""),
    ]
    .concat();
    assert_eq!(serve(&bytes), (vec![Seen::Binary(b"abcd".to_vec()), text("")], None));
}

#[test]
fn s5_4_control_frames_may_stand_between_fragments() {
    let bytes = [
        masked(Opcode::Text, false, "Hel"),
        masked(Opcode::Ping, true, "1"),
        masked(Opcode::Pong, true, ""),
        masked(Opcode::Continuation, true, "lo"),
    ]
    .concat();
    let expected = vec![Seen::Ping(b"1".to_vec()), Seen::Pong(vec![]), text("Hello")];
    assert_eq!(serve(&bytes), (expected, None));
}

#[test]
fn s5_4_new_message_inside_a_fragmented_one_is_refused() {
    for opcode in [Opcode::Text, Opcode::Binary] {
        for fin in [true, false] {
            let bytes = [masked(Opcode::Text, false, "a"), masked(opcode, fin, "b")].concat();
            refused(&bytes, Violation::ContinuationExpected, PROTOCOL);
        }
    }
}

#[test]
fn s5_4_continuation_without_a_message_is_refused() {
    for fin in [true, false] {
        let lone = masked(Opcode::Continuation, fin, "a");
        refused(&lone, Violation::ContinuationUnexpected, PROTOCOL);
        let after_whole = [masked(Opcode::Text, true, "a"), lone.clone()].concat();
        refused(&after_whole, Violation::ContinuationUnexpected, PROTOCOL);
        let after_fragmented = [
            masked(Opcode::Text, false, "a"),
            masked(Opcode::Continuation, true, "b"),
            masked(Opcode::Ping, true, ""),
            lone,
        ]
        .concat();
        refused(&after_fragmented, Violation::ContinuationUnexpected, PROTOCOL);
    }
}

#[test]
fn s5_5_control_frame_of_125_bytes_is_read_and_of_126_refused() {
    let payload = vec![7; 125];
    assert_eq!(serve(&masked(Opcode::Ping, true, &payload)), (vec![Seen::Ping(payload)], None));
    for opcode in [Opcode::Close, Opcode::Ping, Opcode::Pong] {
        refused(&masked(opcode, true, [0; 126]), Violation::ControlTooLong, PROTOCOL);
        refused(&masked(opcode, true, vec![0; 65_536]), Violation::ControlTooLong, PROTOCOL);
    }
}

#[test]
fn s5_5_fragmented_control_frame_is_refused() {
    for opcode in [Opcode::Close, Opcode::Ping, Opcode::Pong] {
        refused(&masked(opcode, false, ""), Violation::ControlFragmented, PROTOCOL);
    }
}

#[test]
fn s5_5_1_close_is_read_with_and_without_a_code() {
    assert_eq!(serve(&masked(Opcode::Close, true, "")), (vec![Seen::Close(None)], None));
    assert_eq!(
        serve(&masked(Opcode::Close, true, b"\x03\xe9leaving")),
        (vec![Seen::Close(Some((1001, "leaving".into())))], None)
    );
    let longest = [&[0x03, 0xe8][..], "é".repeat(61).as_bytes(), b"x"].concat();
    assert_eq!(longest.len(), 125);
    assert_eq!(
        serve(&masked(Opcode::Close, true, longest)),
        (vec![Seen::Close(Some((1000, "é".repeat(61) + "x")))], None)
    );
}

#[test]
fn s5_5_1_close_payload_of_one_byte_is_refused() {
    refused(&masked(Opcode::Close, true, [3]), Violation::ClosePayloadCut, PROTOCOL);
}

#[test]
fn s5_5_1_what_follows_a_close_is_discarded() {
    let bytes = [
        masked(Opcode::Close, true, b"\x03\xe8"),
        masked(Opcode::Ping, true, "late"),
        vec![0xff; 100],
    ]
    .concat();
    assert_eq!(serve(&bytes), (vec![Seen::Close(Some((1000, String::new())))], None));
}

#[test]
fn s5_5_1_close_inside_a_fragmented_message_ends_it() {
    let bytes = [masked(Opcode::Text, false, "a"), masked(Opcode::Close, true, "")].concat();
    let mut decoder = Decoder::new(Role::Server);
    let read = feed(&mut decoder, &Limits::default(), [&bytes[..]]);
    assert_eq!(read, (vec![Seen::Close(None)], None));
    assert!(!decoder.is_mid_message());
}

#[test]
fn s7_4_close_codes_that_may_be_sent_are_accepted_and_all_others_refused() {
    for number in 0..=u16::MAX {
        let allowed = matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let bytes = masked(Opcode::Close, true, number.to_be_bytes());
        if allowed {
            assert_eq!(serve(&bytes), (vec![Seen::Close(Some((number, String::new())))], None));
        } else {
            assert_eq!(serve(&bytes), (vec![], Some(Violation::CloseCodeNotAllowed)), "{number}");
        }
    }
    assert_eq!(Violation::CloseCodeNotAllowed.close_code(), PROTOCOL);
}

#[test]
fn s7_4_every_registered_code_may_be_sent_and_has_a_name_of_its_own() {
    let numbers: Vec<u16> = close::REGISTRY.iter().map(|row| row.code.number()).collect();
    assert_eq!(numbers, (1000..=1003).chain(1007..=1014).collect::<Vec<_>>());
    let mut names: Vec<&str> = close::REGISTRY.iter().map(|row| row.code.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), numbers.len());
    assert_eq!(CloseCode::new(4242).expect("an application's").name(), "application");
}

#[test]
fn s7_1_close_of_ours_is_read_by_a_client_and_its_reason_cut_at_a_character() {
    for (reason, expected) in [
        (String::new(), String::new()),
        ("x".repeat(REASON_BYTES_MAX), "x".repeat(REASON_BYTES_MAX)),
        ("é".repeat(62), "é".repeat(61)),
        ("😀".repeat(40), "😀".repeat(30)),
    ] {
        let mut bytes = Vec::new();
        close::encode_into(&mut bytes, Some(CloseCode::GOING_AWAY), &reason);
        let read = feed(&mut Decoder::new(Role::Client), &Limits::default(), [&bytes[..]]);
        assert_eq!(read, (vec![Seen::Close(Some((1001, expected)))], None));
    }
    let mut bytes = Vec::new();
    close::encode_into(&mut bytes, None, "unsaid");
    assert_eq!(bytes, [0x88, 0x00]);
}

#[test]
fn s8_1_text_that_is_not_utf8_is_refused() {
    let code = CloseCode::INVALID_PAYLOAD;
    for bad in [
        &b"\x80"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5",
        b"ok \xce",
        b"\xe2\x82",
    ] {
        refused(&masked(Opcode::Text, true, bad), Violation::InvalidUtf8, code);
        let reason = [b"\x03\xe8", bad].concat();
        refused(&masked(Opcode::Close, true, reason), Violation::InvalidUtf8, code);
        assert_eq!(
            serve(&masked(Opcode::Binary, true, bad)),
            (vec![Seen::Binary(bad.to_vec())], None)
        );
    }
}

#[test]
fn s8_1_character_may_be_cut_by_fragments_but_not_by_the_end() {
    let cut = [masked(Opcode::Text, false, b"\xce"), masked(Opcode::Continuation, true, b"\xba")];
    assert_eq!(serve(&cut.concat()), (vec![text("κ")], None));
    let unfinished =
        [masked(Opcode::Text, false, b"\xf0\x9f"), masked(Opcode::Continuation, true, b"\x98")];
    refused(&unfinished.concat(), Violation::InvalidUtf8, CloseCode::INVALID_PAYLOAD);
}

#[test]
fn s8_1_bad_byte_is_refused_as_soon_as_it_arrived() {
    // "κόσμε", then a code point past U+10FFFF whose second byte shows it, then more.
    let payload = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited";
    let header_len = 6;
    let bad_at = 12;
    for fin in [true, false] {
        let bytes = masked(Opcode::Text, fin, payload);
        for chunk in [1, bytes.len()] {
            let mut decoder = Decoder::new(Role::Server);
            let limits = Limits::default();
            let before = &bytes[..header_len + bad_at];
            assert_eq!(feed(&mut decoder, &limits, before.chunks(chunk)), (vec![], None));
            let bad = &bytes[header_len + bad_at..=header_len + bad_at];
            let refusal = (vec![], Some(Violation::InvalidUtf8));
            assert_eq!(feed(&mut decoder, &limits, [bad]), refusal);
        }
    }
    let first = masked(Opcode::Text, false, &payload[..=bad_at]);
    assert_eq!(serve(&first), (vec![], Some(Violation::InvalidUtf8)));
}
