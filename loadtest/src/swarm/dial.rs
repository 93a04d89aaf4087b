//! Beginning connections at a pace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Interest, Token};

use super::link::Link;
use super::{Script, Swarm};
use crate::client::End;

/// Where and how fast to dial.
#[derive(Debug)]
pub struct Dial {
    /// The servers; connection `i` goes to the `i`-th, round and round.
    pub servers: Vec<Server>,
    /// The CONNECT packet of each connection; their number is the number of connections.
    pub hellos: Vec<Arc<[u8]>>,
    /// Connections begun per second; `None` is as fast as `window` allows.
    pub per_second: Option<u32>,
    /// Connections that may be on their way at once.
    pub window: u32,
}

/// A server to dial.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The `Host` header.
    pub authority: String,
    /// The Socket.IO path, with its slashes.
    pub path: String,
}

impl Swarm {
    /// Begins the connections that are due; returns when the next one is.
    pub(super) fn dial_due(&mut self, now: Instant, script: &mut impl Script) -> Option<Instant> {
        let since = *self.dialing_since.get_or_insert(now);
        while self.links.len() < self.dial.hellos.len() {
            if self.census.dialing() >= self.dial.window {
                return None;
            }
            if let Some(per_second) = self.dial.per_second {
                let begun = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
                let due = since + begun * (Duration::from_secs(1) / per_second.max(1));
                if due > now {
                    return Some(due);
                }
            }
            let id = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
            self.links.push(Link::new(&[], id));
            if !self.open(id) {
                script.failed(id);
            }
        }
        None
    }

    /// Begins the connections anew that the script asked for, as far as the window allows.
    pub(super) fn redial_due(&mut self, script: &mut impl Script) {
        while self.census.dialing() < self.dial.window
            && let Some(id) = self.redials.pop_front()
        {
            let ended = self.links.get(id as usize).is_some_and(|link| link.stream.is_none());
            if ended && !self.open(id) {
                script.failed(id);
            }
        }
    }

    /// Begins the connection `id`; says whether that much was possible.
    fn open(&mut self, id: u32) -> bool {
        let which = id as usize % self.dial.servers.len().max(1);
        let request = self.requests.get(which).map(Vec::as_slice).unwrap_or_default();
        let Some(link) = self.links.get_mut(id as usize) else { return false };
        *link = Link::new(request, id);
        self.census.began(Instant::now());
        let registry = self.poll.registry();
        let opened = self.dial.servers.get(which).map(|server| {
            let mut stream = mio::net::TcpStream::connect(server.address)?;
            stream.set_nodelay(true)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, Token(id as usize), interest)?;
            Ok::<_, std::io::Error>(stream)
        });
        let end = match opened {
            Some(Ok(stream)) => {
                link.stream = Some(stream);
                return true;
            }
            Some(Err(error)) => End::Transport(error.to_string()),
            None => End::Transport("no server to dial".into()),
        };
        self.census.failed(&end);
        false
    }
}
