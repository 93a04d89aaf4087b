//! Sessions of one shard: those of its live connections, and those that wait for their client to
//! come back. Owned by the shard.
//!
//! Waiting sessions are bounded in number, bytes and time; the oldest leave first, and their clients
//! connect plainly. Those of one person are bounded more narrowly, so that nobody takes the places of
//! all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::id::{SocketId, UserId};
use protocol::room::Room;

use super::SESSION_MS_MAX;
use super::answer::Answers;
use super::offset::Offset;
use super::pid::Pid;
use super::timeline::{Position, Watch};
use crate::table::room::Member;

/// Sessions that wait on one shard.
pub(crate) const WAITING_MAX: usize = 32_768;

/// What the waiting sessions of one shard may take in bytes.
pub(crate) const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Sessions of one person that wait on one shard; with one more, the person's oldest leaves.
pub(crate) const PERSON_WAITING_MAX: usize = 32;

/// What the waiting sessions of one person on one shard may take in bytes; beyond, the same. A dozen
/// as large as sessions become.
pub(crate) const PERSON_BYTES_MAX: usize = 512 * 1024;

/// What a waiting session is charged beside its rooms and answers.
const SESSION_OVERHEAD_BYTES: usize = 384;

/// A point that a client has certainly reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Every broadcast up to here.
    pub(crate) position: u64,
    /// Every answer up to here.
    pub(crate) answer: u64,
}

/// What outlives a connection, beside its rooms.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its secret name.
    pub(crate) pid: Pid,
    /// The public id of its socket, through all its connections.
    pub(crate) socket: SocketId,
    /// What it was told alone.
    answers: Answers,
    /// What it has certainly heard: all that was sent before the last ping that it answered.
    confirmed: Mark,
    /// What had been sent when it was last pinged.
    pinged: Mark,
    _watch: Watch,
}

impl Session {
    /// A session that begins: it hears what comes after `position`.
    pub(crate) fn new(
        pid: Pid,
        socket: SocketId,
        position: u64,
        (watch, answers): (Watch, u64),
    ) -> Self {
        let mark = Mark { position, answer: answers };
        let answers = Answers::new(answers);
        Self { pid, socket, answers, confirmed: mark, pinged: mark, _watch: watch }
    }

    /// Keeps an event to it alone. Returns the offset that goes with the event.
    pub(crate) fn answer(&mut self, at: Position, arguments: &[u8]) -> Offset {
        let number = self.answers.push(at.number, arguments);
        Offset { position: at, answer: Some(number) }
    }

    /// The offset of an event to it alone that is not kept.
    pub(crate) const fn pass(&mut self, at: Position) -> Offset {
        Offset { position: at, answer: Some(self.answers.pass()) }
    }

    /// A ping is sent, behind everything up to `position`.
    pub(crate) const fn handle_ping(&mut self, position: u64) {
        self.pinged = Mark { position, answer: self.answers.last() };
    }

    /// The ping is answered.
    pub(crate) fn handle_pong(&mut self) {
        self.confirm(self.pinged);
    }

    /// Takes what the client says it has heard. What it said before stays true. Returns the number
    /// of the last broadcast that it has heard.
    pub(crate) fn hear(&mut self, offset: Option<Offset>) -> u64 {
        if let Some(Offset { position, answer }) = offset {
            // An offset from before the session began says nothing about its answers.
            if position.number >= self.confirmed.position {
                self.answers.confirm_before(position.number);
            }
            let answer = answer.unwrap_or(0).min(self.answers.last());
            self.confirm(Mark { position: position.number, answer });
        }
        self.confirmed.position
    }

    /// What it was told alone and may not have heard.
    pub(crate) const fn answers(&self) -> &Answers {
        &self.answers
    }

    fn confirm(&mut self, mark: Mark) {
        let Mark { position, answer } = self.confirmed;
        let answer = answer.max(mark.answer);
        self.confirmed = Mark { position: position.max(mark.position), answer };
        self.answers.confirm(answer);
    }
}

/// A session without a connection.
#[derive(Debug)]
pub(crate) struct Saved {
    /// The session.
    pub(crate) session: Session,
    /// Index of its namespace.
    pub(crate) namespace: u8,
    /// Where it was.
    pub(crate) rooms: Vec<Room>,
}

impl Saved {
    /// Whose it is, by the room that only they are in; nobody's where the application has none.
    fn person(&self) -> Option<UserId> {
        self.rooms.iter().find_map(|room| match room {
            Room::User(id) => Some(*id),
            Room::Conversation(_) | Room::Staff | Room::Named(_) => None,
        })
    }

    fn bytes(&self) -> usize {
        let names = self.rooms.iter().map(|room| match room {
            Room::Named(name) => name.len(),
            Room::Conversation(_) | Room::User(_) | Room::Staff => 0,
        });
        let rooms = self.rooms.len() * size_of::<Room>() + names.sum::<usize>();
        SESSION_OVERHEAD_BYTES + rooms + self.session.answers.bytes()
    }
}

#[derive(Debug)]
struct Waiting {
    saved: Saved,
    until_ms: u64,
}

/// Where a session is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// On a connection that is still there.
    Live(Member),
    /// Waiting.
    Waiting,
}

/// The sessions of one shard. Before the first, it owns no memory.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    live: HashMap<Member, Session>,
    /// Where the sockets are whose id is not that of their row.
    moved: HashMap<SocketId, Member>,
    /// By age: the key is counted up.
    waiting: BTreeMap<u64, Waiting>,
    by_pid: HashMap<Pid, Place>,
    by_socket: HashMap<SocketId, u64>,
    by_person: HashMap<UserId, BTreeSet<u64>>,
    saved: u64,
    bytes: usize,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Live(Member),
    Waiting(u64),
}

impl Sessions {
    /// Notes that a session lives on a connection, whose socket would be `own` without it.
    pub(crate) fn begin(&mut self, member: Member, own: SocketId, session: Session) {
        self.by_pid.insert(session.pid, Place::Live(member));
        if session.socket != own {
            self.moved.insert(session.socket, member);
        }
        self.live.insert(member, session);
    }

    /// The session of a connection.
    pub(crate) fn live(&mut self, member: Member) -> Option<&mut Session> {
        self.live.get_mut(&member)
    }

    /// The public id of a connection's socket.
    pub(crate) fn socket(&self, member: Member) -> Option<SocketId> {
        self.live.get(&member).map(|session| session.socket)
    }

    /// Where a socket is that has outlived the connection it is named after.
    pub(crate) fn moved(&self, socket: SocketId) -> Option<Member> {
        self.moved.get(&socket).copied()
    }

    /// A connection ends. Returns its session.
    pub(crate) fn end(&mut self, member: Member) -> Option<Session> {
        let session = self.live.remove(&member)?;
        self.by_pid.remove(&session.pid);
        if self.moved(session.socket) == Some(member) {
            self.moved.remove(&session.socket);
        }
        Some(session)
    }

    /// Keeps a session for its client to come back.
    pub(crate) fn save(&mut self, saved: Saved, now_ms: u64) {
        self.saved += 1;
        self.by_pid.insert(saved.session.pid, Place::Waiting(self.saved));
        self.by_socket.insert(saved.session.socket, self.saved);
        self.bytes += saved.bytes();
        let person = saved.person();
        if let Some(person) = person {
            self.by_person.entry(person).or_default().insert(self.saved);
        }
        self.waiting.insert(self.saved, Waiting { saved, until_ms: now_ms + SESSION_MS_MAX });
        self.bound(person);
    }

    /// Where the session with this name is.
    pub(crate) fn find(&self, pid: &Pid) -> Option<Found> {
        match self.by_pid.get(pid)? {
            Place::Live(member) => Some(Found::Live(*member)),
            Place::Waiting(_) => Some(Found::Waiting),
        }
    }

    /// A session that waits.
    pub(crate) fn waiting(&self, pid: &Pid) -> Option<&Saved> {
        match self.by_pid.get(pid)? {
            Place::Waiting(number) => self.waiting.get(number).map(|waiting| &waiting.saved),
            Place::Live(_) => None,
        }
    }

    /// The rooms in this namespace that somebody waits to come back to; some more than once.
    pub(crate) fn rooms(&self, namespace: u8) -> impl Iterator<Item = &Room> {
        let waiting = self.waiting.values().map(|waiting| &waiting.saved);
        waiting.filter(move |saved| saved.namespace == namespace).flat_map(|saved| &saved.rooms)
    }

    /// Takes a session that waits.
    pub(crate) fn take(&mut self, pid: &Pid) -> Option<Saved> {
        let Place::Waiting(number) = *self.by_pid.get(pid)? else { return None };
        self.remove(number)
    }

    /// Changes the session of a socket that waits, if there is one.
    pub(crate) fn change<T>(
        &mut self,
        socket: SocketId,
        change: impl FnOnce(&mut Saved) -> T,
    ) -> Option<T> {
        let number = self.by_socket.get(&socket)?;
        let saved = &mut self.waiting.get_mut(number)?.saved;
        self.bytes -= saved.bytes();
        let changed = change(saved);
        self.bytes += saved.bytes();
        let person = saved.person();
        self.bound(person);
        Some(changed)
    }

    /// Drops the sessions of a person that wait.
    pub(crate) fn forget_person(&mut self, person: UserId) {
        for number in self.by_person.remove(&person).unwrap_or_default() {
            self.remove(number);
        }
    }

    /// Drops the session of a socket that waits.
    pub(crate) fn forget(&mut self, socket: SocketId) {
        if let Some(number) = self.by_socket.get(&socket) {
            self.remove(*number);
        }
    }

    /// Drops the sessions whose time is over.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        while let Some((_, oldest)) = self.waiting.first_key_value()
            && oldest.until_ms <= now_ms
        {
            self.drop_oldest();
        }
    }

    /// When the next session's time is over.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(_, oldest)| oldest.until_ms)
    }

    /// Keeps to the bounds; `person` is whose sessions may have come to take more.
    fn bound(&mut self, person: Option<UserId>) {
        while let Some(number) = person.and_then(|person| self.excess_of(person)) {
            self.remove(number);
        }
        while self.waiting.len() > WAITING_MAX || self.bytes > WAITING_BYTES_MAX {
            self.drop_oldest();
        }
    }

    /// The oldest session of a person who has too many.
    fn excess_of(&self, person: UserId) -> Option<u64> {
        let numbers = self.by_person.get(&person)?;
        let waiting = numbers.iter().filter_map(|number| self.waiting.get(number));
        let bytes: usize = waiting.map(|waiting| waiting.saved.bytes()).sum();
        let is_too_much = numbers.len() > PERSON_WAITING_MAX || bytes > PERSON_BYTES_MAX;
        numbers.first().copied().filter(|_| is_too_much)
    }

    fn drop_oldest(&mut self) {
        if let Some((&number, _)) = self.waiting.first_key_value() {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Saved> {
        let saved = self.waiting.remove(&number)?.saved;
        self.bytes -= saved.bytes();
        self.by_pid.remove(&saved.session.pid);
        if self.by_socket.get(&saved.session.socket) == Some(&number) {
            self.by_socket.remove(&saved.session.socket);
        }
        if let Some(person) = saved.person()
            && let Some(numbers) = self.by_person.get_mut(&person)
        {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_person.remove(&person);
            }
        }
        Some(saved)
    }
}

#[cfg(test)]
mod tests;
