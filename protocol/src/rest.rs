//! REST bodies: the resources as the wire shows them, requests, replies and errors.

pub mod resource;
