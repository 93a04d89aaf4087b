//! The chat's events, typed, with their exact JSON.
//!
//! [`client`] is what clients send, [`server`] what they hear; [`Envelope`] is a server event with
//! the rooms it goes to.

pub mod server;

use smallvec::SmallVec;

use crate::id::SocketId;
use crate::room::Room;

pub use server::ServerEvent;

/// A server event and who hears it: every socket in any of `rooms`, once, but not `except`.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Where it goes; never empty.
    pub rooms: SmallVec<[Room; 2]>,
    /// The socket that must not hear it: the sender, where the contract says so.
    pub except: Option<SocketId>,
    /// What is heard.
    pub event: ServerEvent,
}
