use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A peer that sends without end.
#[derive(Default)]
struct Endless {
    sent: usize,
    is_shut: bool,
}

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let it = self.get_mut();
        let count = buf.initialize_unfilled().len();
        buf.advance(count);
        it.sent += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().is_shut = true;
        Poll::Ready(Ok(()))
    }
}

/// Closes a stream, lingering.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let mut linger = Linger::default();
    std::future::poll_fn(|cx| linger.poll_close(stream, cx)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_without_end_is_cut_after_so_many_bytes() {
    let mut stream = Endless::default();
    close(&mut stream).await;
    assert!(stream.is_shut);
    assert_eq!(stream.sent, LINGER_BYTES_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_waited_for_one_pause() {
    let (mut own, mut peer) = tokio::io::duplex(64);
    let begun = Instant::now();
    close(&mut own).await;
    assert_eq!(begun.elapsed(), LINGER_PAUSE);
    assert_eq!(peer.read(&mut [0; 8]).await.unwrap(), 0, "our end was said at once");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_drips_is_waited_for_ten_seconds_and_no_longer() {
    let (mut own, mut peer) = tokio::io::duplex(64);
    let begun = Instant::now();
    let drips = async {
        while peer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(LINGER_PAUSE / 2).await;
        }
    };
    tokio::select! {
        () = close(&mut own) => {}
        () = drips => panic!("the peer goes on"),
    }
    assert_eq!(begun.elapsed(), LINGER);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_ended_is_not_waited_for() {
    let begun = Instant::now();
    let (mut own, mut peer) = tokio::io::duplex(64);
    peer.shutdown().await.unwrap();
    let mut linger = Linger::default();
    linger.note_end();
    std::future::poll_fn(|cx| linger.poll_close(&mut own, cx)).await.unwrap();
    let (mut own, mut peer) = tokio::io::duplex(64);
    peer.write_all(b"the rest").await.unwrap();
    peer.shutdown().await.unwrap();
    close(&mut own).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
