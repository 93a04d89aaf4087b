use super::{Client, End, Heard, OUTBOX_BYTES_MAX, Step};

const HELLO: &[u8] = b"40{\"token\":\"t\"}";
const OPEN: &str =
    r#"0{"sid":"x","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":9}"#;
const UPGRADED: &str =
    "HTTP/1.1 101 x\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn text(payload: &str) -> Vec<u8> {
    let mut out = vec![0x81, u8::try_from(payload.len()).unwrap()];
    out.extend_from_slice(payload.as_bytes());
    out
}

/// The payloads of the masked frames in `wire`.
fn unmask(mut wire: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while let [_, len, a, b, c, d, rest @ ..] = wire {
        let len = usize::from(len & 0x7f);
        let mask = [*a, *b, *c, *d];
        out.push(rest[..len].iter().zip(mask.iter().cycle()).map(|(x, y)| x ^ y).collect());
        wire = &rest[len..];
    }
    out
}

fn take(client: &mut Client) -> Vec<Vec<u8>> {
    let payloads = unmask(client.outbox());
    client.sent(usize::MAX);
    payloads
}

fn live() -> Client {
    let mut client = Client::new(b"GET", 1);
    client.sent(3);
    for input in [UPGRADED.as_bytes(), &text(OPEN), &text(r#"40{"sid":"y"}"#)] {
        client.handle(input, HELLO).unwrap().unwrap();
    }
    client.sent(usize::MAX);
    client
}

#[test]
fn a_client_upgrades_opens_connects_and_is_live() {
    let mut client = Client::new(b"GET", 1);
    assert_eq!(client.outbox(), b"GET");
    client.sent(3);
    assert_eq!(client.handle(&UPGRADED.as_bytes()[..20], HELLO), Ok(None));
    let upgraded = client.handle(UPGRADED.as_bytes(), HELLO);
    assert_eq!(upgraded, Ok(Some((UPGRADED.len(), Step::Nothing))));
    client.handle(&text(OPEN), HELLO).unwrap();
    assert_eq!(take(&mut client), [HELLO]);
    assert_eq!(client.patience_ms(), 500);
    assert!(!client.is_live());
    let connected = text(r#"40{"sid":"y"}"#);
    assert_eq!(client.handle(&connected, HELLO), Ok(Some((connected.len(), Step::Live))));
    assert!(client.is_live());
}

#[test]
fn pings_of_both_layers_are_answered() {
    let mut client = live();
    assert_eq!(client.handle(&text("2"), HELLO), Ok(Some((3, Step::Nothing))));
    assert_eq!(client.handle(&[0x89, 1, b'p'], HELLO), Ok(Some((3, Step::Nothing))));
    assert_eq!(take(&mut client), [b"3".to_vec(), b"p".to_vec()]);
}

#[test]
fn events_and_acks_reach_the_scenario() {
    let mut client = live();
    let heard = Heard::Event { name: b"a", body: b"[\"a\"]" };
    assert_eq!(client.handle(&text("42[\"a\"]"), HELLO), Ok(Some((9, Step::Heard(heard)))));
    let heard = Heard::Ack { id: 7, body: b"[]" };
    assert_eq!(client.handle(&text("437[]"), HELLO), Ok(Some((7, Step::Heard(heard)))));
}

#[test]
fn every_goodbye_of_the_server_ends_the_connection_with_its_reason() {
    for (input, end) in [
        (text("41"), End::Disconnected),
        (text("1"), End::SessionClosed),
        (text("44{}"), End::Refused("{}".into())),
        (vec![0x88, 2, 3, 0xf1], End::Closed(1009)),
    ] {
        assert_eq!(live().handle(&input, HELLO), Err(end));
    }
}

#[test]
fn packets_out_of_place_end_the_connection() {
    assert!(live().handle(&text(OPEN), HELLO).is_err());
    assert!(live().handle(&text("40{}"), HELLO).is_err());
    let mut early = Client::new(b"", 1);
    early.handle(UPGRADED.as_bytes(), HELLO).unwrap();
    assert!(early.handle(&text("42[\"a\"]"), HELLO).is_err());
}

#[test]
fn a_server_that_does_not_read_costs_a_bounded_outbox() {
    let mut client = live();
    let chunk = vec![b'x'; 64 * 1024];
    let end = (0..100).find_map(|_| client.send(&chunk).err());
    assert_eq!(end, Some(End::NotReading));
    assert!(client.outbox().len() <= OUTBOX_BYTES_MAX + 1024);
}

#[test]
fn leaving_says_goodbye_in_both_layers() {
    let mut client = live();
    client.leave();
    assert_eq!(take(&mut client), [b"41".to_vec(), vec![3, 0xe8]]);
}
