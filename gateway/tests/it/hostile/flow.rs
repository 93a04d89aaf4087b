//! Peers that only write, or that close one half.

use std::io::{Read as _, Write as _};
use std::iter::repeat_n;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::frame::masked;
use super::{CLIENT_KIB_MAX, Scene, http_door};
use crate::framing;
use crate::peer::{self, Heard};

#[test]
fn end_of_stream_behind_data_ends_the_connection() {
    let mut scene = Scene::set();
    let mut peers: Vec<_> = (0..30).map(|_| scene.hostile_peer()).collect();
    for peer in &mut peers {
        // Both arrive together; the end is not told a second time.
        peer.write_raw(&masked(0x8a, b""));
        let _ = peer.stream().shutdown(Shutdown::Write);
    }
    for peer in &mut peers {
        let heard = peer.hear();
        assert!(matches!(heard, Heard::Closed(_)), "{heard:?}");
    }
    scene.assert_unharmed("half-closed connections");
}

#[test]
fn flood_of_pings_from_somebody_who_never_reads_costs_little_memory() {
    let mut scene = Scene::set();
    let before_kib = scene.server.resident_kib();
    // The long ones fill the kernel's buffers, so that answers to the short ones stay with us.
    let long = masked(0x89, &[b'x'; 125]).repeat(200);
    let short = masked(0x89, b"").repeat(2_000);
    let mut peers: Vec<_> = (0..FLOODS).map(|_| scene.hostile_peer()).collect();
    for peer in &mut peers {
        let stream = peer.stream();
        narrow(stream);
        let _ = stream.set_write_timeout(Some(STUCK));
        let mut flood = repeat_n(&long, 320).chain(repeat_n(&short, 80));
        // Until the server takes no more, or 9 MiB have gone.
        while flood.next().is_some_and(|pings| stream.write_all(pings).is_ok()) {}
    }
    let grown_kib = scene.server.resident_kib().saturating_sub(before_kib);
    assert!(grown_kib < FLOODS * CLIENT_KIB_MAX, "{grown_kib} KiB for {FLOODS} floods");
    scene.assert_open_for_newcomers("floods of pings");
}

#[test]
fn whoever_sends_three_megabytes_before_it_reads_sees_the_413() {
    let mut scene = Scene::set();
    let door = http_door(scene.server.address());
    for (target, rounds) in [(door.as_str(), 1), ("/api/v1/messages", 50)] {
        for request in framing::three_megabytes(target) {
            for round in 0..rounds {
                let mut stream = peer::connect(scene.server.address());
                // The system takes in little of it, so that the server must take the rest.
                let socket = socket2::SockRef::from(&stream);
                socket.set_send_buffer_size(256 * 1024).expect("an open socket takes options");
                // Many clients take a connection that breaks while they write for no answer at all.
                stream.write_all(&request).expect("all of it is taken");
                let mut answer = String::new();
                stream.read_to_string(&mut answer).expect("the answer arrives in full");
                assert!(answer.starts_with("HTTP/1.1 413 "), "{target} {round}: {answer:?}");
            }
        }
    }
    scene.assert_unharmed("bodies that are too long");
}

/// Has the kernel take in little for a stream that nobody reads.
pub(super) fn narrow(stream: &TcpStream) {
    let stream = socket2::SockRef::from(stream);
    stream.set_recv_buffer_size(NARROW_BYTES).expect("an open socket takes options");
}

/// The least that Linux grants.
const NARROW_BYTES: usize = 2_304;

const FLOODS: u64 = 4;

/// A write that takes this long has found the server's buffers full.
const STUCK: Duration = Duration::from_millis(250);
