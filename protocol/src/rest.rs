//! REST bodies: the resources as the wire shows them, requests, replies and errors.
//!
//! [`word`] and [`resource`] are the nouns of both doors, [`request`] what clients may ask,
//! [`reply`] the envelopes of the answers.

pub mod resource;
pub mod word;

pub mod reply;
pub mod request;
