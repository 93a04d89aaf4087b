//! Every byte that crosses a process boundary, and nothing else: no I/O, no clock, no randomness.
//!
//! Time and entropy are parameters; input goes in as bytes, output comes out as values or bytes.
//! Read in this order:
//!
//! - [`id`], [`time`], [`room`]: the words that everything else is said in
//! - [`websocket`]: RFC 6455 frames, server role
//! - [`engine`]: Engine.IO packets, handshake, heartbeat
//! - [`socket`]: Socket.IO packets
//! - [`schema`]: validation of JSON bodies, the same for both doors
//! - [`event`]: the chat's events, typed, with their exact JSON
//! - [`rest`]: request and response bodies

#![forbid(unsafe_code)]
// Tests may count and index: they are fed by us.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod id;
pub mod room;
pub mod time;

pub mod event;
pub mod rest;

pub mod engine;
pub mod schema;
pub mod socket;
pub mod websocket;
