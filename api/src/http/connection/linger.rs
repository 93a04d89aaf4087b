//! The end of a connection: closed so that the last answer arrives.
//!
//! Closed at once, while the peer still sends, the kernel would reset the connection. Its writes would
//! fail, upon which few clients look for an answer, and its system may throw away one that it holds
//! already: who sends a body that is too long would see a broken connection and not the 413. So only the
//! sending half is closed at first, and what still comes is read and dropped: up to
//! [`LINGER_BYTES_MAX`], for [`LINGER`] at most, and not after a pause of [`LINGER_PAUSE`]. Then the connection is cut. Source: RFC 9112 §9.6.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a peer may go on sending after its last answer; then the connection is cut.
const LINGER: Duration = Duration::from_secs(10);

/// How long it may send nothing meanwhile, nor say that nothing more comes; then likewise.
const LINGER_PAUSE: Duration = Duration::from_secs(2);

/// Bytes that it may send meanwhile; beyond, likewise.
const LINGER_BYTES_MAX: usize = 16 << 20;

/// Where the end of a connection stands.
#[derive(Debug, Default)]
pub(super) struct Linger {
    /// From the moment on at which the sending half was closed.
    begun: Option<Begun>,
    /// Whether nothing more is waited for.
    is_over: bool,
}

#[derive(Debug)]
struct Begun {
    dropped: usize,
    ends_at: Instant,
    pause: Pin<Box<Sleep>>,
}

impl Linger {
    /// Notes that the peer has said that nothing more comes: then there is nothing to wait for.
    pub(super) const fn note_end(&mut self) {
        self.is_over = true;
    }

    /// Closes the sending half, and drops what still comes; ready when the connection may be closed.
    ///
    /// # Errors
    /// The sending half cannot be closed.
    pub(super) fn poll_close<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begun.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let begun = self.begun.get_or_insert_with(Begun::now);
        let mut scratch = [0; 16 * 1024];
        while !self.is_over {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) => self.is_over = !begun.goes_on_after(buf.filled().len()),
                // Whoever has gone needs no patience.
                Poll::Ready(Err(_)) => self.is_over = true,
                Poll::Pending if begun.pause.as_mut().poll(cx).is_ready() => self.is_over = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Begun {
    fn now() -> Self {
        let now = Instant::now();
        let pause = Box::pin(tokio::time::sleep_until(now + LINGER_PAUSE));
        Self { dropped: 0, ends_at: now + LINGER, pause }
    }

    /// Whether more is waited for, when so many bytes have come at once.
    fn goes_on_after(&mut self, count: usize) -> bool {
        let now = Instant::now();
        self.dropped = self.dropped.saturating_add(count);
        self.pause.as_mut().reset(self.ends_at.min(now + LINGER_PAUSE));
        count > 0 && self.dropped < LINGER_BYTES_MAX && now < self.ends_at
    }
}

#[cfg(test)]
mod tests;
