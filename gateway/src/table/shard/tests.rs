//! What a turn leaves for the next one.

use std::sync::Arc;

use protocol::engine::Timing;

use super::*;
use crate::application::{Admission, Connect, Event, Malformed};
use crate::connection::quota::PollingLimits;
use crate::table::context::Context;
use crate::table::inbox::ShardHandle;

struct Nobody;

impl Application for Nobody {
    type Session = ();

    const NAMESPACES: &'static [&'static str] = &[protocol::socket::ROOT];

    fn connect(&self, _: &mut Context<'_, ()>, _: Connect<'_>) -> Admission<()> {
        Admission::Later
    }

    fn event(&self, _: &mut Context<'_, ()>, (): &mut (), _: Event<'_>) -> Result<(), Malformed> {
        Ok(())
    }
}

fn shard() -> Shard<Nobody> {
    let (handle, inbox) = ShardHandle::new();
    let settings = Settings {
        timing: Timing { interval_ms: 25_000, timeout_ms: 20_000 },
        connect_timeout_ms: 45_000,
        upgrade_timeout_ms: 10_000,
        payload_bytes_max: 1_000_000,
        polling: PollingLimits::DEFAULT,
        outbox_soft_bytes: 1_000,
        outbox_hard_bytes: 2_000,
    };
    let place = Place { node: 0, shard: 0, shards: Arc::from([handle]), timeline: Arc::default() };
    Shard::new(Nobody, settings, place, inbox).unwrap()
}

#[tokio::test]
async fn messages_behind_a_large_fan_out_wait_for_the_next_turn() {
    let mut shard = shard();
    shard.messages.extend([Message::Quiesce, Message::Drain]);
    // As after a broadcast to so many.
    shard.core.recipients = RECIPIENTS_PER_TURN;
    shard.take_messages();
    assert!(!shard.core.is_quiet && shard.has_backlog());
    assert!(matches!(shard.messages[..], [Message::Quiesce, Message::Drain]), "in their order");
    shard.turn();
    assert!(shard.core.is_quiet && shard.is_draining());
    assert!(shard.messages.is_empty());
}
