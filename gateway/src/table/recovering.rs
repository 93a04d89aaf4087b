//! Sessions that outlive their connections: how they begin, wait, and go on.
//!
//! A session goes on in one turn: what its client missed is queued, then the answer to its wish to
//! join, and from then on it hears what comes. Nothing can come between, so nothing is lost or
//! comes twice.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;
use protocol::engine::Revision;
use protocol::room::Room;
use protocol::socket::{Kind, Outgoing};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::oneshot;

use super::core::Core;
use super::inbox::{Reply, Step};
use super::room::{Member, ROOMS_PER_MEMBER_MAX};
use crate::connection::close::CloseReason;
use crate::connection::outbox::{Class, FRAME_OVERHEAD_BYTES};
use crate::fanout::{self, Broadcast, Variant};
use crate::recovery::answer::Answer;
use crate::recovery::offset::{Heard, Offset};
use crate::recovery::pid::Pid;
use crate::recovery::session::{Found, Saved, Session};
use crate::recovery::timeline::Position;
use crate::recovery::{Recalled, Recovery};

/// A question for the session that a client shows the private id of.
#[derive(Debug)]
pub(crate) struct Recall {
    /// Its private id.
    pub(crate) pid: Pid,
    /// Index of the namespace that it must be of.
    pub(crate) namespace: u8,
    /// A room that it must be in: one that only its user is ever in.
    pub(crate) holder: Option<Room>,
    /// What is asked.
    pub(crate) question: Question,
}

/// What is asked of a session.
#[derive(Debug)]
pub(crate) enum Question {
    /// Where is it?
    Look(oneshot::Sender<Option<Vec<Room>>>),
    /// It goes on elsewhere: a connection that still has it is closed.
    Take(oneshot::Sender<Option<Saved>>),
}

impl<S> Core<S> {
    /// The private id of a socket that can come back.
    pub(super) fn private_id(&mut self, member: Member) -> Option<Pid> {
        let recovers = self.recovers(member);
        if recovers { self.sessions.live(member).map(|session| session.pid) } else { None }
    }

    pub(super) fn recovers(&self, member: Member) -> bool {
        let connection = self.connections.get(member.slot as usize);
        connection.is_some_and(|connection| connection.recovering.contains(member.namespace))
    }

    /// Queues an event for one socket; for one that can come back, with an offset.
    pub(crate) fn emit(&mut self, member: Member, arguments: &[u8], attachments: &[Bytes]) {
        let at = self.newest();
        let recovers = self.recovers(member);
        let session = if recovers { self.sessions.live(member) } else { None };
        let arguments = match session {
            Some(session) if attachments.is_empty() => {
                session.answer(at, arguments).append(arguments).into()
            }
            Some(session) => session.pass(at).append(arguments).into(),
            None => Cow::Borrowed(arguments),
        };
        let name = self.namespace_name(member.namespace);
        let event = Outgoing::new(Kind::Event, name, Some(&arguments));
        self.send(member.slot, &Outgoing { attachments, ..event });
    }

    /// Queues a logged event for one socket that can come back, behind what came after it: its own
    /// offset would lead the client back.
    pub(super) fn emit_late(&mut self, member: Member, arguments: &[u8]) {
        let at = self.newest();
        let Some(session) = self.sessions.live(member) else { return };
        let arguments = session.pass(at).append(arguments);
        let name = self.namespace_name(member.namespace);
        self.send(member.slot, &Outgoing::new(Kind::Event, name, Some(&arguments)));
    }

    /// Does things for a socket whose connection is gone, if its client may come back.
    pub(super) fn take_late(&mut self, reply: Reply) {
        let (socket, at) = (reply.socket, self.newest());
        for step in reply.steps {
            match step {
                Step::Emit(arguments) => {
                    self.sessions.change(socket, |saved| saved.session.answer(at, &arguments));
                }
                Step::Join(room, done) => {
                    if let Some(is_in) = self.sessions.change(socket, |saved| enter(saved, room)) {
                        let _ = done.send(is_in);
                    }
                }
                Step::Leave(room) => {
                    self.sessions
                        .change(socket, |saved| saved.rooms.retain(|in_it| *in_it != room));
                }
                Step::Kick => self.sessions.forget(socket),
                // An answer to somebody gone is lost, and what it was held for comes by the log.
                Step::Ack(..) | Step::Hold(_) | Step::Release(..) | Step::Reconnect => {}
            }
        }
    }

    /// Somebody is put out of the room that is theirs alone: none of their sessions that wait goes
    /// on. Which sign-in each was of is not known any more, and coming back plainly harms nobody.
    pub(super) fn forget_waiting(&mut self, room: &Room) {
        match room {
            Room::User(person) => self.sessions.forget_person(*person),
            Room::Conversation(_) | Room::Staff | Room::Named(_) => {}
        }
    }

    /// The position of the newest broadcast that has come here.
    fn newest(&self) -> Position {
        Position { epoch: self.place.timeline.epoch(), number: self.log.latest() }
    }

    /// Notes that a ping is queued.
    pub(super) fn note_ping(&mut self, slot: u32) {
        let position = self.log.latest();
        self.each_session(slot, |session| session.handle_ping(position));
    }

    /// Notes that a ping was answered.
    pub(super) fn note_pong(&mut self, slot: u32) {
        self.each_session(slot, Session::handle_pong);
    }

    fn each_session(&mut self, slot: u32, mut note: impl FnMut(&mut Session)) {
        let Some(connection) = self.connections.get(slot as usize) else { return };
        for namespace in connection.recovering.iter() {
            if let Some(session) = self.sessions.live(Member { slot, namespace }) {
                note(session);
            }
        }
    }

    /// Gives a membership that is being joined its session, if it has one.
    pub(super) fn begin(&mut self, member: Member, recovery: Recovery) {
        let connection = self.connections.get_mut(member.slot as usize);
        // Who speaks revision 3 does not know how to come back; who has left meanwhile will not.
        let connection = connection.filter(|connection| connection.revision == Revision::V4);
        if connection.is_none_or(|connection| connection.membership(member.namespace).is_none()) {
            return;
        }
        let session = match recovery {
            Recovery::Off => return,
            Recovery::On => None,
            Recovery::Resume(recalled) => self.resume(member, *recalled),
        };
        if let Some(session) = session.or_else(|| self.new_session(member)) {
            self.begin_session(member, session);
        }
    }

    /// A session that begins now; none without entropy.
    fn new_session(&self, member: Member) -> Option<Session> {
        let mut secret = [0; 18];
        SystemRandom::new().fill(&mut secret).ok()?;
        let pid = Pid::new(self.place.node, self.place.shard, secret);
        let socket = self.own_id(member.slot, member.namespace);
        Some(Session::new(pid, socket, self.log.latest(), self.place.timeline.watch()))
    }

    fn begin_session(&mut self, member: Member, session: Session) {
        let own = self.own_id(member.slot, member.namespace);
        let Some(connection) = self.connections.get_mut(member.slot as usize) else { return };
        if connection.recovering.insert(member.namespace) {
            self.sessions.begin(member, own, session);
        }
    }

    /// A membership ends. Returns its session.
    pub(super) fn end_session(&mut self, member: Member) -> Option<Session> {
        let connection = self.connections.get_mut(member.slot as usize)?;
        if connection.recovering.remove(member.namespace) {
            return self.sessions.end(member);
        }
        None
    }

    /// A membership ends in a way that its client may come back from: its session waits.
    pub(super) fn save_session(&mut self, member: Member) {
        let Some(session) = self.end_session(member) else { return };
        let rooms = self.rooms_of(member.slot, member.namespace);
        let saved = Saved { session, namespace: member.namespace, rooms };
        self.sessions.save(saved, self.elapsed_ms);
    }

    /// Answers a question for a session.
    pub(super) fn take_recall(&mut self, recall: Recall) {
        let rooms = self.look(&recall);
        match recall.question {
            Question::Look(reply) => {
                let _ = reply.send(rooms);
            }
            Question::Take(reply) => {
                let saved = rooms.and_then(|_| self.take_session(&recall.pid));
                if let Err(Some(saved)) = reply.send(saved) {
                    self.sessions.save(saved, self.elapsed_ms);
                }
            }
        }
    }

    fn look(&self, recall: &Recall) -> Option<Vec<Room>> {
        let (namespace, rooms) = match self.sessions.find(&recall.pid)? {
            Found::Live(member) => (member.namespace, self.rooms_of(member.slot, member.namespace)),
            Found::Waiting => {
                let saved = self.sessions.waiting(&recall.pid)?;
                (saved.namespace, saved.rooms.clone())
            }
        };
        let is_held = recall.holder.as_ref().is_none_or(|holder| rooms.contains(holder));
        (namespace == recall.namespace && is_held).then_some(rooms)
    }

    fn take_session(&mut self, pid: &Pid) -> Option<Saved> {
        if let Some(Found::Live(member)) = self.sessions.find(pid) {
            // All its sessions wait from here on, and nothing that happens to it later touches them.
            self.close(member.slot, CloseReason::TakenOver);
        }
        self.sessions.take(pid)
    }

    /// Puts a session that nobody went on with back to wait.
    pub(super) fn put_back(&mut self, recalled: Recalled) {
        self.sessions.save(recalled.saved, self.elapsed_ms);
    }

    /// Goes on with a session: joins its rooms, and queues what it missed. `None` when that is not
    /// known, or too much; nothing has happened then.
    fn resume(&mut self, member: Member, recalled: Recalled) -> Option<Session> {
        let Recalled { saved, offset } = recalled;
        let Saved { mut session, rooms, .. } = saved;
        let heard = Heard::read(offset.as_deref(), self.place.timeline.epoch()).ok()?;
        let from = session.hear(match heard {
            Heard::Nothing => None,
            Heard::UpTo(offset) => Some(offset),
        });
        let frames = self.missed(member, &session, &rooms, from)?;
        for room in &rooms {
            self.join(member.slot, member.namespace, room);
        }
        for frame in frames {
            self.enqueue(member.slot, frame, Class::Durable);
        }
        Some(session)
    }

    /// The frames of what a session missed after the broadcast `from`, in the order in which they
    /// would have come.
    fn missed(
        &self,
        member: Member,
        session: &Session,
        rooms: &[Room],
        from: u64,
    ) -> Option<Vec<Bytes>> {
        let connection = self.connections.get(member.slot as usize)?;
        let variant = connection.variant?;
        let rooms: HashSet<&Room> = rooms.iter().collect();
        let mut missed = Missed {
            variant,
            name: self.namespace_name(member.namespace),
            frames: Vec::new(),
            left: self.bounds().hard.saturating_sub(connection.outbox.charge()) / 2,
        };
        let mut answers = session.answers().iter().peekable();
        let mut at = Position { epoch: self.place.timeline.epoch(), number: from };
        for (number, broadcast) in self.log.after(from)? {
            while let Some(answer) = answers.next_if(|answer| answer.after < number) {
                missed.answer(at, answer)?;
            }
            at.number = number;
            let is_heard = broadcast.namespace == member.namespace
                && broadcast.concerns(session.socket, &rooms);
            if is_heard {
                missed.broadcast(broadcast)?;
            }
        }
        for answer in answers {
            missed.answer(at, answer)?;
        }
        Some(missed.frames)
    }

    /// Drops what is kept for nobody any more, or for too long.
    pub(super) fn expire_sessions(&mut self) {
        self.sessions.expire(self.elapsed_ms);
        self.log.expire(self.elapsed_ms, self.place.timeline.is_watched());
    }
}

/// Puts a session that waits into a room. Returns whether it is in there now.
fn enter(saved: &mut Saved, room: Room) -> bool {
    if saved.rooms.contains(&room) {
        return true;
    }
    let has_place = saved.rooms.len() < ROOMS_PER_MEMBER_MAX;
    if has_place {
        saved.rooms.push(room);
    }
    has_place
}

/// What is sent to a client that is back, before anything else.
struct Missed {
    variant: Variant,
    name: &'static str,
    frames: Vec<Bytes>,
    /// What its outbox still has room for: beside these, there must be room for what comes next.
    left: u32,
}

impl Missed {
    fn broadcast(&mut self, broadcast: &Broadcast) -> Option<()> {
        match broadcast.frame(self.variant, true, self.name) {
            Some(frame) => self.push(frame.clone()),
            // Nobody whose packets are written so has heard it.
            None => Some(()),
        }
    }

    fn answer(&mut self, at: Position, answer: &Answer) -> Option<()> {
        let offset = Offset { position: at, answer: Some(answer.number) };
        let arguments = offset.append(&answer.arguments);
        let event = Outgoing::new(Kind::Event, self.name, Some(&arguments));
        let frames = fanout::frames(self.variant, Revision::V4, &event).unwrap_or_default();
        frames.into_iter().try_for_each(|frame| self.push(frame))
    }

    fn push(&mut self, frame: Bytes) -> Option<()> {
        let len = u32::try_from(frame.len()).ok()?;
        self.left = self.left.checked_sub(len.checked_add(FRAME_OVERHEAD_BYTES)?)?;
        self.frames.push(frame);
        Some(())
    }
}
