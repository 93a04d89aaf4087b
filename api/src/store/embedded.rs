//! Placeholder.
/// The embedded engine.
#[derive(Debug, Clone)]
pub struct Embedded;
