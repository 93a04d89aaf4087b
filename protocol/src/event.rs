//! The chat's events, typed, with their exact JSON.
//!
//! [`client`] is what clients send, [`server`] what they hear, [`ack`] what an acknowledgement
//! brings; [`Envelope`] is a server event with the rooms it goes to.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod client;

pub mod ack;
pub mod server;

use schemars::{Schema, SchemaGenerator};
use smallvec::SmallVec;

use crate::id::SocketId;
use crate::room::Room;

pub use client::{ClientEvent, EventKind, EventRefusal};
pub use server::ServerEvent;

/// Writes the schema of a type, and of those that it names, for the published documents.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// A server event and who hears it: every socket in any of `rooms`, once, but not who is excepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Where it goes; never empty.
    pub rooms: SmallVec<[Room; 2]>,
    /// Who of them must not hear it, where the contract says so.
    pub except: Option<Except>,
    /// What is heard.
    pub event: ServerEvent,
}

/// Who is left out of the rooms that hear something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Except {
    /// One socket: the sender.
    Socket(SocketId),
    /// All who are in this room as well: they are told in other words.
    Room(Room),
}

/// Appends the JSON of a payload of ours.
fn append_json<T: serde::Serialize>(out: &mut Vec<u8>, payload: &T) {
    serde_json::to_writer(out, payload)
        .expect("payloads are structs of texts and numbers, and a Vec takes every byte");
}
