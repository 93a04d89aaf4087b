//! Integration tests of the rules and their store.

#![expect(clippy::unwrap_used, reason = "where a test unwraps, the panic is the failure")]

mod store;
