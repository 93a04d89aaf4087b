//! Well-formed messages that are no packets.

use super::Scene;

#[test]
fn packet_of_any_shape_before_the_sign_in_is_survived() {
    let mut scene = Scene::set();
    for packet in packets() {
        let mut peer = scene.hostile_peer();
        peer.say(packet.as_str());
        drop(peer);
        scene.assert_unharmed(&packet[..packet.len().min(40)]);
    }
    scene.assert_open_for_newcomers("packets");
}

#[test]
fn packet_of_any_shape_after_the_sign_in_is_survived() {
    let mut scene = Scene::set();
    for packet in packets() {
        let mut chat = scene.hostile_chat();
        chat.peer().say(packet.as_str());
        // Where the packet was no breach, an answer comes; else the end.
        let id = chat.emit("ping", &[]);
        chat.hear_ack(id);
        scene.assert_unharmed(&packet[..packet.len().min(40)]);
    }
}

#[test]
fn binary_of_any_shape_is_survived() {
    let mut scene = Scene::set();
    for bytes in [vec![], vec![4], vec![0xff; 100_000], b"40".to_vec(), b"\x82\xa4type\0".to_vec()]
    {
        let mut chat = scene.hostile_chat();
        chat.peer().say_binary(&bytes);
        let id = chat.emit("ping", &[]);
        chat.hear_ack(id);
        scene.assert_unharmed("binary");
    }
}

#[test]
fn sign_in_of_any_shape_is_refused_or_ended() {
    let mut scene = Scene::set();
    let long = format!(r#"40{{"token":"{}"}}"#, "x".repeat(500_000));
    let deep = format!(r#"40{{"token":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let rows = [
        "40",
        "40{}",
        r#"40{"token":null}"#,
        r#"40{"token":5}"#,
        r#"40{"token":{"a":1}}"#,
        r#"40{"token":[]}"#,
        r#"40{"token":true}"#,
        r#"40{"token":"a.b.c"}"#,
        r#"40{"token":".."}"#,
        r#"40{"token":"eyJhbGciOiJub25lIn0.e30."}"#,
        "40{\"token\":\"\\u0000\"}",
        r#"40{"token":"x","token":"y"}"#,
        r#"40{"token"#,
        r#"40{"token":"\ud800"}"#,
        &long,
        &deep,
    ];
    for row in rows {
        let mut peer = scene.hostile_peer();
        peer.say(row);
        if let crate::peer::Heard::Text(answer) = peer.hear() {
            assert!(answer.starts_with(r#"44{"message":"Authentication error: "#), "{answer}");
        }
        scene.assert_unharmed(&row[..row.len().min(40)]);
    }
}

fn packets() -> Vec<String> {
    let grown = [
        format!("42[\"ping\",{}1{}]", "[".repeat(120), "]".repeat(120)),
        format!("42[\"ping\",{}1{}]", "[".repeat(100_000), "]".repeat(100_000)),
        format!("42[\"ping\",{}", "{\"a\":".repeat(100_000)),
        format!("42[\"ping\"{}]", ",0".repeat(200_000)),
        format!("40/{},{{}}", "n".repeat(500_000)),
        format!("42{}[\"ping\"]", "1".repeat(500_000)),
        format!("42[\"{}\"]", "\\u0000".repeat(100_000)),
    ];
    SHORT.into_iter().map(str::to_owned).chain(grown).collect()
}

/// Short ones, from legal to absurd.
const SHORT: [&str; 69] = [
    "",
    "0",
    "1",
    "2",
    "2probe",
    "3",
    "3probe",
    "5",
    "6",
    "7",
    "9",
    "b",
    "bAAAA",
    "x",
    "\u{0}",
    "4",
    "4\u{0}",
    "40[]",
    "40null",
    "40\"x\"",
    "40/nope,{}",
    "40/,{",
    "40{",
    "41",
    "41{}",
    "41/nope,",
    "42",
    "42{}",
    "42[",
    "42[]",
    "42[null]",
    "42[{}]",
    "42[[]]",
    "42[5]",
    "42\"x\"",
    "42[\"connect\"]",
    "42[\"disconnect\"]",
    "42[\"ping\"",
    "42[\"ping\"]]",
    "42/nope,[\"ping\"]",
    "42,[\"ping\"]",
    "42-1[\"ping\"]",
    "42999999999999999999[\"ping\"]",
    "42[\"\\ud800\"]",
    "42[\"\\x\"]",
    "42[\"ping\",NaN]",
    "42[\"ping\",1e999]",
    "43",
    "43{}",
    "43[]",
    "431",
    "431[]",
    "4399999999999999999999[]",
    "44",
    "44{\"message\":\"x\"}",
    "45",
    "45-[\"x\"]",
    "450-[\"x\"]",
    "451-[\"x\"]",
    "451-[\"x\",{\"_placeholder\":true,\"num\":0}]",
    "451-[\"x\",{\"_placeholder\":true,\"num\":-1}]",
    "4511-[\"x\"]",
    "45999999999999999999999-[\"x\"]",
    "46",
    "461-1[]",
    "47",
    "49",
    "4/",
    "42/",
];
