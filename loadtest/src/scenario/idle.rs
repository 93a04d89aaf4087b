//! `idle`: connections that do nothing, to see what opening and keeping each one costs.
//!
//! Two by two they join rooms right after CONNECT, the moment at which a server that registers its
//! handlers late loses events.

use crate::admission::{Admission, Wanted};
use crate::plan::Idle;
use crate::traffic::Layout;

/// A room for each two connections; rooms may be shared by more.
pub(super) fn wanted(plan: &Idle) -> Wanted {
    Wanted::UpTo(plan.connections.div_ceil(PAIR) * plan.join.max(1))
}

/// Pairs in `--join` rooms each.
pub(super) fn layout(plan: &Idle, admission: &Admission) -> Layout {
    let rooms = plan.connections.div_ceil(PAIR) * plan.join.max(1);
    let names = admission.room_names(rooms);
    if plan.join == 0 {
        return Layout::echo(plan.connections, names);
    }
    Layout::rooms_of(PAIR, plan.connections, plan.join, names)
}

/// What is done, in one line.
pub(super) fn describe(plan: &Idle) -> String {
    let Idle { connections, join, .. } = plan;
    format!("{connections} connections, each joins {join} room(s) right after CONNECT")
}

const PAIR: u32 = 2;
