//! The rules over a real embedded store and a real bus.

mod world;

mod account;
mod conversation;
mod list;
mod message;
mod order;
mod permission;
mod read;
mod repair;
mod session;
