//! The bus within one process: a bounded queue for each subscriber.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::Delivery;

/// What a subscriber's queue holds before publishers wait.
pub const QUEUE_LEN_MAX: usize = 1_024;

/// The subscribers of this process.
#[derive(Debug, Default)]
pub struct Local {
    /// Copied on a change, which is rare; a publisher takes the handle and waits without the lock.
    subscribers: Mutex<Arc<[mpsc::Sender<Delivery>]>>,
}

impl Local {
    pub(super) fn subscribe(&self) -> mpsc::Receiver<Delivery> {
        let (sender, receiver) = mpsc::channel(QUEUE_LEN_MAX);
        self.change(|subscribers| subscribers.push(sender));
        receiver
    }

    pub(super) async fn deliver(&self, delivery: Delivery) {
        let subscribers = Arc::clone(&self.lock());
        let mut someone_left = false;
        for subscriber in subscribers.iter() {
            someone_left |= subscriber.send(delivery.clone()).await.is_err();
        }
        if someone_left {
            self.change(|subscribers| subscribers.retain(|subscriber| !subscriber.is_closed()));
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<mpsc::Sender<Delivery>>)) {
        let mut subscribers = self.lock();
        let mut changed = subscribers.to_vec();
        change(&mut changed);
        *subscribers = changed.into();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<[mpsc::Sender<Delivery>]>> {
        // The handle is replaced whole: a panic elsewhere leaves it valid.
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{ObjectId, SessionId, UserId};

    use super::super::{Bus, Notice};
    use super::*;

    fn notice(n: u8) -> Notice {
        let id = ObjectId::from_bytes([n; 12]);
        Notice::SessionRevoked { session_id: SessionId(id), user_id: UserId(id) }
    }

    fn is(delivery: &Delivery, expected: &Notice) -> bool {
        matches!(delivery, Delivery::Notice(notice) if notice == expected)
    }

    #[tokio::test]
    async fn every_subscriber_hears_everything_in_order() {
        let bus = Bus::local();
        let mut queues = [bus.subscribe(), bus.subscribe()];
        bus.announce(notice(1)).await;
        bus.announce(notice(2)).await;
        for queue in &mut queues {
            assert!(is(&queue.recv().await.unwrap(), &notice(1)));
            assert!(is(&queue.recv().await.unwrap(), &notice(2)));
        }
    }

    #[tokio::test]
    async fn full_queue_makes_the_publisher_wait_and_loses_nothing() {
        let bus = Bus::local();
        let mut queue = bus.subscribe();
        for _ in 0..QUEUE_LEN_MAX {
            bus.announce(notice(1)).await;
        }
        let last = bus.announce(notice(2));
        tokio::pin!(last);
        assert!(futures_ready(last.as_mut()).await.is_none());
        let _ = queue.recv().await;
        last.await;
        let mut heard = Vec::new();
        while let Ok(delivery) = queue.try_recv() {
            heard.push(delivery);
        }
        assert_eq!(heard.len(), QUEUE_LEN_MAX);
        assert!(is(heard.last().unwrap(), &notice(2)));
    }

    #[tokio::test]
    async fn dropped_receiver_ends_its_subscription() {
        let bus = Bus::local();
        drop(bus.subscribe());
        let mut queue = bus.subscribe();
        bus.announce(notice(1)).await;
        assert!(queue.recv().await.is_some());
        let Bus::Local(local) = &bus;
        assert_eq!(local.lock().len(), 1);
    }

    /// Polls once.
    async fn futures_ready<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
