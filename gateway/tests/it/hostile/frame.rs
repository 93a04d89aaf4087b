//! Bytes after the handshake that break RFC 6455: their connection ends.

use super::Scene;
use crate::peer::Heard;

#[test]
fn frame_that_breaks_the_rules_ends_its_connection() {
    let mut scene = Scene::set();
    for (what, bytes) in broken_frames() {
        let mut peer = scene.hostile_peer();
        peer.write_raw(&bytes);
        let heard = peer.hear();
        assert!(matches!(heard, Heard::Closed(_)), "{what}: {heard:?}");
        scene.assert_unharmed(what);
    }
    scene.assert_open_for_newcomers("broken frames");
}

#[test]
fn frame_that_declares_much_and_sends_little_costs_nobody_anything() {
    let mut scene = Scene::set();
    let mut waiting = Vec::new();
    for length in [126, 65_536, 999_999] {
        let bytes = match u16::try_from(length) {
            Ok(short) => [&[0x81, 0xfe][..], &short.to_be_bytes(), &[1, 2, 3, 4, 5]].concat(),
            Err(_) => long_length(length),
        };
        for _ in 0..30 {
            let mut peer = scene.hostile_peer();
            peer.write_raw(&bytes);
            waiting.push(peer);
        }
    }
    scene.assert_open_for_newcomers("half frames");
    drop(waiting);
    scene.assert_open_for_newcomers("their end");
}

#[test]
fn frame_split_into_single_bytes_is_still_a_frame() {
    let mut scene = Scene::set();
    let mut peer = scene.hostile_peer();
    for byte in masked(0x81, b"40{\"token\":\"x\"}") {
        peer.write_raw(&[byte]);
    }
    let answer = peer.hear_text();
    assert!(answer.starts_with("44{"), "{answer}");
    scene.assert_unharmed("single bytes");
}

#[test]
fn connection_cut_in_the_middle_of_anything_is_survived() {
    let mut scene = Scene::set();
    let whole = masked(0x81, format!("40{{\"token\":\"{}\"}}", scene.hostile.token).as_bytes());
    for cut in 0..whole.len() {
        scene.hostile_peer().write_raw(&whole[..cut]);
    }
    scene.assert_open_for_newcomers("cuts");
}

fn broken_frames() -> Vec<(&'static str, Vec<u8>)> {
    let ping_fragment = masked(0x09, b"");
    vec![
        ("an unmasked frame", vec![0x81, 0x02, b'4', b'0']),
        ("an unmasked empty frame", vec![0x81, 0x00]),
        ("reserved bit 1", masked(0xc1, b"40")),
        ("reserved bit 2", masked(0xa1, b"40")),
        ("reserved bit 3", masked(0x91, b"40")),
        ("reserved opcode 3", masked(0x83, b"")),
        ("reserved opcode 11", masked(0x8b, b"")),
        ("reserved opcode 15", masked(0x8f, b"")),
        ("a fragmented ping", ping_fragment),
        ("a fragmented close", masked(0x08, &[3, 232])),
        ("a ping of 126 bytes", masked(0x89, &[0; 126])),
        ("a close of 1 byte", masked(0x88, &[3])),
        ("a close with a reserved code", masked(0x88, &1005_u16.to_be_bytes())),
        ("a close with a code of nobody", masked(0x88, &[0, 0])),
        ("a close with broken text", masked(0x88, &[3, 232, 0xff, 0xfe])),
        ("a continuation of nothing", masked(0x80, b"40")),
        ("a message inside a message", [masked(0x01, b"4"), masked(0x81, b"0")].concat()),
        ("broken UTF-8", masked(0x81, &[b'4', b'0', 0xc3, 0x28])),
        ("UTF-8 cut short", masked(0x81, &[b'4', 0xf0, 0x9f, 0x91])),
        ("a surrogate", masked(0x81, &[b'4', 0xed, 0xa0, 0x80])),
        ("a length that is not minimal", vec![0x81, 0xfe, 0, 2, 0, 0, 0, 0, b'4', b'0']),
        ("a long length that is not minimal", long_length(2)),
        ("a negative length", long_length(u64::MAX)),
        ("more than memory", long_length(i64::MAX.unsigned_abs())),
        ("just over the maximum", long_length(1_000_001)),
        ("noise", (0..=255).rev().collect()),
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("a TLS greeting", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    ]
}

/// A frame with this first byte, as a client sends it.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match u16::try_from(payload.len()).expect("frames here are short") {
        short @ 0..=125 => frame.push(0x80 | u8::try_from(short).expect("up to 125")),
        long => {
            frame.push(0xfe);
            frame.extend(long.to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The head of a text frame with a length in eight bytes, a mask, and one byte.
fn long_length(length: u64) -> Vec<u8> {
    [&[0x81, 0xff][..], &length.to_be_bytes(), &[0, 0, 0, 0], b"4"].concat()
}
