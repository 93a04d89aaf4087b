//! The engine and socket layers against what the official suites and stock clients presuppose, on
//! the conformance example.
//!
//! - [`bundle`]: the client's scripts
//! - [`engine`]: Engine.IO by hand
//! - [`socket`]: Socket.IO 5 by hand, over WebSocket, in both encodings
//! - [`recovery`]: coming back as who one was, by hand
//! - [`stock_clients`]: the matrix of clients and transports

#[path = "../harness/peer.rs"]
mod peer;
#[path = "../harness/process.rs"]
mod process;
#[path = "../harness/script.rs"]
mod script;
#[path = "../harness/web.rs"]
mod web;

mod example;

mod bundle;
mod engine;
mod recovery;
mod socket;
mod stock_clients;
