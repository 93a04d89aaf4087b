//! What a session on long polling keeps beside its row: no socket, at most one poll that waits.
//!
//! Frames wait in the row's outbox as they would for a WebSocket; an answer to a poll takes the
//! packets out of them. So a broadcast is one shared frame whatever the transport, and a swap to a
//! WebSocket sends exactly what no poll has taken.

use bytes::Bytes;
use protocol::engine::payload::{Format, Writer};
use protocol::engine::session::{Answer, Orders, Output, Session};
use protocol::engine::{Revision, packet};
use tokio::sync::oneshot;

use crate::connection::outbox::Outbox;
use crate::connection::quota::Seat;

/// Packets of one answer, what closes it not counted. COMPAT: python-engineio refuses a payload of
/// more than 16; pinned by `python_client_over_polling`. What is left waits for the next poll.
const ANSWER_PACKETS_MAX: usize = 15;

/// Bytes of one answer, more or less: it ends with the frame that reaches this. What is left waits
/// for the next poll.
const ANSWER_BYTES: usize = 1_000_000;

/// What a poll is answered with.
#[derive(Debug)]
pub(crate) enum PollAnswer {
    /// 200 with packets.
    Payload {
        /// How they stand there.
        content_type: &'static str,
        /// The packets.
        body: Vec<u8>,
    },
    /// 400 with code 1: nobody here has this sid.
    Unknown,
    /// 400 with code 3: the session is not on polling.
    Mismatch,
    /// 400 without a body: another poll waits already.
    Overlap,
    /// 503: as many wait as may, and the session is over.
    Overloaded,
}

/// Where a poll waits for its answer.
pub(crate) type PollReply = oneshot::Sender<PollAnswer>;

/// A session on long polling.
#[derive(Debug)]
pub(crate) struct Polling {
    /// What its requests mean.
    pub(crate) session: Session,
    /// The slot of the WebSocket that asks to carry it.
    pub(crate) probe: Option<u32>,
    revision: Revision,
    base64: bool,
    parked: Option<(PollReply, Seat)>,
    _seat: Seat,
}

/// The client of a poll is gone, and what was to be sent with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

impl Polling {
    /// A session that a GET has opened.
    pub(crate) const fn new(revision: Revision, base64: bool, seat: Seat) -> Self {
        let session = Session::polling();
        Self { session, probe: None, revision, base64, parked: None, _seat: seat }
    }

    /// Keeps a poll until there is something to say.
    pub(crate) fn park(&mut self, reply: PollReply, seat: Seat) {
        self.parked = Some((reply, seat));
    }

    /// Whether a poll waits.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.parked.is_some()
    }

    /// Answers the parked poll with what waits, if the session's state allows it now.
    pub(crate) fn flush(&mut self, outbox: &mut Outbox) -> Result<(), Lost> {
        if outbox.is_empty() {
            return Ok(());
        }
        match self.session.handle_output() {
            Output::AnswerPoll => self.answer(Answer::Output, outbox),
            // With a WebSocket, or without a session, the row's link is another one.
            Output::Wait | Output::Write | Output::Drop => Ok(()),
        }
    }

    /// Answers the parked poll as an order says.
    pub(crate) fn obey(&mut self, orders: Orders, outbox: &mut Outbox) -> Result<(), Lost> {
        orders.poll.map_or(Ok(()), |answer| self.answer(answer, outbox))
    }

    /// Answers the parked poll.
    pub(crate) fn answer(&mut self, answer: Answer, outbox: &mut Outbox) -> Result<(), Lost> {
        match self.parked.take() {
            Some((reply, _seat)) => self.answer_at_once(reply, answer, outbox),
            None => Ok(()),
        }
    }

    /// Answers a poll that needs not wait.
    pub(crate) fn answer_at_once(
        &self,
        reply: PollReply,
        answer: Answer,
        outbox: &mut Outbox,
    ) -> Result<(), Lost> {
        reply.send(self.payload(answer, outbox)).map_err(|_| Lost)
    }

    fn payload(&self, answer: Answer, outbox: &mut Outbox) -> PollAnswer {
        let frames = match answer {
            Answer::Output | Answer::Close => outbox.take_frames(ANSWER_PACKETS_MAX, ANSWER_BYTES),
            Answer::Noop | Answer::Farewell => Vec::new(),
        };
        let any_binary = frames.iter().any(|frame| !is_text(frame));
        let mut writer = Writer::new(Format::of_answer(self.revision, self.base64, any_binary));
        for frame in &frames {
            push(&mut writer, frame, self.revision);
        }
        match answer {
            Answer::Output => {}
            Answer::Noop => writer.push_text(packet::NOOP),
            Answer::Close => writer.push_text(packet::CLOSE),
            Answer::Farewell => {
                writer.push_text(packet::NOOP);
                writer.push_text(packet::CLOSE);
            }
        }
        PollAnswer::Payload { content_type: writer.content_type(), body: writer.into_body() }
    }
}

/// Whether one of our own frames is a text frame. Source: RFC 6455 §5.2.
fn is_text(frame: &Bytes) -> bool {
    frame.first() == Some(&0x81)
}

/// Appends the packet inside one of our own frames, which are whole and unmasked.
fn push(writer: &mut Writer, frame: &Bytes, revision: Revision) {
    let header_len = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        Some(_) | None => 2,
    };
    let payload = frame.get(header_len..).unwrap_or_default();
    match frame.first() {
        Some(0x81) => writer.push_text(payload),
        Some(0x82) => {
            let head_len = packet::binary_head(revision).len();
            writer.push_binary(payload.get(head_len..).unwrap_or_default());
        }
        // Control frames are a WebSocket's own.
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use protocol::websocket::frame::{self, Opcode};

    use super::*;
    use crate::connection::outbox::{Bounds, Class};
    use crate::connection::quota::{PollingLimits, Quotas};

    const BOUNDS: Bounds = Bounds { soft: 1 << 20, hard: 1 << 21 };

    fn body(answer: Answer, packets: &[(Opcode, &[u8])]) -> String {
        let mut outbox = Outbox::default();
        for (opcode, payload) in packets {
            outbox.push(frame::encode(*opcode, payload), Class::Durable, BOUNDS);
        }
        let Quotas { sessions, parked } = Quotas::new(PollingLimits::DEFAULT);
        let mut polling = Polling::new(Revision::V4, false, sessions.take().unwrap());
        let (reply, mut waiting) = oneshot::channel();
        polling.park(reply, parked.take().unwrap());
        polling.answer(answer, &mut outbox).unwrap();
        let Ok(PollAnswer::Payload { body, .. }) = waiting.try_recv() else { panic!("no payload") };
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn an_answer_holds_the_packets_of_the_frames_whatever_their_length() {
        let long = vec![b'x'; 200];
        let longest = vec![b'y'; 70_000];
        let all = [
            (Opcode::Text, &b"42[1]"[..]),
            (Opcode::Binary, b"\x01\x02"),
            (Opcode::Text, &long),
            (Opcode::Text, &longest),
        ];
        let expected = format!(
            "42[1]\u{1e}bAQI=\u{1e}{}\u{1e}{}",
            String::from_utf8_lossy(&long),
            String::from_utf8_lossy(&longest)
        );
        assert_eq!(body(Answer::Output, &all), expected);
    }

    #[test]
    fn the_last_words_come_behind_what_waits() {
        assert_eq!(body(Answer::Noop, &[(Opcode::Text, b"2")]), "6");
        assert_eq!(body(Answer::Close, &[(Opcode::Text, b"2")]), "2\u{1e}1");
        assert_eq!(body(Answer::Farewell, &[]), "6\u{1e}1");
    }
}
