//! What a connection costs at most, and what happens at each limit.

use super::*;
use crate::websocket::message::Payload;

const SMALL: Limits = Limits { frame_bytes_max: 10, message_bytes_max: 15, fragments_max: 3 };

fn serve_small(bytes: &[u8]) -> (Vec<Seen>, Option<Violation>) {
    feed(&mut Decoder::new(Role::Server), &SMALL, [bytes])
}

#[test]
fn decoder_of_an_idle_connection_is_16_bytes() {
    assert!(size_of::<Decoder>() <= 16);
}

#[test]
fn frame_past_its_limit_is_refused_before_its_payload_arrives() {
    assert_eq!(serve_small(&masked(Opcode::Text, true, [b'x'; 10])).1, None);
    let header = &masked(Opcode::Text, true, [b'x'; 11])[..6];
    assert_eq!(serve_small(header).1, Some(Violation::FrameTooBig));
    let largest = [0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0];
    assert_eq!(serve_small(&largest).1, Some(Violation::FrameTooBig));
    assert_eq!(Violation::FrameTooBig.close_code(), CloseCode::MESSAGE_TOO_BIG);
}

#[test]
fn message_past_its_limit_is_refused_before_its_last_payload_arrives() {
    let first = masked(Opcode::Text, false, [b'x'; 10]);
    let fits = [first.clone(), masked(Opcode::Continuation, true, [b'x'; 5])].concat();
    assert_eq!(serve_small(&fits), (vec![text("x".repeat(15))], None));
    let header = &masked(Opcode::Continuation, true, [b'x'; 6])[..6];
    let exceeds = [&first[..], header].concat();
    assert_eq!(serve_small(&exceeds).1, Some(Violation::MessageTooBig));
    assert_eq!(Violation::MessageTooBig.close_code(), CloseCode::MESSAGE_TOO_BIG);
}

#[test]
fn default_limit_is_a_million_bytes_exactly() {
    let header = &masked(Opcode::Binary, true, vec![0; 1_000_001])[..14];
    assert_eq!(serve(header).1, Some(Violation::FrameTooBig));
    let header = &masked(Opcode::Binary, true, vec![0; 1_000_000])[..14];
    assert_eq!(serve(header).1, None);
}

#[test]
fn control_frames_are_exempt_from_the_limits_of_data() {
    let ping = masked(Opcode::Ping, true, [1; 125]);
    assert_eq!(serve_small(&ping), (vec![Seen::Ping(vec![1; 125])], None));
}

#[test]
fn stream_of_empty_fragments_ends_at_the_limit() {
    let mut bytes = masked(Opcode::Text, false, "");
    for _ in 0..2 {
        bytes.extend(masked(Opcode::Continuation, false, ""));
        bytes.extend(masked(Opcode::Ping, true, ""));
    }
    assert_eq!(serve_small(&bytes).1, None);
    bytes.extend(masked(Opcode::Continuation, true, ""));
    assert_eq!(serve_small(&bytes).1, Some(Violation::TooManyFragments));
    assert_eq!(Violation::TooManyFragments.close_code(), CloseCode::POLICY_VIOLATION);
}

#[test]
fn whole_frame_is_unmasked_where_it_lies() {
    let mut buffer = masked(Opcode::Text, true, "Hello");
    buffer.extend(masked(Opcode::Binary, true, "World"));
    let start = buffer.as_ptr();
    let mut decoder = Decoder::new(Role::Server);
    let Ok((11, Step::Message(Message::Text(Payload::Borrowed(payload))))) =
        decoder.decode(&mut buffer, &Limits::default())
    else {
        panic!("a borrowed text");
    };
    assert_eq!(payload, b"Hello");
    assert_eq!(payload.as_ptr(), start.wrapping_add(6));
    assert!(!decoder.is_mid_message());
}

#[test]
fn frame_whose_header_was_cut_is_still_unmasked_where_it_lies() {
    let mut bytes = masked(Opcode::Text, true, "Hello");
    let (head, rest) = bytes.split_at_mut(3);
    let mut decoder = Decoder::new(Role::Server);
    let limits = Limits::default();
    assert!(matches!(decoder.decode(head, &limits), Ok((3, Step::Incomplete))));
    assert!(decoder.is_mid_message());
    let Ok((8, Step::Message(Message::Text(Payload::Borrowed(payload))))) =
        decoder.decode(rest, &limits)
    else {
        panic!("a borrowed text");
    };
    assert_eq!(payload, b"Hello");
    assert!(!decoder.is_mid_message());
}

#[test]
fn nothing_is_kept_once_a_cut_message_was_handed_out() {
    let bytes = [
        masked(Opcode::Text, false, "Hel"),
        masked(Opcode::Ping, true, "ping"),
        masked(Opcode::Continuation, true, "lo"),
    ]
    .concat();
    let mut decoder = Decoder::new(Role::Server);
    let (seen, violation) = feed(&mut decoder, &Limits::default(), bytes.chunks(2));
    assert_eq!((seen, violation), (vec![Seen::Ping(b"ping".to_vec()), text("Hello")], None));
    assert!(!decoder.is_mid_message());
}

#[test]
fn declared_length_reserves_nothing() {
    let mut decoder = Decoder::new(Role::Server);
    let limits = Limits { frame_bytes_max: usize::MAX, message_bytes_max: usize::MAX, ..SMALL };
    let mut head = [0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, b'x'];
    assert!(matches!(decoder.decode(&mut head, &limits), Ok((15, Step::Incomplete))));
    assert!(decoder.reserved_bytes() <= 2);
}

#[test]
fn small_fragments_are_not_copied_again_with_each_that_follows() {
    let mut decoder = Decoder::new(Role::Server);
    let mut growths = 0;
    let mut reserved = 0;
    for i in 0..16_000 {
        let opcode = if i == 0 { Opcode::Binary } else { Opcode::Continuation };
        let fragment = masked(opcode, false, [0; 60]);
        assert_eq!(feed(&mut decoder, &Limits::default(), [&fragment[..]]), (vec![], None));
        growths += u32::from(decoder.reserved_bytes() != reserved);
        reserved = decoder.reserved_bytes();
    }
    assert!(growths <= (16_000_u32 * 60).ilog2() + 1);
}

#[test]
fn buffer_never_exceeds_twice_what_arrived_nor_the_message() {
    let frame = masked(Opcode::Binary, true, vec![1; 100_000]);
    let mut decoder = Decoder::new(Role::Server);
    let mut arrived = 0;
    for chunk in frame.chunks(1_500) {
        arrived += chunk.len();
        match decoder.decode(&mut chunk.to_vec(), &Limits::default()) {
            Ok((_, Step::Incomplete)) => {
                assert!(decoder.reserved_bytes() <= (2 * arrived).min(100_000));
            }
            Ok((_, Step::Message(message))) => {
                let Message::Binary(Payload::Owned(bytes)) = message else { panic!("owned") };
                assert_eq!(bytes.capacity(), 100_000);
            }
            Err(violation) => panic!("{violation}"),
        }
    }
    assert_eq!(decoder.reserved_bytes(), 0);
}

#[test]
fn failed_decoder_repeats_its_error_and_keeps_nothing() {
    let mut decoder = Decoder::new(Role::Server);
    let limits = Limits::default();
    let bytes = [masked(Opcode::Text, false, "a"), masked(Opcode::Text, true, "b")].concat();
    let refusal = (vec![], Some(Violation::ContinuationExpected));
    assert_eq!(feed(&mut decoder, &limits, [&bytes[..]]), refusal);
    assert!(!decoder.is_mid_message());
    let good = masked(Opcode::Text, true, "c");
    assert_eq!(feed(&mut decoder, &limits, [&good[..], &[]]), refusal);
}

#[test]
fn empty_read_changes_nothing() {
    let mut decoder = Decoder::new(Role::Server);
    let bytes = masked(Opcode::Text, true, "Hello");
    let reads = [&[][..], &bytes[..3], &[], &bytes[3..8], &[], &bytes[8..], &[]];
    assert_eq!(feed(&mut decoder, &Limits::default(), reads), (vec![text("Hello")], None));
}

#[test]
fn message_at_its_limit_may_come_in_fragments_of_64_bytes() {
    let (default, large) = (Limits::default(), Limits::of_messages(16 << 20));
    assert_eq!((default.message_bytes_max, default.fragments_max), (1_000_000, 16_384));
    assert_eq!((large.frame_bytes_max, large.fragments_max), (16 << 20, (16 << 20) / 64));
    assert_eq!(Limits::of_messages(0).fragments_max, 16_384);
    let limits = Limits::of_messages(2 << 20);
    let mut decoder = Decoder::new(Role::Server);
    for i in 0..limits.fragments_max {
        let opcode = if i == 0 { Opcode::Binary } else { Opcode::Continuation };
        let fragment = masked(opcode, i + 1 == limits.fragments_max, [0; 64]);
        let (seen, violation) = feed(&mut decoder, &limits, [&fragment[..]]);
        assert_eq!((seen.len(), violation), (usize::from(i + 1 == limits.fragments_max), None));
    }
}
