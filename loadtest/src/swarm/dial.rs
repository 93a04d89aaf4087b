//! Beginning connections at a pace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Interest, Token};

use super::Swarm;
use super::link::Link;
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
    pub(super) fn dial_due(&mut self, now: Instant) -> Option<Instant> {
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
            self.dial_one();
        }
        None
    }

    fn dial_one(&mut self) {
        let index = self.links.len();
        let which = index % self.dial.servers.len().max(1);
        let id = u32::try_from(index).unwrap_or(u32::MAX);
        let request = self.requests.get(which).map(Vec::as_slice).unwrap_or_default();
        let mut link = Link::new(request, id);
        self.census.began(Instant::now());
        let registry = self.poll.registry();
        let opened = self.dial.servers.get(which).map(|server| {
            let mut stream = mio::net::TcpStream::connect(server.address)?;
            stream.set_nodelay(true)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, Token(index), interest)?;
            Ok::<_, std::io::Error>(stream)
        });
        match opened {
            Some(Ok(stream)) => link.stream = Some(stream),
            Some(Err(error)) => self.census.failed(&End::Transport(error.to_string())),
            None => self.census.failed(&End::Transport("no server to dial".into())),
        }
        self.links.push(link);
    }
}
