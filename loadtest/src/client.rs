//! One Socket.IO client, without I/O: bytes in, what happened out, bytes to send in its outbox.
//!
//! Owns the protocol state of a connection from the upgrade request to its end. It never knows
//! about sockets ([`crate::swarm`]) nor what its events mean ([`crate::scenario`]).

pub mod frame;
pub mod handshake;
pub mod packet;

use frame::{Frame, FrameError, Opcode};
use handshake::HandshakeError;
use packet::{Heartbeat, Packet, PacketError};

/// The bytes that may wait for a slow server; beyond it the connection ends with
/// [`End::NotReading`].
pub const OUTBOX_BYTES_MAX: usize = 1024 * 1024;

/// A client of one connection.
#[derive(Debug)]
pub struct Client {
    phase: Phase,
    outbox: Vec<u8>,
    mask: u32,
    patience_ms: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The request is on its way.
    Upgrading,
    /// Waiting for the Engine.IO handshake.
    Opening,
    /// CONNECT is on its way.
    Joining,
    /// Events may flow.
    Live,
}

/// What one piece of input meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Housekeeping; it is dealt with.
    Nothing,
    /// CONNECT was accepted: the socket is live.
    Live,
    /// Something for the scenario.
    Heard(Heard<'a>),
}

/// What a live socket hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// An event: its name, and its whole JSON array.
    Event {
        /// Without quotes.
        name: &'a [u8],
        /// Name included.
        body: &'a [u8],
    },
    /// An answer.
    Ack {
        /// Of the event it answers.
        id: u64,
        /// The JSON array of arguments.
        body: &'a [u8],
    },
}

/// Why a connection ended. The text is a line of the report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The upgrade failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The server broke the WebSocket protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The server broke the Engine.IO or Socket.IO protocol.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// The server refused CONNECT, with this payload.
    #[error("CONNECT was refused: {0}")]
    Refused(String),
    /// A Socket.IO disconnect.
    #[error("the server disconnected the socket")]
    Disconnected,
    /// An Engine.IO close packet.
    #[error("the server closed the session")]
    SessionClosed,
    /// A close frame with this code.
    #[error("the server closed the WebSocket with code {0}")]
    Closed(u16),
    /// The outbox is full.
    #[error("the server does not read what it is sent")]
    NotReading,
    /// No ping came when one was due.
    #[error("the server stopped pinging")]
    HeartbeatMissed,
    /// The script cut the connection.
    #[error("this program hung up")]
    HungUp,
    /// The TCP connection ended.
    #[error("{0}")]
    Transport(String),
}

impl Client {
    /// A client whose `request` waits in the outbox. `seed` varies the masks.
    pub fn new(request: &[u8], seed: u32) -> Self {
        let mask = seed.wrapping_mul(0x9e37_79b9) | 1;
        Self { phase: Phase::Upgrading, outbox: request.to_vec(), mask, patience_ms: u32::MAX }
    }

    /// Takes the first complete piece of `input`; returns its length and what it meant, or `None`
    /// when more bytes are needed. `hello` is the CONNECT packet to send when its time comes.
    ///
    /// # Errors
    /// The connection is over, for the reason given.
    pub fn handle<'a>(
        &mut self,
        input: &'a [u8],
        hello: &[u8],
    ) -> Result<Option<(usize, Step<'a>)>, End> {
        if self.phase == Phase::Upgrading {
            let Some(len) = handshake::response(input)? else { return Ok(None) };
            self.phase = Phase::Opening;
            return Ok(Some((len, Step::Nothing)));
        }
        let Some((frame, len)) = frame::decode(input)? else { return Ok(None) };
        let step = match frame {
            Frame::Text(text) => self.handle_packet(packet::decode(text)?, hello)?,
            Frame::Binary(_) | Frame::Pong => Step::Nothing,
            Frame::Ping(payload) => {
                self.push(Opcode::Pong, payload)?;
                Step::Nothing
            }
            Frame::Close(code) => return Err(End::Closed(code)),
        };
        Ok(Some((len, step)))
    }

    /// Queues a Socket.IO packet, in its text form with the Engine.IO digit.
    ///
    /// # Errors
    /// The outbox is full: the server does not read.
    pub fn send(&mut self, text: &[u8]) -> Result<(), End> {
        self.push(Opcode::Text, text)
    }

    /// Queues a goodbye: a Socket.IO disconnect and a close frame.
    pub fn leave(&mut self) {
        if self.is_live() {
            // A full outbox means that nobody is listening to a goodbye either.
            let _: Result<(), End> = self
                .push(Opcode::Text, b"41")
                .and_then(|()| self.push(Opcode::Close, &1000_u16.to_be_bytes()));
        }
    }

    /// Whether CONNECT has been accepted.
    pub const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Milliseconds of silence after which the server must be taken for dead.
    pub const fn patience_ms(&self) -> u32 {
        self.patience_ms
    }

    /// What waits to be written.
    pub fn outbox(&self) -> &[u8] {
        &self.outbox
    }

    /// Forgets the first `written` bytes of the outbox.
    pub fn sent(&mut self, written: usize) {
        self.outbox.drain(..written.min(self.outbox.len()));
        if self.outbox.is_empty() && self.outbox.capacity() > OUTBOX_BYTES_KEPT {
            self.outbox = Vec::new();
        }
    }

    fn handle_packet<'a>(&mut self, packet: Packet<'a>, hello: &[u8]) -> Result<Step<'a>, End> {
        match (packet, self.phase) {
            (Packet::Open(Heartbeat { ping_interval, ping_timeout }), Phase::Opening) => {
                self.patience_ms = ping_interval.saturating_add(ping_timeout);
                self.phase = Phase::Joining;
                self.send(hello)?;
                Ok(Step::Nothing)
            }
            (Packet::Connected, Phase::Joining) => {
                self.phase = Phase::Live;
                Ok(Step::Live)
            }
            (Packet::Event { name, body }, Phase::Live) => {
                Ok(Step::Heard(Heard::Event { name, body }))
            }
            (Packet::Ack { id, body }, Phase::Live) => Ok(Step::Heard(Heard::Ack { id, body })),
            (Packet::Ping, _) => {
                self.send(b"3")?;
                Ok(Step::Nothing)
            }
            (Packet::Idle, _) => Ok(Step::Nothing),
            (Packet::Refused(json), _) => {
                let said: String = String::from_utf8_lossy(json).chars().take(120).collect();
                Err(End::Refused(said))
            }
            (Packet::Disconnected, _) => Err(End::Disconnected),
            (Packet::Close, _) => Err(End::SessionClosed),
            (
                Packet::Open(_) | Packet::Connected | Packet::Event { .. } | Packet::Ack { .. },
                Phase::Upgrading | Phase::Opening | Phase::Joining | Phase::Live,
            ) => Err(End::Packet(PacketError)),
        }
    }

    fn push(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), End> {
        if self.outbox.len().saturating_add(payload.len()) > OUTBOX_BYTES_MAX {
            return Err(End::NotReading);
        }
        // Xorshift: masks must differ, not be secret.
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 17;
        self.mask ^= self.mask << 5;
        frame::encode(&mut self.outbox, opcode, payload, self.mask.to_le_bytes());
        Ok(())
    }
}

/// The outbox capacity that an idle client keeps.
const OUTBOX_BYTES_KEPT: usize = 4096;

#[cfg(test)]
mod tests;
