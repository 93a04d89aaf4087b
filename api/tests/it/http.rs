//! The REST doors over a real store: what a client of the original relies on, and what no client
//! may bring about.

mod account;
mod conversation;
mod desk;
mod document;
mod door;
mod forgery;
mod host;
mod hostile;
mod limit;
mod listening;
mod message;
mod odd;
mod permission;
mod published;
mod race;
mod slow;
mod smuggling;
mod sync;
mod user;
