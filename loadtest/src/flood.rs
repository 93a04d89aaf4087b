//! `flood`: what the others feel of a large room that one client floods. The same support chat is
//! measured without the flood and with it, some times in turn, on the same server and beside the same
//! idle members, so that the flood is the only difference.
//!
//! - [`crowd`]: the room, on a thread of its own; [`report`]: both figures and their ratio

mod crowd;
pub mod report;

use anyhow::{Context as _, Result};

use crate::admission::{Admission, Wanted};
use crate::ledger::mark::Mark;
use crate::plan::Scenario;
use crate::plan::flood::Crowd as Plan;
use crate::report::Report;
use crate::run::{self, Target, check_open_files};
use crowd::Crowd;
use report::{FloodReport, Round};

/// Measures `chat` without and with the flood of `plan`.
///
/// # Errors
/// A run could not be made, or the crowd did not get into its room.
pub fn run(plan: &Plan, chat: &Scenario, target: &Target) -> Result<FloodReport> {
    let mark = Mark::fresh();
    let (Wanted::Distinct(rooms) | Wanted::UpTo(rooms)) = chat.wanted();
    let common = chat.common();
    let wanted = Wanted::Distinct(rooms + 1);
    let admission = Admission::prepare(common, target.servers(), &mark, wanted)?;
    check_open_files(chat.layout(&admission).seats() + plan.crowd)?;
    let (swarm, traffic) = crowd::gather(plan, common, target, (&admission, rooms))?;
    let crowd = Crowd::default();
    std::thread::scope(|threads| {
        let thread = threads.spawn(|| crowd.live(swarm, traffic, plan.flood_rate));
        let rounds = crowd.wait_for(plan.crowd, || thread.is_finished()).and_then(|()| {
            (0..plan.rounds)
                .map(|_| round(&crowd, || run::play(chat, target, &admission)))
                .collect()
        });
        crowd.end();
        let tally = thread.join().ok().context("the crowd's thread panicked")??;
        Ok(FloodReport::new(plan, chat, rounds?, &tally))
    })
}

/// The others without, and then with the flood.
fn round(crowd: &Crowd, play: impl Fn() -> Result<Report>) -> Result<Round> {
    let quiet = play()?;
    crowd.flood(true);
    let flooded = play();
    crowd.flood(false);
    Ok(Round { quiet, flooded: flooded? })
}
