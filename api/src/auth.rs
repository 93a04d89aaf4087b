//! Who is calling: secrets and tokens prove it, passwords begin it, roles bound it.
//!
//! Nothing here reads a clock, the store or the environment: the rules in `service/` pass in what
//! they know. [`password`] alone owns threads.

pub mod lifetime;
pub mod password;
pub mod permission;
pub mod role;
pub mod secret;
pub mod token;

pub use lifetime::Lifetime;
pub use password::Passwords;
pub use role::Caller;
pub use secret::Secrets;
pub use token::Tokens;
