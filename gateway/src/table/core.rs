//! The slab of connections, what a row is found by, and how frames leave it.
//!
//! The other verbs stand beside it: [`opening`](super::opening), [`membership`](super::membership),
//! [`closing`](super::closing).
//!
//! Owned by one shard and known to no other thread. It never calls the application: sessions of
//! closed connections are put aside as [`Departure`]s, for the shard to report.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::throttle::Throttle;
use bytes::Bytes;
use protocol::engine::{Timing, packet};
use protocol::id::SocketId;
use protocol::socket::Outgoing;
use protocol::websocket::decoder::Limits;
use protocol::websocket::frame::{self, Opcode};
use ring::rand::{SecureRandom, SystemRandom};
use slab::Slab;

use super::holding::Holds;
use super::inbox::ShardHandle;
use super::room::RoomIndex;
use super::sid::SidKey;
use super::stranger::Strangers;
use super::sweep::Sweeps;
use crate::connection::close::CloseReason;
use crate::connection::outbox::{Bounds, Class, Flush, Push};
use crate::connection::quota::{PollingLimits, Quotas};
use crate::connection::timer::{Owner, Wheel};
use crate::connection::{Connection, Link, Phase};
use crate::fanout::{self, Variant};
use crate::recovery::log::Log;
use crate::recovery::session::Sessions;
use crate::recovery::timeline::Timeline;

/// The numbers that the engine layer goes by.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The heartbeat.
    pub timing: Timing,
    /// From the opening to the first joined namespace, in milliseconds; then the connection is
    /// closed.
    pub connect_timeout_ms: u32,
    /// How long a WebSocket may take to carry a session that was on polling, in milliseconds; then
    /// it is closed, and the session polls on.
    pub upgrade_timeout_ms: u32,
    /// Longest message in bytes; a longer one closes the connection with 1009.
    pub payload_bytes_max: u32,
    /// How much long polling there may be.
    pub polling: PollingLimits,
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
    /// The order of all broadcasts that can be missed.
    pub(crate) timeline: Arc<Timeline>,
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
    /// Recipients that broadcasts were queued for in this turn.
    pub(crate) recipients: usize,
    /// Milliseconds since the shard began; renewed each turn.
    pub(crate) now_ms: u32,
    /// The numbers.
    pub(crate) settings: Settings,
    pub(super) rooms: RoomIndex,
    pub(super) holds: Holds,
    /// Broadcasts that are not with all their recipients yet.
    pub(super) sweeps: Sweeps,
    /// How much long polling there is.
    pub(super) polling: Quotas,
    /// Those there who are not known yet.
    pub(super) strangers: Strangers,
    /// What sids are made with.
    pub(super) sid_key: SidKey,
    /// Recent broadcasts.
    pub(super) log: Log,
    /// What outlives connections.
    pub(super) sessions: Sessions,
    namespaces: &'static [&'static str],
    pub(super) place: Place<S>,
    origin: Instant,
    /// Whether nothing is read any more: the process stops.
    pub(crate) is_quiet: bool,
    /// `now_ms` before it wraps.
    pub(super) elapsed_ms: u64,
    /// `now_ms`, as a point in time.
    pub(super) now: Instant,
    pub(super) nonces: u64,
    pub(super) broadcasts: u64,
    /// Connections closed because they were too slow.
    pub(super) slow: Throttle,
    ping: Bytes,
}

impl<S> Core<S> {
    /// An empty table.
    ///
    /// # Errors
    /// The system has no entropy.
    pub(crate) fn new(
        settings: Settings,
        place: Place<S>,
        namespaces: &'static [&'static str],
    ) -> io::Result<Self> {
        let origin = Instant::now();
        let random = SystemRandom::new();
        Ok(Self {
            connections: Slab::new(),
            wheel: Wheel::new(),
            dirty: VecDeque::new(),
            hungry: VecDeque::new(),
            departures: Vec::new(),
            recipients: 0,
            now_ms: 0,
            settings,
            rooms: RoomIndex::default(),
            holds: Holds::default(),
            sweeps: Sweeps::default(),
            polling: Quotas::new(settings.polling),
            strangers: Strangers::default(),
            sid_key: SidKey::new(&random)?,
            log: Log::new(),
            sessions: Sessions::default(),
            namespaces,
            place,
            origin,
            is_quiet: false,
            elapsed_ms: 0,
            now: origin,
            nonces: random_start(&random)?,
            broadcasts: 0,
            slow: Throttle::new(),
            ping: frame::encode(Opcode::Text, packet::PING),
        })
    }

    /// Looks at the clock; everything in a turn happens at the same time.
    pub(crate) fn tick(&mut self) {
        self.recipients = 0;
        let elapsed_ms = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms = elapsed_ms;
        self.now = self.origin + Duration::from_millis(elapsed_ms);
        // Wraps after 49 days; only differences count.
        self.now_ms = low_bits(elapsed_ms);
        if let Some(count) = self.slow.due(self.now) {
            self.report_slow(count);
        }
    }

    /// When the next deadline may come; the same answer until it does.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let due = self.wheel.wait_ms(self.elapsed_ms).map(u64::from);
        let expiry = self.sessions.next_expiry_ms().map(|at| at.saturating_sub(self.elapsed_ms));
        let wait_ms = due.into_iter().chain(expiry).min()?;
        Some(self.now + Duration::from_millis(wait_ms))
    }

    /// Limits of incoming messages.
    pub(crate) fn limits(&self) -> Limits {
        Limits::of_messages(self.settings.payload_bytes_max)
    }

    /// All shards of the process.
    pub(crate) fn shards(&self) -> &[ShardHandle<S>] {
        &self.place.shards
    }

    /// This shard among them.
    pub(crate) fn shard_index(&self) -> usize {
        usize::from(self.place.shard)
    }

    /// The same, to be kept.
    pub(crate) const fn all_shards(&self) -> &Arc<[ShardHandle<S>]> {
        &self.place.shards
    }

    /// This shard's number.
    pub(crate) const fn shard_number(&self) -> u8 {
        self.place.shard
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

    /// Has the slot's tenant asked again in a while; sooner where it waits for something else too.
    pub(crate) fn schedule(&mut self, slot: u32, after_ms: u32) {
        if let Some(connection) = self.connections.get_mut(slot as usize) {
            let owner = Owner { slot, generation: low_bits(connection.nonce) };
            self.wheel.schedule(self.elapsed_ms, after_ms, owner, &mut connection.alarm);
        }
    }

    /// Notes that an entry has come due. Returns whether the slot still has the tenant that it was
    /// made for; whoever asks it then schedules what it waits for.
    pub(crate) fn wake(&mut self, owner: Owner) -> bool {
        let connection = self.connections.get_mut(owner.slot as usize);
        let tenant = connection.filter(|it| low_bits(it.nonce) == owner.generation);
        tenant.map(|connection| connection.alarm.clear()).is_some()
    }

    /// Queues a Socket.IO packet, written as the connection wants it.
    ///
    /// # Cost
    /// Two allocations, and two for each attachment.
    pub(crate) fn send(&mut self, slot: u32, packet: &Outgoing<'_>) {
        let Some(connection) = self.connections.get(slot as usize) else { return };
        // There is no packet of ours before the first of a client of revision 4.
        let variant = connection.variant.unwrap_or(Variant::JsonV4);
        match fanout::frames(variant, connection.revision, packet) {
            // Nothing comes between the frames of a packet, because nothing else runs.
            Ok(frames) => {
                for frame in frames {
                    self.enqueue(slot, frame, Class::Durable);
                }
            }
            Err(error) => tracing::warn!(%error, "an application's packet cannot be encoded"),
        }
    }

    /// Queues a frame, behind everything that is under way to the slot; it leaves at the end of the
    /// turn. A connection that cannot take it is closed.
    pub(crate) fn enqueue(&mut self, slot: u32, frame: Bytes, class: Class) {
        self.settle(slot);
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

    /// Has what waits for a slot written at the end of the turn.
    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot as usize) {
            mark(connection, slot, &mut self.dirty);
        }
    }

    /// Queues a heartbeat.
    pub(crate) fn enqueue_ping(&mut self, slot: u32) {
        self.enqueue(slot, self.ping.clone(), Class::Durable);
        self.note_ping(slot);
    }

    pub(super) const fn bounds(&self) -> Bounds {
        Bounds { soft: self.settings.outbox_soft_bytes, hard: self.settings.outbox_hard_bytes }
    }

    /// Writes what waits for a slot.
    pub(crate) fn flush(&mut self, slot: u32) {
        let Some(connection) = self.connections.get_mut(slot as usize) else { return };
        connection.dirty = false;
        let soft = self.settings.outbox_soft_bytes;
        let Connection { link, outbox, phase, .. } = connection;
        let is_broken = match link {
            Link::Polling(polling) => polling.flush(outbox).is_err(),
            Link::Socket(socket) => match (outbox.flush(&mut socket.io), phase) {
                (Flush::Blocked, _) | (Flush::Done, Phase::Open) => false,
                // Our close frame is out: no more from us. The peer closes, or the linger ends.
                (Flush::Done, Phase::Closing) => {
                    socket.io.finish();
                    false
                }
                (Flush::Broken, _) => true,
            },
        };
        if is_broken {
            return self.remove(slot, CloseReason::TransportClose);
        }
        if connection.reading.stalled && connection.outbox.charge() <= soft / 2 {
            connection.reading.stalled = false;
            connection.make_hungry(slot, &mut self.hungry);
        }
    }
}

/// Notes that there is something to write.
pub(super) fn mark<S>(connection: &mut Connection<S>, slot: u32, dirty: &mut VecDeque<u32>) {
    if !connection.dirty {
        connection.dirty = true;
        dirty.push_back(slot);
    }
}

/// Where nonces begin: elsewhere at each start, so that ids of an earlier process name nobody.
fn random_start(random: &SystemRandom) -> io::Result<u64> {
    let mut bytes = [0; 8];
    random.fill(&mut bytes).map_err(|_| io::Error::other("no entropy"))?;
    // An id has no room for the highest byte.
    Ok(u64::from_be_bytes(bytes) >> (u8::BITS + 1))
}

/// Of a nonce: enough to tell tenants of a slot apart while a deadline of one outlives it.
const fn low_bits(number: u64) -> u32 {
    let [_, _, _, _, bytes @ ..] = number.to_be_bytes();
    u32::from_be_bytes(bytes)
}
