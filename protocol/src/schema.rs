//! Validation of untyped JSON, with the texts of the original's validator.

use serde::Serialize;

/// One thing that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The key, such as `email` or `tags[0]`; `value` for the body itself.
    pub field: String,
    /// The whole sentence, such as `"email" must be a valid email`.
    pub message: String,
}
