//! One thread a shard: their start, what they share, and their end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use api::throttle::Throttle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::application::Application;
use crate::http::{Doors, Host};
use crate::recovery::Timeline;
use crate::table::core::Place;
use crate::table::inbox::{Message, ShardHandle};
use crate::table::shard::Shard;

pub use crate::table::core::Settings;

/// How long accepting pauses when the process has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long after its sockets a shard waits for HTTP requests at hand.
const HTTP_LINGER: Duration = Duration::from_secs(5);

/// The shards' inboxes, before there are shards: whoever the shards serve can be built first.
#[derive(Debug)]
pub struct Inboxes<S> {
    handles: Arc<[ShardHandle<S>]>,
    receivers: Vec<mpsc::Receiver<Message<S>>>,
    timeline: Arc<Timeline>,
}

impl<S> Inboxes<S> {
    /// Inboxes for this many shards: at least 1, at most 256.
    pub fn new(count: usize) -> Self {
        let pairs = (0..count.clamp(1, 256)).map(|_| ShardHandle::new());
        let (handles, receivers): (Vec<_>, Vec<_>) = pairs.unzip();
        Self { handles: handles.into(), receivers, timeline: Arc::default() }
    }

    /// Where the shards will be reached, in shard order.
    pub fn handles(&self) -> Arc<[ShardHandle<S>]> {
        Arc::clone(&self.handles)
    }

    /// The order of what the shards will hear.
    pub(crate) fn timeline(&self) -> Arc<Timeline> {
        Arc::clone(&self.timeline)
    }

    /// What the shards would have read.
    #[cfg(test)]
    pub(crate) fn into_receivers(self) -> Vec<mpsc::Receiver<Message<S>>> {
        self.receivers
    }
}

/// Shards that serve.
#[derive(Debug)]
pub struct Running<S> {
    address: SocketAddr,
    handles: Arc<[ShardHandle<S>]>,
    stop: watch::Sender<bool>,
    threads: Vec<(JoinHandle<()>, oneshot::Receiver<io::Result<()>>)>,
}

/// Opens the listeners and starts a thread for each inbox; `application` makes one for each.
///
/// # Errors
/// The address cannot be listened on, or a thread cannot be started.
pub fn start<A: Application + Send>(
    address: SocketAddr,
    inboxes: Inboxes<A::Session>,
    settings: Settings,
    doors: &Doors,
    mut application: impl FnMut(usize) -> A,
) -> io::Result<Running<A::Session>> {
    let Inboxes { handles, receivers, timeline } = inboxes;
    let (address, listeners) = crate::listener::open(address, handles.len())?;
    let (stop, stopped) = watch::channel(false);
    let mut threads = Vec::with_capacity(handles.len());
    for (shard, (inbox, listener)) in receivers.into_iter().zip(listeners).enumerate() {
        let start = Start {
            app: application(shard),
            settings,
            place: Place {
                node: 0,
                shard: u8::try_from(shard).map_err(io::Error::other)?,
                shards: Arc::clone(&handles),
                timeline: Arc::clone(&timeline),
            },
            inbox,
            listener,
            doors: doors.clone(),
            stop: stopped.clone(),
        };
        let (done, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("shard-{shard}"));
        let thread = thread.spawn(move || {
            let _ = done.send(serve(start));
        })?;
        threads.push((thread, ended));
    }
    Ok(Running { address, handles, stop, threads })
}

impl<S: Send> Running<S> {
    /// Where it listens; the real port if port 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.handles.len()
    }

    /// Stops accepting and reading. What was read is still answered, and requests at hand finish.
    pub async fn quiesce(&self) {
        self.stop.send_replace(true);
        for handle in &*self.handles {
            let _ = handle.send(Message::Quiesce).await;
        }
    }

    /// Waits until a shard ends, which without a drain only a failure makes it do.
    pub async fn failed(&mut self) -> io::Error {
        let ends = self.threads.iter_mut().map(|(_, ended)| ended);
        let mut ends: Vec<_> = ends.collect();
        std::future::poll_fn(|cx| {
            for end in &mut ends {
                if let std::task::Poll::Ready(end) = std::pin::Pin::new(&mut **end).poll(cx) {
                    let result = end.unwrap_or_else(|_| Err(io::Error::other("a shard panicked")));
                    let error = result.err().unwrap_or_else(|| io::Error::other("a shard ended"));
                    return std::task::Poll::Ready(error);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Waits until the threads have ended, as a drain makes them.
    ///
    /// # Errors
    /// A shard had failed before.
    pub async fn ended(self) -> io::Result<()> {
        for (_thread, ended) in self.threads {
            ended.await.unwrap_or_else(|_| Err(io::Error::other("a shard panicked")))?;
        }
        Ok(())
    }
}

/// What a shard's thread begins with.
struct Start<A: Application> {
    app: A,
    settings: Settings,
    place: Place<A::Session>,
    inbox: mpsc::Receiver<Message<A::Session>>,
    listener: TcpListener,
    doors: Doors,
    stop: watch::Receiver<bool>,
}

fn serve<A: Application>(start: Start<A>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let payload_bytes_max = start.settings.payload_bytes_max;
        let host = Rc::new(Host::new(start.doors, &start.place, payload_bytes_max));
        let listener = tokio::net::TcpListener::from_std(start.listener)?;
        let accepting = accept(Rc::clone(&host), listener, start.stop.clone());
        tokio::task::spawn_local(accepting);
        Shard::new(start.app, start.settings, start.place, start.inbox)?.run().await?;
        let _ = tokio::time::timeout(HTTP_LINGER, async {
            while host.lobby().guests() > 0 {
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        })
        .await;
        Ok(())
    })
}

async fn accept<S: Send + 'static>(
    host: Rc<Host<S>>,
    listener: tokio::net::TcpListener,
    mut stop: watch::Receiver<bool>,
) {
    let connection_stop = stop.clone();
    let mut failures = Throttle::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(count) = failures.due(Instant::now()) {
                    tracing::warn!(count, "could not accept connections");
                }
                let _ = stream.set_nodelay(true);
                let Some(entry) = host.lobby().enter(stream, peer) else { continue };
                let has_displaced = entry.has_displaced;
                let served = Rc::clone(&host).serve(entry, peer, connection_stop.clone());
                tokio::task::spawn_local(served);
                if has_displaced {
                    // Whoever was put out closes now, before the next one is accepted.
                    tokio::task::yield_now().await;
                }
            }
            Err(error) => {
                if let Some(count) = failures.note(Instant::now()) {
                    tracing::warn!(%error, count, "cannot accept connections");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
