//! Many clients on one thread: sockets, dialling at a pace, and one turn of the loop at a time.
//!
//! Owns every socket, its [`client`](crate::client) and the census of what became of it. It reads
//! into one buffer for all (a connection keeps only an incomplete tail), and writes once per turn
//! and connection.
//! What the clients say is the [`Script`]'s affair.

mod census;
mod dial;
mod link;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mio::{Events, Poll};

use crate::client::frame::PAYLOAD_BYTES_MAX;
use crate::client::{End, Heard, Step, handshake};
pub use census::Census;
pub use dial::{Dial, Server};
use link::Link;

/// What a scenario does when something happens to one of its clients.
pub trait Script {
    /// The client's CONNECT was accepted.
    fn live(&mut self, at: Instant, id: u32, outlet: &mut Outlet<'_>);
    /// A live client heard something.
    fn heard(&mut self, at: Instant, id: u32, heard: Heard<'_>, outlet: &mut Outlet<'_>);
    /// A live client's connection ended.
    fn gone(&mut self, id: u32);
    /// A connection ended before its client was live. Only who dials again cares.
    fn failed(&mut self, _id: u32) {}
    /// Once per turn; returns when it wants the next one at the latest.
    fn tick(&mut self, now: Instant, outlet: &mut Outlet<'_>) -> Option<Instant>;
}

/// The way for a script to make clients speak.
#[derive(Debug)]
pub struct Outlet<'a> {
    links: &'a mut [Link],
    dirty: &'a mut Vec<u32>,
    redials: &'a mut VecDeque<u32>,
    unmuted: &'a mut Vec<u32>,
}

/// All connections of a run.
#[derive(Debug)]
pub struct Swarm {
    poll: Poll,
    events: Events,
    scratch: Vec<u8>,
    links: Vec<Link>,
    dirty: Vec<u32>,
    /// Connections to begin anew, in this order.
    redials: VecDeque<u32>,
    /// Connections that read again, and may have missed the moment when something came.
    unmuted: Vec<u32>,
    dial: Dial,
    requests: Vec<Vec<u8>>,
    dialing_since: Option<Instant>,
    census: Census,
    heartbeats_checked_at: Instant,
}

impl Outlet<'_> {
    /// Queues a packet for the end of this turn. A client that is not live says nothing.
    ///
    /// # Cost
    /// One copy into the client's outbox.
    pub fn send(&mut self, id: u32, text: &[u8]) {
        if let Some(link) = self.links.get_mut(id as usize)
            && link.client.is_live()
            && link.stream.is_some()
        {
            // A full outbox shows at the flush, which ends the connection.
            if let Err(end) = link.client.send(text) {
                link.fault.get_or_insert(end);
            }
            mark_dirty(link, id, self.dirty);
        }
    }

    /// Cuts a client's connection at the end of this turn, without a goodbye.
    pub fn hang_up(&mut self, id: u32) {
        if let Some(link) = self.links.get_mut(id as usize)
            && link.stream.is_some()
        {
            link.fault.get_or_insert(End::HungUp);
            mark_dirty(link, id, self.dirty);
        }
    }

    /// Begins a connection that has ended anew, when the dialling window has room.
    pub fn redial(&mut self, id: u32) {
        self.redials.push_back(id);
    }

    /// Stops or starts reading what a client is sent. Meanwhile the kernel keeps little of it here,
    /// so that it is the server who must hold it, or hang up.
    pub fn mute(&mut self, id: u32, muted: bool) {
        let Some(link) = self.links.get_mut(id as usize) else { return };
        if let Some(stream) = &link.stream {
            let size = if muted { RECEIVE_BYTES_MUTED } else { RECEIVE_BYTES };
            // A kernel that insists on its own size makes the reader less of a burden, no more.
            let _: std::io::Result<()> = socket2::SockRef::from(stream).set_recv_buffer_size(size);
        }
        if link.muted && !muted {
            self.unmuted.push(id);
        }
        link.muted = muted;
    }
}

impl Swarm {
    /// A swarm that has not dialled yet.
    ///
    /// # Errors
    /// The system has no epoll instance left.
    pub fn new(dial: Dial) -> Result<Self> {
        let requests = dial.servers.iter().map(|server| {
            let query = format!("{}?EIO=4&transport=websocket", server.path);
            handshake::request(&server.authority, &query)
        });
        Ok(Self {
            poll: Poll::new().context("could not open an event queue")?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            scratch: vec![0; SCRATCH_BYTES],
            links: Vec::with_capacity(dial.hellos.len()),
            dirty: Vec::new(),
            redials: VecDeque::new(),
            unmuted: Vec::new(),
            requests: requests.collect(),
            dialing_since: None,
            census: Census::new(),
            heartbeats_checked_at: Instant::now(),
            dial,
        })
    }

    /// What became of the connections so far.
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// The CONNECT packet of connection `id`.
    pub fn hello(&self, id: u32) -> Arc<[u8]> {
        self.dial.hellos.get(id as usize).map(Arc::clone).unwrap_or_default()
    }

    /// Whether every connection was tried and none is still on its way.
    pub fn is_dialled(&self) -> bool {
        let begun = self.links.len() == self.dial.hellos.len() && self.redials.is_empty();
        begun && self.census.dialing() == 0
    }

    /// One turn: dial what is due, let the script speak, write, wait until `until` at most for
    /// something to happen, and serve what did.
    ///
    /// # Errors
    /// The event queue failed; a connection's failure only enters the census.
    pub fn turn(&mut self, script: &mut impl Script, until: Instant) -> Result<()> {
        let now = Instant::now();
        let mut wake = until;
        if let Some(due) = self.dial_due(now, script) {
            wake = wake.min(due);
        }
        self.check_heartbeats(now, script);
        let mut outlet = self.outlet();
        if let Some(due) = script.tick(now, &mut outlet) {
            wake = wake.min(due);
        }
        self.flush(script);
        self.read_unmuted(script);
        self.redial_due(script);
        let timeout = poll_timeout(wake.saturating_duration_since(Instant::now()));
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(error).context("could not wait for events");
            }
            Ok(()) | Err(_) => {}
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let id = u32::try_from(event.token().0).unwrap_or(u32::MAX);
            if event.is_writable() {
                self.written_out(id);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                let closing = event.is_read_closed() || event.is_error();
                self.read_or_end(id, closing, script);
            }
        }
        self.events = events;
        self.flush(script);
        Ok(())
    }

    /// Says goodbye on every live connection and closes all.
    pub fn leave(mut self) {
        for link in &mut self.links {
            link.client.leave();
            // The connection is closed right after; what cannot leave now is not needed.
            let _: Result<(), End> = link.flush();
        }
    }

    fn outlet(&mut self) -> Outlet<'_> {
        Outlet {
            links: &mut self.links,
            dirty: &mut self.dirty,
            redials: &mut self.redials,
            unmuted: &mut self.unmuted,
        }
    }

    /// Reads where nobody read for a while, down to the end: the kernel does not tell twice.
    fn read_unmuted(&mut self, script: &mut impl Script) {
        for id in std::mem::take(&mut self.unmuted) {
            self.read_or_end(id, true, script);
        }
    }

    fn read_or_end(&mut self, id: u32, closing: bool, script: &mut impl Script) {
        if self.links.get(id as usize).is_some_and(|link| link.muted) {
            return;
        }
        if let Err(end) = self.read(id, closing, script) {
            self.end(id, &end, script);
        }
    }

    /// The socket takes bytes: what waits leaves at the end of the turn.
    fn written_out(&mut self, id: u32) {
        if let Some(link) = self.links.get_mut(id as usize) {
            link.connected = true;
            mark_dirty(link, id, &mut self.dirty);
        }
    }

    /// Reads and serves until the socket has nothing more.
    fn read(&mut self, id: u32, closing: bool, script: &mut impl Script) -> Result<(), End> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = self.read_into(&mut scratch, id, closing, script);
        self.scratch = scratch;
        outcome
    }

    fn read_into(
        &mut self,
        scratch: &mut [u8],
        id: u32,
        closing: bool,
        script: &mut impl Script,
    ) -> Result<(), End> {
        loop {
            let Some(link) = self.links.get_mut(id as usize) else { return Ok(()) };
            let Some(filled) = link.fill(scratch)? else { return Ok(()) };
            let at = Instant::now();
            link.heard_at = at;
            let input = scratch.get(..filled).unwrap_or_default();
            let rest = self.serve(id, input, at, script)?;
            if let Some(link) = self.links.get_mut(id as usize) {
                link.keep(rest);
            }
            // A short read has drained an edge-triggered socket, unless its end is near.
            if filled < scratch.len() && !closing {
                return Ok(());
            }
        }
    }

    /// Takes `input` apart; returns the incomplete rest.
    fn serve<'a>(
        &mut self,
        id: u32,
        mut input: &'a [u8],
        at: Instant,
        script: &mut impl Script,
    ) -> Result<&'a [u8], End> {
        let hello = self.hello(id);
        loop {
            let Some(link) = self.links.get_mut(id as usize) else { return Ok(&[]) };
            let Some((taken, step)) = link.client.handle(input, &hello)? else { return Ok(input) };
            input = input.get(taken..).unwrap_or_default();
            if !link.client.outbox().is_empty() {
                mark_dirty(link, id, &mut self.dirty);
            }
            let live_after = at.saturating_duration_since(link.dialed_at);
            match step {
                Step::Nothing => {}
                Step::Live => {
                    self.census.connected(at, live_after);
                    script.live(at, id, &mut self.outlet());
                }
                Step::Heard(heard) => script.heard(at, id, heard, &mut self.outlet()),
            }
        }
    }

    fn flush(&mut self, script: &mut impl Script) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            let Some(link) = self.links.get_mut(id as usize) else { continue };
            link.dirty = false;
            if let Err(end) = link.flush() {
                self.end(id, &end, script);
            }
        }
        // A script hears of an end but cannot speak then, so nothing became dirty meanwhile.
        self.dirty = dirty;
    }

    fn end(&mut self, id: u32, end: &End, script: &mut impl Script) {
        let Some(link) = self.links.get_mut(id as usize) else { return };
        if link.stream.take().is_none() {
            return;
        }
        link.release();
        if link.client.is_live() {
            self.census.dropped(end);
            script.gone(id);
        } else {
            self.census.failed(end);
            script.failed(id);
        }
    }

    /// Ends connections whose server has been silent for longer than its own promise.
    fn check_heartbeats(&mut self, now: Instant, script: &mut impl Script) {
        if now.saturating_duration_since(self.heartbeats_checked_at) < HEARTBEAT_CHECK {
            return;
        }
        self.heartbeats_checked_at = now;
        for index in 0..self.links.len() {
            let Some(link) = self.links.get(index) else { return };
            let patience = Duration::from_millis(link.client.patience_ms().into());
            let id = u32::try_from(index).unwrap_or(u32::MAX);
            let silence = now.saturating_duration_since(link.heard_at);
            if link.muted {
                continue;
            }
            if silence > patience.saturating_add(HEARTBEAT_GRACE) {
                self.end(id, &End::HeartbeatMissed, script);
            } else if !link.client.is_live() && silence > CONNECT_TIMEOUT {
                self.end(id, &End::Transport("no CONNECT reply in 30 s".into()), script);
            }
        }
    }
}

fn mark_dirty(link: &mut Link, id: u32, dirty: &mut Vec<u32>) {
    if !link.dirty {
        link.dirty = true;
        dirty.push(id);
    }
}

/// epoll counts in milliseconds and rounds up: shorter waits are spun, longer ones end early.
fn poll_timeout(wait: Duration) -> Duration {
    wait.checked_sub(Duration::from_millis(1)).unwrap_or_default()
}

/// Ready sockets served per turn, so that what they caused is written soon.
const EVENTS_PER_TURN: usize = 128;
/// The read buffer of all connections: the longest frame and its header must fit.
const SCRATCH_BYTES: usize = PAYLOAD_BYTES_MAX + 16 * 1024;
/// What the kernel may keep of what a muted client is sent, and of what it is sent afterwards.
const RECEIVE_BYTES_MUTED: usize = 4096;
const RECEIVE_BYTES: usize = 128 * 1024;
/// How often silent servers are looked for.
const HEARTBEAT_CHECK: Duration = Duration::from_secs(1);
/// What a busy machine may add to a server's own promise before it counts as broken.
const HEARTBEAT_GRACE: Duration = Duration::from_secs(5);
/// How long a connection may take from dialling to the CONNECT reply; then it has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
