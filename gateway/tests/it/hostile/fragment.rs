//! Messages in pieces, and what comes between the pieces.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::sync_channel;

use super::frame::masked;
use super::{CLIENT_KIB_MAX, SLACK_KIB, Scene};

#[test]
fn million_empty_fragments_end_their_connection_at_the_limit() {
    let mut scene = Scene::set();
    for first in [TEXT_BEGINS, BINARY_BEGINS] {
        let thousand = masked(CONTINUES, b"").repeat(1_000);
        let mut peer = scene.hostile_peer();
        peer.write_raw(&masked(first, b"4"));
        (0..1_000).for_each(|_| peer.write_raw(&thousand));
        assert_eq!(peer.hear_end(), Some(1008));
        scene.assert_unharmed("empty fragments");
    }
}

#[test]
fn fragments_without_end_close_their_connection_where_the_message_would_be_too_long() {
    let mut scene = Scene::set();
    scene.assert_costs_nothing_for_good(|scene| {
        for piece_len in [100, 1_000, 60_000] {
            let mut peer = scene.hostile_peer();
            peer.write_raw(&masked(TEXT_BEGINS, b"4"));
            let piece = masked(CONTINUES, &vec![b'x'; piece_len]);
            // Three times as much as one message may have.
            (0..3_000_000 / piece_len).for_each(|_| peer.write_raw(&piece));
            assert_eq!(peer.hear_end(), Some(1009), "in pieces of {piece_len}");
            scene.assert_unharmed("fragments without end");
        }
    });
}

#[test]
fn message_that_never_ends_costs_what_has_come_of_it() {
    let mut scene = Scene::set();
    let piece = masked(CONTINUES, &vec![b'x'; 50_000]);
    scene.assert_costs_little(UNFINISHED, |scene| {
        let mut peer = scene.hostile_peer();
        peer.write_raw(&masked(TEXT_BEGINS, b"4"));
        (0..19).for_each(|_| peer.write_raw(&piece));
        peer
    });
}

#[test]
fn event_in_a_fragment_a_byte_is_answered_with_every_ping_between_them() {
    let mut scene = Scene::set();
    let mut chat = scene.hostile_chat();
    let event = format!("427[\"ping\",\"{}\"]", "x".repeat(PIECES));
    let mut bytes = Vec::new();
    let mut pieces = event.as_bytes().chunks(1).peekable();
    let mut opcode = TEXT_BEGINS;
    for number in 0_u32.. {
        let Some(piece) = pieces.next() else { break };
        let ends = if pieces.peek().is_none() { FINAL } else { 0 };
        bytes.extend(masked(opcode | ends, piece));
        opcode = CONTINUES;
        if ends == 0 {
            bytes.extend(masked(PING, &number.to_be_bytes()));
            bytes.extend(masked(PONG, b"unasked"));
        }
    }
    let mut stream = chat.peer().stream().try_clone().expect("a socket may have two handles");
    let writer = std::thread::spawn(move || stream.write_all(&bytes));
    let mut frames = Frames(BufReader::new(chat.peer().stream()));
    for number in 0..u32::try_from(event.len() - 1).expect("a few thousand") {
        assert_eq!(frames.next(), (PONG, number.to_be_bytes().to_vec()));
    }
    let (first, answer) = frames.next();
    assert_eq!(first, TEXT_BEGINS | FINAL);
    assert!(answer.starts_with(b"42[\"pong\""), "{}", String::from_utf8_lossy(&answer));
    writer.join().expect("no panic").expect("the server takes it all");
    scene.assert_unharmed("pings between fragments");
}

#[test]
fn million_pongs_that_nobody_asked_for_are_dropped() {
    let mut scene = Scene::set();
    let mut chat = scene.hostile_chat();
    let before_kib = scene.server.resident_kib();
    let thousand = masked(PONG, b"").repeat(1_000);
    (0..1_000).for_each(|_| chat.peer().write_raw(&thousand));
    let answer = chat.ask("ping", &[]);
    assert_eq!(answer["success"], true, "{answer}");
    assert_little_more(&scene, before_kib);
    scene.assert_unharmed("pongs");
}

#[test]
fn pings_of_somebody_who_reads_are_answered_one_by_one_and_in_order() {
    let mut scene = Scene::set();
    let mut chat = scene.hostile_chat();
    let before_kib = scene.server.resident_kib();
    let mut stream = chat.peer().stream().try_clone().expect("a socket may have two handles");
    // Some thousand ahead of the reading: a reader that is held up is not one that never reads.
    let (read, ahead) = sync_channel(AHEAD_MAX);
    let writer = std::thread::spawn(move || {
        for start in (0..PINGS).step_by(1_000) {
            let pings = (start..start + 1_000).flat_map(|it| masked(PING, &it.to_be_bytes()));
            stream.write_all(&pings.collect::<Vec<u8>>())?;
            // An end shows where the answers are read.
            let _ = read.send(());
        }
        std::io::Result::Ok(())
    });
    let mut frames = Frames(BufReader::new(chat.peer().stream()));
    for number in 0..PINGS {
        assert_eq!(frames.next(), (PONG, number.to_be_bytes().to_vec()));
        if number % 1_000 == 999 {
            ahead.recv().expect("a thousand were sent");
        }
    }
    writer.join().expect("no panic").expect("the server takes it all");
    assert_little_more(&scene, before_kib);
    scene.assert_unharmed("pings");
}

/// Frames of the server, which are not masked, of up to 64 KiB.
struct Frames<'a>(BufReader<&'a mut TcpStream>);

impl Frames<'_> {
    /// The first byte and the payload of the next one, past what a server says of its own accord:
    /// heartbeats, and who came online.
    fn next(&mut self) -> (u8, Vec<u8>) {
        loop {
            let (first, payload) = self.next_of_any();
            let is_unasked = payload == b"2" || payload.starts_with(b"42[\"user_status_update\"");
            if first != TEXT_BEGINS | FINAL || !is_unasked {
                return (first, payload);
            }
        }
    }

    fn next_of_any(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("a frame comes in time");
        let mut len = u16::from(head[1]);
        if len == 126 {
            let mut long = [0; 2];
            self.0.read_exact(&mut long).expect("a frame comes whole");
            len = u16::from_be_bytes(long);
        }
        let mut payload = vec![0; len.into()];
        self.0.read_exact(&mut payload).expect("a frame comes whole");
        (head[0], payload)
    }
}

fn assert_little_more(scene: &Scene, before_kib: u64) {
    let grown_kib = scene.server.resident_kib().saturating_sub(before_kib);
    assert!(grown_kib < CLIENT_KIB_MAX + SLACK_KIB, "{grown_kib} KiB for one client");
}

const CONTINUES: u8 = 0x00;
const TEXT_BEGINS: u8 = 0x01;
const BINARY_BEGINS: u8 = 0x02;
const FINAL: u8 = 0x80;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Fragments of a byte each.
const PIECES: usize = 5_000;

/// Their answers, if all were kept, would take twice what may be there.
const PINGS: u32 = 200_000;

/// Thousands of pings that are sent and not read yet.
const AHEAD_MAX: usize = 5;

const UNFINISHED: usize = 30;
