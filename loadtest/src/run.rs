//! A run from beginning to end: get in, connect, send, measure, wait for the rest, report.

mod stage;

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::admission::Admission;
use crate::app::App;
use crate::ledger::mark::Mark;
use crate::measure::{Measured, process};
use crate::plan::Scenario;
use crate::plan::target;
use crate::report::Report;
use crate::scenario;
use crate::swarm::{Dial, Server, Swarm};
use crate::traffic::{Sending, Traffic};
use stage::Stage;

/// A target that may be dialled, and the processes behind it.
#[derive(Debug)]
pub struct Target {
    servers: Vec<Server>,
    processes: Vec<Measured>,
}

impl Target {
    /// Who is dialled.
    pub(crate) fn servers(&self) -> &[Server] {
        &self.servers
    }
}

/// Finds the target of `scenario`.
///
/// # Errors
/// It is malformed, not allowed, or one of its processes does not exist.
pub fn aim(scenario: &Scenario) -> Result<Target> {
    let common = scenario.common();
    ensure!(common.path.ends_with('/'), "the path {} must end with a slash", common.path);
    let rooms_are_conversations = common.app == App::Voxora;
    if let Scenario::Idle(idle) = scenario {
        let joinable = idle.join <= 1 || !rooms_are_conversations;
        ensure!(
            joinable,
            "--app voxora: a pair of users has one conversation, so --join is 0 or 1"
        );
    }
    let server = |url: &String| target::server(url, &common.path, common.i_own_the_target);
    let servers: Vec<Server> = common.url.iter().map(server).collect::<Result<_>>()?;
    let processes = target::processes(&common.pid, &servers)?;
    Ok(Target { servers, processes })
}

/// Runs `plan` against `target`. Bounded in time by the plan's own figures.
///
/// # Errors
/// The run could not be made: nobody answers, sign-in is refused, a measured process ended.
pub fn run(plan: &Scenario, target: &Target) -> Result<Report> {
    let wanted = plan.wanted();
    let admission = Admission::prepare(plan.common(), &target.servers, &Mark::fresh(), wanted)?;
    play(plan, target, &admission)
}

/// The same with users and rooms that are there already.
pub(crate) fn play(plan: &Scenario, target: &Target, admission: &Admission) -> Result<Report> {
    let (common, mark) = (plan.common(), Mark::fresh());
    let layout = plan.layout(admission);
    check_open_files(layout.seats())?;
    let swarm = Swarm::new(Dial {
        servers: target.servers.clone(),
        hellos: scenario::hellos(&layout, admission),
        per_second: common.connect_rate,
        window: common.connect_window,
    })?;
    let sending =
        plan.traffic().map_or(NO_SENDING, |traffic| (traffic.body_bytes, traffic.patience));
    let (content_len, patience) = sending;
    let sending =
        Sending { dialect: common.dialect(), content_len: content_len as usize, patience };
    let traffic = Traffic::new(sending, layout, mark);
    let mut stage = Stage::new(swarm, traffic, &target.processes);
    let mut report = Report::new(plan, &target.processes);
    match (plan, plan.traffic()) {
        (Scenario::Idle(idle), _) => stage.hold(idle, &mut report)?,
        (Scenario::SupportChat(_) | Scenario::Room(_) | Scenario::Echo(_), Some(traffic)) => {
            stage.send(traffic, &mut report)?;
        }
        (Scenario::SupportChat(_) | Scenario::Room(_) | Scenario::Echo(_), None) => {
            bail!("the scenario does not say how to send")
        }
    }
    stage.leave();
    report.judge(&common.outcome);
    Ok(report)
}

/// That this shell allows so many connections at once.
pub(crate) fn check_open_files(connections: u32) -> Result<()> {
    let Some(allowed) = process::open_files_max() else { return Ok(()) };
    let needed = u64::from(connections) + OPEN_FILES_BESIDE;
    ensure!(
        needed <= allowed,
        "{connections} connections need {needed} open files and this shell allows {allowed}: \
         raise it with `ulimit -n {needed}`"
    );
    Ok(())
}

/// Files that this process opens beside its connections.
const OPEN_FILES_BESIDE: u64 = 32;
/// The length and patience of messages where none are sent.
const NO_SENDING: (u32, Duration) = (0, Duration::ZERO);
