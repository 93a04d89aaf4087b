//! The product from outside: the built `voxora`, real sockets, raw bytes and stock clients.
//!
//! - [`server`]: starts it on a free port with a data folder of its own
//! - [`rest`], [`chat`]: small clients for tests that need to say odd things
//! - [`stock_clients`]: the main scenario with the clients that people use
//! - [`permission`], [`parity`]: every event against the table of permissions, and against its REST
//!   twin
//! - [`presence`], [`standing`]: who is there, and what becomes of a socket whose rights change
//! - [`room`], [`typing`], [`mark`]: who has come in, who types, and who has read what
//! - [`fanout`]: large rooms
//! - [`published`]: the published events, against what happens and against a TypeScript compiler
//! - [`startup`], [`durability`], [`race`], [`hostile`], [`mongodb`]: beginnings, ends, two things at
//!   once, bad company, and another store
//! - [`backup`]: a copy that is put back
//! - [`tidy`]: what compilers do not check about this repository

#[path = "../../../api/tests/harness/framing.rs"]
mod framing;
#[path = "../harness/mongod.rs"]
mod mongod;
#[path = "../harness/peer.rs"]
mod peer;
#[path = "../harness/port.rs"]
mod port;
#[path = "../harness/process.rs"]
mod process;
#[path = "../harness/script.rs"]
mod script;
#[path = "../../../api/tests/harness/slowness.rs"]
mod slowness;

mod backup;
mod chat;
mod rest;
mod server;

mod durability;
mod early;
mod fanout;
mod hostile;
mod mark;
mod mongodb;
mod parity;
mod permission;
mod presence;
mod published;
mod race;
mod room;
mod standing;
mod startup;
mod stock_clients;
mod tidy;
mod typing;
