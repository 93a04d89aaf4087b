//! The server ends under many clients: how long until all of them are back, and what does it cost?
//!
//! Several processes can share the clients. The parent starts the server and the children, waits
//! until all are ready, kills the server and starts it again, and adds up what they report. Without
//! a server to kill it waits for its owner to restart it. [`company`] are the children.

mod company;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::cast::{Cast, Extras};
use super::crew::{Crew, Manner};
use super::server::Process;
use super::stage::Stage;
use super::word::Words;
use crate::history::check;
use crate::ledger::mark::Mark;
use crate::measure::process;
use crate::plan::drill::{Faults, Reconnect};
use crate::report::ratio;
use crate::swarm::Server;
use company::{Company, Word, tell_parent};

/// What `reconnect` has found.
#[derive(Debug, Serialize)]
pub struct ReconnectReport {
    /// `reconnect`.
    pub scenario: &'static str,
    /// What was done, in one line.
    pub description: String,
    /// What was dialled.
    pub url: String,
    /// From the end of the server until all were connected, signed in, joined and caught up.
    pub seconds: f64,
    /// Processor time that the restarted server had used by then, its start included, in ms.
    pub server_cpu_ms: Option<u64>,
    /// The same for each client, in µs.
    pub server_cpu_us_each: Option<f64>,
    /// Each process and its clients.
    pub returns: Vec<Return>,
    /// What went wrong, a sentence each.
    pub failures: Vec<String>,
    /// Whether everybody came back and lacks nothing.
    pub passed: bool,
}

/// How the clients of one process came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Return {
    /// Clients that lost their connection.
    pub clients: u64,
    /// From the first lost connection until all were back.
    pub seconds: f64,
    /// Messages that they were given when they came back.
    pub caught: u64,
    /// What went wrong, a sentence each.
    pub failures: Vec<String>,
}

/// Ends the server under the clients of `plan`, and sees them come back.
///
/// # Errors
/// The run could not be made: nobody answers, sign-in is refused, a process ended by itself.
pub fn run(plan: &Reconnect) -> Result<ReconnectReport> {
    let (process, server) = super::subject(&plan.subject)?;
    let Some(mut process) = process else {
        let back = come_back(plan, &server)?;
        tell_parent(plan.child, &Word::Done(back.clone()))?;
        return Ok(ReconnectReport::new(plan, &server, (back.seconds, None), vec![back]));
    };
    let mut company = Company::start(plan, &process.url())?;
    company.await_all(&Word::Ready)?;
    process.kill_and_restart()?;
    let since = Instant::now();
    company.await_all(&Word::Back)?;
    let cost = (since.elapsed().as_secs_f64(), Some(cpu_ms(&process)?));
    let returns = company.returns()?;
    process.check()?;
    let mut report = ReconnectReport::new(plan, &server, cost, returns);
    if process.has_panicked() {
        report.failures.push("a part of the server panicked".to_owned());
        report.passed = false;
    }
    Ok(report)
}

/// Brings the clients in, waits until the server ends, and sees them come back. With `--child` the
/// parent hears of each step.
fn come_back(plan: &Reconnect, server: &Server) -> Result<Return> {
    let (cast, mut stage) = bring_in(plan, server)?;
    tell_parent(plan.child, &Word::Ready)?;
    let lost = |crew: &Crew| crew.tally().drops > 0;
    let ended = stage.wait("waiting for the end", END_PATIENCE, lost)?;
    ensure!(ended, "the server did not end within {END_PATIENCE:?}");
    let since = Instant::now();
    let all = |crew: &Crew| crew.is_complete() && crew.tally().drops >= plan.connections.into();
    let mut failures = Vec::new();
    if !stage.wait("coming back", plan.patience, all)? {
        failures.push(format!("{} clients did not come back", stage.crew().absent()));
    }
    let seconds = since.elapsed().as_secs_f64();
    tell_parent(plan.child, &Word::Back)?;
    stage.settle(plan.patience)?;
    stage.read_store(&cast)?;
    let findings = check(stage.crew().history());
    failures.extend(stage.failures());
    let examples = findings.examples.iter();
    failures.extend(examples.map(|it| format!("{}: {}", it.rule.name(), it.what)));
    Ok(Return {
        clients: stage.crew().tally().drops,
        seconds,
        caught: findings.seen.caught,
        failures,
    })
}

/// Everybody is in, and has heard as many messages as they will ask for again.
fn bring_in(plan: &Reconnect, server: &Server) -> Result<(Cast, Stage)> {
    let mark = Mark::fresh();
    let (any_machine, sign_in) = (plan.subject.i_own_the_target, &plan.subject.sign_in);
    let conversations = plan.connections / 2;
    let cast = Cast::gather(server, sign_in, any_machine, &mark, conversations)?;
    let each = plan.missed.div_ceil(2);
    let goal = each * 2 * conversations;
    let manner = Manner { goal, each, depth: 1, slow_for: Duration::ZERO, forgets: plan.missed };
    let words = Words::new(mark.run(), TEXT_CHARS);
    let mut stage = super::open(server, None, &cast, Extras::default(), (words, manner))?;
    stage.gather(super::GATHER_PATIENCE)?;
    let none = Faults { kills: 0, storms: 0, aborts: 0, slow_readers: 0, slow_for: Duration::ZERO };
    stage.talk(&none, goal)?;
    stage.settle(plan.patience)?;
    Ok((cast, stage))
}

impl ReconnectReport {
    fn new(
        plan: &Reconnect,
        server: &Server,
        (seconds, server_cpu_ms): (f64, Option<u64>),
        returns: Vec<Return>,
    ) -> Self {
        let failures: Vec<String> =
            returns.iter().flat_map(|back| back.failures.iter().cloned()).collect();
        let clients = returns.iter().map(|back| back.clients).sum();
        Self {
            scenario: "reconnect",
            description: format!(
                "{} clients in {} processes lose their server and {} messages each",
                plan.connections, plan.processes, plan.missed
            ),
            url: format!("http://{}", server.authority),
            seconds,
            server_cpu_ms,
            server_cpu_us_each: server_cpu_ms.map(|ms| ratio(ms * 1000, clients)),
            returns,
            passed: failures.is_empty(),
            failures,
        }
    }
}

impl fmt::Display for ReconnectReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "reconnect: {}", self.description)?;
        writeln!(f, "  against {}", self.url)?;
        for back in &self.returns {
            writeln!(
                f,
                "  a process      {} clients back in {:.2} s, with {} messages",
                back.clients, back.seconds, back.caught
            )?;
        }
        write!(f, "  all back       {:.2} s after the server's end", self.seconds)?;
        match (self.server_cpu_ms, self.server_cpu_us_each) {
            (Some(ms), Some(each)) => {
                writeln!(f, ", {ms} ms of its processor, {each:.0} µs a client")?;
            }
            (None, _) | (_, None) => writeln!(f)?,
        }
        for failure in &self.failures {
            writeln!(f, "  FAILED: {failure}")?;
        }
        writeln!(f, "{}", if self.passed { "passed" } else { "FAILED" })
    }
}

/// Processor time of a process so far, in ms.
fn cpu_ms(process: &Process) -> Result<u64> {
    let cpu = process::cpu(process.id()).context("the server is gone")?;
    Ok(cpu.total_us() / 1000)
}

/// How long the clients wait for the server to end.
const END_PATIENCE: Duration = Duration::from_mins(10);
/// Length of the messages that are missed.
const TEXT_CHARS: u32 = 120;
