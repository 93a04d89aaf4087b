//! The rules over a real store and a real bus.

pub(crate) mod world;

mod account;
mod catch_up;
mod converge;
mod conversation;
mod deactivation;
mod list;
mod long_list;
mod message;
mod odd;
mod order;
mod permission;
mod presence;
mod read;
mod repair;
mod session;
