//! The connection table: one shard a core, each the only owner of what is in it.
//!
//! - [`shard`]: the loop, and what a turn does in which order
//! - [`core`], with [`opening`], [`membership`], [`closing`]: the slab of connections and the verbs on
//!   it; [`identity`]: what sockets are known by
//! - [`inbound`], [`namespace`]: what comes in: frames, packets, wishes to join
//! - [`session`], [`upgrade`]: sessions on long polling, and how they leave it; [`sid`]: what they are
//!   known by
//! - [`stay`]: how long clients may stay; `stranger`: what they may cost before they are known
//! - [`room`]: the room index
//! - `holding`: what is heard while a join is answered
//! - `sweep`: broadcasts to more than one turn serves
//! - [`recovering`]: sessions that outlive their connections
//! - [`inbox`]: messages from other threads
//! - [`context`]: what an application may do to a connection

pub(crate) mod shard;

pub(crate) mod core;

pub(crate) mod closing;
mod holding;
pub(crate) mod identity;
pub(crate) mod membership;
pub(crate) mod opening;
mod sweep;

pub(crate) mod inbound;
pub(crate) mod namespace;
pub(crate) mod recovering;
pub(crate) mod room;
pub(crate) mod session;
pub(crate) mod sid;
pub(crate) mod stay;
mod stranger;
pub(crate) mod upgrade;

pub mod context;
pub mod inbox;
