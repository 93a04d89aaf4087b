//! One shard: the loop of one thread, and what a turn does in which order.
//!
//! A turn takes messages from other threads, reads sockets that are ready, fires deadlines, and
//! only then writes: all that a turn queued for a recipient leaves in one `writev`. An idle shard
//! adds no delay, a busy one batches by itself. Every part of a turn is bounded, so that no
//! connection and no room keeps the others waiting; a broadcast to many is [swept](super::sweep)
//! over several turns, behind what else a turn has to write.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use protocol::room::Room;
use protocol::socket::{Kind, Outgoing};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::core::{Core, Place, Settings};
use super::inbox::{Message, Reply, Step, Visit};
use super::room::Member;
use crate::application::Application;
use crate::connection::close::CloseReason;
use crate::connection::timer::Owner;
use crate::connection::{Adoption, Connection, Layer, Link, Phase};
use crate::reactor::{Reactor, Readiness};

/// Messages taken from the inbox in one turn.
const MESSAGES_PER_TURN: usize = 128;

/// Recipients that frames are queued for in one turn, before the rest of the messages waits for the
/// next: many to small rooms keep nobody from being read. Those to large rooms are swept.
const RECIPIENTS_PER_TURN: usize = 4_096;

/// Bytes read from one connection in one turn, and the size of the buffer that all share.
const READ_BYTES_PER_TURN: usize = 16 * 1024;

/// Connections that read again in one turn because they had more than a turn allows.
const HUNGRY_PER_TURN: usize = 64;

/// Recipients written to in one turn.
const FLUSHES_PER_TURN: usize = 256;

/// Sockets put out in one turn, before the rest of them waits for the next.
const KICKED_PER_TURN: usize = 64;

/// Connections closed in one turn of a drain.
const DRAINED_PER_TURN: usize = 64;

/// A shard.
#[derive(Debug)]
pub(crate) struct Shard<A: Application> {
    pub(super) core: Core<A::Session>,
    pub(super) app: A,
    pub(super) buffer: Box<[u8]>,
    pub(super) reactor: Reactor,
    inbox: mpsc::Receiver<Message<A::Session>>,
    messages: Vec<Message<A::Session>>,
    ready: Vec<Readiness>,
    due: Vec<Owner>,
    timer: Pin<Box<Sleep>>,
    draining: bool,
}

impl<A: Application> Shard<A> {
    /// A shard without connections; must be made inside its runtime.
    pub(crate) fn new(
        app: A,
        settings: Settings,
        place: Place<A::Session>,
        inbox: mpsc::Receiver<Message<A::Session>>,
    ) -> io::Result<Self> {
        Ok(Self {
            core: Core::new(settings, place, A::NAMESPACES)?,
            app,
            buffer: vec![0; READ_BYTES_PER_TURN].into(),
            reactor: Reactor::new()?,
            inbox,
            messages: Vec::with_capacity(MESSAGES_PER_TURN),
            ready: Vec::new(),
            due: Vec::new(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            draining: false,
        })
    }

    /// Serves until it is drained.
    ///
    /// # Errors
    /// When the operating system's readiness notification fails; nothing can be served then.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        loop {
            self.wait().await?;
            self.turn();
            if self.draining && self.core.connections.is_empty() && self.core.departures.is_empty()
            {
                return Ok(());
            }
        }
    }

    /// Waits for something to do; not at all while a backlog is left from the last turn.
    async fn wait(&mut self) -> io::Result<()> {
        let backlog = self.has_backlog();
        // More broadcasts would only pile up on recipients whose turn to be written has not come.
        let congested = self.core.dirty.len() > FLUSHES_PER_TURN || !self.messages.is_empty();
        if backlog {
            // Accepting and handshakes live on this thread too.
            tokio::task::yield_now().await;
        }
        let deadline = self.core.next_deadline().filter(|_| !backlog).map(Instant::from_std);
        if let Some(at) = deadline.filter(|at| *at != self.timer.deadline()) {
            self.timer.as_mut().reset(at);
        }
        tokio::select! {
            count = self.inbox.recv_many(&mut self.messages, MESSAGES_PER_TURN), if !congested => {
                // Handles outlive the shard: its own is in its table.
                debug_assert_ne!(count, 0);
            }
            result = self.reactor.ready(&mut self.ready) => result?,
            () = &mut self.timer, if deadline.is_some() => {}
            () = std::future::ready(()), if backlog => {}
        }
        while !congested
            && self.messages.len() < MESSAGES_PER_TURN
            && let Ok(message) = self.inbox.try_recv()
        {
            self.messages.push(message);
        }
        Ok(())
    }

    pub(super) const fn is_draining(&self) -> bool {
        self.draining
    }

    fn has_backlog(&self) -> bool {
        !self.core.dirty.is_empty()
            || self.core.is_sweeping()
            || !self.core.hungry.is_empty()
            || !self.messages.is_empty()
            || (self.draining && self.core.connections.iter().any(|(_, c)| is_to_drain(c)))
    }

    fn turn(&mut self) {
        self.core.tick();
        for _ in 0..self.core.hungry.len().min(HUNGRY_PER_TURN) {
            let Some(slot) = self.core.hungry.pop_front() else { break };
            if let Some(connection) = self.core.connections.get_mut(slot as usize) {
                connection.reading.hungry = false;
                self.read(slot);
            }
        }
        self.take_ready();
        self.take_messages();
        self.take_due();
        self.core.expire_sessions();
        if self.draining {
            self.drain_some();
        }
        self.core.sweep_some();
        self.report_departures();
        for _ in 0..self.core.dirty.len().min(FLUSHES_PER_TURN) {
            if let Some(slot) = self.core.dirty.pop_front() {
                self.core.flush(slot);
            }
        }
        self.report_departures();
    }

    fn take_ready(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        for readiness in ready.drain(..) {
            if readiness.writable && self.core.is_blocked(readiness.slot) {
                self.core.flush(readiness.slot);
            }
            if readiness.ended
                && let Some(connection) = self.core.connections.get_mut(readiness.slot as usize)
            {
                connection.reading.ended = true;
            }
            if readiness.readable {
                self.read(readiness.slot);
            }
        }
        self.ready = ready;
    }

    fn take_messages(&mut self) {
        let mut messages = std::mem::take(&mut self.messages);
        let mut rest = messages.drain(..);
        while self.core.recipients < RECIPIENTS_PER_TURN
            && !self.core.has_enough_sweeps()
            && let Some(message) = rest.next()
        {
            match message {
                Message::Adopt(adoption) => self.take_adoption(*adoption),
                Message::Admit(admit) => self.take_admit(*admit),
                Message::Reply(reply) => self.take_reply(*reply),
                Message::Broadcast(broadcast) => self.core.deliver(&broadcast),
                Message::Kick { namespace, room, ends } => {
                    self.core.forget_waiting(&room);
                    let slots = self.core.members_whose(namespace, &room, &ends, KICKED_PER_TURN);
                    let is_over = slots.len() < KICKED_PER_TURN;
                    for slot in slots {
                        self.kick(slot, namespace);
                    }
                    if !is_over {
                        // Those who are left are put out before anything that comes behind it.
                        self.messages.push(Message::Kick { namespace, room, ends });
                        break;
                    }
                }
                Message::Visit { namespace, room, visit } => self.visit(namespace, &room, visit),
                Message::Census { namespace, rooms, answer } => {
                    let _ = answer.send(self.core.census(namespace, &rooms));
                }
                Message::Session(request) => self.take_session_request(request),
                Message::Order(broadcast) => self.core.order(*broadcast),
                Message::Recall(recall) => self.core.take_recall(*recall),
                Message::Quiesce => self.core.is_quiet = true,
                Message::Drain => self.draining = true,
            }
        }
        self.messages.extend(rest);
        if self.messages.is_empty() {
            // Empty as well, and with room.
            self.messages = messages;
        }
    }

    fn take_adoption(&mut self, mut adoption: Adoption) {
        if self.draining {
            return;
        }
        let read_ahead = std::mem::take(&mut adoption.read_ahead);
        let peer = adoption.peer;
        let is_session = adoption.session.is_none();
        let adopted = match adoption.session {
            Some(sid) => self.take_probe(adoption, sid),
            None => self.core.adopt(adoption, None, &self.reactor),
        };
        match adopted {
            Ok(slot) => {
                if is_session {
                    self.connect_implicitly(slot);
                }
                if !read_ahead.is_empty() {
                    self.take_bytes(slot, &mut read_ahead.to_vec());
                }
            }
            Err(error) => tracing::warn!(%peer, %error, "cannot take over a socket"),
        }
    }

    fn take_reply(&mut self, reply: Reply) {
        let Some(slot) = self.core.slot_of(reply.socket) else {
            return self.core.take_late(reply);
        };
        let member = Member { slot, namespace: reply.namespace };
        let name = self.core.namespace_name(reply.namespace);
        for step in reply.steps {
            match step {
                Step::Ack(id, arguments) => {
                    let ack = Outgoing::new(Kind::Ack, name, Some(&arguments));
                    self.core.send(slot, &Outgoing { id: Some(id), ..ack });
                }
                Step::Emit(arguments) => {
                    self.core.emit(member, &arguments, &[]);
                }
                Step::Join(room, done) => {
                    let _ = done.send(self.core.join(slot, reply.namespace, &room));
                }
                Step::Leave(room) => {
                    self.core.leave(slot, reply.namespace, &room);
                }
                Step::Hold(room) => self.core.hold(member, &room),
                Step::Release(room, told) => self.core.release(member, &room, told),
                Step::Kick => self.kick(slot, reply.namespace),
                Step::Reconnect => self.core.close(slot, CloseReason::Overloaded),
            }
        }
    }

    /// Puts a socket out of a namespace; without another, the connection closes.
    pub(super) fn kick(&mut self, slot: u32, namespace: u8) {
        let socket = self.core.socket_id(slot, namespace);
        let name = self.core.namespace_name(namespace);
        self.core.send(slot, &Outgoing::new(Kind::Disconnect, name, None));
        if let Some(session) = self.core.end_membership(slot, namespace) {
            self.core.departures.push(super::core::Departure { socket, session });
        }
        let connection = self.core.connections.get(slot as usize);
        if connection.is_some_and(|connection| connection.memberships.is_empty()) {
            self.core.close(slot, CloseReason::Kicked);
        }
    }

    fn visit(&mut self, namespace: u8, room: &Room, mut visit: Visit<A::Session>) {
        for slot in self.core.members_whose(namespace, room, |_| true, usize::MAX) {
            let visited = self.with_session(slot, namespace, |_, cx, session| {
                visit(cx, session);
                Ok(())
            });
            debug_assert!(visited.is_ok(), "a visit refuses nothing");
            self.end_stays(slot);
        }
    }

    fn take_due(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.core.wheel.expire(self.core.elapsed_ms, &mut due);
        for owner in due.drain(..) {
            if self.core.wake(owner) {
                self.end_stays(owner.slot);
                self.core.come_due(owner.slot);
            }
        }
        self.due = due;
    }

    /// Closes the next few connections of a drain.
    fn drain_some(&mut self) {
        let left = self.core.connections.iter().filter(|(_, c)| is_to_drain(c));
        let slots: Vec<usize> = left.map(|(slot, _)| slot).take(DRAINED_PER_TURN).collect();
        for slot in slots {
            if let Ok(slot) = u32::try_from(slot) {
                if self.core.is_polling(slot) {
                    // The last answers, alone: behind a close packet clients do not look at them.
                    self.core.flush(slot);
                }
                self.core.close(slot, CloseReason::ShuttingDown);
                if self.core.is_polling(slot) {
                    self.core.remove(slot, CloseReason::ShuttingDown);
                }
            }
        }
    }

    fn report_departures(&mut self) {
        while let Some(departure) = self.core.departures.pop() {
            self.app.left(departure.socket, departure.session);
        }
    }
}

/// Whether a drain has still to end this row. A WebSocket that closes ends by itself in a moment; a
/// session on polling would wait for a poll to tell, and none can come any more.
const fn is_to_drain<S>(connection: &Connection<S>) -> bool {
    matches!(connection.phase, Phase::Open) || matches!(connection.link, Link::Polling(_))
}

impl<S> Core<S> {
    /// Whether a slot has frames that only wait for its socket.
    fn is_blocked(&self, slot: u32) -> bool {
        let connection = self.connections.get(slot as usize);
        connection.is_some_and(|connection| !connection.dirty && !connection.outbox.is_empty())
    }

    /// A deadline of this slot has come, or an earlier one that has since moved.
    fn come_due(&mut self, slot: u32) {
        let (now_ms, timing) = (self.now_ms, self.settings.timing);
        let held_ms = self.come_due_polling(slot);
        let is_polling = self.is_polling(slot);
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        if connection.phase == Phase::Closing {
            // A session on polling says itself when it is over.
            if is_polling {
                return;
            }
            // An earlier deadline of a connection that closes since is not the end of its linger.
            let left_ms = connection.deadline_ms.wrapping_sub(now_ms).cast_signed();
            if left_ms > 0 {
                return self.schedule(slot, left_ms.cast_unsigned());
            }
            return self.remove(slot, CloseReason::TransportClose);
        }
        // A probe is bounded by the session that it asks for.
        if connection.probes_for.is_some() || connection.layer == Layer::Raw {
            return;
        }
        if let Some(held_ms) = held_ms {
            return self.schedule(slot, held_ms);
        }
        let beat = connection.heartbeat.poll(now_ms, timing);
        let (ping, mut wait_ms) = match beat {
            // The pong may come at once, and the next ping is due an interval after it.
            protocol::engine::Beat::Wait(ms) => (false, ms.min(timing.interval_ms)),
            protocol::engine::Beat::Ping(ms) => (true, ms.min(timing.interval_ms)),
            protocol::engine::Beat::TimedOut => return self.close(slot, CloseReason::PingTimeout),
        };
        if connection.layer == Layer::SocketIo && !connection.has_joined() {
            let left_ms = connection.deadline_ms.wrapping_sub(now_ms).cast_signed();
            if left_ms <= 0 {
                return self.close(slot, CloseReason::ConnectTimeout);
            }
            wait_ms = wait_ms.min(left_ms.cast_unsigned());
        }
        if ping {
            self.enqueue_ping(slot);
        }
        self.schedule(slot, wait_ms);
    }
}

#[cfg(test)]
mod tests;
