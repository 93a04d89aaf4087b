use proptest::prelude::*;

use super::{Document, JsonError, Limits, Parser, Shape, VALUES_MAX, Value};

fn rewritten(text: &str) -> Result<String, JsonError> {
    let mut bytes = text.as_bytes().to_vec();
    let document = Document::parse(&mut bytes, Limits::SOCKET)?;
    Ok(serde_json::to_string(&document.root()).unwrap())
}

#[test]
fn values_come_out_as_they_went_in() {
    for text in [
        "null",
        "true",
        "-7",
        "0.5",
        r#""""#,
        r#""a\"\\\n\u0001é😀""#,
        "[]",
        "{}",
        r#"[1,[2,{"a":[]}],"x"]"#,
        r#"{"a":{"b":[1,{"c":null}]},"d":"e"}"#,
        "9223372036854775807",
    ] {
        assert_eq!(rewritten(text).as_deref(), Ok(text));
    }
}

#[test]
fn what_is_not_json_is_malformed() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\"}",
        "{a:1}",
        "'a'",
        "[1] 2",
        "nul",
        "01",
        "1.",
        "\"\n\"",
        "\"\\x\"",
        "[\"a",
        "NaN",
        "undefined",
        "[1,2}",
        "\u{feff}[]",
        "--1",
        "{\"a\":1,}",
        "]",
    ] {
        assert_eq!(rewritten(text), Err(JsonError::Malformed), "{text:?}");
    }
    assert_eq!(
        Document::parse(&mut [b'"', 0xff, b'"'], Limits::REST).err(),
        Some(JsonError::Malformed)
    );
}

#[test]
fn numbers_beyond_64_bits_are_numbers_as_in_javascript() {
    for text in
        ["18446744073709551615", "18446744073709551616", "-1e300", "123456789012345678901234567890"]
    {
        let mut bytes = text.as_bytes().to_vec();
        let document = Document::parse(&mut bytes, Limits::REST).unwrap();
        assert!(matches!(document.root().shape(), Shape::Float(_)), "{text}");
    }
}

#[test]
fn of_equal_keys_the_last_wins() {
    let many = (0..50).map(|n| format!(r#""k{n}":{n},"#)).collect::<Vec<_>>().concat();
    for text in [r#"{"a":1,"b":2,"a":3}"#.to_owned(), format!(r#"{{"a":1,{many}"a":3}}"#)] {
        let mut bytes = text.into_bytes();
        let document = Document::parse(&mut bytes, Limits::REST).unwrap();
        let value = document.root().get("a").unwrap();
        assert!(matches!(value.shape(), Shape::Integer(3)));
    }
}

#[test]
fn half_an_emoji_is_read_as_a_replacement_character() {
    assert_eq!(rewritten(r#"["\ud83d","\ud83d\ude00"]"#).as_deref(), Ok(r#"["�","😀"]"#));
}

#[test]
fn depth_and_number_of_values_are_refused_before_parsing() {
    for depth in [65, 100_000] {
        let mut deep = "[".repeat(depth).into_bytes();
        assert_eq!(Document::parse(&mut deep, Limits::REST).err(), Some(JsonError::TooDeep(64)));
    }
    let nested = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(rewritten(&nested), Ok(nested));
    let mut wide = format!("[{}0]", "0,".repeat(VALUES_MAX)).into_bytes();
    let refusal = Document::parse(&mut wide, Limits::REST).err();
    assert_eq!(refusal, Some(JsonError::TooMany(VALUES_MAX)));
}

#[test]
fn a_parser_forgets_what_it_read_before() {
    let mut parser = Parser::new();
    let large = format!("[\"{}\"]", "x".repeat(super::KEPT_BYTES_MAX));
    for text in [r#"{"a":[1,2,3]}"#, "[", "[]", large.as_str(), r#"["b"]"#] {
        let mut bytes = text.as_bytes().to_vec();
        let read = |value: Value<'_>| serde_json::to_string(&value).unwrap();
        let again = parser.parse(&mut bytes, Limits::SOCKET, read);
        assert_eq!(again, rewritten(text));
    }
}

#[test]
fn members_of_the_wrong_kind_of_value_are_absent() {
    for value in [Value::NULL, Value::EMPTY_OBJECT] {
        assert!(value.get("a").is_none());
        assert!(value.as_text().is_none());
        assert_eq!(value.items().count(), 0);
        assert_eq!(value.entries().count(), 0);
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn serde_reads_the_same(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(rewritten(&text), Ok(text));
    }

    #[test]
    fn serde_judges_the_same(text in r#"[\[\]{}",:0-9a\\u tre.\-]{0,12}"#) {
        let ours = rewritten(&text).is_ok();
        let serde: Result<serde_json::Value, _> = serde_json::from_str(&text);
        // Lone surrogates are ours to read.
        prop_assert!(ours == serde.is_ok() || text.contains("\\u"), "{}", text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(document) = Document::parse(&mut bytes, Limits::REST) {
            prop_assert!(serde_json::to_string(&document.root()).is_ok());
        }
    }
}
