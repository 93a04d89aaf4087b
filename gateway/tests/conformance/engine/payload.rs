//! Packets in a body. Source: Engine.IO v4 "Packet encoding"; A3.

use super::Poller;
use crate::example;

#[test]
fn payload_is_packets_with_a_separator_between_them() {
    let server = example::start();
    let poller = Poller::open(&server);
    assert_eq!(poller.post("4a\u{1e}4é👋\u{1e}4").text(), "ok");
    assert_eq!(poller.get().text(), "4a\u{1e}4é👋\u{1e}4");
}

#[test]
fn payload_brings_binary_as_base64_without_a_type_digit() {
    let server = example::start();
    let poller = Poller::open(&server);
    assert_eq!(poller.post("4a\u{1e}bAQIDBA==\u{1e}b\u{1e}b//79").text(), "ok");
    assert_eq!(poller.get().text(), "4a\u{1e}bAQIDBA==\u{1e}b\u{1e}b//79");
}

#[test]
fn payload_has_no_packet_twice_and_none_is_lost_between_polls() {
    let server = example::start();
    let poller = Poller::open(&server);
    let sent: Vec<String> = (0..100).map(|number| format!("4{number}")).collect();
    assert_eq!(poller.post(sent.join("\u{1e}")).text(), "ok");
    let mut heard = Vec::new();
    while heard.len() < sent.len() {
        heard.extend(poller.get().text().split('\u{1e}').map(str::to_owned));
    }
    assert_eq!(heard, sent);
}
