//! What polls hear of a session that the server closes.

use super::*;
use crate::table::sweep::tests::{core, enter};

fn poll(core: &mut Core<()>, sid: EngineSid) -> oneshot::Receiver<PollAnswer> {
    let (reply, answer) = oneshot::channel();
    core.take_poll(sid, reply);
    answer
}

/// The packets of an answer that has come.
fn packets(mut answer: oneshot::Receiver<PollAnswer>) -> Vec<String> {
    let Ok(PollAnswer::Payload { body, .. }) = answer.try_recv() else { panic!("no payload") };
    String::from_utf8(body).unwrap().split('\u{1e}').map(str::to_owned).collect()
}

#[test]
fn all_that_waits_is_heard_in_order_before_the_end_which_comes_alone() {
    for (count, is_parked) in [0, 1, 15, 16, 31, 100].map(|n| [(n, false), (n, true)]).concat() {
        let mut core = core();
        let slot = enter(&mut core, &[]);
        let sid = core.sid_of_slot(slot).unwrap();
        let mut parked = is_parked.then(|| poll(&mut core, sid));
        let sent: Vec<String> = (0..count).map(|number| format!("4{number}")).collect();
        for packet in &sent {
            core.enqueue_text(slot, packet.as_bytes());
        }
        core.close(slot, CloseReason::Kicked);
        let mut heard = Vec::new();
        let last = loop {
            let answer = parked.take().unwrap_or_else(|| poll(&mut core, sid));
            let packets = packets(answer);
            assert!(packets.len() <= 15, "{packets:?}");
            if packets.iter().any(|packet| packet == "1") {
                break packets;
            }
            heard.extend(packets);
        };
        assert_eq!(heard, sent, "{count}, {is_parked}");
        let farewell: &[&str] = if is_parked && count == 0 { &["1"] } else { &["6", "1"] };
        assert_eq!(last, farewell, "{count}, {is_parked}");
        assert_eq!(core.slot_of_sid(sid), None);
    }
}
