//! Ports that stay ours while nobody listens on them.
//!
//! A port that was found free and let go may be anybody's by the time a server asks for it, and one
//! that the system gave away may go to some client while its server is down. These lie below those
//! that the system gives to clients, and tests agree about them: whoever holds the UDP port of that
//! number has the TCP port as well. The kernel takes it back from a test however it ends.

use std::net::{TcpListener, UdpSocket};

/// A port for servers that are started again.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _held: UdpSocket,
}

impl Port {
    /// Takes one.
    ///
    /// # Panics
    /// When all are taken.
    pub(crate) fn take() -> Self {
        let port = (FIRST..=LAST).find_map(|number| {
            let held = UdpSocket::bind(("127.0.0.1", number)).ok()?;
            // Somebody who knows nothing of this may listen there.
            TcpListener::bind(("127.0.0.1", number)).ok()?;
            Some(Self { number, _held: held })
        });
        port.expect("one of thousands of ports is free")
    }

    /// Its number.
    pub(crate) const fn number(&self) -> u16 {
        self.number
    }
}

const FIRST: u16 = 25_000;
const LAST: u16 = 31_999;
