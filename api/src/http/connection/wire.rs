//! The socket that hyper reads and writes: guarded, and never waited for without end.
//!
//! - What may not be read is refused: in place of the first wrong byte hyper reads a NUL, which
//!   stands nowhere in a head, so that it answers 400 behind what it still has to answer; and then
//!   the end.
//! - hyper's own refusal has neither an id nor a body. It is all that hyper writes while no request is
//!   at hand, and ours is written in its place. Where the answer before it has not left, because the
//!   peer does not take it, hyper writes both at once, and they pass as they are.
//! - A peer that takes nothing of its answer for too long is given up.
//! - After the last answer, what the peer still sends is read and dropped for a while.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::head::Guard;
use super::linger::Linger;
use super::lobby::Guest;
use super::refusal::Refusal;

/// A guarded socket.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    guard: Guard,
    /// Is told when an answer has left.
    guest: Arc<Guest>,
    /// Whether hyper reads nothing any more, because something was refused.
    is_refused: bool,
    /// What is to be written in place of hyper's own refusal.
    refusal: Bytes,
    /// How long the peer may take nothing.
    write_timeout: Duration,
    /// Runs while the peer takes nothing.
    deadline: Option<Pin<Box<Sleep>>>,
    linger: Linger,
}

impl Wire {
    /// Guards a socket, whose peer may pause for this long in taking an answer.
    pub(super) fn new(stream: TcpStream, write_timeout: Duration, guest: Arc<Guest>) -> Self {
        Self {
            stream,
            guard: Guard::default(),
            guest,
            is_refused: false,
            refusal: Bytes::new(),
            write_timeout,
            deadline: None,
            linger: Linger::default(),
        }
    }

    /// The bare socket.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Takes hyper's own refusal and keeps ours for the flush that follows; says whether it was one.
    fn replace(&mut self, head: &[u8]) -> bool {
        let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
        let status = status.and_then(|digits| StatusCode::from_bytes(digits).ok());
        let Some(status) = status.filter(|it| it.is_client_error() && self.guest.is_waiting())
        else {
            return false;
        };
        let Refusal { bytes, request_id } = Refusal::unreadable(status, date(head));
        let request_id = request_id.to_str().unwrap_or_default();
        let peer = self.stream.peer_addr().ok();
        tracing::info!(status = status.as_u16(), ?peer, request_id, "unreadable request");
        self.refusal = bytes;
        true
    }

    /// Writes what is left of our refusal.
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.refusal);
            match ready!(self.written(cx, written))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.refusal.advance(count),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Turns a write that waits for too long into an error.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let timeout = self.write_timeout;
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// What a head says of the date.
fn date(head: &[u8]) -> Option<HeaderValue> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| line.strip_prefix(b"date: "))?;
    HeaderValue::from_bytes(value.trim_ascii_end()).ok()
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
        if fresh.is_empty() {
            wire.linger.note_end();
        }
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
        if wire.replace(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut wire.stream).poll_write(cx, bytes);
        wire.written(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        if slices.first().is_some_and(|head| wire.replace(head)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut wire.stream).poll_write_vectored(cx, slices);
        wire.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        ready!(wire.poll_refusal(cx))?;
        ready!(Pin::new(&mut wire.stream).poll_flush(cx))?;
        wire.guest.flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        wire.linger.poll_close(&mut wire.stream, cx)
    }
}
