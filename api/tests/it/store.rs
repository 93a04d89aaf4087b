//! The store: one contract, run against every engine, and what each engine promises beyond it.

mod contract;
mod embedded;
#[cfg(feature = "mongodb")]
mod mongo;
