//! Peers that only write, or that close one half.

use std::io::Write as _;
use std::net::Shutdown;
use std::time::Duration;

use super::Scene;
use super::frame::masked;

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
        peer.hear_end();
    }
    scene.assert_unharmed("half-closed connections");
}

#[test]
fn flood_of_pings_from_somebody_who_never_reads_costs_little_memory() {
    let mut scene = Scene::set();
    let before_kib = scene.server.resident_kib();
    let pings = masked(0x89, b"").repeat(2_000);
    let mut peers: Vec<_> = (0..FLOODS).map(|_| scene.hostile_peer()).collect();
    for peer in &mut peers {
        // Until the server takes no more, or 8 MiB have gone.
        let stream = peer.stream();
        let _ = stream.set_write_timeout(Some(STUCK));
        for _ in 0..(8 << 20) / pings.len() {
            if stream.write_all(&pings).is_err() {
                break;
            }
        }
    }
    let grown_kib = scene.server.resident_kib().saturating_sub(before_kib);
    assert!(grown_kib < FLOODS * GROWTH_KIB_MAX, "{grown_kib} KiB for {FLOODS} floods");
    scene.assert_open_for_newcomers("floods of pings");
}

const FLOODS: u64 = 4;

/// A write that takes this long has found the server's buffers full.
const STUCK: Duration = Duration::from_millis(500);

/// What one hostile client may cost.
const GROWTH_KIB_MAX: u64 = 4 << 10;
