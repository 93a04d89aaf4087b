//! The slab of connections and the verbs on it: adopt, enqueue, flush, join, deliver, close.
//!
//! Owned by one shard and known to no other thread. It never calls the application: sessions of
//! closed connections are put aside as [`Departure`]s, for the shard to report.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::engine::{Heartbeat, OpenPacket, Timing, packet};
use protocol::id::{EngineSid, SocketId};
use protocol::room::Room;
use protocol::websocket::close;
use protocol::websocket::decoder::{Decoder, Limits};
use protocol::websocket::frame::{self, Opcode, Role};
use ring::rand::{SecureRandom, SystemRandom};
use slab::Slab;
use smallvec::SmallVec;

use super::inbox::ShardHandle;
use super::room::{Member, Notes, Places, RoomIndex};
use crate::connection::close::CloseReason;
use crate::connection::outbox::{Bounds, Class, Flush, Outbox, Push};
use crate::connection::socket::Socket;
use crate::connection::timer::{Owner, Wheel};
use crate::connection::{Adoption, Connection, Joining, Layer, Phase};
use crate::fanout::{Broadcast, Variant};
use crate::reactor::Reactor;

/// How long a closed connection may take to be closed by its peer too.
const LINGER_MS: u32 = 2_000;

/// The numbers that the engine layer goes by.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The heartbeat.
    pub timing: Timing,
    /// From the opening to the first joined namespace, in milliseconds; then the connection is
    /// closed.
    pub connect_timeout_ms: u32,
    /// Longest message in bytes; a longer one closes the connection with 1009.
    pub payload_bytes_max: u32,
    /// Bytes that one connection's outbox may hold before ephemeral events are dropped.
    pub outbox_soft_bytes: u32,
    /// Bytes that it may hold at all; beyond, the connection is closed.
    pub outbox_hard_bytes: u32,
}

/// A session whose connection, or whose namespace on it, is gone.
#[derive(Debug)]
pub(crate) struct Departure<S> {
    /// Who it was.
    pub(crate) socket: SocketId,
    /// What the application kept for it.
    pub(crate) session: S,
}

/// Which shard of which node this is, and how to reach the others.
#[derive(Debug)]
pub(crate) struct Place<S> {
    /// The node's number.
    pub(crate) node: u16,
    /// Its shard.
    pub(crate) shard: u8,
    /// All shards of the process, this one included.
    pub(crate) shards: Arc<[ShardHandle<S>]>,
}

/// The table of one shard.
#[derive(Debug)]
pub(crate) struct Core<S> {
    /// The connections, by slot.
    pub(crate) connections: Slab<Connection<S>>,
    /// Deadlines.
    pub(crate) wheel: Wheel,
    /// Slots with frames to write, each once.
    pub(crate) dirty: VecDeque<u32>,
    /// Slots with more to read than a turn allows, each once.
    pub(crate) hungry: VecDeque<u32>,
    /// Sessions to report as gone.
    pub(crate) departures: Vec<Departure<S>>,
    /// Milliseconds since the shard began; renewed each turn.
    pub(crate) now_ms: u32,
    /// The numbers.
    pub(crate) settings: Settings,
    rooms: RoomIndex,
    namespaces: &'static [&'static str],
    place: Place<S>,
    origin: Instant,
    /// `now_ms`, as a point in time.
    now: Instant,
    nonces: u64,
    broadcasts: u64,
    random: SystemRandom,
    ping: Bytes,
}

impl<S> Core<S> {
    /// An empty table.
    pub(crate) fn new(
        settings: Settings,
        place: Place<S>,
        namespaces: &'static [&'static str],
    ) -> Self {
        let origin = Instant::now();
        let random = SystemRandom::new();
        Self {
            connections: Slab::new(),
            wheel: Wheel::new(),
            dirty: VecDeque::new(),
            hungry: VecDeque::new(),
            departures: Vec::new(),
            now_ms: 0,
            settings,
            rooms: RoomIndex::default(),
            namespaces,
            place,
            origin,
            now: origin,
            nonces: random_start(&random),
            broadcasts: 0,
            random,
            ping: frame::encode(Opcode::Text, packet::PING),
        }
    }

    /// Looks at the clock; everything in a turn happens at the same time.
    pub(crate) fn tick(&mut self) {
        let elapsed_ms = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now = self.origin + Duration::from_millis(elapsed_ms);
        // Wraps after 49 days; only differences count.
        self.now_ms = low_bits(elapsed_ms);
    }

    /// When the next deadline may come; the same answer until it does.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let wait_ms = self.wheel.wait_ms(self.now_ms)?;
        Some(self.now + Duration::from_millis(u64::from(wait_ms)))
    }

    /// Limits of incoming messages.
    pub(crate) fn limits(&self) -> Limits {
        let bytes = self.settings.payload_bytes_max as usize;
        Limits { frame_bytes_max: bytes, message_bytes_max: bytes, ..Limits::default() }
    }

    /// All shards of the process.
    pub(crate) fn shards(&self) -> &[ShardHandle<S>] {
        &self.place.shards
    }

    /// This shard among them.
    pub(crate) fn shard_index(&self) -> usize {
        usize::from(self.place.shard)
    }

    /// This shard's own handle.
    pub(crate) fn handle(&self) -> &ShardHandle<S> {
        &self.place.shards[self.shard_index()]
    }

    /// The name of a namespace.
    pub(crate) fn namespace_name(&self, namespace: u8) -> &'static str {
        self.namespaces.get(usize::from(namespace)).copied().unwrap_or(protocol::socket::ROOT)
    }

    /// The index of a namespace.
    pub(crate) fn namespace_index(&self, name: &str) -> Option<u8> {
        let index = self.namespaces.iter().position(|known| *known == name)?;
        u8::try_from(index).ok()
    }

    /// The public id of the socket in a slot.
    pub(crate) fn socket_id(&self, slot: u32) -> SocketId {
        let nonce = self.connections.get(slot as usize).map_or(0, |connection| connection.nonce);
        SocketId::new(self.place.node, self.place.shard, slot, nonce)
    }

    /// The slot of a socket, while it is open.
    pub(crate) fn slot_of(&self, socket: SocketId) -> Option<u32> {
        let slot = socket.slot();
        let connection = self.connections.get(slot as usize)?;
        let same = self.socket_id(slot) == socket && connection.phase == Phase::Open;
        same.then_some(slot)
    }

    /// Takes over a socket. Returns its slot.
    pub(crate) fn adopt(&mut self, adoption: Adoption, reactor: &Reactor) -> io::Result<u32> {
        let mut io = Socket::new(adoption.io);
        let entry = self.connections.vacant_entry();
        let slot = u32::try_from(entry.key()).map_err(io::Error::other)?;
        reactor.register(&mut io, slot)?;
        let mut secret = [0; 12];
        self.random.fill(&mut secret).map_err(|_| io::Error::other("no entropy"))?;
        let sid = EngineSid::new(self.place.node, self.place.shard, secret);
        self.nonces += 1;
        let (now_ms, timing) = (self.now_ms, self.settings.timing);
        entry.insert(Connection {
            io,
            decoder: Decoder::new(Role::Server),
            outbox: Outbox::default(),
            memberships: SmallVec::new(),
            opening: Some(Box::new(adoption.opening)),
            nonce: self.nonces,
            last_broadcast: 0,
            heartbeat: Heartbeat::new(now_ms, timing),
            connect_by_ms: now_ms.wrapping_add(self.settings.connect_timeout_ms),
            variant: Variant::JsonV4,
            layer: adoption.layer,
            phase: Phase::Open,
            dirty: false,
            hungry: false,
        });
        match adoption.layer {
            Layer::SocketIo | Layer::EngineIo => {
                self.enqueue(
                    slot,
                    frame::encode(Opcode::Text, self.open_packet(sid).as_bytes()),
                    Class::Durable,
                );
                let first_ms = timing.interval_ms.min(self.settings.connect_timeout_ms);
                self.schedule(slot, first_ms);
            }
            Layer::Raw => {}
        }
        Ok(slot)
    }

    fn open_packet(&self, sid: EngineSid) -> String {
        OpenPacket {
            sid,
            upgradable: false,
            ping_interval_ms: self.settings.timing.interval_ms,
            ping_timeout_ms: self.settings.timing.timeout_ms,
            payload_bytes_max: self.settings.payload_bytes_max,
        }
        .encode()
    }

    /// Has the slot's tenant asked again in a while.
    pub(crate) fn schedule(&mut self, slot: u32, after_ms: u32) {
        if let Some(connection) = self.connections.get(slot as usize) {
            let generation = low_bits(connection.nonce);
            self.wheel.schedule(self.now_ms, after_ms, Owner { slot, generation });
        }
    }

    /// Whether the slot still has the tenant that a deadline was made for.
    pub(crate) fn is_current(&self, owner: Owner) -> bool {
        let connection = self.connections.get(owner.slot as usize);
        connection.is_some_and(|connection| low_bits(connection.nonce) == owner.generation)
    }

    /// Queues a frame; it leaves at the end of the turn. A connection that cannot take it is
    /// closed.
    pub(crate) fn enqueue(&mut self, slot: u32, frame: Bytes, class: Class) {
        let bounds = self.bounds();
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        if connection.phase == Phase::Closing {
            return;
        }
        match connection.outbox.push(frame, class, bounds) {
            Push::Queued => mark(connection, slot, &mut self.dirty),
            Push::Dropped => {}
            Push::Overflow => self.remove(slot, CloseReason::SlowConsumer),
        }
    }

    /// Queues a heartbeat.
    pub(crate) fn enqueue_ping(&mut self, slot: u32) {
        self.enqueue(slot, self.ping.clone(), Class::Durable);
    }

    const fn bounds(&self) -> Bounds {
        Bounds { soft: self.settings.outbox_soft_bytes, hard: self.settings.outbox_hard_bytes }
    }

    /// Writes what waits for a slot.
    pub(crate) fn flush(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        connection.dirty = false;
        match (connection.outbox.flush(&mut connection.io), connection.phase) {
            (Flush::Blocked, _) | (Flush::Done, Phase::Open) => {}
            // Our close frame is out: no more from us. The peer closes, or the linger ends.
            (Flush::Done, Phase::Closing) => {
                connection.io.finish();
            }
            (Flush::Broken, _) => self.remove(slot, CloseReason::TransportClose),
        }
    }

    /// Puts a membership into a room.
    pub(crate) fn join(&mut self, slot: u32, namespace: u8, room: &Room) -> bool {
        let Some(connection) = self.connections.get_mut(slot as usize) else { return false };
        let Some(membership) = connection.membership(namespace) else { return false };
        self.rooms.join(Member { slot, namespace }, room, &mut membership.places)
    }

    /// Takes a membership out of a room.
    pub(crate) fn leave(&mut self, slot: u32, namespace: u8, room: &Room) -> bool {
        self.rooms.leave(Member { slot, namespace }, room, &mut Book(&mut self.connections))
    }

    /// Whether a membership is in a room.
    pub(crate) fn is_in(&self, slot: u32, namespace: u8, room: &Room) -> bool {
        let connection = self.connections.get(slot as usize);
        let mut memberships = connection.into_iter().flat_map(|found| found.memberships.iter());
        let membership = memberships.find(|membership| membership.namespace == namespace);
        membership
            .is_some_and(|membership| self.rooms.contains(namespace, room, &membership.places))
    }

    /// Members of a room whose session is so.
    pub(crate) fn members_whose(
        &self,
        namespace: u8,
        room: &Room,
        is: impl Fn(&S) -> bool,
    ) -> Vec<u32> {
        let found = self.rooms.members(namespace, room).iter().copied().filter(|slot| {
            let connection = self.connections.get(*slot as usize);
            let memberships = connection.into_iter().flat_map(|found| &found.memberships);
            memberships
                .filter(|found| found.namespace == namespace)
                .any(|found| matches!(&found.state, Joining::Joined(Some(session)) if is(session)))
        });
        found.collect()
    }

    /// Queues a broadcast for every member of its rooms, each once.
    ///
    /// # Cost
    /// A member: one push of a shared frame. No allocation, no lock, no system call.
    pub(crate) fn deliver(&mut self, broadcast: &Broadcast) {
        self.broadcasts += 1;
        let stamp = self.broadcasts;
        let except = broadcast.except.and_then(|socket| self.slot_of(socket));
        let name = self.namespace_name(broadcast.namespace);
        let bounds = self.bounds();
        let mut overflown: SmallVec<[u32; 4]> = SmallVec::new();
        for room in &broadcast.rooms {
            for &slot in self.rooms.members(broadcast.namespace, room) {
                let Some(connection) = self.connections.get_mut(slot as usize) else { continue };
                if except == Some(slot) || connection.last_broadcast == stamp {
                    continue;
                }
                connection.last_broadcast = stamp;
                let frame = broadcast.frame(connection.variant, name).clone();
                match connection.outbox.push(frame, broadcast.class, bounds) {
                    Push::Queued => mark(connection, slot, &mut self.dirty),
                    Push::Dropped => {}
                    Push::Overflow => overflown.push(slot),
                }
            }
        }
        for slot in overflown {
            self.remove(slot, CloseReason::SlowConsumer);
        }
    }

    /// Begins to close: memberships end now, the close frame leaves with the turn, and the row
    /// goes when the peer has closed too, or after the linger.
    pub(crate) fn close(&mut self, slot: u32, reason: CloseReason) {
        let Some(connection) = self.connections.get(slot as usize) else { return };
        if connection.phase == Phase::Closing {
            return;
        }
        let Some(frame) = close_frame(reason) else { return self.remove(slot, reason) };
        self.enqueue(slot, frame, Class::Durable);
        self.depart(slot, reason);
        if let Some(connection) = self.connections.get_mut(slot as usize) {
            connection.phase = Phase::Closing;
            self.schedule(slot, LINGER_MS);
        }
    }

    /// Ends a connection at once.
    pub(crate) fn remove(&mut self, slot: u32, reason: CloseReason) {
        self.depart(slot, reason);
        // The descriptor closes with the row; readiness that is still on its way finds nobody, or
        // a later tenant whom it does no harm.
        self.connections.try_remove(slot as usize);
    }

    /// Ends one membership. The session is returned if there is one, and not in the
    /// application's hands.
    pub(crate) fn end_membership(&mut self, slot: u32, namespace: u8) -> Option<S> {
        let connection = self.connections.get_mut(slot as usize)?;
        let index = connection.memberships.iter().position(|m| m.namespace == namespace)?;
        let membership = connection.memberships.remove(index);
        self.rooms.leave_all(namespace, membership.places, &mut Book(&mut self.connections));
        match membership.state {
            Joining::Joined(session) => session,
            Joining::Asked(_) => None,
        }
    }

    fn depart(&mut self, slot: u32, reason: CloseReason) {
        let socket = self.socket_id(slot);
        while let Some(connection) = self.connections.get(slot as usize)
            && let Some(membership) = connection.memberships.first()
        {
            let namespace = membership.namespace;
            if let Some(session) = self.end_membership(slot, namespace) {
                self.departures.push(Departure { socket, session });
            }
        }
        tracing::trace!(slot, reason = reason.label(), "connection closes");
    }
}

/// Finds members' notes in the slab.
struct Book<'a, S>(&'a mut Slab<Connection<S>>);

impl<S> Notes for Book<'_, S> {
    fn places(&mut self, member: Member) -> Option<&mut Places> {
        let connection = self.0.get_mut(member.slot as usize)?;
        connection.membership(member.namespace).map(|membership| &mut membership.places)
    }
}

fn mark<S>(connection: &mut Connection<S>, slot: u32, dirty: &mut VecDeque<u32>) {
    if !connection.dirty {
        connection.dirty = true;
        dirty.push_back(slot);
    }
}

/// Where nonces begin: elsewhere at each start, so that ids of an earlier process name nobody.
fn random_start(random: &SystemRandom) -> u64 {
    let mut bytes = [0; 8];
    // Without entropy no session id can be made either; the first connection fails and says so.
    let _ = random.fill(&mut bytes);
    u64::from_be_bytes(bytes) >> 1
}

/// Of a nonce: enough to tell tenants of a slot apart while a deadline of one outlives it.
const fn low_bits(number: u64) -> u32 {
    let [_, _, _, _, bytes @ ..] = number.to_be_bytes();
    u32::from_be_bytes(bytes)
}

/// The frame that tells the peer; none when there is nobody to tell.
fn close_frame(reason: CloseReason) -> Option<Bytes> {
    if reason == CloseReason::TransportClose {
        return None;
    }
    let mut frame = Vec::new();
    close::encode_into(&mut frame, reason.close_code(), reason.words());
    Some(Bytes::from(frame))
}
