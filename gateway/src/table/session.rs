//! Sessions on long polling: their requests, as they arrive at the shard that owns them.

use protocol::engine::Transport;
use protocol::engine::packet::Packet;
use protocol::engine::payload::{self, Format};
use protocol::engine::session::{Get, Orders, Post, Timeout};
use protocol::id::{EngineSid, SocketId};
use tokio::sync::oneshot;

use super::core::Core;
use super::opening::PollingWish;
use super::shard::Shard;
use crate::application::Application;
use crate::connection::close::CloseReason;
use crate::connection::outbox::Class;
use crate::connection::polling::{Lost, PollAnswer, PollReply};
use crate::connection::{Link, Phase};

/// How long a ping waits for an upgrade to end, a step at a time.
const HELD_PING_MS: u32 = 100;

/// What a request that names a session, or wishes for one, tells the shard.
#[derive(Debug)]
pub(crate) enum SessionRequest {
    /// Open one; the answer is its sid and the open packet, or nothing when that cannot be done.
    Open(Box<PollingWish>, oneshot::Sender<Option<(EngineSid, String)>>),
    /// What does it travel by? A WebSocket that names a session which is none is refused as HTTP.
    Ask(EngineSid, oneshot::Sender<Option<Transport>>),
    /// GET.
    Poll(EngineSid, PollReply),
    /// The client of a GET is gone.
    PollLost(EngineSid),
    /// POST, before its body is read.
    Post(EngineSid, oneshot::Sender<PostVerdict>),
    /// Its body.
    PostBody(EngineSid, PostBody, oneshot::Sender<bool>),
    /// Its body was refused, or will not come.
    PostEnd(EngineSid),
}

/// The body of a POST.
#[derive(Debug)]
pub(crate) struct PostBody {
    /// As it came.
    pub(crate) bytes: Vec<u8>,
    /// Whether its content type is `application/octet-stream`.
    pub(crate) is_octet_stream: bool,
}

/// What becomes of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostVerdict {
    /// Its body is read and handed in.
    Read,
    /// It is answered `ok`.
    Discard,
    /// 400 with code 1.
    Unknown,
    /// 400 with code 3.
    Mismatch,
    /// 400 without a body.
    Overlap,
}

impl<A: Application> Shard<A> {
    pub(super) fn take_session_request(&mut self, request: SessionRequest) {
        match request {
            SessionRequest::Open(wish, reply) => {
                let opened = if self.is_draining() { None } else { self.open_polling(*wish) };
                let _ = reply.send(opened);
            }
            SessionRequest::Ask(sid, reply) => {
                let _ = reply.send(self.core.transport_of(sid));
            }
            SessionRequest::Poll(sid, reply) => self.core.take_poll(sid, reply),
            SessionRequest::PollLost(sid) => {
                let Some(slot) = self.core.slot_of_sid(sid) else { return };
                self.core.with_polling(slot, |polling, _| polling.session.handle_poll_lost());
            }
            SessionRequest::Post(sid, reply) => {
                let _ = reply.send(self.core.take_post(sid));
            }
            SessionRequest::PostBody(sid, body, reply) => {
                let _ = reply.send(self.take_post_body(sid, body));
            }
            SessionRequest::PostEnd(sid) => self.core.end_post(sid),
        }
    }

    fn open_polling(&mut self, wish: PollingWish) -> Option<(EngineSid, String)> {
        match self.core.open_polling(wish) {
            Ok((slot, open)) => {
                let sid = self.core.sid_of_slot(slot)?;
                self.connect_implicitly(slot);
                Some((sid, open))
            }
            Err(error) => {
                tracing::debug!(%error, "cannot open a session");
                None
            }
        }
    }

    /// Takes the packets of a body. Returns false where it is answered 400.
    fn take_post_body(&mut self, sid: EngineSid, mut body: PostBody) -> bool {
        self.core.end_post(sid);
        let Some(slot) = self.core.slot_of_sid(sid) else { return true };
        let Some(connection) = self.core.connections.get(slot as usize) else { return true };
        let (layer, revision) = (connection.layer, connection.revision);
        let Some(format) = Format::of_request(revision, body.is_octet_stream) else {
            self.core.close(slot, CloseReason::Protocol);
            return false;
        };
        for packet in payload::decode(format, &mut body.bytes) {
            // A packet may have ended the session; the rest of the body is nobody's.
            let phase = self.core.connections.get(slot as usize).map(|it| it.phase);
            if phase != Some(Phase::Open) {
                return true;
            }
            if self.core.is_owed_much(slot) {
                self.core.remove(slot, CloseReason::Flood);
                return true;
            }
            let taken = match packet {
                Ok(Packet::Close) => {
                    self.core
                        .with_polling(slot, |polling, _| polling.session.handle_client_close());
                    return true;
                }
                Ok(packet) => self.take_engine_packet(slot, layer, packet),
                Err(_) => Err(CloseReason::Protocol),
            };
            if let Err(reason) = taken {
                // COMPAT: the body was read, so it is answered `ok`; the session is closed behind it.
                self.core.close(slot, reason);
                return true;
            }
        }
        true
    }
}

impl<S> Core<S> {
    fn transport_of(&self, sid: EngineSid) -> Option<Transport> {
        let slot = self.slot_of_sid(sid)?;
        Some(if self.is_polling(slot) { Transport::Polling } else { Transport::WebSocket })
    }

    fn take_poll(&mut self, sid: EngineSid, reply: PollReply) {
        let now_ms = self.now_ms;
        let found = self.slot_of_sid(sid);
        let Some((slot, connection)) =
            found.and_then(|slot| Some((slot, self.connections.get_mut(slot as usize)?)))
        else {
            let _ = reply.send(PollAnswer::Unknown);
            return;
        };
        let Some((polling, outbox)) = connection.polling() else {
            let _ = reply.send(PollAnswer::Mismatch);
            return;
        };
        match polling.session.handle_get(now_ms, !outbox.is_empty()) {
            Get::Park => {
                if !self.park(slot, reply) {
                    return;
                }
            }
            Get::Answer(answer) => {
                let answered = polling.answer_at_once(reply, answer, outbox);
                let is_over = polling.session.is_over();
                if answered.is_err() || is_over {
                    return self.remove(slot, CloseReason::TransportClose);
                }
            }
            Get::Overlap(orders) => {
                let _ = reply.send(PollAnswer::Overlap);
                self.obey(slot, orders);
            }
            Get::Mismatch => {
                let _ = reply.send(PollAnswer::Mismatch);
            }
        }
        self.schedule_session(slot);
    }

    fn take_post(&mut self, sid: EngineSid) -> PostVerdict {
        let Some(slot) = self.slot_of_sid(sid) else { return PostVerdict::Unknown };
        let Some(connection) = self.connections.get_mut(slot as usize) else {
            return PostVerdict::Unknown;
        };
        let Some((polling, _)) = connection.polling() else { return PostVerdict::Mismatch };
        match polling.session.handle_post() {
            Post::Read => PostVerdict::Read,
            Post::Discard => PostVerdict::Discard,
            Post::Mismatch => PostVerdict::Mismatch,
            Post::Overlap(orders) => {
                self.obey(slot, orders);
                PostVerdict::Overlap
            }
        }
    }

    fn end_post(&mut self, sid: EngineSid) {
        let slot = self.slot_of_sid(sid);
        let connection = slot.and_then(|slot| self.connections.get_mut(slot as usize));
        if let Some((polling, _)) = connection.and_then(|connection| connection.polling()) {
            polling.session.handle_post_end();
        }
    }

    /// Asks a session on polling something, and does what it orders.
    pub(super) fn with_polling(
        &mut self,
        slot: u32,
        ask: impl FnOnce(&mut crate::connection::polling::Polling, bool) -> Orders,
    ) {
        let connection = self.connections.get_mut(slot as usize);
        let Some((polling, outbox)) = connection.and_then(|it| it.polling()) else { return };
        let orders = ask(polling, !outbox.is_empty());
        self.obey(slot, orders);
    }

    /// Does what a session on polling orders.
    pub(super) fn obey(&mut self, slot: u32, orders: Orders) {
        let connection = self.connections.get_mut(slot as usize);
        let Some((polling, outbox)) = connection.and_then(|it| it.polling()) else { return };
        let obeyed = polling.obey(orders, outbox);
        let probe = if orders.close_websocket { polling.probe.take() } else { None };
        if let Some(probe) = probe {
            self.close_probe(probe);
        }
        if orders.over || obeyed == Err(Lost) {
            self.remove(slot, CloseReason::TransportClose);
        }
    }

    /// Closes a session on polling for a reason of ours, or because its client broke the rules.
    pub(crate) fn close_polling(&mut self, slot: u32, reason: CloseReason) {
        let now_ms = self.now_ms;
        self.depart(slot, reason);
        let is_failure = match reason {
            // Whoever broke the rules is not waited for, and nobody once no request is taken any more.
            CloseReason::TransportClose
            | CloseReason::PingTimeout
            | CloseReason::Frame(_)
            | CloseReason::Protocol
            | CloseReason::ShuttingDown => true,
            CloseReason::ClientClose(_)
            | CloseReason::ConnectTimeout
            | CloseReason::SlowConsumer
            | CloseReason::Overloaded
            | CloseReason::Flood
            | CloseReason::TakenOver
            | CloseReason::Kicked => false,
        };
        if let Some(connection) = self.connections.get_mut(slot as usize) {
            connection.phase = Phase::Closing;
        }
        self.with_polling(slot, |polling, has_output| {
            if is_failure {
                polling.session.handle_failure()
            } else {
                polling.session.handle_close(now_ms, has_output)
            }
        });
        self.schedule_session(slot);
    }

    /// Has the session's own deadlines looked at in time.
    pub(super) fn schedule_session(&mut self, slot: u32) {
        let now_ms = self.now_ms;
        let connection = self.connections.get_mut(slot as usize);
        let wait_ms = connection
            .and_then(|connection| connection.polling())
            .and_then(|(polling, _)| polling.session.next_timeout(now_ms));
        if let Some(wait_ms) = wait_ms {
            self.schedule(slot, wait_ms);
        }
    }

    /// Does what is due in a session on polling. Returns whether a ping must wait, and how long.
    pub(super) fn come_due_polling(&mut self, slot: u32) -> Option<u32> {
        let now_ms = self.now_ms;
        loop {
            let connection = self.connections.get_mut(slot as usize)?;
            let (polling, outbox) = connection.polling()?;
            let Some(timeout) = polling.session.handle_timeout(now_ms, !outbox.is_empty()) else {
                let is_held = polling.session.holds_heartbeat();
                self.schedule_session(slot);
                return is_held.then_some(HELD_PING_MS);
            };
            let (answer, probe) = match timeout {
                Timeout::Noop => (Some(protocol::engine::session::Answer::Noop), None),
                Timeout::UpgradeTimedOut { poll } => (poll, polling.probe.take()),
                Timeout::Forgotten => {
                    self.remove(slot, CloseReason::TransportClose);
                    return None;
                }
            };
            let answered = answer.map_or(Ok(()), |answer| polling.answer(answer, outbox));
            if let Some(probe) = probe {
                self.close_probe(probe);
            }
            if answered.is_err() {
                self.remove(slot, CloseReason::TransportClose);
                return None;
            }
        }
    }

    /// Closes a WebSocket that asked to carry a session, which goes on without it.
    pub(super) fn close_probe(&mut self, probe: u32) {
        if let Some(connection) = self.connections.get_mut(probe as usize) {
            connection.probes_for = None;
        }
        self.close(probe, CloseReason::Protocol);
    }

    /// A WebSocket that asked to carry a session closes, or is gone.
    pub(crate) fn lose_probe(&mut self, session: SocketId, probe: u32) {
        let Some(slot) = self.slot_of_connection(session) else { return };
        let lost = self.connections.get_mut(slot as usize).and_then(|connection| {
            let (polling, _) = connection.polling()?;
            polling.probe.take_if(|asking| *asking == probe)
        });
        if lost.is_some() {
            self.with_polling(slot, |polling, has_output| {
                polling.session.handle_websocket_lost(has_output)
            });
        }
    }

    /// Queues the answer to a ping of revision 3.
    pub(super) fn enqueue_text(&mut self, slot: u32, packet: &[u8]) {
        let opcode = protocol::websocket::frame::Opcode::Text;
        let frame = protocol::websocket::frame::encode(opcode, packet);
        self.enqueue(slot, frame, Class::Durable);
    }

    /// Whether a row is on polling.
    pub(super) fn is_polling(&self, slot: u32) -> bool {
        let connection = self.connections.get(slot as usize);
        connection.is_some_and(|connection| matches!(connection.link, Link::Polling(_)))
    }
}

#[cfg(test)]
mod tests;
