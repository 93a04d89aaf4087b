//! The voxora gateway: sockets, fan-out, and the embedded product.
//!
//! - [`config`], [`serve`]: the product as one process
//! - [`runtime`]: one thread a shard, and the start and end of all of them
//! - [`listener`], [`http`]: connections until they are upgraded
//! - [`table`]: the connection table, one shard a core
//! - [`connection`]: one connection
//! - [`fanout`]: one broadcast
//! - [`recovery`]: what outlives a connection
//! - [`application`]: what runs on top; [`event`] is the chat
//! - [`handoff`], [`relay`]: to the services and back
//!
//! # The hot path and its budget, per message
//!
//! | step | where | allocations | copies | locks | system calls |
//! |---|---|---|---|---|---|
//! | read | `table/inbound.rs` | 0 | 0 | 0 | 1 `read` a ready socket |
//! | decode | `protocol::websocket`, `engine`, `socket` | 0 | 0 (unmasked in place) | 0 | 0 |
//! | route | the application | its own | its own | 0 | 0 |
//! | encode | `fanout.rs` | 2 a wire variant | 1 | 0 | 0 |
//! | enqueue | `table/core.rs` | 0 a recipient (1 beyond its first frame) | 0 | 0 | 0 |
//! | write | `connection/outbox.rs` | 0 | 0 | 0 | 1 `writev` a recipient and turn |

pub mod config;
pub mod error;
pub mod serve;

pub mod runtime;

pub mod event;
pub mod handoff;
pub mod relay;

pub mod handshake;
pub mod http;
pub mod listener;

pub mod connection;
pub mod recovery;
pub mod table;

pub mod application;
pub mod fanout;
mod reactor;
