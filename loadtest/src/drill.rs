//! Drills: clients that talk while bad things happen to them and to the server, and a judgement
//! afterwards. A load scenario asks how fast; a drill asks whether it is still true.
//!
//! - [`history`] records everything that clients send and hear, and compares it with the store
//! - [`reconnect`] ends the server under many clients and sees them come back
//!
//! In reading order: [`cast`] (who takes part), [`crew`] (what clients do; [`seat`] is one of them),
//! [`word`] (what they say), [`fault`] and [`abort`] (what is done to them), [`server`] (the process
//! that is killed), [`stage`] (the phases), [`archive`] (the store in the end), [`report`].

mod abort;
mod archive;
mod cast;
mod crew;
mod fault;
pub mod reconnect;
pub mod report;
mod seat;
mod server;
mod stage;
mod wake;
mod word;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::history::check;
use crate::ledger::mark::Mark;
use crate::plan::drill::{History, Subject};
use crate::plan::target;
use crate::run::check_open_files;
use crate::swarm::{Dial, Server, Swarm};
use cast::{Cast, Extras};
use crew::{Crew, Manner};
use report::HistoryReport;
use server::Process;
use stage::Stage;
use word::Words;

/// That the target of a drill may be dialled, and that its faults can be made there.
///
/// # Errors
/// It is malformed, or not this machine; there is no server to kill.
pub fn allow(subject: &Subject, kills: u32) -> Result<()> {
    ensure!(subject.path.ends_with('/'), "the path {} must end with a slash", subject.path);
    ensure!(
        kills == 0 || subject.serve.is_some(),
        "only a server that this program started is ever killed: say which by --serve"
    );
    if subject.serve.is_none() {
        target::server(&subject.url, &subject.path, subject.i_own_the_target)?;
    }
    Ok(())
}

/// Talks through the faults of `plan`, reads the store, and judges.
///
/// # Errors
/// The run could not be made: nobody answers, sign-in is refused, the server ended by itself, the
/// record is full.
pub fn history(plan: &History) -> Result<HistoryReport> {
    let (process, server) = subject(&plan.subject)?;
    let mark = Mark::fresh();
    let any_machine = plan.subject.i_own_the_target;
    let sign_in = &plan.subject.sign_in;
    let cast = Cast::gather(&server, sign_in, any_machine, &mark, plan.conversations)?;
    let extras = Extras { slow_readers: plan.faults.slow_readers, intruders: plan.intruders };
    let manner = Manner {
        goal: plan.sends,
        each: u32::MAX,
        depth: plan.depth as usize,
        slow_for: plan.faults.slow_for,
        forgets: 0,
    };
    let words = Words::new(mark.run(), plan.text_chars);
    let mut stage = open(&server, process, &cast, extras, (words, manner))?;
    let began = Instant::now();
    stage.gather(GATHER_PATIENCE)?;
    stage.talk(&plan.faults, plan.sends)?;
    let talked = began.elapsed();
    stage.settle(plan.patience + plan.faults.slow_for)?;
    stage.regroup(plan.patience)?;
    stage.read_store(&cast)?;
    let findings = check(stage.crew().history());
    let mut report = HistoryReport::new(plan, &stage, findings, talked);
    if let (Some(process), false) = (stage.close(), report.passed) {
        report.data_kept = Some(process.keep());
    }
    Ok(report)
}

/// The server to drill, started if it is to be.
fn subject(subject: &Subject) -> Result<(Option<Process>, Server)> {
    let process = match &subject.serve {
        Some(program) => Some(Process::start(program, &subject.set)?),
        None => None,
    };
    let url = process.as_ref().map_or_else(|| subject.url.clone(), Process::url);
    let server = target::server(&url, &subject.path, subject.i_own_the_target)?;
    Ok((process, server))
}

/// The clients of `cast`, none of them connected yet.
fn open(
    server: &Server,
    process: Option<Process>,
    cast: &Cast,
    extras: Extras,
    (words, manner): (Words, Manner),
) -> Result<Stage> {
    let (seats, users, history) = cast.seats(extras)?;
    check_open_files(u32::try_from(seats.len()).unwrap_or(u32::MAX))?;
    let hellos = cast.hellos(&users);
    let dial =
        Dial { servers: vec![server.clone()], hellos, per_second: None, window: DIALLING_MAX };
    let crew = Crew::new(cast, (seats, &users, history), words, manner);
    Ok(Stage::new(Swarm::new(dial)?, crew, process, server.clone()))
}

/// How long everybody may take to come in for the first time.
const GATHER_PATIENCE: Duration = Duration::from_mins(2);
/// Connections on their way at once: enough for a storm to be one.
const DIALLING_MAX: u32 = 1024;
