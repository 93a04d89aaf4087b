//! The seam between a connection and its bytes: read, vectored write, readiness, shutdown.
//!
//! Nothing above it knows TCP, so that TLS or another way to reach the kernel can stand below it.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};

use mio::event::Source;
use mio::{Interest, Registry, Token};

/// A connected stream that never blocks. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket(mio::net::TcpStream);

impl Socket {
    /// Takes over a stream that is already in non-blocking mode.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(mio::net::TcpStream::from_std(stream))
    }

    /// Has `registry` report under `token`, edge-triggered, when the stream can be read or written.
    pub(crate) fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.0.register(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Has `registry` report under another token from now on, what is ready already included.
    pub(crate) fn rewatch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.0.reregister(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Tells the peer that nothing more will come; what it still sends can be read.
    pub(crate) fn finish(&self) {
        // A peer that is gone needs not be told.
        let _ = self.0.shutdown(Shutdown::Write);
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
