//! The socket that hyper reads and writes: guarded, and never waited for without end.
//!
//! - What may not be read is refused: in place of the first wrong byte hyper reads a NUL, which
//!   stands nowhere in a head, so that it answers 400 behind what it still has to answer; and then
//!   the end.
//! - A peer that takes nothing of its answer for too long is given up.
//! - After the last answer, what the peer still sends is read and dropped for a while: closed at
//!   once, the kernel would reset the connection, and the answer might be lost on its way.
//!   Source: RFC 9112 §9.6.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::head::Guard;
use super::lobby::Guest;

/// How long a peer may go on sending after its last answer; then the connection is cut.
const LINGER: Duration = Duration::from_secs(2);

/// Bytes that it may send meanwhile; beyond, the connection is cut.
const LINGER_BYTES_MAX: usize = 4 << 20;

/// A guarded socket.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    guard: Guard,
    /// Is told when an answer has left.
    guest: Arc<Guest>,
    /// Whether hyper reads nothing any more, because something was refused.
    is_refused: bool,
    /// Whether the peer has said that nothing more comes.
    is_ended: bool,
    /// How long the peer may take nothing.
    write_timeout: Duration,
    /// Runs while the peer takes nothing, and after the last answer.
    deadline: Option<Pin<Box<Sleep>>>,
    /// After the last answer, how many bytes were dropped.
    dropped: Option<usize>,
}

impl Wire {
    /// Guards a socket, whose peer may pause for this long in taking an answer.
    pub(super) fn new(stream: TcpStream, write_timeout: Duration, guest: Arc<Guest>) -> Self {
        Self {
            stream,
            guard: Guard::default(),
            guest,
            is_refused: false,
            is_ended: false,
            write_timeout,
            deadline: None,
            dropped: None,
        }
    }

    /// The bare socket.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Whether the time is up that began with the first call.
    fn is_late(&mut self, cx: &mut Context<'_>, after: Duration) -> bool {
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + after)));
        deadline.as_mut().poll(cx).is_ready()
    }

    /// Turns a write that waits for too long into an error.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.deadline = None;
        } else if self.is_late(cx, self.write_timeout) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if wire.is_refused {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut wire.stream).poll_read(cx, buf))?;
        let fresh = buf.filled_mut().get_mut(before..).unwrap_or_default();
        wire.is_ended |= fresh.is_empty();
        if let Err(index) = wire.guard.check(fresh) {
            wire.is_refused = true;
            if let Some(wrong) = fresh.get_mut(index) {
                *wrong = 0;
            }
            buf.set_filled(before + index + 1);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.stream).poll_write(cx, bytes);
        wire.written(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.stream).poll_write_vectored(cx, slices);
        wire.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        ready!(Pin::new(&mut wire.stream).poll_flush(cx))?;
        wire.guest.flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if wire.dropped.is_none() {
            ready!(Pin::new(&mut wire.stream).poll_shutdown(cx))?;
            wire.dropped = Some(0);
            wire.deadline = None;
        }
        let mut scratch = [0; 4096];
        while !wire.is_ended {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut wire.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) => {
                    let count = buf.filled().len();
                    let dropped = wire.dropped.insert(wire.dropped.unwrap_or_default() + count);
                    wire.is_ended = count == 0 || *dropped > LINGER_BYTES_MAX;
                }
                // Whoever has gone needs no patience.
                Poll::Ready(Err(_)) => wire.is_ended = true,
                Poll::Pending if wire.is_late(cx, LINGER) => wire.is_ended = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}
