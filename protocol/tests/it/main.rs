//! The crate from outside.

mod corpus;

#[expect(unreachable_pub, reason = "a crate of its own, whose functions are borrowed here")]
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
