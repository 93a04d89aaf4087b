use proptest::prelude::*;

use super::*;

fn decode_all(format: Format, body: &[u8]) -> Result<Vec<String>, PayloadError> {
    let mut body = body.to_vec();
    let packets = decode(format, &mut body);
    packets
        .map(|packet| {
            let packet = packet?;
            Ok(match packet {
                Packet::Message(text) => format!("4{}", String::from_utf8_lossy(text)),
                Packet::Ping(data) => format!("2{}", String::from_utf8_lossy(data)),
                Packet::Binary(bytes) => format!("{:?}", &*bytes),
                Packet::Close | Packet::Pong | Packet::Upgrade | Packet::Ignored => {
                    format!("{packet:?}")
                }
            })
        })
        .collect()
}

fn v4(body: &str) -> Result<Vec<String>, PayloadError> {
    decode_all(Format::V4, body.as_bytes())
}

fn v3(body: &str) -> Result<Vec<String>, PayloadError> {
    decode_all(Format::V3Text, body.as_bytes())
}

#[test]
fn v4_packets_are_joined_by_the_record_separator() {
    assert_eq!(v4("4hello\u{1e}2\u{1e}4world").unwrap(), ["4hello", "2", "4world"]);
    assert_eq!(v4("4€").unwrap(), ["4€"]);
    let mut writer = Writer::new(Format::V4);
    assert!(writer.is_empty());
    writer.push_text(b"4hello");
    writer.push_text(b"2");
    writer.push_binary(&[1, 2, 3, 4]);
    assert_eq!(writer.content_type(), "text/plain; charset=UTF-8");
    assert_eq!(writer.into_body(), b"4hello\x1e2\x1ebAQIDBA==");
}

#[test]
fn v4_binary_is_b_and_base64_without_a_type() {
    assert_eq!(v4("4hello\u{1e}bAQIDBA==").unwrap(), ["4hello", "[1, 2, 3, 4]"]);
}

#[test]
fn v4_bodies_that_are_garbage_are_refused() {
    assert_eq!(v4(""), Err(PacketError::Empty.into()));
    assert_eq!(v4("4a\u{1e}"), Err(PacketError::Empty.into()));
    assert_eq!(v4("\u{1e}4a"), Err(PacketError::Empty.into()));
    assert_eq!(v4("4a\u{1e}\u{1e}4b"), Err(PacketError::Empty.into()));
    assert_eq!(v4("abc"), Err(PacketError::UnknownType.into()));
    assert_eq!(decode_all(Format::V4, b"4\xff"), Err(PayloadError::Utf8));
    assert_eq!(Format::of_request(Revision::V4, true), None);
}

#[test]
fn nothing_follows_an_error() {
    let mut body = b"4a\x1ex\x1e4b".to_vec();
    let mut packets = decode(Format::V4, &mut body);
    assert!(packets.next().unwrap().is_ok());
    assert!(packets.next().unwrap().is_err());
    assert!(packets.next().is_none());
    assert!(packets.next().is_none());
}

#[test]
fn packets_of_a_body_are_bounded() {
    let most = vec!["3"; PACKETS_MAX as usize].join("\u{1e}");
    assert_eq!(v4(&most).unwrap().len(), PACKETS_MAX as usize);
    assert_eq!(v4(&format!("{most}\u{1e}3")), Err(PayloadError::TooMany));
}

#[test]
fn v3_text_lengths_count_utf16_code_units() {
    assert_eq!(v3("6:4hello2:4€3:4😀").unwrap(), ["4hello", "4€", "4😀"]);
    let mut writer = Writer::new(Format::V3Text);
    writer.push_text(b"4hello");
    writer.push_text("4€".as_bytes());
    writer.push_text("4😀".as_bytes());
    assert_eq!(writer.into_body(), "6:4hello2:4€3:4😀".as_bytes());
}

#[test]
fn v3_implicit_connect_rides_with_the_open_packet() {
    let mut writer = Writer::new(Format::V3Text);
    writer.push_text(br#"0{"sid":"x"}"#);
    writer.push_text(crate::socket::legacy::IMPLICIT_CONNECT);
    assert_eq!(writer.into_body(), br#"12:0{"sid":"x"}2:40"#);
}

#[test]
fn v3_binary_is_b4_and_base64_where_the_client_asked_for_it() {
    assert_eq!(Format::of_answer(Revision::V3, true, true), Format::V3Text);
    assert_eq!(v3("2:4a10:b4AQIDBA==").unwrap(), ["4a", "[1, 2, 3, 4]"]);
    let mut writer = Writer::new(Format::V3Text);
    writer.push_binary(&[1, 2, 3, 4]);
    assert_eq!(writer.into_body(), b"10:b4AQIDBA==");
}

#[test]
fn v3_body_is_binary_when_a_packet_is() {
    assert_eq!(Format::of_answer(Revision::V3, false, true), Format::V3Binary);
    assert_eq!(Format::of_answer(Revision::V3, false, false), Format::V3Text);
    assert_eq!(Format::of_answer(Revision::V4, false, true), Format::V4);
    let mut writer = Writer::new(Format::V3Binary);
    assert_eq!(writer.content_type(), "application/octet-stream");
    writer.push_text("4€".as_bytes());
    writer.push_binary(&[9; 11]);
    let body = writer.into_body();
    let expected = [&[0, 4, 0xff, b'4'][..], "€".as_bytes(), &[1, 1, 2, 0xff, 4], &[9; 11]];
    assert_eq!(body, expected.concat());
    assert_eq!(
        decode_all(Format::V3Binary, &body).unwrap(),
        ["4€".to_owned(), format!("{:?}", [9; 11])]
    );
}

#[test]
fn v3_packets_without_length_are_stepped_over() {
    assert_eq!(v3("0:").unwrap(), Vec::<String>::new());
    assert_eq!(v3("0:2:4a0:").unwrap(), ["4a"]);
    assert_eq!(v3("1:2").unwrap(), ["2"]);
}

#[test]
fn v3_bodies_that_are_garbage_are_refused() {
    for body in [
        "",
        "4a",
        ":4a",
        "2:4",
        "3:4a",
        "a:4a",
        "-2:4a",
        "2:4a1",
        "1e1:4a",
        "0000000002:4a",
        "2:😀",
    ] {
        assert!(v3(body).is_err(), "{body}");
    }
    assert_eq!(v3("99999999999999999999:4a"), Err(PayloadError::Length));
    for body in [
        &[][..],
        &[0],
        &[0, 1],
        &[0, 0xff],
        &[0, 1, 0xff],
        &[2, 1, 0xff, b'3'],
        &[0, 1, 0xff, 0xff],
        &[0, 10, 0xff, b'3'],
        &[1, 0, 0xff],
        &[1, 1, 0xff, 3],
        &[0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0xff],
    ] {
        assert!(decode_all(Format::V3Binary, body).is_err(), "{body:?}");
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..96)) {
        for format in [Format::V4, Format::V3Text, Format::V3Binary] {
            let _ = decode_all(format, &body);
        }
    }

    #[test]
    fn what_is_written_is_read(
        packets in proptest::collection::vec(
            prop_oneof![
                "4[^\u{1e}]{0,12}".prop_map(Ok::<String, Vec<u8>>),
                proptest::collection::vec(any::<u8>(), 0..12).prop_map(Err),
            ],
            1..6,
        ),
    ) {
        for format in [Format::V4, Format::V3Text, Format::V3Binary] {
            let mut writer = Writer::new(format);
            let mut expected = Vec::new();
            for packet in &packets {
                match packet {
                    Ok(text) => {
                        writer.push_text(text.as_bytes());
                        expected.push(text.clone());
                    }
                    Err(bytes) => {
                        writer.push_binary(bytes);
                        expected.push(format!("{bytes:?}"));
                    }
                }
            }
            prop_assert_eq!(decode_all(format, &writer.into_body()).unwrap(), expected);
        }
    }
}
