//! One HTTP connection as every listener of the product keeps it, whatever it serves there.
//!
//! - `head`: how requests must be framed
//! - [`Wire`]: the socket that hyper reads and writes, which is guarded so

mod head;
mod wire;

pub use wire::Wire;
