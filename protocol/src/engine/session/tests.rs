use super::*;
use crate::websocket::message::Payload;

mod model;

const TIMEOUT: u32 = UPGRADE_TIMEOUT_MS;

const POLL_CLOSED: Orders =
    Orders { poll: Some(Answer::Close), close_websocket: false, over: true };

fn parked() -> Session {
    let mut session = Session::polling();
    assert_eq!(session.handle_get(0, false), Get::Park);
    session
}

fn probed(mut session: Session) -> (Session, Option<Answer>) {
    assert_eq!(session.handle_websocket(0, TIMEOUT), WebSocket::Probe);
    let probing = session.handle_probe_packet(&Packet::Ping(PROBE), 0, false);
    assert_eq!(probing.reply, ProbeReply::Pong);
    (session, probing.poll)
}

#[test]
fn polling_get_parks_until_there_is_output() {
    let mut session = parked();
    assert!(session.is_parked());
    assert_eq!(session.handle_output(), Output::AnswerPoll);
    assert_eq!(session.handle_output(), Output::Wait);
    assert_eq!(session.handle_get(5, true), Get::Answer(Answer::Output));
    assert_eq!(session.transport(), Some(Transport::Polling));
}

#[test]
fn polling_second_get_ends_the_first_with_a_close_packet_and_the_session() {
    let mut session = parked();
    assert_eq!(session.handle_get(1, false), Get::Overlap(POLL_CLOSED));
    assert!(session.is_over());
}

#[test]
fn polling_second_post_closes_the_session() {
    let mut session = parked();
    assert_eq!(session.handle_post(), Post::Read);
    assert_eq!(session.handle_post(), Post::Overlap(POLL_CLOSED));
    assert!(session.is_over());
    let mut session = Session::polling();
    assert_eq!(session.handle_post(), Post::Read);
    let closed = Orders { poll: None, ..POLL_CLOSED };
    assert_eq!(session.handle_post(), Post::Overlap(closed));
}

#[test]
fn polling_get_and_post_may_be_in_flight_together_again_and_again() {
    let mut session = parked();
    for _ in 0..3 {
        assert_eq!(session.handle_post(), Post::Read);
        session.handle_post_end();
    }
    assert!(session.is_parked());
}

#[test]
fn polling_oversized_post_leaves_the_session_alive() {
    let mut session = parked();
    assert_eq!(session.handle_post(), Post::Read);
    session.handle_post_end();
    assert_eq!(session.transport(), Some(Transport::Polling));
    assert_eq!(session.handle_post(), Post::Read);
}

#[test]
fn polling_poll_aborted_by_the_client_closes_the_session() {
    let mut session = parked();
    let over = Orders { poll: None, close_websocket: false, over: true };
    assert_eq!(session.handle_poll_lost(), over);
    assert!(session.is_over());
    let (mut probing, _) = probed(parked());
    assert_eq!(probing.handle_poll_lost(), Orders { close_websocket: true, ..over });
}

#[test]
fn polling_close_packet_answers_the_pending_get_with_a_noop() {
    let mut session = parked();
    let orders = Orders { poll: Some(Answer::Noop), close_websocket: false, over: true };
    assert_eq!(session.handle_client_close(), orders);
    assert!(session.is_over());
    assert_eq!(session.handle_client_close(), Orders::NONE);
}

#[test]
fn polling_server_close_tells_the_pending_get_at_once() {
    assert_eq!(parked().handle_close(0, false), POLL_CLOSED);
}

#[test]
fn polling_server_close_is_remembered_for_the_next_get() {
    let mut session = Session::polling();
    let orders = session.handle_close(1_000, false);
    assert_eq!(orders, Orders::NONE);
    assert_eq!(session.transport(), None);
    assert_eq!(session.handle_post(), Post::Discard);
    assert_eq!(session.handle_websocket(1_001, TIMEOUT), WebSocket::CloseAtOnce);
    assert_eq!(session.handle_output(), Output::Drop);
    assert_eq!(session.next_timeout(1_001), Some(29_999));
    assert_eq!(session.handle_get(30_999, false), Get::Answer(Answer::Farewell));
    assert!(session.is_over());
}

#[test]
fn polling_server_close_comes_alone_behind_all_that_waits() {
    let told = Orders { poll: Some(Answer::Output), close_websocket: false, over: false };
    for (mut session, orders) in [(parked(), told), (Session::polling(), Orders::NONE)] {
        assert_eq!(session.handle_close(1_000, true), orders);
        assert_eq!(session.transport(), None);
        for now_ms in [1_001, 20_000] {
            assert_eq!(session.handle_get(now_ms, true), Get::Answer(Answer::Output));
        }
        assert_eq!(session.next_timeout(20_000), Some(11_000), "polls buy no time");
        assert_eq!(session.handle_get(20_001, false), Get::Answer(Answer::Farewell));
        assert!(session.is_over());
    }
    let (mut probing, _) = probed(parked());
    assert_eq!(probing.handle_get(1, true), Get::Park);
    assert_eq!(probing.handle_close(2, true), Orders { close_websocket: true, ..told });
}

#[test]
fn polling_server_close_is_forgotten_after_thirty_seconds() {
    let mut session = Session::polling();
    session.handle_close(1_000, false);
    assert_eq!(session.handle_timeout(30_999, false), None);
    assert_eq!(session.handle_timeout(31_000, false), Some(Timeout::Forgotten));
    assert!(session.is_over());
    assert_eq!(session.handle_get(31_001, false), Get::Mismatch);
}

#[test]
fn polling_failure_ends_the_pending_get_with_a_close_packet() {
    assert_eq!(parked().handle_failure(), POLL_CLOSED);
    let mut session = Session::polling();
    assert_eq!(session.handle_failure(), Orders { poll: None, ..POLL_CLOSED });
}

#[test]
fn websocket_session_takes_no_polls() {
    let mut session = Session::websocket();
    assert_eq!(session.handle_get(0, true), Get::Mismatch);
    assert_eq!(session.handle_post(), Post::Mismatch);
    assert_eq!(session.handle_websocket(0, TIMEOUT), WebSocket::CloseAtOnce);
    assert_eq!(session.handle_output(), Output::Write);
    assert_eq!(session.next_timeout(0), None);
    let over = Orders { poll: None, close_websocket: true, over: true };
    assert_eq!(session.handle_close(0, false), over);
    let mut session = Session::websocket();
    assert_eq!(session.handle_websocket_lost(true), Orders { close_websocket: false, ..over });
}

#[test]
fn upgrade_probe_is_answered_and_the_pending_poll_gets_a_noop() {
    let (session, poll) = probed(parked());
    assert_eq!(poll, Some(Answer::Noop));
    assert!(!session.is_parked());
    assert!(session.holds_heartbeat());
}

#[test]
fn upgrade_answers_every_poll_with_a_noop_each_hundred_milliseconds() {
    let (mut session, _) = probed(parked());
    for round in 1..20 {
        let due = round * NOOP_SPACING_MS;
        // However soon the client polls again, and whatever waits.
        assert_eq!(session.handle_get(due - 99, true), Get::Park);
        assert_eq!(session.next_timeout(due - 99), Some(99));
        assert_eq!(session.handle_timeout(due - 1, true), None);
        assert_eq!(session.handle_timeout(due, true), Some(Timeout::Noop));
        assert_eq!(session.handle_timeout(due, true), None);
    }
    assert_eq!(session.handle_get(5_000, true), Get::Answer(Answer::Noop));
}

#[test]
fn upgrade_is_given_up_when_it_is_only_probed_again_and_again() {
    let (mut session, _) = probed(parked());
    let mut probe = || session.handle_probe_packet(&Packet::Ping(PROBE), 1, true);
    for _ in 1..PROBES_MAX {
        assert_eq!(probe().reply, ProbeReply::Pong);
    }
    assert_eq!(probe(), Probing { reply: ProbeReply::Abort, poll: None });
    assert_eq!(session.handle_get(2, true), Get::Answer(Answer::Output));
    assert_eq!(session.handle_websocket(2, TIMEOUT), WebSocket::Probe);
}

#[test]
fn upgrade_first_poll_after_the_probe_gets_its_noop_at_once() {
    let (mut session, poll) = probed(Session::polling());
    assert_eq!(poll, None);
    assert_eq!(session.handle_get(0, true), Get::Answer(Answer::Noop));
    assert_eq!(session.handle_get(0, true), Get::Park);
}

#[test]
fn upgrade_holds_output_and_heartbeats_until_the_swap() {
    let (mut session, _) = probed(parked());
    assert_eq!(session.handle_get(1, true), Get::Park);
    assert_eq!(session.handle_output(), Output::Wait);
    let probing = session.handle_probe_packet(&Packet::Upgrade, 2, true);
    assert_eq!(probing, Probing { reply: ProbeReply::Swap, poll: Some(Answer::Noop) });
    assert!(!session.holds_heartbeat());
    assert_eq!(session.handle_output(), Output::Write);
}

#[test]
fn upgrade_output_still_flows_by_polls_before_the_probe() {
    let mut session = parked();
    assert_eq!(session.handle_websocket(0, TIMEOUT), WebSocket::Probe);
    assert!(!session.holds_heartbeat());
    assert_eq!(session.handle_output(), Output::AnswerPoll);
    assert_eq!(session.handle_get(1, true), Get::Answer(Answer::Output));
}

#[test]
fn upgrade_without_a_probe_is_complete_with_its_packet() {
    let mut session = parked();
    session.handle_websocket(0, TIMEOUT);
    let probing = session.handle_probe_packet(&Packet::Upgrade, 1, false);
    assert_eq!(probing, Probing { reply: ProbeReply::Swap, poll: Some(Answer::Noop) });
}

#[test]
fn upgrade_is_aborted_alone_by_any_other_packet() {
    let others = [
        Packet::Ping(b""),
        Packet::Ping(b"probe2"),
        Packet::Pong,
        Packet::Close,
        Packet::Message(&mut []),
        Packet::Binary(Payload::Owned(vec![])),
        Packet::Ignored,
    ];
    for packet in others {
        let mut session = parked();
        session.handle_websocket(0, TIMEOUT);
        let probing = session.handle_probe_packet(&packet, 1, false);
        assert_eq!(probing, Probing { reply: ProbeReply::Abort, poll: None }, "{packet:?}");
        assert!(session.is_parked());
        assert_eq!(session.handle_websocket(2, TIMEOUT), WebSocket::Probe);
    }
}

#[test]
fn upgrade_aborted_after_the_probe_sends_what_it_held_by_the_next_poll() {
    let (mut session, _) = probed(parked());
    assert_eq!(session.handle_get(1, true), Get::Park);
    let probing = session.handle_probe_packet(&Packet::Pong, 2, true);
    assert_eq!(probing, Probing { reply: ProbeReply::Abort, poll: Some(Answer::Output) });
    let (mut session, _) = probed(parked());
    assert_eq!(session.handle_get(1, true), Get::Park);
    let orders = Orders { poll: Some(Answer::Output), close_websocket: false, over: false };
    assert_eq!(session.handle_websocket_lost(true), orders);
}

#[test]
fn upgrade_second_websocket_is_closed_while_upgrading_and_after() {
    let mut session = parked();
    assert_eq!(session.handle_websocket(0, TIMEOUT), WebSocket::Probe);
    assert_eq!(session.handle_websocket(1, TIMEOUT), WebSocket::CloseAtOnce);
    let (mut session, _) = probed(parked());
    assert_eq!(session.handle_websocket(1, TIMEOUT), WebSocket::CloseAtOnce);
    session.handle_probe_packet(&Packet::Upgrade, 2, false);
    assert_eq!(session.handle_websocket(3, TIMEOUT), WebSocket::CloseAtOnce);
}

#[test]
fn upgrade_not_done_in_time_closes_the_websocket_and_polls_on() {
    let mut session = parked();
    session.handle_websocket(0, TIMEOUT);
    assert_eq!(session.next_timeout(1), Some(TIMEOUT - 1));
    assert_eq!(session.handle_timeout(TIMEOUT - 1, false), None);
    let timed_out = session.handle_timeout(TIMEOUT, false);
    assert_eq!(timed_out, Some(Timeout::UpgradeTimedOut { poll: None }));
    assert!(session.is_parked());
    let (mut session, _) = probed(parked());
    assert_eq!(session.handle_get(TIMEOUT - 1, true), Get::Answer(Answer::Noop));
    assert_eq!(session.handle_get(TIMEOUT - 1, true), Get::Park);
    // A repeated probe buys no time.
    session.handle_probe_packet(&Packet::Ping(PROBE), TIMEOUT - 1, true);
    assert_eq!(session.handle_get(TIMEOUT - 1, true), Get::Park);
    let timed_out = session.handle_timeout(TIMEOUT, true);
    assert_eq!(timed_out, Some(Timeout::UpgradeTimedOut { poll: Some(Answer::Output) }));
}

#[test]
fn upgrade_done_makes_polls_with_that_sid_a_mismatch() {
    let (mut session, _) = probed(parked());
    session.handle_probe_packet(&Packet::Upgrade, 1, false);
    assert_eq!(session.handle_get(2, false), Get::Mismatch);
    assert_eq!(session.handle_post(), Post::Mismatch);
    assert_eq!(session.handle_poll_lost(), Orders::NONE);
    assert_eq!(session.transport(), Some(Transport::WebSocket));
}

#[test]
fn upgrade_under_way_is_closed_with_its_session() {
    for end in [Session::handle_failure, Session::handle_client_close, |s: &mut Session| {
        s.handle_close(0, false)
    }] {
        let mut session = parked();
        session.handle_websocket(0, TIMEOUT);
        assert!(end(&mut session).close_websocket);
    }
    let (mut session, _) = probed(parked());
    let orders = Orders { poll: None, close_websocket: true, over: false };
    assert_eq!(session.handle_close(0, false), orders);
}

#[test]
fn deadlines_survive_the_wrap_of_the_clock() {
    let mut session = Session::polling();
    session.handle_close(u32::MAX - 10, false);
    assert_eq!(session.next_timeout(u32::MAX), Some(FAREWELL_MS - 10));
    assert_eq!(session.handle_timeout(FAREWELL_MS - 12, false), None);
    assert_eq!(session.handle_timeout(FAREWELL_MS - 11, false), Some(Timeout::Forgotten));
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<Session>() <= 20, "{}", size_of::<Session>());
}
