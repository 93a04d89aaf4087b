//! The rules over a real store and a real bus: the embedded engine, or with `TEST_STORE=mongodb` in
//! the environment a real MongoDB.

pub(crate) mod world;

mod account;
mod conversation;
mod list;
mod message;
mod order;
mod permission;
mod read;
mod repair;
mod session;
