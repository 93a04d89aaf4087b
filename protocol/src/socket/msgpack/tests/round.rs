//! What is written is read, whatever it is.

use proptest::prelude::*;

use super::*;

fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f32>()
            .prop_filter("finite", |number| number.is_finite() && number.fract() != 0.0)
            .prop_map(|number| serde_json::to_string(&f64::from(number)).unwrap()),
        "\\PC{0,40}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::btree_map("[a-z]{0,8}", inner, 0..6).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        json in json_value(),
        namespace in "/[a-z]{0,4}",
        id in proptest::option::of(0..=1_u64 << 53),
    ) {
        let data = format!("[{json}]");
        let packet = Outgoing {
            kind: Kind::Event,
            namespace: &namespace,
            id,
            data: Some(data.as_bytes()),
            attachments: &[],
        };
        let mut out = Vec::new();
        encode(&mut out, &packet).unwrap();
        let whole = decode(&out).unwrap();
        let mut expected = Vec::new();
        crate::socket::encode::packet(&mut expected, &packet);
        prop_assert_eq!(text(&whole).as_bytes(), &expected[1..]);
    }
}
