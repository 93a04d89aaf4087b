//! The members of the flooded room. They live on a thread of their own, so that what they hear does
//! not delay those who are measured, and hear everything in silence until there is a flood.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::admission::Admission;
use crate::app::App;
use crate::ledger::Tally;
use crate::ledger::mark::Mark;
use crate::pace::Pace;
use crate::plan::Common;
use crate::plan::flood::Crowd as Plan;
use crate::run::Target;
use crate::swarm::{Dial, Swarm};
use crate::traffic::{Layout, Sending, Traffic};

/// The members' clients, none of them connected yet: in the room behind the first `rooms` ones.
pub(super) fn gather(
    plan: &Plan,
    common: &Common,
    target: &Target,
    (admission, rooms): (&Admission, u32),
) -> Result<(Swarm, Traffic)> {
    let name = admission.room_names(rooms + 1).pop().into_iter().collect();
    let layout =
        Layout::rooms_of(plan.crowd, plan.crowd, 1, name).numbered(common.app == App::Voxora);
    let hellos = (0..plan.crowd).map(|seat| admission.hello(rooms, seat)).collect();
    let swarm = Swarm::new(Dial {
        servers: target.servers().to_vec(),
        hellos,
        per_second: common.connect_rate,
        window: common.connect_window,
    })?;
    let sending =
        Sending { dialect: common.dialect(), content_len: CONTENT_LEN, patience: PATIENCE };
    Ok((swarm, Traffic::new(sending, layout, Mark::fresh())))
}

/// What both threads know of the crowd.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Members that are in the room.
    ready: AtomicU32,
    is_flooded: AtomicBool,
    is_over: AtomicBool,
}

impl Crowd {
    /// Lives in the room until the end, and floods it when that is wanted.
    pub(super) fn live(&self, mut swarm: Swarm, mut traffic: Traffic, rate: u32) -> Result<Tally> {
        let pace = Pace::PerSecond(NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN));
        let mut is_flooding = false;
        let mut ends_by = None;
        while ends_by.is_none_or(|at| Instant::now() < at && !traffic.is_settled()) {
            let now = Instant::now();
            if is_flooding != self.is_flooded.load(Ordering::Relaxed) {
                is_flooding = !is_flooding;
                if is_flooding {
                    traffic.begin(pace, now);
                } else {
                    traffic.stop();
                }
            }
            if self.is_over.load(Ordering::Relaxed) {
                ends_by.get_or_insert(now + PATIENCE);
            }
            swarm.turn(&mut traffic, now + TURN)?;
            self.ready.store(traffic.ready(), Ordering::Relaxed);
        }
        let (census, refusal) = (swarm.census(), traffic.refusal().unwrap_or("nothing"));
        ensure!(
            census.never_connected() + census.lost() == 0,
            "{} members of the crowd were not let in and {} were thrown out; refused: {refusal}",
            census.never_connected(),
            census.lost()
        );
        let tally = traffic.tally();
        swarm.leave();
        Ok(tally)
    }

    /// Waits until so many are in the room, unless the crowd ends before.
    pub(super) fn wait_for(&self, members: u32, has_ended: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + GATHER_PATIENCE;
        while self.ready.load(Ordering::Relaxed) < members && !has_ended() {
            let ready = self.ready.load(Ordering::Relaxed);
            ensure!(Instant::now() < deadline, "{ready} of {members} got into the room in time");
            std::thread::sleep(TURN);
        }
        Ok(())
    }

    pub(super) fn flood(&self, is_flooded: bool) {
        self.is_flooded.store(is_flooded, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.flood(false);
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// How long a wish of the other thread may wait.
const TURN: Duration = Duration::from_millis(20);
/// How long everybody may take to come in.
const GATHER_PATIENCE: Duration = Duration::from_mins(2);
/// How long what is under way in the end is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The length of a message's text.
const CONTENT_LEN: usize = 120;
