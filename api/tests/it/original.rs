//! Databases that the original wrote: they open as they are, and everything works on them.

mod backfill;
mod rollback;
pub(crate) mod sample;
mod serving;
