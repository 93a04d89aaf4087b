//! What a turn leaves for the next one.

use std::net::Ipv4Addr;
use std::sync::Arc;

use protocol::engine::{Revision, Timing};

use super::*;
use crate::application::{Admission, Connect, Event, Malformed, Opening};
use crate::connection::quota::PollingLimits;
use crate::table::context::Context;
use crate::table::inbox::ShardHandle;
use crate::table::opening::PollingWish;

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

#[tokio::test]
async fn slot_that_went_to_a_session_on_polling_is_not_read_and_costs_nobody_the_buffer() {
    let mut shard = shard();
    let opening = Opening { peer: Ipv4Addr::LOCALHOST.into(), bearer: None, query_token: None };
    let (layer, revision) = (Layer::EngineIo, Revision::V4);
    let wish = PollingWish { layer, revision, base64: false, opening };
    let (slot, _) = shard.core.open_polling(wish).unwrap();
    // As after an upgrade whose WebSocket had more to read: its first slot is free again.
    shard.core.hungry.push_back(slot);
    shard.turn();
    assert_eq!(shard.buffer.len(), READ_BYTES_PER_TURN);
    shard.ready.push(Readiness { slot, readable: true, ended: true, writable: true });
    shard.turn();
    assert_eq!(shard.buffer.len(), READ_BYTES_PER_TURN);
}
