//! Connection-state recovery by hand, over WebSocket, at the door with the echo application.
//! Source: Socket.IO "Connection state recovery".

mod client;

use serde_json::{Value, json};

use crate::example;
use crate::peer::Heard;
use crate::process::Process;
use client::{Client, arguments, hear, opened, sending, told};

#[test]
fn connect_is_answered_with_a_private_id_of_its_own() {
    let server = start(&[]);
    let (mut first, mut second) = (Client::join(&server), Client::join(&server));
    assert_ne!(first.pid, second.pid);
    for client in [&mut first, &mut second] {
        assert_eq!(client.answer.as_object().unwrap().len(), 2, "{}", client.answer);
        assert_ne!(client.answer["sid"], client.answer["pid"]);
    }
}

#[test]
fn events_end_in_an_offset_that_is_the_same_for_all_and_answers_in_none() {
    let server = start(&[]);
    let (mut first, mut second) = (Client::join(&server), Client::join(&server));
    first.enter("a");
    second.enter("a");
    first.peer.say(r#"429["send_message",{"conversationId":"a","text":"b"}]"#);
    let mut heard = [first.hear(), first.hear()];
    heard.sort();
    assert_eq!(heard[1], r#"439[{"success":true}]"#);
    assert_eq!(second.hear(), heard[0]);
    let event = arguments(&heard[0]);
    assert_eq!(event.len(), 3);
    assert!(event[2].is_string(), "{event:?}");
    first.peer.say(r#"42["message","text"]"#);
    let echo = arguments(&first.hear());
    assert_eq!((echo.len(), &echo[1]), (3, &json!("text")));
    assert_ne!(echo[2], event[2]);
}

#[test]
fn event_with_attachments_ends_in_an_offset_too() {
    let server = start(&[]);
    let mut client = Client::join(&server);
    client.peer.say(r#"451-["message",{"_placeholder":true,"num":0}]"#);
    client.peer.say_binary(b"abc");
    let head = client.hear();
    let rest = head.strip_prefix("451-").unwrap();
    let arguments: Vec<Value> = serde_json::from_str(rest).unwrap();
    assert_eq!(arguments[..2], [json!("message-back"), json!({"_placeholder": true, "num": 0})]);
    assert!(arguments[2].is_string());
    assert_eq!(client.peer.hear(), Heard::Binary(b"abc".to_vec()));
}

#[test]
fn client_that_comes_back_hears_first_what_it_missed_in_its_rooms() {
    let server = start(&[]);
    let mut client = Client::join(&server);
    let mut other = Client::join(&server);
    client.enter("a");
    client.enter("b");
    other.enter("a");
    let offset = client.say_and_hear("a", 1);
    let gone = client.drop_connection();
    for (room, number) in [("a", 2), ("elsewhere", 3), ("b", 4)] {
        other.send(room, number);
    }
    let (mut back, missed) = gone.come_back(&server, Some(&offset));
    assert_eq!(missed, [2, 4]);
    assert_eq!((&back.sid, &back.pid), (&gone.sid, &gone.pid));
    assert!(back.hears_in("a", 5) && back.hears_in("b", 6), "its rooms are its own again");
}

#[test]
fn client_that_heard_nothing_yet_comes_back_with_its_private_id_alone() {
    let server = start(&[]);
    let mut client = Client::join(&server);
    client.enter("a");
    let gone = client.drop_connection();
    let mut other = Client::join(&server);
    other.send("a", 1);
    let (_, missed) = gone.come_back(&server, None);
    assert_eq!(missed, [1]);
}

#[test]
fn what_a_client_was_told_alone_comes_again_in_its_place() {
    // On one shard an echo and a message leave in the order in which they were asked for.
    let server = start(&["--shards", "1"]);
    let mut client = Client::join(&server);
    client.enter("a");
    let offset = client.say_and_hear("a", 1);
    for packet in [r#"42["message","one"]"#, &sending("a", 2), r#"42["message","two"]"#] {
        client.peer.say(packet);
    }
    let gone = client.drop_connection();
    let (_, missed) = gone.come_back_hearing(&server, &json!(offset));
    let missed = missed.unwrap();
    let message = json!({"conversationId": "a", "number": 2});
    assert_eq!(told(&missed), [&json!("one"), &message, &json!("two")]);
    // With the offset of the first of them, only the others come.
    let first = missed[0].last().unwrap().clone();
    let (_, missed) = gone.come_back_hearing(&server, &first);
    assert_eq!(told(&missed.unwrap()), [&message, &json!("two")]);
}

#[test]
fn client_comes_back_again_and_again() {
    let server = start(&[]);
    let mut other = Client::join(&server);
    other.enter("a");
    let mut client = Client::join(&server);
    client.enter("a");
    let mut offset = None;
    for number in 0..10 {
        let gone = client.drop_connection();
        other.say_and_hear("a", 2 * number);
        let (back, missed) = gone.come_back(&server, offset.as_deref());
        assert_eq!(missed, [2 * number], "the {number}th time");
        client = back;
        offset = Some(client.say_and_hear("a", 2 * number + 1));
        other.hear();
        assert_eq!((&client.sid, &client.pid), (&gone.sid, &gone.pid));
    }
}

#[test]
fn client_comes_back_on_whatever_shard() {
    let server = start(&["--shards", "3"]);
    let mut other = Client::join(&server);
    other.enter("a");
    let mut client = Client::join(&server);
    client.enter("a");
    let mut offset = client.say_and_hear("a", 0);
    other.hear();
    let mut shards = Vec::new();
    for number in 1..=6 {
        let gone = client.drop_connection();
        other.say_and_hear("a", 10 * number);
        // From each shard to the next, and back to the first.
        let wanted = u8::try_from(number % 3).unwrap();
        let (back, missed) = gone.come_back_on(&server, wanted, &offset);
        assert_eq!(missed, [10 * number]);
        client = back;
        shards.push(client.shard);
        offset = client.say_and_hear("a", 10 * number + 1);
        other.hear();
        assert_eq!((&client.sid, &client.pid), (&gone.sid, &gone.pid));
    }
    assert_eq!(shards, [1, 2, 0, 1, 2, 0]);
}

#[test]
fn old_connection_that_still_seems_to_live_is_taken_over_and_harms_nothing() {
    for shards in ["1", "2"] {
        let server = start(&["--shards", shards]);
        let mut other = Client::join(&server);
        let mut client = Client::join(&server);
        client.enter("a");
        let offset = client.say_and_hear("a", 1);
        // The connection is not closed: the network is merely gone.
        let mut half_dead = client;
        let gone = half_dead.ids();
        let (mut back, missed) = gone.come_back(&server, Some(&offset));
        assert_eq!((missed, &back.sid), (vec![], &gone.sid));
        assert_eq!(half_dead.peer.hear_end(), Some(1001), "the old one is told to go");
        assert!(back.hears_in("a", 2), "and took nothing along");
        let gone = back.drop_connection();
        other.send("a", 3);
        let (_, missed) = gone.come_back(&server, Some(&offset));
        assert_eq!(missed, [2, 3]);
    }
}

#[test]
fn connection_that_timed_out_or_said_goodbye_to_the_engine_can_be_recovered() {
    let timeout = ["--ping-timeout-ms", example::SOON_MS];
    let server = start(&[example::PINGING, timeout].concat());
    let mut client = Client::join(&server);
    assert_eq!(client.peer.hear_end(), Some(1001), "no ping was answered");
    let (client, _) = client.ids().come_back(&server, None);
    let mut client = client;
    client.peer.say("1");
    client.peer.hear_end();
    client.ids().come_back(&server, None);
}

#[test]
fn client_that_left_the_namespace_or_broke_the_rules_comes_back_as_a_stranger() {
    let server = start(&[]);
    for last_words in ["41", "4not a packet"] {
        let mut client = Client::join(&server);
        client.enter("a");
        client.peer.say(last_words);
        client.peer.say("1");
        client.peer.hear_end();
        client.ids().come_back_as_stranger(&server, &json!({"pid": client.pid}), "a");
    }
}

#[test]
fn who_shows_what_is_not_known_joins_as_a_stranger() {
    let server = start(&[]);
    let mut client = Client::join(&server);
    client.enter("a");
    let offset = client.say_and_hear("a", 1);
    let pid = client.pid.clone();
    let gone = client.drop_connection();
    let (epoch, _) = offset.split_once('.').unwrap();
    let forged_pid = format!("{}AAAAAA", &pid[..22]);
    for auth in [
        json!({"pid": "foo", "offset": "bar"}),
        json!({"pid": forged_pid, "offset": offset}),
        json!({"pid": "x".repeat(1_000), "offset": offset}),
        json!({"pid": 7, "offset": offset}),
        json!({"pid": {"a": pid}, "offset": offset}),
        json!({"offset": offset}),
        json!({}),
    ] {
        gone.come_back_as_stranger(&server, &auth, "a");
    }
    // A session is asked for once: whoever asks with an impossible offset has lost it.
    let mut client = Some(gone.come_back(&server, Some(&offset)).0);
    for unknown in [
        json!("hello"),
        json!(123),
        json!(""),
        json!(["0"]),
        json!(format!("{epoch}.ffff")),
        json!(format!("{epoch}.1.2.3")),
        json!("x".repeat(1_000)),
    ] {
        let gone = client.take().unwrap().drop_connection();
        gone.come_back_as_stranger(&server, &json!({"pid": gone.pid, "offset": unknown}), "a");
        let mut next = Client::join(&server);
        next.enter("a");
        client = Some(next);
    }
}

#[test]
fn client_that_missed_more_than_fits_joins_as_a_stranger() {
    let mut server = start(&[]);
    let mut client = Client::join(&server);
    let mut other = Client::join(&server);
    client.enter("a");
    let gone = client.drop_connection();
    let text = "x".repeat(900_000);
    for _ in 0..10 {
        other.peer.say(format!(r#"42["send_message",{{"conversationId":"a","text":"{text}"}}]"#));
    }
    other.send("a", 1);
    gone.come_back_as_stranger(&server, &json!({"pid": gone.pid}), "a");
    server.assert_unharmed();
}

#[test]
fn session_of_one_namespace_is_none_of_another() {
    let server = start(&[]);
    let mut client = Client::join(&server);
    client.enter("a");
    let gone = client.drop_connection();
    let mut peer = opened(&server);
    peer.say(format!("40/custom,{}", json!({"pid": gone.pid})));
    let answer = hear(&mut peer);
    let answer: Value = serde_json::from_str(answer.strip_prefix("40/custom,").unwrap()).unwrap();
    assert_ne!(answer["pid"], gone.pid.as_str());
    gone.come_back(&server, None);
}

#[test]
fn what_comes_while_a_client_is_caught_up_comes_once_and_in_order() {
    const COUNT: u64 = 3_000;
    const PER_ROUND: u64 = 10;
    let server = start(&["--shards", "2"]);
    let mut client = Client::join(&server);
    client.enter("a");
    let mut sender = Client::join(&server);
    let sender = std::thread::spawn(move || {
        for round in 0..COUNT / PER_ROUND {
            let numbers = round * PER_ROUND..(round + 1) * PER_ROUND;
            numbers.for_each(|number| sender.peer.say(sending("a", number)));
            sender.peer.say(r#"428["message-with-ack"]"#);
            assert_eq!(sender.hear(), "438[]");
        }
    });
    let mut offset = String::new();
    let mut heard = Vec::new();
    let (mut returns, mut stays, mut half_dead) = (0, 0, Vec::new());
    while heard.len() < usize::try_from(COUNT).unwrap() {
        let event = arguments(&client.hear());
        if event[0] == "auth" {
            continue;
        }
        heard.push(event[1]["number"].as_u64().unwrap());
        offset.replace_range(.., event[2].as_str().unwrap());
        stays += 1;
        if stays == 20 {
            stays = 0;
            let gone = client.ids();
            // Every other time the old connection is still there, and still sent to.
            half_dead.extend(Some(client).filter(|_| returns % 2 == 0));
            let (back, missed) = gone.come_back(&server, Some(&offset));
            client = back;
            heard.extend(missed);
            offset = client.last_offset.take().unwrap_or(offset);
            returns += 1;
        }
    }
    assert_eq!(heard, (0..COUNT).collect::<Vec<_>>());
    assert!(returns > 10, "{returns}");
    sender.join().unwrap();
}

fn start(flags: &[&str]) -> Process {
    example::start_with(&[&["--recovery"], flags].concat())
}
