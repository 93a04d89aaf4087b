//! Load scenarios for any Socket.IO server, and the figures that they yield.
//!
//! One thread drives all clients over bare sockets, so that a core of clients can keep a core of
//! server busy. In reading order:
//!
//! - [`plan`]: the command line and its bounds
//! - [`scenario`]: what each scenario seats where; [`app`]: what the application says and hears
//! - [`run`]: a run from beginning to end
//! - [`flood`]: the same run beside a flooded room
//! - [`traffic`]: the script that all scenarios share; [`pace`]: when a message is due
//! - [`ledger`]: what was sent, what came back, what did not
//! - [`swarm`]: all sockets; [`client`]: one client, without I/O
//! - [`drill`]: the other kind of run, which asks whether all is true, not how fast
//! - [`history`]: what was sent, heard and stored, in rows, and the rules that it must keep
//! - [`admission`]: users, tokens and conversations, where the application wants them;
//!   [`rest`]: the way to ask for them
//! - [`measure`]: processor time, memory, latency; [`report`]: what is made of them

#![forbid(unsafe_code)]

pub mod plan;

pub mod app;
pub mod scenario;

pub mod flood;
pub mod run;
pub mod traffic;

pub mod ledger;
pub mod pace;

pub mod drill;
pub mod history;

pub mod client;
pub mod swarm;

pub mod admission;
pub mod rest;

pub mod measure;
pub mod progress;
pub mod report;
