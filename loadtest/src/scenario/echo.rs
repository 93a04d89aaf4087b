//! `echo`: round trips between one client and the server. Where the application has no echo, it is
//! a message to a room that nobody has joined, and its confirmation.

use crate::admission::{Admission, Wanted};
use crate::plan::Echo;
use crate::traffic::Layout;

/// A conversation for each connection, as far as there are pairs.
pub(super) fn wanted(plan: &Echo) -> Wanted {
    Wanted::UpTo(plan.connections)
}

/// Seats in no room.
pub(super) fn layout(plan: &Echo, admission: &Admission) -> Layout {
    Layout::echo(plan.connections, admission.room_names(plan.connections))
}

/// What is done, in one line.
pub(super) fn describe(plan: &Echo) -> String {
    format!("{} connection(s), {}", plan.connections, plan.traffic)
}
