//! Integration tests of the rules, their store and their REST doors.

#![expect(clippy::unwrap_used, reason = "where a test unwraps, the panic is the failure")]

#[path = "../harness/framing.rs"]
mod framing;
#[path = "../harness/slowness.rs"]
mod slowness;

#[cfg(feature = "mongodb")]
mod binary;
#[cfg(feature = "mongodb")]
mod cluster;
mod engine;
mod http;
#[cfg(feature = "mongodb")]
mod mongod;
#[cfg(feature = "mongodb")]
mod original;
mod service;
mod store;
