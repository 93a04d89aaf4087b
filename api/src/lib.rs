//! The rules of the chat, its store and its REST doors.
//!
//! - [`App`]: everything the rules need, built once
//! - [`domain`]: the nouns, as stored
//! - [`service`]: the rules, each once, whichever door asks
//! - [`auth`]: tokens, passwords, who is calling
//! - [`store`], [`bus`]: the two ports, with their engines
//! - [`clock`], [`cache`]: time and new ids, and what is kept hot
//! - [`http`]: the REST doors
//! - [`config`], [`start`], [`process`]: what every binary of the product does before and around
//!   its work
//! - [`throttle`]: what is worth a line of the log now and then
//! - `serve`: the REST doors as a process of their own, `voxora-api`

#![forbid(unsafe_code)]

mod app;
pub mod domain;
pub mod service;

pub mod auth;
pub mod bus;
pub mod cache;
pub mod clock;
pub mod config;
pub mod error;
pub mod http;
pub mod process;
#[cfg(feature = "mongodb")]
pub mod serve;
pub mod start;
pub mod store;
pub mod throttle;

pub use app::{App, CACHE_LEN_MAX, Parts, SHARED_CACHE_AGE_MS_MAX};
pub use error::Error;
