//! What must hold for every input: one function per decoder.
//!
//! A target runs its function on what the fuzzer invents; the ordinary tests of the crate run the
//! same functions on the committed corpus. Nothing here may panic unless a decoder is wrong.

mod door;
mod engine;
mod socket;
mod websocket;

use door::{client_event, rest_request, schema_form, schema_json};
use engine::{engine_packet, engine_payload};
use socket::{socket_attachment, socket_msgpack, socket_packet};
use websocket::websocket;

/// A target: its name, which is that of its folder in the corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them. Each says of itself what its input is and what must hold.
pub const TARGETS: [Target; 10] = [
    ("websocket", websocket),
    ("engine_packet", engine_packet),
    ("engine_payload", engine_payload),
    ("socket_packet", socket_packet),
    ("socket_attachment", socket_attachment),
    ("socket_msgpack", socket_msgpack),
    ("client_event", client_event),
    ("rest_request", rest_request),
    ("schema_json", schema_json),
    ("schema_form", schema_form),
];

/// Runs the target of this name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    let (_, run) = target.expect("targets are called by the names in the table");
    run(data);
}

/// Whether a text is JSON. Not asked of `serde_json::Value`, to which one key means something else
/// (see the corpus, `raw_value_key`).
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}
