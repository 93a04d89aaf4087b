use proptest::prelude::*;

use super::{check, check_bare};
use crate::schema::json::Limits;
use crate::schema::{
    Document, Field, Form, Rule, Schema, Unknown, VIOLATIONS_MAX, Value, Violation,
};

const INNER: Schema = Schema {
    name: "Inner",
    fields: &[Field::required("text", Rule::text(1, 3), "")],
    unknown: Unknown::Refused,
};

const ALL: Schema = Schema {
    name: "All",
    fields: &[
        Field::required("name", Rule::text(2, 5), ""),
        Field::optional("email", Rule::Email, ""),
        Field::optional("id", Rule::Id, ""),
        Field::optional("room", Rule::Room, ""),
        Field::optional("word", Rule::OneOf(&["a", "b"]), ""),
        Field::optional("count", Rule::Integer { min: 1, max: 9 }, ""),
        Field::optional("size", Rule::Size, ""),
        Field::optional("flag", Rule::Boolean, ""),
        Field::optional("date", Rule::Date, ""),
        Field::optional("tags", Rule::Array { item: &Rule::text(1, 3), max: 2 }, ""),
        Field::optional("any", Rule::OneOrMore { item: &Rule::text(1, 3), max: 2 }, ""),
        Field::optional("inner", Rule::Object(&INNER), ""),
        Field::optional(
            "heads",
            Rule::ById { item: &Rule::Integer { min: 0, max: 9 }, max: 2 },
            "",
        ),
        Field::optional("note", Rule::Any { bytes_max: 10 }, ""),
        Field::optional("trimmed", Rule::Text { min: 1, max: 3, form: Form::Trimmed }, ""),
        Field::optional("blank", Rule::Text { min: 1, max: 5, form: Form::NotBlank }, ""),
        Field::optional("url", Rule::Text { min: 1, max: 50, form: Form::Http }, ""),
        Field::optional(
            "secret",
            Rule::Text { min: 3, max: 99, form: Form::Secret { bytes_max: 4 } },
            "",
        ),
        Field::nullable("agent", Rule::Id, ""),
    ],
    unknown: Unknown::Refused,
};

const ID: &str = "507f1f77bcf86cd799439011";

fn messages(schema: &'static Schema, text: &str) -> Vec<String> {
    let mut bytes = text.as_bytes().to_vec();
    let document = Document::parse(&mut bytes, Limits::REST).unwrap();
    let violations = check(schema, document.root()).err().unwrap_or_default();
    violations.into_iter().map(|violation| violation.message).collect()
}

/// What is said about `"key": json` beside a right `name`.
fn about(key: &str, json: &str) -> Vec<String> {
    messages(&ALL, &format!(r#"{{"name":"abc","{key}":{json}}}"#))
}

fn assert_refused(cases: &[(&str, &str, &str)]) {
    for (key, json, text) in cases {
        assert_eq!(about(key, json), [*text], "{key}: {json}");
    }
}

#[test]
fn texts_are_those_of_the_original() {
    assert_refused(&[
        ("name", "1", r#""name" must be a string"#),
        ("name", "null", r#""name" must be a string"#),
        ("name", r#""""#, r#""name" is not allowed to be empty"#),
        ("name", r#""a""#, r#""name" length must be at least 2 characters long"#),
        ("name", r#""abcdef""#, r#""name" length must be less than or equal to 5 characters long"#),
        ("name", r#""😀😀😀""#, r#""name" length must be less than or equal to 5 characters long"#),
        ("email", r#""x""#, r#""email" must be a valid email"#),
        ("email", r#""""#, r#""email" is not allowed to be empty"#),
        ("email", "[]", r#""email" must be a string"#),
        ("word", r#""c""#, r#""word" must be one of [a, b]"#),
        ("word", r#""""#, r#""word" must be one of [a, b]"#),
        ("word", "null", r#""word" must be one of [a, b]"#),
        ("word", "{}", r#""word" must be one of [a, b]"#),
        ("tags", r#""a""#, r#""tags" must be an array"#),
        ("tags", "null", r#""tags" must be an array"#),
        ("tags", r#"["a","b","c"]"#, r#""tags" must contain less than or equal to 2 items"#),
        ("tags", r#"["a",1]"#, r#""tags[1]" must be a string"#),
        ("tags", r#"[""]"#, r#""tags[0]" is not allowed to be empty"#),
        ("inner", "[]", r#""inner" must be of type object"#),
        ("inner", "null", r#""inner" must be of type object"#),
        ("inner", "{}", r#""inner.text" is required"#),
        ("inner", r#"{"text":"a","more":1}"#, r#""inner.more" is not allowed"#),
        ("other", "1", r#""other" is not allowed"#),
        ("__proto__", r#"{"admin":true}"#, r#""__proto__" is not allowed"#),
    ]);
}

#[test]
fn texts_of_our_own_rules_read_like_the_original() {
    assert_refused(&[
        ("id", r#""507f""#, r#""id" must be a valid id"#),
        ("id", "7", r#""id" must be a string"#),
        ("room", r#""staff""#, r#""room" must name the room of a conversation"#),
        ("count", "0", r#""count" must be greater than or equal to 1"#),
        ("count", r#""10""#, r#""count" must be less than or equal to 9"#),
        ("count", "1.5", r#""count" must be an integer"#),
        ("count", r#""x""#, r#""count" must be a number"#),
        ("count", "1e99", r#""count" must be a safe number"#),
        ("count", "null", r#""count" must be a number"#),
        ("size", "-1", r#""size" must be greater than or equal to 0"#),
        ("size", r#""big""#, r#""size" must be a number"#),
        ("size", r#""inf""#, r#""size" must be a number"#),
        ("flag", "1", r#""flag" must be a boolean"#),
        ("date", r#""soon""#, r#""date" must be a valid date"#),
        ("any", "1", r#""any" must be a string"#),
        ("any", r#"["a","b","c"]"#, r#""any" must contain less than or equal to 2 items"#),
        ("heads", "[]", r#""heads" must be of type object"#),
        ("heads", r#"{"x":1}"#, r#""heads.x" is not allowed"#),
        ("note", r#""123456789""#, r#""note" must be at most 10 bytes of JSON"#),
        ("trimmed", r#"" \t\u0000 ""#, r#""trimmed" is not allowed to be empty"#),
        (
            "trimmed",
            r#"" abcd ""#,
            r#""trimmed" length must be less than or equal to 3 characters long"#,
        ),
        ("blank", r#""   ""#, r#""blank" is not allowed to be empty"#),
        ("secret", r#""12345""#, r#""secret" must not be longer than 4 bytes"#),
        ("secret", r#""ééé""#, r#""secret" must not be longer than 4 bytes"#),
        ("agent", r#""x""#, r#""agent" must be a valid id"#),
    ]);
    for url in ["javascript:alert(1)", "ftp://a", "http://", "//a", "http:/a", "http://a b"] {
        let text = r#""url" must be a valid uri with a scheme matching the http|https pattern"#;
        assert_eq!(about("url", &format!("\"{url}\"")), [text], "{url}");
    }
}

#[test]
fn right_values_pass() {
    for (key, json) in [
        ("name", r#""ab""#),
        ("name", r#""😀é""#),
        ("email", r#""a@b.co""#),
        ("id", &format!("\"{ID}\"")),
        ("room", &format!("\"conversation:{ID}\"")),
        ("count", "9"),
        ("count", "3.0"),
        ("count", r#""3""#),
        ("size", "0"),
        ("size", r#""12.5""#),
        ("flag", "false"),
        ("flag", r#""true""#),
        ("date", r#""2026-01-31""#),
        ("date", "0"),
        ("tags", "[]"),
        ("tags", r#"["a","a"]"#),
        ("any", r#""a""#),
        ("any", r#"["a","b"]"#),
        ("heads", &format!(r#"{{"{ID}":3}}"#)),
        ("note", r#"[1,2,"a"]"#),
        ("trimmed", r#""  abc  ""#),
        ("url", r#""https://example.com/a?b#c""#),
        ("url", r#""HTTP://1""#),
        ("secret", r#""abé""#),
        ("agent", "null"),
    ] {
        assert_eq!(about(key, json), [""; 0], "{key}: {json}");
    }
}

#[test]
fn known_keys_come_in_schema_order_and_unknown_ones_behind() {
    let text = r#"{"zzz":1,"count":0,"aaa":2,"zzz":3,"email":"x"}"#;
    let expected = [
        r#""name" is required"#,
        r#""email" must be a valid email"#,
        r#""count" must be greater than or equal to 1"#,
        r#""zzz" is not allowed"#,
        r#""aaa" is not allowed"#,
    ];
    assert_eq!(messages(&ALL, text), expected);
}

#[test]
fn items_are_checked_before_their_number() {
    let expected = [
        r#""tags[1]" is not allowed to be empty"#,
        r#""tags" must contain less than or equal to 2 items"#,
    ];
    assert_eq!(about("tags", r#"["a","","c"]"#), expected);
}

#[test]
fn a_body_that_is_no_object_is_named_value() {
    for text in ["[]", "1", "null", "\"name\"", "true"] {
        let mut bytes = text.as_bytes().to_vec();
        let document = Document::parse(&mut bytes, Limits::REST).unwrap();
        let violation = Violation {
            field: "value".to_owned(),
            message: r#""value" must be of type object"#.to_owned(),
        };
        assert_eq!(check(&ALL, document.root()).err(), Some(vec![violation]), "{text}");
    }
}

#[test]
fn violations_and_repeated_keys_are_bounded() {
    let keys = (0..1_000).map(|n| format!(r#","k{n}":1"#)).collect::<Vec<_>>().concat();
    let found = messages(&ALL, &format!(r#"{{"name":"abc"{keys}}}"#));
    assert_eq!(found.len(), VIOLATIONS_MAX);
    let items = "1,".repeat(1_000);
    assert_eq!(about("tags", &format!("[{items}1]")).len(), VIOLATIONS_MAX);
    let long = about(&"é".repeat(10_000), "1");
    assert_eq!(long, [format!("\"{}…\" is not allowed", "é".repeat(64))]);
}

#[test]
fn the_last_of_equal_keys_is_checked() {
    assert_eq!(messages(&ALL, r#"{"name":1,"name":"abc"}"#), [""; 0]);
    assert_eq!(messages(&ALL, r#"{"name":"abc","name":1}"#), [r#""name" must be a string"#]);
}

#[test]
fn what_was_checked_is_read_by_its_key() {
    let text = format!(
        r#"{{"name":"abc","id":"{ID}","count":"7","size":2.5,"flag":true,"tags":["a","b"],
        "any":"x","inner":{{"text":"t"}},"agent":null}}"#
    );
    let mut bytes = text.into_bytes();
    let document = Document::parse(&mut bytes, Limits::REST).unwrap();
    let checked = check(&ALL, document.root()).unwrap();
    assert_eq!(checked.text("name"), Some("abc"));
    assert_eq!(checked.id::<crate::id::UserId>("id").unwrap().to_string(), ID);
    assert_eq!(checked.integer("count"), Some(7));
    assert_eq!(checked.number("size"), Some(2.5));
    assert_eq!(checked.boolean("flag"), Some(true));
    assert_eq!(checked.texts("tags").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(checked.texts("any").collect::<Vec<_>>(), ["x"]);
    assert_eq!(checked.object("inner").unwrap().text("text"), Some("t"));
    assert!(checked.is_null("agent") && !checked.is_null("email"));
    assert_eq!(checked.text("agent"), None);
    assert_eq!(checked.text("nobody"), None);
}

#[test]
fn a_bare_value_stands_under_the_first_key() {
    let mut bytes = br#"["abc",7]"#.to_vec();
    let document = Document::parse(&mut bytes, Limits::REST).unwrap();
    let mut items = document.root().items();
    let checked = check_bare(&ALL, items.next().unwrap()).unwrap();
    assert_eq!(checked.text("name"), Some("abc"));
    for wrong in [items.next().unwrap(), Value::NULL, Value::EMPTY_OBJECT] {
        let violations = check_bare(&ALL, wrong).err().unwrap();
        assert_eq!(violations, [Violation::new("name", "must be a string")]);
    }
}

proptest! {
    #[test]
    fn a_refusal_always_says_why(text in r#"\{("name":("abc"|1|\[\]),)?"(tags|inner|heads|note|any)":(\[("a",?|\{\}){0,4}\]|\{\}|null|1)\}"#) {
        let mut bytes = text.into_bytes();
        if let Ok(document) = Document::parse(&mut bytes, Limits::REST)
            && let Err(violations) = check(&ALL, document.root())
        {
            prop_assert!(!violations.is_empty());
        }
    }
}
