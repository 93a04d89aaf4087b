//! What a request or a socket means to a session, by the state it is in.
//!
//! Owns which transport a session is on, whether a poll is parked and a POST under way, and how
//! far an upgrade has come. Must never know sockets, nor what is waiting to be sent: it says when
//! that goes out, and where. Calls name what happened (`handle_…`); the answers say what is to be
//! done, a parked poll included.
//!
//! Time is whole milliseconds since an origin of the caller's, the same for every call; it may wrap
//! after 49 days, since only differences count.
//!
//! Source: Engine.IO v4 "Transports", "Upgrade"; reference `engine.io/lib/socket.ts` and
//! `lib/transports/polling.ts`.

mod order;

use super::Transport;
use super::packet::{PROBE, Packet};

pub use order::{Answer, Get, Orders, Output, Post, ProbeReply, Probing, Timeout, WebSocket};

/// Milliseconds that an upgrade may take, unless configured.
pub const UPGRADE_TIMEOUT_MS: u32 = 10_000;

/// Least milliseconds between two noops of one upgrade: a client that polls again at once is not
/// answered in a circle.
pub const NOOP_SPACING_MS: u32 = 100;

/// Probes that one WebSocket may send. Clients send one; whoever sends more than this is not about to
/// upgrade, and its WebSocket is closed.
pub const PROBES_MAX: u8 = 8;

/// Milliseconds that a session whose server side is closed waits for the poll that it can tell.
/// After that it is forgotten untold.
pub const FAREWELL_MS: u32 = 30_000;

/// One session's transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    phase: Phase,
    /// Whether a POST's body is under way.
    posting: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Polling {
        parked: bool,
        upgrade: Upgrade,
    },
    WebSocket,
    /// Closed by the server, and no poll has been there to tell of all that waited and of that.
    Leaving {
        until_ms: u32,
    },
    Over,
}

/// How far a WebSocket beside the polls has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    None,
    /// It is open and has said nothing.
    Opened {
        until_ms: u32,
    },
    /// Its probe is answered: from here on polls get noops, and output waits for the swap.
    Probed {
        until_ms: u32,
        noop_ms: u32,
        probes: u8,
    },
}

impl Session {
    /// A session that was opened by a GET. The answer to that GET is no poll.
    pub const fn polling() -> Self {
        Self { phase: Phase::Polling { parked: false, upgrade: Upgrade::None }, posting: false }
    }

    /// A session that was opened by a WebSocket.
    pub const fn websocket() -> Self {
        Self { phase: Phase::WebSocket, posting: false }
    }

    /// The transport that carries its packets; `None` when it is closed.
    pub const fn transport(&self) -> Option<Transport> {
        match self.phase {
            Phase::Polling { .. } => Some(Transport::Polling),
            Phase::WebSocket => Some(Transport::WebSocket),
            Phase::Leaving { .. } | Phase::Over => None,
        }
    }

    /// Whether nothing is left to do for it.
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Whether a poll is parked.
    pub const fn is_parked(&self) -> bool {
        matches!(self.phase, Phase::Polling { parked: true, .. })
    }

    /// Whether a ping must wait: the transport that would carry it is about to change.
    pub const fn holds_heartbeat(&self) -> bool {
        matches!(self.phase, Phase::Polling { upgrade: Upgrade::Probed { .. }, .. })
    }

    /// A GET with this session's sid came. `has_output`: whether anything waits to be sent.
    pub const fn handle_get(&mut self, now_ms: u32, has_output: bool) -> Get {
        match &mut self.phase {
            Phase::Polling { parked: true, .. } => Get::Overlap(self.end(Some(Answer::Close))),
            Phase::Polling { parked, upgrade: Upgrade::Probed { noop_ms, .. } } => {
                if is_due(*noop_ms, now_ms) {
                    *noop_ms = now_ms.wrapping_add(NOOP_SPACING_MS);
                    return Get::Answer(Answer::Noop);
                }
                *parked = true;
                Get::Park
            }
            Phase::Polling { parked, upgrade: Upgrade::None | Upgrade::Opened { .. } } => {
                if has_output {
                    return Get::Answer(Answer::Output);
                }
                *parked = true;
                Get::Park
            }
            // COMPAT: what waits and the close packet never share an answer: a client closes at the
            // packet before it hands on what came with it. Pinned by `expiry_is_told_over_polling`.
            Phase::Leaving { .. } if has_output => Get::Answer(Answer::Output),
            Phase::Leaving { .. } => {
                self.phase = Phase::Over;
                Get::Answer(Answer::Farewell)
            }
            Phase::WebSocket | Phase::Over => Get::Mismatch,
        }
    }

    /// A POST with this session's sid came; its body is still to be read.
    pub const fn handle_post(&mut self) -> Post {
        match (&self.phase, self.posting) {
            (Phase::Polling { .. }, false) => {
                self.posting = true;
                Post::Read
            }
            (Phase::Polling { .. }, true) => Post::Overlap(self.end(Some(Answer::Close))),
            (Phase::Leaving { .. }, _) => Post::Discard,
            (Phase::WebSocket | Phase::Over, _) => Post::Mismatch,
        }
    }

    /// A POST's body is taken, refused as too big, or will not come. Packets of a body that was
    /// begun before the swap are still the session's.
    pub const fn handle_post_end(&mut self) {
        self.posting = false;
    }

    /// A WebSocket with this session's sid came.
    pub const fn handle_websocket(&mut self, now_ms: u32, upgrade_timeout_ms: u32) -> WebSocket {
        match &mut self.phase {
            Phase::Polling { upgrade: upgrade @ Upgrade::None, .. } => {
                *upgrade = Upgrade::Opened { until_ms: now_ms.wrapping_add(upgrade_timeout_ms) };
                WebSocket::Probe
            }
            Phase::Polling { upgrade: Upgrade::Opened { .. } | Upgrade::Probed { .. }, .. }
            | Phase::WebSocket
            | Phase::Leaving { .. }
            | Phase::Over => WebSocket::CloseAtOnce,
        }
    }

    /// A packet came on the WebSocket that asks for the upgrade.
    pub fn handle_probe_packet(
        &mut self,
        packet: &Packet<'_>,
        now_ms: u32,
        has_output: bool,
    ) -> Probing {
        let Phase::Polling { parked, upgrade } = &mut self.phase else {
            return Probing { reply: ProbeReply::Abort, poll: None };
        };
        let (until_ms, probes) = match *upgrade {
            Upgrade::None => return Probing { reply: ProbeReply::Abort, poll: None },
            Upgrade::Opened { until_ms } => (until_ms, 0),
            Upgrade::Probed { until_ms, probes, .. } => (until_ms, probes),
        };
        match packet {
            Packet::Ping(PROBE) if probes < PROBES_MAX => {
                let poll = parked.then_some(Answer::Noop);
                let noop_ms = now_ms.wrapping_add(if *parked { NOOP_SPACING_MS } else { 0 });
                *parked = false;
                *upgrade = Upgrade::Probed { until_ms, noop_ms, probes: probes.saturating_add(1) };
                Probing { reply: ProbeReply::Pong, poll }
            }
            Packet::Upgrade => {
                let poll = parked.then_some(Answer::Noop);
                self.phase = Phase::WebSocket;
                Probing { reply: ProbeReply::Swap, poll }
            }
            Packet::Ping(_)
            | Packet::Pong
            | Packet::Close
            | Packet::Message(_)
            | Packet::Binary(_)
            | Packet::Ignored => {
                Probing { reply: ProbeReply::Abort, poll: self.abandon_upgrade(has_output) }
            }
        }
    }

    /// Something is to be sent and nothing was waiting before it, or the transport is free again.
    pub const fn handle_output(&mut self) -> Output {
        match &mut self.phase {
            Phase::Polling { upgrade: Upgrade::Probed { .. }, .. }
            | Phase::Polling { parked: false, .. } => Output::Wait,
            Phase::Polling { parked, .. } => {
                *parked = false;
                Output::AnswerPoll
            }
            Phase::WebSocket => Output::Write,
            Phase::Leaving { .. } | Phase::Over => Output::Drop,
        }
    }

    /// The server closes the session. What still waits is sent first; the close packet goes to the
    /// poll behind it.
    pub const fn handle_close(&mut self, now_ms: u32, has_output: bool) -> Orders {
        match self.phase {
            Phase::Polling { parked, upgrade } if has_output || !parked => {
                self.phase = Phase::Leaving { until_ms: now_ms.wrapping_add(FAREWELL_MS) };
                let poll = if parked { Some(Answer::Output) } else { None };
                let close_websocket = !matches!(upgrade, Upgrade::None);
                Orders { poll, close_websocket, over: false }
            }
            Phase::Leaving { .. } => Orders::NONE,
            Phase::Polling { .. } | Phase::WebSocket | Phase::Over => self.end(Some(Answer::Close)),
        }
    }

    /// A close packet came in a POST or on the session's WebSocket.
    pub const fn handle_client_close(&mut self) -> Orders {
        self.end(Some(Answer::Noop))
    }

    /// The client broke the protocol or stopped answering heartbeats.
    pub const fn handle_failure(&mut self) -> Orders {
        self.end(Some(Answer::Close))
    }

    /// The client went away from a poll, parked or half answered.
    pub const fn handle_poll_lost(&mut self) -> Orders {
        match self.phase {
            Phase::Polling { .. } => self.end(None),
            // The last poll before a swap has nothing that is missed.
            Phase::WebSocket | Phase::Leaving { .. } | Phase::Over => Orders::NONE,
        }
    }

    /// The WebSocket closed or broke: the session's own, or the one that asks for the upgrade.
    pub fn handle_websocket_lost(&mut self, has_output: bool) -> Orders {
        match self.phase {
            Phase::Polling { .. } => {
                let poll = self.abandon_upgrade(has_output);
                Orders { poll, close_websocket: false, over: false }
            }
            Phase::WebSocket => {
                self.phase = Phase::Over;
                Orders { poll: None, close_websocket: false, over: true }
            }
            Phase::Leaving { .. } | Phase::Over => Orders::NONE,
        }
    }

    /// Milliseconds until [`Session::handle_timeout`] has something to do; `None` if nothing is
    /// waited for.
    pub fn next_timeout(&self, now_ms: u32) -> Option<u32> {
        let left = |at_ms: u32| {
            if is_due(at_ms, now_ms) { 0 } else { at_ms.wrapping_sub(now_ms) }
        };
        match self.phase {
            Phase::Polling { parked: true, upgrade: Upgrade::Probed { until_ms, noop_ms, .. } } => {
                Some(left(until_ms).min(left(noop_ms)))
            }
            Phase::Polling {
                upgrade: Upgrade::Opened { until_ms } | Upgrade::Probed { until_ms, .. },
                ..
            }
            | Phase::Leaving { until_ms } => Some(left(until_ms)),
            Phase::Polling { upgrade: Upgrade::None, .. } | Phase::WebSocket | Phase::Over => None,
        }
    }

    /// What is due by now, one thing a call; `None` when nothing is.
    pub fn handle_timeout(&mut self, now_ms: u32, has_output: bool) -> Option<Timeout> {
        match &mut self.phase {
            Phase::Polling {
                upgrade: Upgrade::Opened { until_ms } | Upgrade::Probed { until_ms, .. },
                ..
            } if is_due(*until_ms, now_ms) => {
                Some(Timeout::UpgradeTimedOut { poll: self.abandon_upgrade(has_output) })
            }
            Phase::Polling { parked: parked @ true, upgrade: Upgrade::Probed { noop_ms, .. } }
                if is_due(*noop_ms, now_ms) =>
            {
                *parked = false;
                *noop_ms = now_ms.wrapping_add(NOOP_SPACING_MS);
                Some(Timeout::Noop)
            }
            Phase::Leaving { until_ms } if is_due(*until_ms, now_ms) => {
                self.phase = Phase::Over;
                Some(Timeout::Forgotten)
            }
            Phase::Polling { .. } | Phase::WebSocket | Phase::Leaving { .. } | Phase::Over => None,
        }
    }

    /// Goes on polling; what waited meanwhile goes to the poll that waits.
    const fn abandon_upgrade(&mut self, has_output: bool) -> Option<Answer> {
        let Phase::Polling { parked, upgrade } = &mut self.phase else { return None };
        *upgrade = Upgrade::None;
        if *parked && has_output {
            *parked = false;
            return Some(Answer::Output);
        }
        None
    }

    /// Ends it now, telling a parked poll so.
    const fn end(&mut self, answer: Option<Answer>) -> Orders {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        match phase {
            Phase::Polling { parked, upgrade } => Orders {
                poll: if parked { answer } else { None },
                close_websocket: !matches!(upgrade, Upgrade::None),
                over: true,
            },
            Phase::WebSocket => Orders { poll: None, close_websocket: true, over: true },
            Phase::Leaving { .. } => Orders { poll: None, close_websocket: false, over: true },
            Phase::Over => Orders::NONE,
        }
    }
}

const fn is_due(at_ms: u32, now_ms: u32) -> bool {
    at_ms.wrapping_sub(now_ms).cast_signed() <= 0
}

#[cfg(test)]
mod tests;
