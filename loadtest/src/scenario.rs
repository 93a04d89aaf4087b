//! The scenarios: what each one seats where, and what it counts.

pub mod echo;
pub mod idle;
pub mod room;
pub mod support_chat;

use std::sync::Arc;

use crate::admission::{Admission, Wanted};
use crate::ledger::Tally;
use crate::plan::Scenario;
use crate::traffic::{Exchange, Layout};

/// A unit of work that a scenario is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// An open connection.
    Connection,
    /// A message: two deliveries and a confirmation.
    Message,
    /// A delivery of a message to one member.
    Delivery,
    /// A confirmation.
    Ack,
}

impl Unit {
    /// Its name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Message => "message",
            Self::Delivery => "delivery",
            Self::Ack => "ack",
        }
    }

    /// How many of it are in `tally`.
    pub const fn count(self, tally: &Tally) -> u64 {
        match self {
            Self::Connection => 0,
            Self::Message => tally.completed,
            Self::Delivery => tally.deliveries,
            Self::Ack => tally.acks,
        }
    }
}

impl Scenario {
    /// The rooms that must exist before anybody connects.
    pub fn wanted(&self) -> Wanted {
        match self {
            Self::Idle(plan) => idle::wanted(plan),
            Self::SupportChat(plan) => support_chat::wanted(plan),
            Self::Room(_) => room::wanted(),
            Self::Echo(plan) => echo::wanted(plan),
        }
    }

    /// Who sits where.
    pub fn layout(&self, admission: &Admission) -> Layout {
        match self {
            Self::Idle(plan) => idle::layout(plan, admission),
            Self::SupportChat(plan) => support_chat::layout(plan, admission),
            Self::Room(plan) => room::layout(plan, admission),
            Self::Echo(plan) => echo::layout(plan, admission),
        }
    }

    /// What it is measured by.
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Idle(_) => Unit::Connection,
            Self::SupportChat(_) => Unit::Message,
            Self::Room(_) => Unit::Delivery,
            Self::Echo(_) => Unit::Ack,
        }
    }

    /// One line that says what is done.
    pub fn describe(&self) -> String {
        match self {
            Self::Idle(plan) => idle::describe(plan),
            Self::SupportChat(plan) => support_chat::describe(plan),
            Self::Room(plan) => room::describe(plan),
            Self::Echo(plan) => echo::describe(plan),
        }
    }
}

/// The CONNECT packet of each seat of `layout`.
pub fn hellos(layout: &Layout, admission: &Admission) -> Vec<Arc<[u8]>> {
    let room_of = |seat: u32| match layout.exchange() {
        Exchange::Room => layout.joins(seat).start,
        Exchange::Echo => seat,
    };
    (0..layout.seats()).map(|seat| admission.hello(room_of(seat), layout.slot(seat))).collect()
}
