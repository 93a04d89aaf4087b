use bytes::Bytes;

use super::*;
use crate::schema::json::{SOCKET_DEPTH_MAX, VALUES_MAX};
use crate::socket::{Kind, Outgoing, Whole};

mod hostile;
mod round;

/// A message from hex digits; blanks and letters beyond `f` separate.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// A packet of type 2 in the root namespace whose data is an array of this one value.
fn event_of(value: &str) -> Vec<u8> {
    let mut message = vec![0x83];
    write::text(&mut message, "type");
    message.push(2);
    write::text(&mut message, "nsp");
    write::text(&mut message, "/");
    write::text(&mut message, "data");
    message.push(0x91);
    message.extend(bytes(value));
    message
}

fn text(whole: &Whole) -> &str {
    std::str::from_utf8(whole.text()).unwrap()
}

fn attachments(whole: &mut Whole) -> Vec<Bytes> {
    whole.parts().unwrap().1.to_vec()
}

/// What one value becomes in JSON.
fn json_of(value: &str) -> Result<String, MsgpackError> {
    let whole = decode(&event_of(value))?;
    let (_, json) = text(&whole).split_once('[').unwrap();
    Ok(json.strip_suffix(']').unwrap().to_owned())
}

/// The msgpack of one JSON value.
fn msgpack_of(json: &str) -> Vec<u8> {
    let data = format!("[{json}]");
    let packet = Outgoing {
        kind: Kind::Event,
        namespace: "/",
        id: None,
        data: Some(data.as_bytes()),
        attachments: &[],
    };
    let mut out = Vec::new();
    encode(&mut out, &packet).unwrap();
    let before = [&[0x83][..], b"\xa4type\x02\xa4data\x91"].concat();
    let value = out.strip_prefix(&*before).unwrap();
    value.strip_suffix(b"\xa3nsp\xa1/").unwrap().to_vec()
}

#[test]
fn msgpack_packet_is_one_map_whose_keys_come_in_any_order() {
    // {type:2,data:["hello",1],options:{compress:true},id:7,nsp:"/a"} as the JavaScript client
    // writes it.
    let stock = b"\x85\xa4type\x02\xa4data\x92\xa5hello\x01\xa7options\x81\xa8compress\xc3\xa2id\x07\xa3nsp\xa2/a";
    assert_eq!(text(&decode(stock).unwrap()), r#"2/a,7["hello",1]"#);
    let turned = b"\x84\xa3nsp\xa1/\xa2id\xd4\x00\x00\xa4data\x91\xa1x\xa4type\x02";
    assert_eq!(text(&decode(turned).unwrap()), r#"2["x"]"#);
}

#[test]
fn msgpack_types_are_those_without_binary_variants() {
    for (message, packet) in [
        (&b"\x82\xa4type\x00\xa3nsp\xa1/"[..], "0"),
        (b"\x83\xa4type\x00\xa4data\xd4\x00\x00\xa3nsp\xa1/", "0"),
        (b"\x83\xa4type\x00\xa4data\xc0\xa3nsp\xa2/a", "0/a,"),
        (b"\x83\xa4type\x00\xa4data\x81\xa1a\xa1b\xa3nsp\xa1/", r#"0{"a":"b"}"#),
        (b"\x82\xa4type\x01\xa3nsp\xa2/a", "1/a,"),
        (b"\x84\xa4type\x03\xa2id\xcd\x01\x00\xa4data\x90\xa3nsp\xa1/", "3256[]"),
    ] {
        let mut whole = decode(message).unwrap();
        assert_eq!(text(&whole), packet);
        assert!(whole.parts().is_ok());
    }
    for (message, error) in [
        (&b"\x83\xa4type\x05\xa4data\x90\xa3nsp\xa1/"[..], MsgpackError::Packet),
        (b"\x83\xa4type\x04\xa4data\xa1x\xa3nsp\xa1/", MsgpackError::Packet),
        (b"\x83\xa4type\xff\xa4data\x90\xa3nsp\xa1/", MsgpackError::Packet),
        (b"\x83\xa4type\xa1\x32\xa4data\x90\xa3nsp\xa1/", MsgpackError::Packet),
        (b"\x82\xa4data\x90\xa3nsp\xa1/", MsgpackError::Packet),
        (b"\x82\xa4type\x02\xa3nsp\xa1/", MsgpackError::Payload),
        (b"\x83\xa4type\x02\xa4data\x80\xa3nsp\xa1/", MsgpackError::Payload),
        (b"\x83\xa4type\x00\xa4data\x90\xa3nsp\xa1/", MsgpackError::Payload),
        (b"\x83\xa4type\x00\xa4data\xa1x\xa3nsp\xa1/", MsgpackError::Payload),
        (b"\x83\xa4type\x01\xa4data\x80\xa3nsp\xa1/", MsgpackError::Payload),
        (b"\x83\xa4type\x00\xa4data\x81\xa1a\xc4\x00\xa3nsp\xa1/", MsgpackError::Payload),
        (b"\x82\xa4type\x02\xa4data\x90", MsgpackError::Packet),
        (b"\x83\xa4type\x02\xa4data\x90\xa3nsp\x01", MsgpackError::Packet),
        (b"\x83\xa4type\x02\xa4data\x90\xa3nsp\xa0", MsgpackError::Packet),
        (b"\x83\xa4type\x02\xa4data\x90\xa3nsp\xa1x", MsgpackError::Packet),
        (b"\x84\xa4type\x02\xa2id\xff\xa4data\x90\xa3nsp\xa1/", MsgpackError::Packet),
        (b"\x84\xa4type\x02\xa2id\xa1\x31\xa4data\x90\xa3nsp\xa1/", MsgpackError::Packet),
        (b"\x91\x00", MsgpackError::Packet),
        (b"\x01", MsgpackError::Packet),
    ] {
        assert_eq!(decode(message).unwrap_err(), error, "{message:x?}");
    }
}

#[test]
fn msgpack_namespace_cannot_smuggle_another_packet_into_the_text() {
    let message = b"\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa8/a,[\"y\"]";
    assert_eq!(decode(message).unwrap_err(), MsgpackError::Packet);
}

#[test]
fn msgpack_buffers_are_bin_and_become_attachments() {
    let mut whole = decode(&event_of("92 c4020102 c5000103")).unwrap();
    let placeholders = r#"52-[[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]"#;
    assert_eq!(text(&whole), placeholders);
    assert_eq!(attachments(&mut whole), [&[1, 2][..], &[3]]);
    // An ArrayBuffer: an extension of type 0.
    let mut whole = decode(&event_of("c7 02 00 0102")).unwrap();
    assert_eq!(attachments(&mut whole), [&[1, 2][..]]);
}

#[test]
fn msgpack_attachments_go_out_in_place_of_their_placeholders() {
    let attached = [Bytes::from_static(&[1]), Bytes::from_static(&[2, 3])];
    let data =
        br#"["x",{"num":1,"_placeholder":true},{"a":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":0}]"#;
    let packet = Outgoing {
        kind: Kind::Ack,
        namespace: "/a",
        id: Some(300),
        data: Some(data),
        attachments: &attached,
    };
    let mut out = Vec::new();
    encode(&mut out, &packet).unwrap();
    let expected = b"\x84\xa4type\x03\xa4data\x94\xa1x\xc4\x02\x02\x03\x81\xa1a\xc4\x01\x01\x82\xac_placeholder\xc3\xa3num\x00\xa2id\xcd\x01\x2c\xa3nsp\xa2/a";
    assert_eq!(out, expected);
    // Without attachments it is an object like any other.
    assert_eq!(msgpack_of(r#"{"_placeholder":true}"#), b"\x81\xac_placeholder\xc3");
}

#[test]
fn msgpack_integers_use_the_smallest_form() {
    for (json, expected) in [
        ("0", "00"),
        ("127", "7f"),
        ("128", "cc80"),
        ("255", "ccff"),
        ("256", "cd0100"),
        ("65535", "cdffff"),
        ("65536", "ce00010000"),
        ("4294967295", "ceffffffff"),
        ("4294967296", "cf0000000100000000"),
        ("18446744073709551615", "cfffffffffffffffff"),
        ("-1", "ff"),
        ("-32", "e0"),
        ("-33", "d0df"),
        ("-128", "d080"),
        ("-129", "d1ff7f"),
        ("-32768", "d18000"),
        ("-32769", "d2ffff7fff"),
        ("-2147483648", "d280000000"),
        ("-2147483649", "d3ffffffff7fffffff"),
        ("-9223372036854775808", "d38000000000000000"),
    ] {
        assert_eq!(msgpack_of(json), bytes(expected), "{json}");
        assert_eq!(json_of(expected).unwrap(), json, "{expected}");
    }
    for (json, expected) in [("1.0", "01"), ("1e2", "64"), ("-0.0", "00"), ("-2.0", "fe")] {
        assert_eq!(msgpack_of(json), bytes(expected), "{json}");
    }
}

#[test]
fn msgpack_floats_are_always_64_bit() {
    for (json, expected) in [
        ("0.5", "cb3fe0000000000000"),
        ("-1.5", "cbbff8000000000000"),
        ("0.1", "cb3fb999999999999a"),
        ("1e300", "cb7e37e43c8800759c"),
    ] {
        assert_eq!(msgpack_of(json), bytes(expected), "{json}");
        let read: f64 = json_of(expected).unwrap().parse().unwrap();
        assert!(read.total_cmp(&json.parse().unwrap()).is_eq(), "{json}");
    }
    // A 32-bit float is read too.
    assert_eq!(json_of("ca3f000000").unwrap(), "0.5");
}

#[test]
fn msgpack_numbers_that_json_lacks_are_written_as_javascript_would() {
    for (value, json) in [
        ("cb7ff8000000000000", "null"),
        ("cb7ff0000000000000", "null"),
        ("cbfff0000000000000", "null"),
        ("ca7fc00000", "null"),
        ("cb8000000000000000", "0"),
        ("cb3ff0000000000000", "1"),
        ("cbc000000000000000", "-2"),
    ] {
        assert_eq!(json_of(value).unwrap(), json, "{value}");
    }
}

#[test]
fn undefined_members_are_skipped_and_items_become_null() {
    assert_eq!(json_of("93 d40000 01 d40000").unwrap(), "[null,1,null]");
    assert_eq!(json_of("83 a161 d40000 a162 01 a163 d40000").unwrap(), r#"{"b":1}"#);
    assert_eq!(json_of("81 a161 d40000").unwrap(), "{}");
}

#[test]
fn msgpack_dates_become_the_text_that_json_makes_of_them() {
    for (value, json) in [
        // 32 bits of seconds.
        ("d6ff 00000000", r#""1970-01-01T00:00:00.000Z""#),
        ("d6ff 5e0be100", r#""2020-01-01T00:00:00.000Z""#),
        // 30 bits of nanoseconds, 34 of seconds.
        ("d7ff 01cd6500 00000000", r#""1970-01-01T00:00:00.007Z""#),
        // 32 bits of nanoseconds, 64 of seconds.
        ("c70cff 3b8b87c0 ffffffffffffffff", r#""1969-12-31T23:59:59.999Z""#),
        // Milliseconds, from older clients.
        ("d700 0000000000000007", r#""1970-01-01T00:00:00.007Z""#),
        ("d700 ffffffffffffffff", r#""1969-12-31T23:59:59.999Z""#),
        // Further than JavaScript's dates go.
        ("d700 7fffffffffffffff", "null"),
        ("c70cff 00000000 7fffffffffffffff", "null"),
    ] {
        assert_eq!(json_of(value).unwrap(), json, "{value}");
    }
}

#[test]
fn msgpack_values_become_json() {
    for (value, json) in [
        ("c0", "null"),
        ("c2", "false"),
        ("c3", "true"),
        ("a0", r#""""#),
        ("a3 610a22", r#""a\n\"""#),
        ("a2 c3a9", "\"é\""),
        ("d901 61", r#""a""#),
        ("da0001 61", r#""a""#),
        ("db00000001 61", r#""a""#),
        ("90", "[]"),
        ("dc0001 01", "[1]"),
        ("dd00000001 01", "[1]"),
        ("80", "{}"),
        ("de0001 a161 01", r#"{"a":1}"#),
        ("df00000001 a161 01", r#"{"a":1}"#),
        ("82 01 02 ff 80", r#"{"1":2,"-1":{}}"#),
        ("92 91 91 90 81 a161 81 a162 c0", r#"[[[[]]],{"a":{"b":null}}]"#),
    ] {
        assert_eq!(json_of(value).unwrap(), json, "{value}");
    }
}

#[test]
fn msgpack_texts_and_containers_use_the_smallest_form() {
    for (len, head) in
        [(31, "bf"), (32, "d920"), (255, "d9ff"), (256, "da0100"), (65_536, "db00010000")]
    {
        let text = "x".repeat(len);
        assert_eq!(msgpack_of(&format!("\"{text}\"")), [bytes(head), text.into()].concat());
    }
    for (len, head) in [(15, "9f"), (16, "dc0010")] {
        let expected = [bytes(head), vec![0; len]].concat();
        assert_eq!(msgpack_of(&format!("[{}]", vec!["0"; len].join(","))), expected);
    }
    for (len, head) in [(15, "8f"), (16, "de0010")] {
        let json = format!("{{{}}}", vec![r#""a":0"#; len].join(","));
        assert_eq!(msgpack_of(&json), [bytes(head), b"\xa1a\0".repeat(len)].concat());
    }
    let attached = [Bytes::from(vec![7; 256]), Bytes::from(vec![7; 65_536])];
    let mut out = Vec::new();
    let data = br#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let packet = Outgoing {
        kind: Kind::Event,
        namespace: "/",
        id: None,
        data: Some(data),
        attachments: &attached,
    };
    encode(&mut out, &packet).unwrap();
    assert!(memchr::memmem::find(&out, &bytes("92 c50100 07")).is_some());
    assert!(memchr::memmem::find(&out, &bytes("07 c600010000 07")).is_some());
}

#[test]
fn msgpack_server_packets_read_as_the_javascript_client_expects() {
    let packet = |kind, data| {
        let mut out = Vec::new();
        let attachments = &[];
        encode(&mut out, &Outgoing { kind, namespace: "/", id: None, data, attachments }).unwrap();
        out
    };
    assert_eq!(
        packet(Kind::Connect, Some(&br#"{"sid":"x"}"#[..])),
        b"\x83\xa4type\x00\xa4data\x81\xa3sid\xa1x\xa3nsp\xa1/"
    );
    assert_eq!(packet(Kind::Disconnect, None), b"\x82\xa4type\x01\xa3nsp\xa1/");
    assert_eq!(
        packet(Kind::ConnectError, Some(&br#"{"message":"no"}"#[..])),
        b"\x83\xa4type\x04\xa4data\x81\xa7message\xa2no\xa3nsp\xa1/"
    );
}
