//! The phases of a drill: a number of turns of the swarm each, bounded in time.

use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::abort::{self, Aborted};
use super::archive;
use super::cast::Cast;
use super::crew::Crew;
use super::fault::{Fault, Schedule};
use super::report::Recovery;
use super::server::Process;
use crate::measure::process::{self, Cpu};
use crate::plan::drill::Faults;
use crate::progress::Progress;
use crate::swarm::{Server, Swarm};

/// The clients, their server, and what was done to both.
#[derive(Debug)]
pub(super) struct Stage {
    swarm: Swarm,
    crew: Crew,
    process: Option<Process>,
    server: Server,
    /// What the servers that were killed had used.
    cpu_of_the_dead: u64,
    recoveries: Vec<Recovery>,
    /// Faults from which not everybody has recovered yet; one may come before the last is over.
    recovering: Vec<Recovering>,
    aborts: Vec<JoinHandle<Aborted>>,
    aborted: Aborted,
    /// What did not go as it should, beside broken rules.
    failures: Vec<String>,
}

/// A fault from which not everybody has recovered yet.
#[derive(Debug)]
struct Recovering {
    fault: Fault,
    since: Instant,
    drops_before: u64,
}

impl Stage {
    pub(super) fn new(swarm: Swarm, crew: Crew, process: Option<Process>, server: Server) -> Self {
        Self {
            swarm,
            crew,
            process,
            server,
            cpu_of_the_dead: 0,
            recoveries: Vec::new(),
            recovering: Vec::new(),
            aborts: Vec::new(),
            aborted: Aborted::default(),
            failures: Vec::new(),
        }
    }

    /// Connects everybody and lets them in.
    pub(super) fn gather(&mut self, patience: Duration) -> Result<()> {
        if !self.wait("connecting", patience, Crew::is_complete)? {
            let reasons = self.swarm.census().reasons();
            bail!("{} clients never got in: {reasons:?}", self.crew.absent());
        }
        Ok(())
    }

    /// Lets everybody talk until all `goal` messages are answered and all faults had their turn.
    pub(super) fn talk(&mut self, faults: &Faults, goal: u32) -> Result<()> {
        let mut schedule = Schedule::new(faults, goal);
        let mut progress = Progress::start("talking", goal.into());
        let mut moved = (0, Instant::now());
        self.crew.talk();
        while !(self.crew.is_answered() && schedule.is_over()) {
            self.turn()?;
            let finished = self.crew.tally().finished();
            progress.set(finished.into());
            if finished > moved.0 {
                moved = (finished, Instant::now());
            }
            if moved.1.elapsed() > STALL {
                self.fail(format!("no message was answered for {STALL:?}; {finished} were before"));
                break;
            }
            while let Some(fault) = schedule.next(finished) {
                self.inflict(fault)?;
            }
            ensure!(!self.crew.history().is_full(), "the record is full: send fewer messages");
        }
        self.crew.hush();
        progress.finish();
        Ok(())
    }

    /// Waits until everybody is back and has heard everything on their own, if they ever will.
    pub(super) fn settle(&mut self, patience: Duration) -> Result<()> {
        for thread in self.aborts.drain(..) {
            let aborted = thread.join().unwrap_or_default();
            self.aborted.cut += aborted.cut;
            self.aborted.failed += aborted.failed;
        }
        if !self.wait("settling", patience, |crew| crew.is_complete() && crew.is_level())? {
            let absent = self.crew.absent();
            if absent > 0 {
                self.fail(format!("{absent} clients did not get back in within {patience:?}"));
            }
        }
        // What came twice should be heard twice.
        self.pass(LISTEN_ON)?;
        self.crew.settle();
        Ok(())
    }

    /// Lets everybody come back once more and ask for what they lack.
    pub(super) fn regroup(&mut self, patience: Duration) -> Result<()> {
        self.crew.storm();
        self.turn()?;
        if !self.wait("regrouping", patience, Crew::is_complete)? {
            self.fail(format!("{} clients did not come back in the end", self.crew.absent()));
        }
        self.pass(LISTEN_ON)
    }

    /// Reads what the store has.
    pub(super) fn read_store(&mut self, cast: &Cast) -> Result<()> {
        let (history, words) = self.crew.record();
        archive::read(&self.server, cast, words, history)
    }

    /// Does it, and begins to measure how long everybody takes to recover.
    pub(super) fn inflict(&mut self, fault: Fault) -> Result<()> {
        let drops_before = self.crew.tally().drops;
        match fault {
            Fault::Kill => {
                self.cpu_of_the_dead += self.process_cpu().total_us();
                if let Some(process) = &mut self.process {
                    process.check()?;
                    process.kill_and_restart()?;
                }
            }
            Fault::Storm => self.crew.storm(),
            Fault::Abort => {
                let hello = self.swarm.hello(0);
                self.aborts.push(abort::start(&self.server, &hello)?);
                return Ok(());
            }
        }
        let since = Instant::now();
        self.recovering.push(Recovering { fault, since, drops_before });
        Ok(())
    }

    /// Turns until `done`, for `patience` at most; says whether it came to be.
    pub(super) fn wait(
        &mut self,
        phase: &'static str,
        patience: Duration,
        done: impl Fn(&Crew) -> bool,
    ) -> Result<bool> {
        let deadline = Instant::now() + patience;
        let all = u64::from(self.crew.absent());
        let mut progress = Progress::start(phase, all);
        while !done(&self.crew) {
            if Instant::now() > deadline {
                return Ok(false);
            }
            self.turn()?;
            progress.set(all.saturating_sub(self.crew.absent().into()));
        }
        progress.finish();
        Ok(true)
    }

    pub(super) fn turn(&mut self) -> Result<()> {
        self.swarm.turn(&mut self.crew, Instant::now() + TURN)?;
        if let Some(process) = &mut self.process {
            process.check()?;
        }
        self.note_recovery();
        Ok(())
    }

    pub(super) const fn crew(&self) -> &Crew {
        &self.crew
    }

    pub(super) fn recoveries(&self) -> &[Recovery] {
        &self.recoveries
    }

    /// Why connections ended.
    pub(super) fn reasons(&self) -> &BTreeMap<String, u32> {
        self.swarm.census().reasons()
    }

    pub(super) const fn aborted(&self) -> Aborted {
        self.aborted
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.authority)
    }

    /// Processor time of all servers so far, in µs; `None` if none was started here.
    pub(super) fn server_cpu_us(&self) -> Option<u64> {
        self.process.as_ref()?;
        Some(self.cpu_of_the_dead + self.process_cpu().total_us())
    }

    /// What did not go as it should, beside broken rules.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = self.failures.clone();
        if self.process.as_ref().is_some_and(Process::has_panicked) {
            failures.push("a part of the server panicked; its log is in its folder".to_owned());
        }
        failures
    }

    /// Says goodbye; returns the server.
    pub(super) fn close(self) -> Option<Process> {
        self.swarm.leave();
        self.process
    }

    fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    fn pass(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.turn()?;
        }
        Ok(())
    }

    fn note_recovery(&mut self) {
        if self.recovering.is_empty() || !self.crew.is_complete() {
            return;
        }
        let (drops, cpu) = (self.crew.tally().drops, self.process_cpu());
        for open in self.recovering.extract_if(.., |open| drops > open.drops_before) {
            self.recoveries.push(Recovery {
                fault: open.fault.name(),
                clients: drops - open.drops_before,
                seconds: open.since.elapsed().as_secs_f64(),
                server_cpu_ms: match open.fault {
                    // Everything that the new process has done so far was part of it.
                    Fault::Kill => Some(cpu.total_us() / 1000),
                    Fault::Storm | Fault::Abort => None,
                },
            });
        }
    }

    fn process_cpu(&self) -> Cpu {
        let id = self.process.as_ref().map(Process::id);
        id.and_then(|id| process::cpu(id).ok()).unwrap_or_default()
    }
}

/// How long a turn may wait when nothing happens.
const TURN: Duration = Duration::from_millis(20);
/// How long no message may be answered before the run is given up.
const STALL: Duration = Duration::from_mins(1);
/// How long surplus deliveries are listened for.
const LISTEN_ON: Duration = Duration::from_millis(500);
