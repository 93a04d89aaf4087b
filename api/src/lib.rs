//! The rules of the chat, its store and its REST doors.
//!
//! - [`domain`]: the nouns, as stored
//! - [`service`]: the rules, each once, whichever door asks
//! - [`auth`]: tokens, passwords, who is calling
//! - [`store`], [`bus`]: the two ports, with their engines
//! - [`http`]: the REST doors

#![forbid(unsafe_code)]

pub mod error;
pub mod store;

pub use error::Error;
