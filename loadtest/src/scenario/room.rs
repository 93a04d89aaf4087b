//! `room`: everybody in one room; the first member writes and all hear it.

use crate::admission::{Admission, Wanted};
use crate::app::App;
use crate::plan::Room;
use crate::traffic::Layout;

/// One conversation; its two members hold all connections between them.
pub(super) fn wanted() -> Wanted {
    Wanted::Distinct(1)
}

/// All seats in one room.
pub(super) fn layout(plan: &Room, admission: &Admission) -> Layout {
    Layout::rooms_of(plan.connections, plan.connections, 1, admission.room_names(1))
        .numbered(plan.common.app == App::Voxora)
}

/// What is done, in one line.
pub(super) fn describe(plan: &Room) -> String {
    format!("one room of {}, {}", plan.connections, plan.traffic)
}
