//! Load scenarios for any Socket.IO server, and the figures that they yield.

#![forbid(unsafe_code)]

pub mod client;
pub mod ledger;
pub mod measure;
pub mod pace;
pub mod swarm;
