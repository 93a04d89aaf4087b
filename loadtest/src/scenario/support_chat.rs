//! `support-chat`: rooms of a customer and an agent. The customer writes, both hear it, and the
//! customer's message is confirmed: two deliveries and an ack make a message.

use crate::admission::{Admission, Wanted};
use crate::app::App;
use crate::plan::SupportChat;
use crate::traffic::Layout;

/// A conversation of its own for each room.
pub(super) fn wanted(plan: &SupportChat) -> Wanted {
    Wanted::Distinct(plan.rooms)
}

/// Two seats a room.
pub(super) fn layout(plan: &SupportChat, admission: &Admission) -> Layout {
    let names = admission.room_names(plan.rooms);
    Layout::rooms_of(PAIR, plan.rooms * PAIR, 1, names).numbered(plan.common.app == App::Voxora)
}

/// What is done, in one line.
pub(super) fn describe(plan: &SupportChat) -> String {
    format!("{} rooms of 2, {}", plan.rooms, plan.traffic)
}

const PAIR: u32 = 2;
